"""How commands speak: data on stdout, messages on stderr, one exit code per kind of outcome."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any, NoReturn

import typer


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    NOT_FOUND = 3
    AUTH = 4
    CONFLICT = 5
    NETWORK = 6
    EXPECTATION = 7
    PARTIAL = 8
    INTERRUPTED = 130


EXIT_CODES = (
    "Exit codes: 0 done, 1 failure, 2 usage, 3 not found, 4 key or access refused, 5 conflict, "
    "6 network, 7 not as expected, 8 partly done, 130 interrupted."
)


def data(text: str) -> None:
    """Write a line of data to stdout."""
    sys.stdout.write(text + "\n")


def as_json(value: Any) -> None:
    """Write a value as indented JSON to stdout."""
    import json

    data(json.dumps(value, indent=2, ensure_ascii=False))


def note(text: str) -> None:
    """Write a line for the reader to stderr."""
    sys.stderr.write(text + "\n")


def fail(message: str, code: Exit = Exit.FAILURE) -> NoReturn:
    """Say what went wrong and what to do next, and end with an exit code."""
    note(f"error: {message}")
    raise typer.Exit(code)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write rows as aligned text, the header first."""
    widths = [max(len(cell) for cell in column) for column in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        data(line.rstrip())


def fields(values: Mapping[str, object]) -> None:
    """Write one name and value per line."""
    width = max(map(len, values), default=0)
    for name, value in values.items():
        data(f"{name:<{width}}  {value}".rstrip())


def read_hex(text: str, name: str) -> bytes:
    """Read hex from an argument, or from stdin for `-`; spaces and colons are fine."""
    try:
        raw = sys.stdin.read() if text == "-" else text
        return bytes.fromhex("".join(raw.split()).replace(":", ""))
    except ValueError:
        fail(f"{name}: not hex; give pairs of 0-9 and A-F, or - to read stdin", Exit.USAGE)


def need(path: Path, what: str, hint: str) -> None:
    """End with "not found" unless the path is there; `hint` is the next step."""
    if not path.exists():
        fail(f"{what} {path}: is not there; {hint}", Exit.NOT_FOUND)


@contextmanager
def ending(what: str) -> Iterator[None]:
    """Turn what a command may meet into one line that says what to do, and its exit code.

    Anything else is a defect of ours and keeps its traceback.
    """
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except _expected() as error:
        fail(f"{what}: {error}", exit_for(error))


def _expected() -> tuple[type[Exception], ...]:
    # Asked for only when something went wrong: `--help` does not pay for the imports.
    from wristlet.env.database import DatabaseError
    from wristlet.env.migrate import MigrationError

    return (ValueError, OSError, LookupError, RuntimeError, DatabaseError, MigrationError)


def exit_for(error: Exception) -> Exit:
    """Return the exit code of an error; the first row that fits counts."""
    from wristlet.crypto.errors import KeyStoreError, SealError

    rows: tuple[tuple[type[Exception], Exit], ...] = (
        (SealError, Exit.AUTH),
        (KeyStoreError, Exit.NOT_FOUND),
        (FileExistsError, Exit.CONFLICT),
        (FileNotFoundError, Exit.NOT_FOUND),
        (ConnectionError, Exit.NETWORK),
        (LookupError, Exit.NETWORK),
        (ValueError, Exit.USAGE),
    )
    return next((code for kind, code in rows if isinstance(error, kind)), Exit.FAILURE)
