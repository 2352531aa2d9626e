from __future__ import annotations

from wristlet.wire.iso8583.field import PACKED, Kind
from wristlet.wire.iso8583.table import FIELDS, HIDDEN


def test_every_field_has_its_number() -> None:
    assert set(FIELDS) == set(range(2, 129)) - {65}
    for number, field in FIELDS.items():
        assert field.number == number
        assert field.prefix in (0, 2, 3)
        assert 1 <= field.length <= (10**field.prefix - 1 if field.prefix else 99)


def test_what_identifies_a_card_is_secret() -> None:
    secret = {number for number, field in FIELDS.items() if field.secret}
    assert secret == {2, 34, 35, 36, 45, 52, 55}
    assert secret | {14} == HIDDEN


def test_fields_that_other_parts_rely_on() -> None:
    shapes = {
        number: (FIELDS[number].kind, FIELDS[number].length, FIELDS[number].prefix)
        for number in (2, 4, 35, 37, 39, 48, 55, 64, 90)
    }
    assert shapes == {
        2: (Kind.DIGITS, 19, 2),
        4: (Kind.DIGITS, 12, 0),
        35: (Kind.TRACK, 37, 2),
        37: (Kind.CODE, 12, 0),
        39: (Kind.CODE, 2, 0),
        48: (Kind.BINARY, 999, 3),
        55: (Kind.BINARY, 999, 3),
        64: (Kind.BINARY, 8, 0),
        90: (Kind.DIGITS, 42, 0),
    }


def test_sizes_in_bytes() -> None:
    assert {FIELDS[n].size(FIELDS[n].length) for n in (27, 22, 4)} == {1, 2, 6}
    assert FIELDS[37].size(12) == 12
    assert {Kind.DIGITS, Kind.TRACK} == PACKED
