"""The one trace record of terminal, lab and secure element: JSON lines, as bytes crossed the link.

Never used by wallet or relay. Card numbers are masked unless sandbox values are revealed on purpose.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from wristlet.env.base import Clock
from wristlet.links.channel import ApduChannel, LinkLost
from wristlet.wire import ber
from wristlet.wire.apdu import Response
from wristlet.wire.errors import DecodeError

# Tags whose value holds a card number or DPAN, or enough of it to rebuild one.
NUMBER_TAGS = frozenset({0x57, 0x5A, 0x9F6B, 0x56, 0x9F1F, 0x9F20})


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
    """Return TLV data with the values of number-carrying tags blanked (same length); other data as is."""
    try:
        objects = ber.parse(data)
    except DecodeError:
        return data
    masked = b"".join(ber.encode(item.tag, _mask_value(item)) for item in objects)
    return masked if len(masked) == len(data) else bytes(len(data))


def _mask_value(item: ber.Tlv) -> bytes:
    if item.tag in NUMBER_TAGS:
        return b"\xff" * len(item.value)
    if ber.is_constructed(item.tag):
        return mask_numbers(item.value)
    return item.value


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
        self._clock = clock
        self._file = path.open("a", encoding="utf-8", buffering=1) if path else None
        self._callback = callback
        self._reveal = reveal

    def now_us(self) -> int:
        """Return the current time for a record."""
        return self._clock.monotonic_us()

    def record(self, record: TraceRecord) -> None:
        """Hand one record to file and callback."""
        if self._file is not None:
            self._file.write(record.to_json() + "\n")
        if self._callback is not None:
            self._callback(record)

    def shown(self, data: bytes) -> str:
        """Return data as hex, masked unless sandbox values are revealed."""
        return (data if self._reveal else mask_numbers(data)).hex()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


class TracingChannel:
    """Records every APDU that crosses a channel, never unwrapped."""

    def __init__(self, channel: ApduChannel, tracer: Tracer, link: str, session: str) -> None:
        self._channel = channel
        self._tracer = tracer
        self._link = link
        self._session = session

    async def transmit(self, command: bytes) -> bytes:
        """Pass one command on and record both directions; raises LinkLost."""
        tracer, start_us = self._tracer, self._tracer.now_us()
        tracer.record(TraceRecord(start_us, self._session, self._link, ">", command.hex()))
        try:
            answer = await self._channel.transmit(command)
        except LinkLost:
            lost_us = tracer.now_us()
            record = TraceRecord(lost_us, self._session, self._link, "<", "", note="no reply")
            tracer.record(record)
            raise
        end_us, response = tracer.now_us(), Response.parse(answer)
        tracer.record(
            TraceRecord(
                end_us,
                self._session,
                self._link,
                "<",
                tracer.shown(response.data),
                sw=f"{response.sw:04X}",
                dur_us=end_us - start_us,
            )
        )
        return answer
