"""APDUs typed by hand: a compact notation, and a run over any channel.

`[CLA]INS[P1P2][:DATA][/LE][=SW]`, all in hex. CLA, P1 and P2 are 00 unless given; LE has two digits
(00 means 256) or four for an extended command; `=` alone expects 9000.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from wristlet.links.open import open_channel
from wristlet.links.script_runner import exchange
from wristlet.wire.apdu import Command, Response
from wristlet.wire.errors import EncodeError
from wristlet.wire.sw import SW, describe

FORM = "[CLA]INS[P1P2][:DATA][/LE][=SW]"
_PARTS = (("=", "SW"), ("/", "LE"), (":", "DATA"))
_HEX = re.compile(r"[0-9A-Fa-f]*")
_SHORT_DATA_MAX = 255


class ApduSyntaxError(ValueError):
    """A text is no APDU in compact notation; says at which character (from 1) and why."""

    def __init__(self, text: str, at: int, why: str) -> None:
        """Point into the text."""
        super().__init__(f"{text!r}, character {at + 1}: {why}; the form is {FORM}")


@dataclass(frozen=True, slots=True)
class Line:
    """One typed command and the status word it should end with (None: any)."""

    command: Command
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One command as sent and its whole answer."""

    command: bytes
    response: Response

    def as_dict(self) -> dict[str, str]:
        """Return it for JSON."""
        return {
            "command": self.command.hex().upper(),
            "sw": f"{self.response.sw:04X}",
            "meaning": describe(self.response.sw),
            "data": self.response.data.hex().upper(),
        }

    def line(self) -> str:
        """Return status word and data as one line."""
        return f"{self.response.sw:04X} {self.response.data.hex().upper()}".rstrip()


class Unexpected(RuntimeError):
    """A command did not end with the status word that was asked for."""


def parse(text: str) -> Line:
    """Read one command; raises ApduSyntaxError."""
    rest, found = text, dict[str, tuple[int, str]]()
    for mark, name in _PARTS:
        rest, sign, tail = rest.partition(mark)
        if sign:
            found[name] = (len(rest) + 1, tail)
    for _, name in _PARTS:
        if name in found:
            _check_hex(text, *found[name], name)
    _check_hex(text, 0, rest, "the header")
    if len(rest) not in (2, 4, 6, 8):
        raise ApduSyntaxError(text, len(rest), "the header has 1 to 4 bytes")
    cla, ins, parameters = _header(rest)
    le, extended = _le(text, *found["LE"]) if "LE" in found else (None, False)
    data = _data(text, *found["DATA"]) if "DATA" in found else b""
    expected = _expected(text, *found["SW"]) if "SW" in found else None
    extended = extended or len(data) > _SHORT_DATA_MAX
    try:
        command = Command(cla, ins, parameters >> 8, parameters & 0xFF, data, le, extended=extended)
        command.encode()
    except EncodeError as error:
        raise ApduSyntaxError(text, 0, str(error)) from error
    return Line(command, expected)


def _header(digits: str) -> tuple[int, int, int]:
    """Return class, instruction and both parameters of 2, 4, 6 or 8 digits."""
    with_class = len(digits) in (4, 8)
    raw = bytes.fromhex(digits if with_class else f"00{digits}")
    return raw[0], raw[1], int.from_bytes(raw[2:4], "big")


def _check_hex(text: str, at: int, digits: str, name: str) -> None:
    good = _HEX.match(digits)
    end = good.end() if good else 0
    if end != len(digits):
        raise ApduSyntaxError(text, at + end, f"{name} is not hex here")
    if len(digits) % 2:
        raise ApduSyntaxError(text, at + len(digits), f"{name} lacks a digit")


def _data(text: str, at: int, digits: str) -> bytes:
    if not digits:
        raise ApduSyntaxError(text, at, "data are missing behind the colon")
    return bytes.fromhex(digits)


def _le(text: str, at: int, digits: str) -> tuple[int, bool]:
    if len(digits) not in (2, 4):
        raise ApduSyntaxError(text, at, "LE has two digits, or four in an extended command")
    extended = len(digits) == 4
    return int(digits, 16) or (0x1_0000 if extended else 0x100), extended


def _expected(text: str, at: int, digits: str) -> int:
    if len(digits) not in (0, 4):
        raise ApduSyntaxError(text, at, "a status word has four digits")
    return int(digits, 16) if digits else int(SW.OK)


async def send_all(url: str, texts: Sequence[str]) -> AsyncIterator[Answer]:
    """Send commands in order over one connection, each with its whole answer over 61xx.

    Every text is read before the first is sent (ApduSyntaxError). Raises Unexpected behind an
    answer that is not the one asked for; LinkLost, OSError or LookupError for the channel.
    """
    lines = [parse(text) for text in texts]
    channel = await open_channel(url)
    try:
        for line in lines:
            raw = line.command.encode()
            answer = Answer(raw, await exchange(channel, raw))
            yield answer
            if line.expected not in (None, answer.response.sw):
                raise Unexpected(
                    f"{raw.hex().upper()} was answered {answer.response.sw:04X}, "
                    f"expected {line.expected:04X}. {describe(answer.response.sw)}"
                )
    finally:
        await channel.close()
