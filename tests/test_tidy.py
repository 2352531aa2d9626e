"""The house style as tests: size budgets, banned calls, docstrings, files that nobody needs."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from support.packages import PACKAGES
from support.source import (
    ROOT,
    Function,
    calls,
    classes,
    functions,
    imported_modules,
    listing,
    python_files,
    text_of,
    tracked_files,
    tree_of,
)

# One worker: syntax trees are read once.
pytestmark = pytest.mark.xdist_group("tidy")

FILE_LINES, FUNCTION_LINES, FUNCTION_BRANCHES = 500, 60, 12
TEST_FILE_LINES, TEST_FUNCTION_LINES = 800, 80

# Declared tables: rows of data, as long as their standard is. A name here needs its file.
TABLES = frozenset(
    {
        "src/wristlet/wire/emv/tags.py",
        "src/wristlet/wire/iso8583/table.py",
    }
)

# Only these reach the outside world directly; the rest gets it through `Env` or a link.
OUTSIDE_WORLD = ("env", "links", "cli", "lab")
# A station's `serve.py` is its edge: it puts the station onto sockets and does nothing else.
EDGE = "serve.py"
EFFECT_MODULES = frozenset(
    {"os", "random", "secrets", "shutil", "socket", "subprocess", "tempfile", "time"}
)
EFFECT_CALLS = {
    "asyncio.open_connection": "links",
    "asyncio.sleep": "env.clock.sleep_ms",
    "datetime.date.today": "env.clock.now_ms",
    "datetime.datetime.now": "env.clock.now_ms",
    "datetime.datetime.today": "env.clock.now_ms",
    "datetime.datetime.utcnow": "env.clock.now_ms",
    "open": "env.disk",
    "uuid.uuid1": "model.ids.new_id",
    "uuid.uuid4": "model.ids.new_id",
}
SLEEPS = frozenset({"time.sleep", "asyncio.sleep"})

THIS_FILE = Path("tests/test_tidy.py")


def part_of(path: Path) -> str:
    """The folder right under the package: `wire`, `se`, ...; "" for the package's own modules."""
    inner = path.relative_to("src/wristlet").parts
    return inner[0] if len(inner) > 1 else ""


def is_pause(call: ast.Call) -> bool:
    """Whether a sleep waits at all: `sleep(0)` only lets others run."""
    return not (call.args and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0)


def lines_of(path: Path) -> int:
    return len((text_of(path) or "").splitlines())


# ------------------------------------------------------------------ size budgets


def test_source_files_are_short() -> None:
    long = [
        f"{path}: {lines} lines"
        for path in python_files("src", "bench", "scripts")
        if str(path) not in TABLES and (lines := lines_of(path)) > FILE_LINES
    ]
    assert not long, listing(long, f"at most {FILE_LINES}")


def test_test_files_are_short() -> None:
    long = [
        f"{path}: {lines} lines"
        for path in python_files("tests")
        if (lines := lines_of(path)) > TEST_FILE_LINES
    ]
    assert not long, listing(long, f"at most {TEST_FILE_LINES}")


@pytest.mark.parametrize(
    ("folders", "limit"),
    [(("src", "bench", "scripts"), FUNCTION_LINES), (("tests",), TEST_FUNCTION_LINES)],
)
def test_functions_are_short(folders: tuple[str, ...], limit: int) -> None:
    long = [
        f"{function}: {function.lines} lines"
        for path in python_files(*folders)
        for function in functions(path)
        if function.lines > limit
    ]
    assert not long, listing(long, f"at most {limit}")


def test_functions_have_few_branches() -> None:
    wide = [
        f"{function}: {function.branches} branches"
        for path in python_files("src", "bench", "scripts", "tests")
        for function in functions(path)
        if function.branches > FUNCTION_BRANCHES
    ]
    assert not wide, listing(wide, f"at most {FUNCTION_BRANCHES}")


def test_every_declared_table_is_still_a_long_file() -> None:
    there = [Path(name) for name in TABLES if Path(name) in tracked_files()]
    assert [str(path) for path in there if lines_of(path) <= FILE_LINES // 4] == []


# ------------------------------------------------------------------ effects and bans


def test_effects_come_through_env() -> None:
    found = []
    for path in python_files("src"):
        if part_of(path) in OUTSIDE_WORLD or path.name == EDGE:
            continue
        found += [
            f"{path}:{line} imports {name}: take it from Env or put it into links"
            for line, name in imported_modules(path)
            if name.split(".")[0] in EFFECT_MODULES
        ]
        found += [
            f"{path}:{call.lineno} calls {name}: use {EFFECT_CALLS[name]}"
            for call, name in calls(path)
            if name in EFFECT_CALLS and (name not in SLEEPS or is_pause(call))
        ]
    assert not found, listing(found)


def test_only_the_command_line_prints() -> None:
    found = [
        f"{path}:{call.lineno} prints: return a value, or log"
        for path in python_files("src")
        if part_of(path) != "cli"
        for call, name in calls(path)
        if name == "print"
    ]
    assert not found, listing(found)


def test_tests_do_not_sleep() -> None:
    found = [
        f"{path}:{call.lineno} sleeps: wait for the thing itself"
        for path in python_files("tests")
        if path.parts[1] != "support"
        for call, name in calls(path)
        if name in SLEEPS and is_pause(call)
    ]
    assert not found, listing(found)


def test_no_bare_except_and_no_star_import() -> None:
    found = []
    for path in python_files("src", "tests", "bench", "scripts"):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ExceptHandler) and node.type is None:
                found.append(f"{path}:{node.lineno} bare except")
            if isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names):
                found.append(f"{path}:{node.lineno} star import")
    assert not found, listing(found)


def test_every_ignore_gives_its_reason() -> None:
    """`type: ignore[code]` and `noqa: CODE` stand with words behind them that say why."""
    found = [
        f"{path}:{number}"
        for path in python_files("src", "tests", "bench", "scripts")
        if path != THIS_FILE
        for number, line in enumerate((text_of(path) or "").splitlines(), 1)
        if re.search(r"#\s*(type: ignore|noqa)", line)
        and not re.search(
            r"#\s*(type: ignore\[[\w-]+\]|noqa: [A-Z\d, ]+)\s+(#|-|--|:)?\s*\w+", line
        )
    ]
    assert not found, listing(found)


# ------------------------------------------------------------------ words


def is_trivial(function: Function) -> bool:
    """Whether name and types say it all: at most five lines of body, or someone else's contract."""
    node = function.node
    decorators = {ast.unparse(d).split("(")[0].split(".")[-1] for d in node.decorator_list}
    body_lines = (node.end_lineno or node.lineno) - node.body[0].lineno + 1
    return body_lines <= 5 or bool(decorators & {"override", "overload", "setter"})


def is_public(function: Function) -> bool:
    """Whether others may call it: no part of its name is private, and it is not a local one."""
    local = isinstance(function.parent, ast.FunctionDef | ast.AsyncFunctionDef)
    return not local and not any(part.startswith("_") for part in function.name.split("."))


def test_public_functions_say_what_they_do() -> None:
    silent = [
        str(function)
        for path in python_files("src")
        for function in functions(path)
        if is_public(function)
        and not is_trivial(function)
        and ast.get_docstring(function.node) is None
    ]
    assert not silent, listing(silent)


def test_modules_and_public_classes_have_a_docstring() -> None:
    silent = [
        str(path)
        for path in python_files("src")
        if tree_of(path).body and ast.get_docstring(tree_of(path)) is None
    ]
    silent += [
        f"{path}:{node.lineno} {node.name}"
        for path in python_files("src")
        for node in classes(path)
        if not node.name.startswith("_") and ast.get_docstring(node) is None
    ]
    assert not silent, listing(silent)


def test_no_notes_to_self() -> None:
    note = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    found = [
        f"{path}:{number}"
        for path in tracked_files()
        if path != THIS_FILE and path.suffix in {".py", ".sh", ".toml", ".md", ".sql", ".html"}
        for number, line in enumerate((text_of(path) or "").splitlines(), 1)
        if note.search(line)
    ]
    assert not found, listing(found)


# ------------------------------------------------------------------ files


def test_text_files_end_with_one_newline() -> None:
    bad = [
        str(path)
        for path in tracked_files()
        if (text := text_of(path)) and (not text.endswith("\n") or text.endswith("\n\n"))
    ]
    assert not bad, listing(bad)


def test_text_files_have_no_trailing_space_and_no_tabs() -> None:
    tabs_allowed = {Path("Makefile"), Path("LICENSE")}
    bad = [
        f"{path}:{number}"
        for path in tracked_files()
        if path not in tabs_allowed and path.suffix not in {".svg", ".json", ".txt"}
        for number, line in enumerate((text_of(path) or "").splitlines(), 1)
        if line != line.rstrip() or "\t" in line
    ]
    assert not bad, listing(bad)


def test_nothing_names_a_registry() -> None:
    """Where packages come from is the machine's choice: no index, no mirror, in no file."""
    address = re.compile(r"pypi\.org|pythonhosted|registry\.npmjs|--(extra-)?index-url|/simple\b")
    found = [
        f"{path}:{number}"
        for path in tracked_files()
        if path != THIS_FILE
        for number, line in enumerate((text_of(path) or "").splitlines(), 1)
        if address.search(line)
    ]
    assert not found, listing(found)


def pinned_files() -> list[Path]:
    folder = [path for path in tracked_files() if path.parent == Path("requirements")]
    return [path for path in folder if path.suffix == ".txt" and path.name != "debian.txt"]


def test_requirements_are_pinned_by_hash_and_have_no_address() -> None:
    assert pinned_files(), "the pinned requirement files are tracked"
    for path in pinned_files():
        text = text_of(path) or ""
        pins = re.findall(
            r"^[a-z0-9][^\n]*\\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", text, re.MULTILINE
        )
        names = re.findall(r"^[a-z0-9][^\n=]*==", text, re.MULTILINE)
        assert len(pins) == len(names) > 0, f"{path}: {len(names)} pins, {len(pins)} with hashes"
        assert "://" not in text, path


def test_base_dependencies_are_few() -> None:
    text = text_of(Path("pyproject.toml")) or ""
    block = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert block
    assert len(block[1].splitlines()) <= 15


def test_debian_packages_say_what_they_are_for() -> None:
    lines = [
        line
        for line in (text_of(Path("requirements/debian.txt")) or "").splitlines()
        if line and not line.startswith("#")
    ]
    names = {line.split()[0] for line in lines}
    assert all(re.fullmatch(r"[a-z0-9.+-]+ +# \S.*", line) for line in lines)
    assert set(PACKAGES) <= names, "every package that a test can ask for is in the list"


def is_entry(path: Path) -> bool:
    """Files that tools find by their place: nobody has to name them."""
    return (
        str(path) in {"LICENSE", "Makefile", "pyproject.toml", ".gitignore", ".ci/run"}
        or (len(path.parts) == 1 and path.suffix == ".md")
        or path.name in {"__init__.py", "__main__.py", "conftest.py", "py.typed"}
        or path.name.startswith("test_")
    )


def names_of(path: Path) -> set[str]:
    """Words by which others may mean a file: its name, a module's name, a data file's folder."""
    if path.suffix == ".py":
        return {path.name, path.stem}
    if path.parts[0] in {"src", "vectors", "tests"}:
        folder = {path.parent.name} if len(path.parts) > 2 else set()
        return {path.name, path.stem} | folder
    if path.suffix == ".ts":
        # TypeScript imports a module by the name it has when compiled.
        return {path.name, path.with_suffix(".js").name}
    return {path.name}


def words_of(path: Path) -> set[str]:
    """What a file names: of a Python file the imports and texts, of any other all its words."""
    if path.suffix != ".py":
        return {word.strip(".-") for word in re.findall(r"[\w.-]+", text_of(path) or "")}
    words = {part for _, name in imported_modules(path) for part in name.split(".")}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words.update(word.strip(".-") for word in re.findall(r"[\w.-]+", node.value))
    return words


def test_every_file_is_named_by_another() -> None:
    texts = [path for path in tracked_files() if text_of(path) is not None]
    words = {path: words_of(path) for path in texts}
    counts = Counter(word for own in words.values() for word in own)
    lonely = [
        str(path)
        for path in texts
        if not is_entry(path)
        and all(counts[name] - (name in words[path]) == 0 for name in names_of(path))
    ]
    assert not lonely, listing(lonely)


def test_scripts_are_executable() -> None:
    files = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-s", ".ci", "scripts"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    plain = [
        line.split("\t")[1]
        for line in files.splitlines()
        if line.endswith((".sh", "/run")) and not line.startswith("100755")
    ]
    assert not plain, listing(plain)
