"""The repository as the tidy tests see it: tracked files, syntax trees, sizes of functions."""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "wristlet"

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.match_case)


@functools.cache
def tracked_files() -> tuple[Path, ...]:
    """Every file that git tracks and that is there, relative to the root of the repository."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    run = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return tuple(
        path for name in run.stdout.split("\0") if name and (ROOT / (path := Path(name))).is_file()
    )


@functools.cache
def text_of(path: Path) -> str | None:
    """The text of a tracked file, None for a binary one."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def listing(found: list[str], rule: str = "found") -> str:
    """A failure's message: the rule, then each offender on its own line, none cut off."""
    return "\n".join([f"{rule}:", *(f"  {offender}" for offender in found)])


def python_files(*folders: str) -> tuple[Path, ...]:
    """Tracked Python files under the named top folders."""
    return tuple(
        path for path in tracked_files() if path.suffix == ".py" and path.parts[0] in folders
    )


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a tracked Python file."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=str(path))


@dataclass(frozen=True, slots=True)
class Function:
    """A function with its place: `name` is dotted through classes and outer functions."""

    path: Path
    name: str
    node: FunctionNode
    parent: ast.AST

    @property
    def lines(self) -> int:
        """Lines from `def` to the end, docstring and comments included."""
        return (self.node.end_lineno or self.node.lineno) - self.node.lineno + 1

    @property
    def branches(self) -> int:
        """Ways that the flow can take; a function inside has its own count."""
        return sum(isinstance(node, BRANCHES) for node in own_nodes(self.node))

    def __str__(self) -> str:
        return f"{self.path}:{self.node.lineno} {self.name}"


def own_nodes(function: FunctionNode) -> Iterator[ast.AST]:
    """Nodes of a function without those of the functions inside it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def functions(path: Path) -> Iterator[Function]:
    """All functions and methods of a file, outer ones first."""

    def walk(parent: ast.AST, prefix: str) -> Iterator[Function]:
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield Function(path, prefix + node.name, node, parent)
                yield from walk(node, f"{prefix}{node.name}.")
            elif isinstance(node, ast.ClassDef):
                yield from walk(node, f"{prefix}{node.name}.")
            else:
                yield from walk(node, prefix)

    return walk(tree_of(path), "")


def classes(path: Path) -> Iterator[ast.ClassDef]:
    """All classes of a file."""
    return (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef))


def run_time_nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """All nodes but those under `if TYPE_CHECKING:`, which only type checkers see."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting.extend(node.orelse)
        else:
            waiting.extend(ast.iter_child_nodes(node))


def imported_modules(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of each import of a file; `from a import b` gives `a.b`."""
    for node in run_time_nodes(tree_of(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def local_names(path: Path) -> dict[str, str]:
    """What each imported name of a file stands for: {"sleep": "time.sleep", "dt": "datetime"}."""
    names: dict[str, str] = {}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name if alias.asname else alias.name.split(".")[0]
                names[alias.asname or root] = root
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def calls(path: Path) -> Iterator[tuple[ast.Call, str]]:
    """Each call of a file with the dotted name it means, import aliases resolved."""
    names = local_names(path)
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and (dotted := _dotted(node.func)):
            first, _, rest = dotted.partition(".")
            meant = names.get(first, first)
            yield node, f"{meant}.{rest}" if rest else meant


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := _dotted(node.value)):
        return f"{base}.{node.attr}"
    return ""
