"""Codecs, for information: what one message, one data object list, one APDU costs.

ISO 8583 stands against `pyiso8583` with the same message and the same bytes, data objects against
a loop that checks nothing, secure messaging against its cryptography under kept contexts.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import iso8583
import uvloop

from bench.limits import codec as limits
from bench.measure import Result, compare, nothing, timed
from wristlet.crypto.channel import CardChannel, HostChannel, SessionKeys
from wristlet.wire import ber
from wristlet.wire.apdu import Command
from wristlet.wire.iso8583 import message as iso
from wristlet.wire.iso8583.field import PACKED, Field, Kind
from wristlet.wire.iso8583.message import Message
from wristlet.wire.iso8583.table import FIELDS
from wristlet.wire.masked import Secret

CHIP: Final = bytes.fromhex(
    "9F26080102030405060708" "9F270180" "9F101106011203A00000090F0000030000000000"
    "9F3704DEADBEEF" "9F36020042" "95050000000000" "9A03261123" "9C0100" "9F0206000000001234"
    "5F2A020392" "82020000" "9F1A020392" "9F0306000000000000" "9F3303E008C8" "9F34033F0002"
    "9F350121" "9F1E085752495354303031" "8407A0000000031010" "5F340101" "9F6E0424800000"
)  # fmt: skip
MESSAGE: Final = Message(
    "0100",
    {
        2: "9998019018405314", 3: "000000", 4: "000000001234", 7: "1123074900", 11: "000123",
        12: "074900", 13: "1123", 14: "3012", 18: "5411", 19: "392", 22: "071", 23: "001",
        25: "00", 32: "99990001", 35: "9998019018405314D30122010000000000", 37: "112300000123",
        41: "WRIST001", 42: "WRISTLETSHOP001", 43: "WRISTLET COFFEE          TOKYO        JP",
        49: "392", 55: CHIP,
    },
)  # fmt: skip
_COMMAND: Final = Command(0x80, 0xE2, 0x88, 0, bytes(200))


def run(folder: Path, *, quick: bool) -> list[Result]:
    """Compare each codec."""
    del folder  # nothing is written
    raw = iso.encode(MESSAGE)
    spec = _their_spec()
    theirs = _as_theirs()
    their_raw, _ = iso8583.encode(dict(theirs), spec)
    if their_raw != raw:
        raise RuntimeError("the two codecs do not agree on the message")
    rows = [
        ("ISO 8583 encode, against pyiso8583", lambda: iso.encode(MESSAGE),
         lambda: iso8583.encode(theirs, spec)),
        ("ISO 8583 decode, against pyiso8583", lambda: iso.decode(raw),
         lambda: iso8583.decode(their_raw, spec)),
        ("BER-TLV of field 55", lambda: ber.collect(CHIP), lambda: limits.data_objects(CHIP)),
        ("SCP wrap and unwrap, 200 bytes", _secured(), limits.secured(len(_COMMAND.data))),
    ]  # fmt: skip
    return [uvloop.run(_row(name, ours, limit, quick)) for name, ours, limit in rows]


async def _row(
    name: str, ours: Callable[[], object], limit: Callable[[], object], quick: bool
) -> Result:
    count = 20 if quick else 300
    found = await compare(
        timed(nothing, ours, count), timed(nothing, limit, count), rounds=3 if quick else 41
    )
    return found.as_time(name, None)


def _secured() -> Callable[[], object]:
    """Return one wrap and unwrap after the other through one session."""
    keys = SessionKeys(*(Secret(bytes((number,)) * 16) for number in range(4)))
    host, card = HostChannel(keys, 0x33), CardChannel(keys, 0x33)
    return lambda: card.unwrap(host.wrap(_COMMAND))


def _their_spec() -> dict[str, dict[str, Any]]:
    """Our table in their words, so that both make the same bytes."""
    return {
        "h": {**_bytes_of(0), "data_enc": "ascii"},
        "t": _bytes_of(2),
        "p": _bytes_of(8),
        "1": _bytes_of(8),
        **{str(field.number): _their_field(field) for field in FIELDS.values()},
        "65": _bytes_of(8),
    }


def _bytes_of(size: int) -> dict[str, Any]:
    return {"data_enc": "b", "len_enc": "bcd", "len_type": 0, "max_len": size, "desc": ""}


def _their_field(field: Field) -> dict[str, Any]:
    found = _bytes_of(field.length) | {"len_type": field.prefix_size}
    if field.kind in PACKED:
        pad = {"right_pad": "F"} if field.kind is Kind.TRACK else {"left_pad": "0"}
        return {**found, **pad, "len_count": "nibbles"}
    return found if field.kind is Kind.BINARY else {**found, "data_enc": "ascii"}


def _as_theirs() -> dict[str, str]:
    fields = {
        str(number): value.hex().upper() if isinstance(value, bytes) else str(value)
        for number, value in MESSAGE.fields.items()
    }
    return {"t": MESSAGE.mti, **fields}
