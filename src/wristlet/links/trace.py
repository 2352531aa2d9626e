"""The one trace record of terminal, lab and secure element: JSON lines, as bytes crossed the link.

Never used by wallet or relay. Card and token numbers are masked unless sandbox values are revealed
on purpose. The rule, on the safe side where it cannot be sure:

- In data that are whole BER-TLV objects the values of `NUMBER_TAGS` are blanked; values of other
  tags of the EMV table are shown.
- Everywhere else (unknown tags, data that are no objects, an answer that broke off) every run of
  eight or more decimal digits is blanked, packed or as text. So at most seven digits of a number
  are ever seen together.
- An answer that comes in parts over 61xx is judged as a whole, and its parts are recorded when it
  is complete.
- What VERIFY and CHANGE REFERENCE DATA carry is blanked altogether.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from wristlet.env.base import Clock
from wristlet.links.channel import ApduChannel, CardPort, LinkLost
from wristlet.wire import ber
from wristlet.wire.apdu import HEADER_BYTES, Command, Response
from wristlet.wire.emv.tags import TAGS
from wristlet.wire.errors import DecodeError

# Values that hold a card or token number or enough to rebuild one; from the certificate 9F46 the
# number is recovered with public keys.
NUMBER_TAGS: Final = frozenset({0x56, 0x57, 0x5A, 0x9F1F, 0x9F20, 0x9F46, 0x9F6B})

# Commands whose data hold amounts, names and random numbers, never a card's number.
_SHOWN: Final = frozenset({0x82, 0x84, 0x88, 0xA4, 0xA8, 0xAE, 0xB2, 0xC0})
_PIN_COMMANDS: Final = frozenset({0x20, 0x24})
_GET_RESPONSE: Final = 0xC0
_MORE: Final = 0x61
_DEPTH_MAX: Final = 16
_DIGITS: Final = re.compile("[0-9]{8,}")
_BLANK: Final = b"\xff"


@dataclass(frozen=True, slots=True)
class TraceRecord:
    """One message on a link; `data` is hex, `dir` is `>` towards the card or host and `<` back."""

    ts_us: int
    session: str
    link: str
    dir: str
    data: str
    sw: str | None = None
    dur_us: int | None = None
    note: str | None = None

    def to_json(self) -> str:
        """Return the record as one JSON line without the line end."""
        return json.dumps(asdict(self), separators=(",", ":"))


def mask_numbers(data: bytes) -> bytes:
    """Return data of the same length in which no card number can be read."""
    return _mask_objects(data, 0)


def mask_digits(data: bytes) -> bytes:
    """Return data of the same length without runs of eight or more decimal digits."""
    return bytes.fromhex(_DIGITS.sub(lambda run: "f" * len(run.group()), data.hex()))


def mask_command(command: bytes) -> bytes:
    """Return a command APDU of the same length without card numbers and PINs."""
    try:
        parsed = Command.parse(command)
    except DecodeError:
        return command[:HEADER_BYTES] + mask_digits(command[HEADER_BYTES:])
    size = len(parsed.data)
    if not size or parsed.ins in _SHOWN:
        return command
    start = HEADER_BYTES + (3 if parsed.extended else 1)
    secret = parsed.ins in _PIN_COMMANDS
    masked = _BLANK * size if secret else mask_numbers(parsed.data)
    return command[:start] + masked + command[start + size :]


def _mask_objects(data: bytes, depth: int) -> bytes:
    try:
        objects = list(_objects(data))
    except DecodeError:
        return mask_digits(data)
    masked = bytearray(data)
    for tag, start, end in objects:
        masked[start:end] = _mask_value(tag, data[start:end], depth + 1)
    return bytes(masked)


def _mask_value(tag: int, value: bytes, depth: int) -> bytes:
    if tag in NUMBER_TAGS:
        return _BLANK * len(value)
    if ber.is_constructed(tag) and depth < _DEPTH_MAX:
        return _mask_objects(value, depth)
    return value if tag in TAGS and not ber.is_constructed(tag) else mask_digits(value)


def _objects(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Tag, start and end of every object's value; DecodeError when they are not whole."""
    at = 0
    while at < len(data):
        if data[at] == 0:
            at += 1
            continue
        tag, start, at = ber.header(data, at)
        yield tag, start, at


@dataclass(frozen=True, slots=True)
class _Part:
    """A record that waits for the rest of an answer; `data` are its own bytes of it."""

    record: TraceRecord
    data: bytes | None = None


class Tracer:
    """Collects trace records: into a JSON-lines file, a callback, or both."""

    def __init__(
        self,
        clock: Clock,
        *,
        path: Path | None = None,
        callback: Callable[[TraceRecord], None] | None = None,
        reveal: bool = False,
    ) -> None:
        """Append to `path`, made for the owner only; `reveal` switches the masking off."""
        self._clock = clock
        if path is not None:
            path.touch(mode=0o600)
        self._file = path.open("a", encoding="utf-8", buffering=1) if path else None
        self._callback = callback
        self._reveal = reveal
        self._waiting: dict[str, list[_Part]] = {}

    def record(self, record: TraceRecord) -> None:
        """Hand one record to file and callback as it is."""
        if self._file is not None:
            self._file.write(record.to_json() + "\n")
        if self._callback is not None:
            self._callback(record)

    def command(self, session: str, link: str, command: bytes) -> int:
        """Record a command; return when it left, in microseconds."""
        if command[1:2] != bytes((_GET_RESPONSE,)):
            self._release(link, complete=False)
        now_us = self._clock.monotonic_us()
        shown = command if self._reveal else mask_command(command)
        part = _Part(TraceRecord(now_us, session, link, ">", shown.hex()))
        if link in self._waiting:
            self._waiting[link].append(part)
        else:
            self.record(part.record)
        return now_us

    def answer(self, session: str, link: str, answer: bytes, sent_us: int) -> None:
        """Record the answer to a command that left at `sent_us`."""
        now_us = self._clock.monotonic_us()
        try:
            response = Response.parse(answer)
        except DecodeError:
            self._note(session, link, "answer without a status word")
            return
        record = TraceRecord(now_us, session, link, "<", "", f"{response.sw:04X}", now_us - sent_us)
        self._waiting.setdefault(link, []).append(_Part(record, response.data))
        if response.sw >> 8 != _MORE:
            self._release(link, complete=True)

    def lost(self, session: str, link: str) -> None:
        """Record that no answer came."""
        self._note(session, link, "no reply")

    def close(self) -> None:
        """Record what still waits and close the file."""
        for link in list(self._waiting):
            self._release(link, complete=False)
        if self._file is not None:
            self._file.close()

    def _note(self, session: str, link: str, note: str) -> None:
        self._release(link, complete=False)
        now_us = self._clock.monotonic_us()
        self.record(TraceRecord(now_us, session, link, "<", "", note=note))

    def _release(self, link: str, *, complete: bool) -> None:
        """Record what waits on a link, masked as the whole that its parts make."""
        parts = self._waiting.pop(link, [])
        whole = b"".join(part.data or b"" for part in parts)
        if not self._reveal:
            whole = mask_numbers(whole) if complete else mask_digits(whole)
        at = 0
        for part in parts:
            if part.data is None:
                self.record(part.record)
                continue
            end = at + len(part.data)
            self.record(replace(part.record, data=whole[at:end].hex()))
            at = end


class TracingChannel:
    """Records every APDU that crosses a channel, never unwrapped."""

    def __init__(self, channel: ApduChannel, tracer: Tracer, link: str, session: str) -> None:
        self._channel = channel
        self._tracer = tracer
        self._link = link
        self._session = session

    async def transmit(self, command: bytes) -> bytes:
        """Pass one command on and record both directions; raises LinkLost."""
        sent_us = self._tracer.command(self._session, self._link, command)
        try:
            answer = await self._channel.transmit(command)
        except LinkLost:
            self._tracer.lost(self._session, self._link)
            raise
        self._tracer.answer(self._session, self._link, answer, sent_us)
        return answer


class TracingPort:
    """Records every APDU that one interface of a card answers; each power-up is a session."""

    def __init__(self, port: CardPort, tracer: Tracer, link: str) -> None:
        self._port = port
        self._tracer = tracer
        self._link = link
        self._power_ups = 0

    def power_on(self) -> None:
        """Power the card up, or the field on."""
        self._power_ups += 1
        self._port.power_on()

    def power_off(self) -> None:
        """Take power or field away."""
        self._port.power_off()

    def reset(self) -> None:
        """Reset the card."""
        self._power_ups += 1
        self._port.reset()

    def atr(self) -> bytes:
        """Return the answer to reset."""
        return self._port.atr()

    def process(self, command: bytes) -> bytes:
        """Answer one command and record both directions."""
        session = f"{self._link}-{self._power_ups}"
        sent_us = self._tracer.command(session, self._link, command)
        answer = self._port.process(command)
        self._tracer.answer(session, self._link, answer, sent_us)
        return answer
