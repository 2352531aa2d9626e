"""Errors say where and what, and travel between processes."""

from __future__ import annotations

import pickle

from wristlet.wire.errors import DecodeError, EncodeError, WireError


def test_text_names_path_and_offset() -> None:
    error = DecodeError("tag 84 is missing", offset=7, path=("6F", "A5"))
    assert str(error) == "6F/A5: tag 84 is missing (at byte 7)"
    assert str(DecodeError("a tag is missing")) == "a tag is missing"


def test_both_kinds_are_wire_errors_and_value_errors() -> None:
    assert isinstance(EncodeError("x", path=("le",)), WireError)
    assert issubclass(WireError, ValueError)


def test_pickling_keeps_the_place() -> None:
    copy = pickle.loads(pickle.dumps(DecodeError("cut off", offset=3, path=("57",))))
    assert (copy.message, copy.offset, copy.path) == ("cut off", 3, ("57",))
