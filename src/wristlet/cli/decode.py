"""`wristlet decode`: bytes of the field's formats in plain words.

Bytes that are not what they should be end with 1; what could be read before the fault is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from wristlet.cli.output import Exit, as_json, data, fail, fields, read_hex

if TYPE_CHECKING:
    from wristlet.wire.ber import Tlv

app = typer.Typer(help="Explain bytes: TLV, APDU, status words, ISO 8583.", no_args_is_help=True)

HexArgument = Annotated[str, typer.Argument(metavar="HEX", help="Hex digits, or - to read stdin.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RevealOption = Annotated[
    bool, typer.Option("--reveal", help="Show card numbers; for sandbox data only.")
]


@app.command("tlv")
def tlv(text: HexArgument, json: JsonOption = False, reveal: RevealOption = False) -> None:
    """Show a BER-TLV tree with the names of EMV tags; card numbers are masked.

    Example: wristlet decode tlv 6F0A8408A000000003101000
    """
    from wristlet.wire import ber
    from wristlet.wire.errors import DecodeError

    raw = read_hex(text, "HEX")
    rows: list[tuple[int, Tlv]] = []
    fault = ""
    try:
        rows.extend(ber.walk(raw))
    except DecodeError as error:
        fault = str(error)
    if json:
        as_json([_tlv_dict(depth, item, reveal) for depth, item in rows])
    else:
        for depth, item in rows:
            data(_tlv_line(depth, item, reveal))
    if fault:
        fail(f"TLV: {fault}; the bytes up to there are shown")


def _tlv_dict(depth: int, item: Tlv, reveal: bool) -> dict[str, Any]:
    return {
        "depth": depth,
        "tag": f"{item.tag:02X}",
        "name": _tag_name(item.tag),
        "length": len(item.value),
        "value": _tlv_value(item, reveal),
    }


def _tlv_line(depth: int, item: Tlv, reveal: bool) -> str:
    head = f"{'  ' * depth}{item.tag:02X} [{len(item.value)}] {_tag_name(item.tag)}"
    return f"{head}  {_tlv_value(item, reveal)}".rstrip()


def _tlv_value(item: Tlv, reveal: bool) -> str:
    """Return a leaf's value as hex, blanked like in traces where it holds a card number."""
    from wristlet.links.trace import NUMBER_TAGS
    from wristlet.wire import ber

    if ber.is_constructed(item.tag):
        return ""
    if item.tag in NUMBER_TAGS and not reveal:
        return f"<{len(item.value)} bytes>"
    return item.value.hex().upper()


def _tag_name(tag: int) -> str:
    from wristlet.wire.emv.tags import TAGS

    return TAGS[tag].name if tag in TAGS else "unknown tag"


@app.command("apdu")
def apdu(text: HexArgument, json: JsonOption = False) -> None:
    """Take a command APDU apart.

    Example: wristlet decode apdu 00A4040007A000000003101000
    """
    from wristlet.wire.apdu import Command
    from wristlet.wire.errors import DecodeError

    raw = read_hex(text, "HEX")
    try:
        command = Command.parse(raw)
    except DecodeError as error:
        fail(f"APDU: {error}; check the length byte against the data")
    parts: dict[str, Any] = {
        "cla": f"{command.cla:02X}",
        "ins": f"{command.ins:02X}",
        "name": _instruction(command.cla, command.ins),
        "p1": f"{command.p1:02X}",
        "p2": f"{command.p2:02X}",
        "channel": command.channel,
        "secured": command.is_secured,
        "chained": command.is_chained,
        "extended": command.extended,
        "lc": len(command.data),
        "data": command.data.hex().upper(),
        "le": command.le,
    }
    if json:
        as_json(parts)
    else:
        fields({name: _shown(value) for name, value in parts.items()})


def _shown(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "absent" if value is None else value


def _instruction(cla: int, ins: int) -> str:
    """Return the command's name; two pairs of commands share an instruction byte."""
    from wristlet.wire.emv.commands import Ins as EmvIns
    from wristlet.wire.gp.commands import Ins

    if ins == Ins.EXTERNAL_AUTHENTICATE and cla & 0x80:
        return "EXTERNAL AUTHENTICATE or MUTUAL AUTHENTICATE"
    for known in (Ins, EmvIns):
        try:
            return known(ins).name.replace("_", " ")
        except ValueError:
            continue
    return "unknown instruction"


@app.command("sw")
def status_word(text: HexArgument, json: JsonOption = False) -> None:
    """Say what a status word means and what to do.

    Example: wristlet decode sw 6985
    """
    from wristlet.wire.sw import describe

    raw = read_hex(text, "HEX")
    if len(raw) != 2:
        fail("status word: it has 2 bytes, for example 9000", Exit.USAGE)
    meaning = describe(int.from_bytes(raw, "big"))
    if json:
        as_json({"sw": raw.hex().upper(), "meaning": meaning})
    else:
        data(meaning)


@app.command("iso8583")
def iso8583(text: HexArgument, json: JsonOption = False, reveal: RevealOption = False) -> None:
    """Show the fields of an ISO 8583:1987 message; card data are masked.

    Example: wristlet decode iso8583 - < message.hex
    """
    from wristlet.wire.iso8583 import message

    raw = read_hex(text, "HEX")
    fault = ""
    try:
        decoded = message.decode(raw)
    except message.Iso8583Error as error:
        decoded, fault = error.partial, str(error)
    rows = [
        {"field": number, "name": _field_name(number), "value": _field_value(number, value, reveal)}
        for number, value in sorted(decoded.fields.items())
    ]
    if json:
        as_json({"mti": decoded.mti, "fields": rows})
    else:
        data(f"MTI  {decoded.mti or 'unreadable'}")
        for row in rows:
            data(f"{row['field']:>3}  {row['name']}: {row['value']}")
    if fault:
        fail(f"ISO 8583: {fault}; the fields before it are shown")


def _field_name(number: int) -> str:
    from wristlet.wire.iso8583.table import FIELDS

    return FIELDS[number].name if number in FIELDS else "unknown"


def _field_value(number: int, value: str | bytes, reveal: bool) -> str:
    from wristlet.wire.iso8583 import mask
    from wristlet.wire.masked import SecretDigits

    if isinstance(value, bytes):
        return value.hex().upper() if reveal else mask.show(number, value)
    if not reveal:
        return mask.show(number, value).strip("'")
    return value.reveal() if isinstance(value, SecretDigits) else str(value)
