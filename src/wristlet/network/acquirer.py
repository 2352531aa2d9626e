"""The acquirer's host: completes a terminal's request for the network and reverses what got no answer."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

from wristlet.env.base import Env
from wristlet.links.iso8583_peer import HostUnavailable, Iso8583Client
from wristlet.network.switch import RESPONSE_NO_HOST, without_mac
from wristlet.wire.iso8583.message import Message, reply

log = logging.getLogger(__name__)

REVERSAL_RETRY_MS = 1_000
_REVERSAL_FIELDS = (2, 3, 4, 7, 11, 12, 13, 14, 18, 19, 22, 23, 25, 32, 37, 41, 42, 49)


@dataclass(frozen=True, slots=True)
class AcquirerConfig:
    """Who the acquirer is: institution id (DE 32), country (DE 19), merchant type (DE 18)."""

    institution_id: str = "99990001"
    country_numeric: str = "392"
    merchant_type: str = "5411"


def retrieval_reference(message: Message, now_ms: int) -> str:
    """Return DE 37 for a request: year digit, day of year and hour of DE 7, then the terminal's STAN.

    A repeat has the same DE 7 and DE 11 and so the same reference.
    """
    sent = str(message.fields.get(7, "0101000000"))
    year = datetime.fromtimestamp(now_ms / 1000, UTC).year
    moment = datetime.strptime(f"{year}{sent}", "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    return f"{year % 10}{moment.timetuple().tm_yday:03d}{moment.hour:02d}{message.fields[11]}"


def reversal_of(message: Message) -> Message:
    """Return the 0420 advice that undoes a request whose answer never came."""
    kept = {number: message.fields[number] for number in _REVERSAL_FIELDS if number in message.fields}
    institution = str(message.fields[32]).rjust(11, "0")
    original = f"{message.mti}{message.fields[11]}{message.fields[7]}{institution}{'0' * 11}"
    return Message("0420", {**kept, 39: RESPONSE_NO_HOST, 90: original})


class Acquirer:
    """Answers terminals; keeps unanswered requests until their reversal is acknowledged."""

    def __init__(self, env: Env, config: AcquirerConfig, switch: Iso8583Client) -> None:
        self._env = env
        self._config = config
        self._switch = switch
        self._reversals: deque[Message] = deque()
        self._reversing: asyncio.Task[None] | None = None

    async def handle(self, message: Message) -> Message:
        """Answer one terminal request; 91 when the network does not answer."""
        if not {7, 11}.issubset(message.fields):
            return reply(without_mac(message), {39: "30"})
        completed = self._complete(without_mac(message))
        try:
            answer = await self._switch.request(completed)
        except HostUnavailable:
            self._reverse_later(completed)
            return reply(completed, {39: RESPONSE_NO_HOST})
        if answer.fields.get(39) == RESPONSE_NO_HOST and completed.mti == "0100":
            self._reverse_later(completed)
        return without_mac(answer)

    def _complete(self, message: Message) -> Message:
        config = self._config
        added = {
            18: config.merchant_type,
            19: config.country_numeric,
            32: config.institution_id,
            37: retrieval_reference(message, self._env.clock.now_ms()),
        }
        return Message(message.mti, {**message.fields, **added})

    def _reverse_later(self, message: Message) -> None:
        """The outcome is unknown: what may have been approved must not stay so."""
        self._reversals.append(reversal_of(message))
        if self._reversing is None or self._reversing.done():
            self._reversing = asyncio.ensure_future(self._send_reversals())

    async def _send_reversals(self) -> None:
        while self._reversals:
            try:
                answer = await self._switch.request(self._reversals[0])
            except HostUnavailable:
                answer = None
            if answer is not None and answer.fields.get(39) != RESPONSE_NO_HOST:
                self._reversals.popleft()
            else:
                await self._env.clock.sleep_ms(REVERSAL_RETRY_MS)

    async def close(self) -> None:
        """Stop retrying; reversals still open are lost with the process and stay a task for settlement."""
        if self._reversing is not None:
            self._reversing.cancel()
        if self._reversals:
            log.warning("%d reversals were not acknowledged", len(self._reversals))
