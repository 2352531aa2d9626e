"""What holds for every codec: round trip, and nothing but the wire's own errors on any bytes."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from contextlib import suppress
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wristlet.wire
from support.wire_codecs import CODECS, Codec
from wristlet.wire.errors import DecodeError

READERS = (
    *("parse", "decode", "from_bytes", "from_text", "read_tag", "read_value", "bcd_decode"),
    *("check_order", "initial_state"),
)
OWN_TESTS = ("wristlet.wire.iso8583", "wristlet.wire.products")
"""Packages whose tests stand in a folder of their own."""
EACH = pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)


def modules() -> list[ModuleType]:
    names = [
        found.name for found in pkgutil.walk_packages(wristlet.wire.__path__, "wristlet.wire.")
    ]
    return [importlib.import_module(name) for name in names if not name.startswith(OWN_TESTS)]


def readers(module: ModuleType) -> set[str]:
    """Qualified names of the public functions and class methods that read bytes."""
    short = module.__name__.removeprefix("wristlet.wire.")
    found = set()
    for name, member in vars(module).items():
        if name.startswith("_") or getattr(member, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(member) and name.startswith(READERS):
            found.add(f"{short}.{name}")
        if inspect.isclass(member) and member.__name__ != "BitField":
            own = {
                name
                for base in member.__mro__
                if base.__module__ != "builtins"
                for name in vars(base)
            }
            found |= {f"{short}.{name}.{reader}" for reader in own if reader.startswith(READERS)}
    return found


def test_every_reader_has_a_codec_here() -> None:
    claimed = {name for codec in CODECS for name in codec.reads}
    there = set().union(*(readers(module) for module in modules()))
    assert there - claimed == set(), "add them to tests/support/wire_codecs.py"
    assert claimed - there == set()


@EACH
@given(data=st.data())
def test_what_was_written_reads_the_same(codec: Codec, data: st.DataObject) -> None:
    value = data.draw(codec.values)
    assert codec.decode(codec.encode(value)) == value


@EACH
@given(raw=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(codec: Codec, raw: bytes) -> None:
    with suppress(DecodeError):
        codec.decode(raw)


@EACH
@given(data=st.data())
def test_damaged_bytes_are_read_or_refused(codec: Codec, data: st.DataObject) -> None:
    raw = bytearray(codec.encode(data.draw(codec.values)))
    for _ in range(data.draw(st.integers(1, 3))):
        if raw:
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    with suppress(DecodeError):
        codec.decode(bytes(raw[:cut] if data.draw(st.booleans()) else raw))
