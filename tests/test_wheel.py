"""The wheel: it holds all that the package needs, and runs in a venv that knows nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import wristlet
from support.source import PACKAGE, ROOT, tracked_files

UV = str(ROOT / "scripts" / "uv.sh")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a program to its end and give its output; a failure shows all that it said."""
    done = subprocess.run(
        command, cwd=cwd, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built with the build tools of this environment."""
    folder = tmp_path_factory.mktemp("dist")
    run(
        *(UV, "build", "--quiet", "--wheel", "--no-build-isolation", "--offline"),
        *("--python", sys.executable, "--out-dir", folder, ROOT),
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def clean_venv(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh venv with the pinned base dependencies and the wheel, no more."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    install = (UV, "pip", "install", "--quiet", "--python", python, "--no-deps")
    run(
        *install, "--require-hashes", "--only-binary", ":all:", "-r", ROOT / "requirements/main.txt"
    )
    run(*install, "--offline", wheel)
    return folder / "bin"


def test_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    needed = {
        str(path.relative_to("src"))
        for path in tracked_files()
        if path.is_relative_to(PACKAGE.relative_to(ROOT))
    }
    assert needed - inside == set()
    assert f"wristlet-{wristlet.__version__}.dist-info/licenses/LICENSE" in inside


def test_wheel_imports_without_the_repository(clean_venv: Path, tmp_path: Path) -> None:
    program = "import wristlet; print(wristlet.__version__, wristlet.__file__)"
    version, place = run(clean_venv / "python", "-c", program, cwd=tmp_path).split()
    assert version == wristlet.__version__
    assert Path(place).is_relative_to(clean_venv.parent)


def test_base_dependencies_fit_together(clean_venv: Path) -> None:
    run(UV, "pip", "check", "--python", clean_venv / "python")


def test_demo_runs_from_the_wheel(clean_venv: Path, tmp_path: Path) -> None:
    result = json.loads(run(clean_venv / "wristlet", "demo", "--json", cwd=tmp_path))
    assert result["ok"] is True
    assert [step["id"] for step in result["steps"] if not step["ok"]] == []
