"""How commands speak: data on stdout, messages on stderr, one exit code per kind of outcome."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from enum import IntEnum
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


def data(text: str) -> None:
    """Write a line of data to stdout."""
    sys.stdout.write(text + "\n")


def as_json(value: Any) -> None:
    """Write a value as indented JSON to stdout."""
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


def read_hex(text: str, name: str) -> bytes:
    """Read hex from an argument, or from stdin for `-`; spaces and colons are fine."""
    raw = sys.stdin.read() if text == "-" else text
    compact = "".join(raw.split()).replace(":", "")
    try:
        return bytes.fromhex(compact)
    except ValueError:
        fail(f"{name}: not hex; give pairs of 0-9 and A-F, or - to read stdin", Exit.USAGE)
