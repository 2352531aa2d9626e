"""`wristlet decode`: bytes of the field's formats in plain words."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from wristlet.cli.output import Exit, as_json, data, fail, read_hex

app = typer.Typer(help="Explain bytes: TLV, APDU, status words, ISO 8583.", no_args_is_help=True)

HexArgument = Annotated[str, typer.Argument(metavar="HEX", help="Hex digits, or - to read stdin.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("tlv")
def tlv(text: HexArgument, json: JsonOption = False) -> None:
    """Show a BER-TLV tree with the names of EMV tags.

    Example: wristlet decode tlv 6F0A8408A000000003101000
    """
    from wristlet.wire import ber
    from wristlet.wire.emv.tags import TAGS
    from wristlet.wire.errors import DecodeError

    raw = read_hex(text, "HEX")
    try:
        rows = list(ber.walk(raw))
    except DecodeError as error:
        fail(f"TLV: {error}", Exit.USAGE)
    named = [
        (depth, item, TAGS[item.tag].name if item.tag in TAGS else "unknown tag")
        for depth, item in rows
    ]
    if json:
        as_json(
            [
                {"depth": depth, "tag": f"{item.tag:X}", "name": name, "value": item.value.hex()}
                for depth, item, name in named
            ]
        )
        return
    for depth, item, name in named:
        value = "" if ber.is_constructed(item.tag) else f"  {item.value.hex().upper()}"
        data(f"{'  ' * depth}{item.tag:X} [{len(item.value)}] {name}{value}")


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
        fail(f"APDU: {error}", Exit.USAGE)
    fields: dict[str, Any] = {
        "cla": f"{command.cla:02X}",
        "ins": f"{command.ins:02X}",
        "name": _instruction(command.ins),
        "p1": f"{command.p1:02X}",
        "p2": f"{command.p2:02X}",
        "channel": command.channel,
        "secured": command.is_secured,
        "chained": command.is_chained,
        "data": command.data.hex().upper(),
        "le": command.le,
    }
    if json:
        as_json(fields)
        return
    for name, value in fields.items():
        data(f"{name:<8} {value}")


def _instruction(ins: int) -> str:
    from wristlet.wire.gp.commands import Ins

    emv = {0xA8: "GET PROCESSING OPTIONS", 0xB2: "READ RECORD", 0xAE: "GENERATE AC"}
    try:
        return emv.get(ins) or Ins(ins).name.replace("_", " ")
    except ValueError:
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
def iso8583(
    text: HexArgument,
    json: JsonOption = False,
    reveal: Annotated[
        bool, typer.Option(help="Show card data; for sandbox messages only.")
    ] = False,
) -> None:
    """Show the fields of an ISO 8583:1987 message; card data are masked.

    Example: wristlet decode iso8583 - < message.hex
    """
    from wristlet.wire.errors import DecodeError
    from wristlet.wire.iso8583 import mask, message

    raw = read_hex(text, "HEX")
    try:
        decoded = message.decode(raw)
    except DecodeError as error:
        fail(f"ISO 8583: {error}", Exit.USAGE)
    shown = {
        number: _plain(value) if reveal else mask.show(number, value)
        for number, value in sorted(decoded.fields.items())
    }
    if json:
        as_json({"mti": decoded.mti, "fields": {str(n): value for n, value in shown.items()}})
        return
    data(f"MTI  {decoded.mti}")
    for number, text_value in shown.items():
        data(f"{number:>3}  {text_value}")


def _plain(value: object) -> str:
    from wristlet.wire.masked import SecretDigits

    if isinstance(value, bytes):
        return value.hex().upper()
    return value.reveal() if isinstance(value, SecretDigits) else str(value)
