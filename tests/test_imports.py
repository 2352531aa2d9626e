"""Who may import whom: the layers of the package, and which part may use which library."""

from __future__ import annotations

import logging.config
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

from support.source import ROOT, imported_modules, listing, python_files

# One worker: the graph is built once.
pytestmark = pytest.mark.xdist_group("imports")

# Library: the only parts of the package that import it.
LIBRARIES = {
    "Crypto": {"crypto"},
    "aiosql": {"env", "tsp", "issuer", "wallet", "loader", "network", "companion"},
    "bumble": {"links", "strap"},
    "fit_tool": {"companion"},
    "joserfc": {"crypto"},
    "rich": {"cli", "lab"},
    "smartcard": {"links"},
    "typer": {"cli"},
    "yoyo": {"env"},
}
# Parts that stand below every server: no web framework, no client.
WEB = {"fastapi", "starlette", "uvicorn", "httpx2", "jinja2"}
WITHOUT_WEB = {"wire", "model", "crypto", "env", "se", "pos", "strap"}


def part_of(path: Path) -> str:
    """The folder right under the package: `wire`, `se`, ...; "" for the package's own modules."""
    inner = path.relative_to("src/wristlet").parts
    return inner[0] if len(inner) > 1 else ""


def roots_of(path: Path) -> set[str]:
    """First names of all that a file imports."""
    return {name.split(".")[0] for _, name in imported_modules(path)}


def test_import_contracts_hold(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its logging set-up would switch off every logger that other tests listen to.
    monkeypatch.setattr(logging.config, "dictConfig", lambda _: None)
    code = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert code == 0, capsys.readouterr().out


def test_wire_imports_the_standard_library_only() -> None:
    offenders = [
        f"{path}:{line} imports {name}"
        for path in python_files("src")
        if part_of(path) == "wire"
        for line, name in imported_modules(path)
        if not name.startswith("wristlet.wire")
        and name.split(".")[0] not in sys.stdlib_module_names
    ]
    assert not offenders, listing(offenders)


@pytest.mark.parametrize("library", sorted(LIBRARIES))
def test_library_stays_in_its_parts(library: str) -> None:
    offenders = [
        str(path)
        for path in python_files("src")
        if library in roots_of(path) and part_of(path) not in LIBRARIES[library]
    ]
    assert not offenders, listing(offenders, f"{library} belongs to {sorted(LIBRARIES[library])}")


def test_low_parts_know_no_web() -> None:
    offenders = [
        f"{path} imports {', '.join(sorted(web))}"
        for path in python_files("src")
        if part_of(path) in WITHOUT_WEB and (web := roots_of(path) & WEB)
    ]
    assert not offenders, listing(offenders)


def test_command_line_loads_no_heavy_library() -> None:
    """`wristlet --help` stays fast: servers, clients and cryptography load when a command runs."""
    heavy = sorted(WEB | {"cryptography", "joserfc", "pydantic", "Crypto", "msgspec"})
    program = f"import sys, wristlet.cli.main; print(*(set({heavy}) & set(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert run.stdout.split() == []
