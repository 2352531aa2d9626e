"""The same table for pyiso8583, an independent implementation."""

from __future__ import annotations

from typing import Any

import iso8583

from wristlet.wire.iso8583.field import PACKED, Field, Kind, Value
from wristlet.wire.iso8583.message import Message
from wristlet.wire.iso8583.table import FIELDS


def _spec_of(field: Field) -> dict[str, Any]:
    binary = field.kind is Kind.BINARY or field.kind in PACKED
    spec = {
        "data_enc": "b" if binary else "ascii",
        "len_enc": "bcd",
        "len_type": field.prefix_size,
        "max_len": field.length,
        "desc": field.name,
    }
    if field.kind in PACKED:
        spec["len_count"] = "nibbles"
        spec["right_pad" if field.kind is Kind.TRACK else "left_pad"] = (
            "F" if field.kind is Kind.TRACK else "0"
        )
    return spec


def _plain(size: int, name: str) -> dict[str, Any]:
    return {"data_enc": "b", "len_enc": "bcd", "len_type": 0, "max_len": size, "desc": name}


SPEC: dict[str, dict[str, Any]] = {
    "h": {**_plain(0, "header"), "data_enc": "ascii"},
    "t": _plain(2, "type"),
    "p": _plain(8, "bitmap"),
    "1": _plain(8, "secondary bitmap"),
    **{str(field.number): _spec_of(field) for field in FIELDS.values()},
    "65": _plain(8, "tertiary bitmap, not used"),
}


def _to_oracle(number: int, value: Value) -> str:
    if isinstance(value, bytes):
        return value.hex().upper()
    field = FIELDS[number]
    if field.kind is Kind.TEXT and not field.prefix:
        return value[:].ljust(field.length)
    return value[:]


def _from_oracle(number: int, value: str) -> Value:
    field = FIELDS[number]
    if field.kind is Kind.BINARY:
        return bytes.fromhex(value)
    return value.rstrip(" ") if field.kind is Kind.TEXT and not field.prefix else value


def encode(message: Message) -> bytes:
    """Encode by pyiso8583."""
    decoded = {"t": message.mti}
    for number, value in message.fields.items():
        decoded[str(number)] = _to_oracle(number, value)
    raw, _ = iso8583.encode(decoded, SPEC)
    return bytes(raw)


def decode(raw: bytes) -> Message:
    """Decode by pyiso8583."""
    decoded, _ = iso8583.decode(raw, SPEC)
    return Message(
        decoded["t"],
        {
            int(number): _from_oracle(int(number), value)
            for number, value in decoded.items()
            if number.isdigit() and number != "1"
        },
    )
