"""The acquirer's host: completes terminals' requests and reverses what it cannot know.

A request whose answer did not come may have been approved: it is declined to the terminal and
reversed towards the network until the reversal is acknowledged. A terminal's repeat never makes
a second request: it waits for the first one's answer or gets it again.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final, TypeAlias

from wristlet.env.base import Env
from wristlet.links.iso8583_peer import (
    HostUnavailable,
    HostUnreachable,
    Iso8583Client,
    RequestInFlight,
)
from wristlet.wire.errors import DecodeError
from wristlet.wire.iso8583.message import Message, reply

log = logging.getLogger(__name__)

REQUEST, REPEAT, REVERSAL = "0100", "0101", "0420"
TERMINAL_REVERSALS: Final = ("0400", "0401", "0420", "0421")

ACCEPTED, REVERSED, NOT_SUPPORTED, FORMAT_ERROR = "00", "05", "12", "30"
NO_ANSWER, DUPLICATE = "91", "94"
# After these nobody can say whether money is held.
UNKNOWN_OUTCOME: Final = ("91", "96", "")

# Less than what a terminal waits, more than the switch does.
NETWORK_TIMEOUT_MS: Final = 9_000
REVERSAL_RETRY_MS: Final = 1_000
ANSWERS_KEPT: Final = 4_096

# What a terminal must send beside its trace, and what of a request its reversal repeats.
_SAME: Final = (2, 4, 49)
_REVERSAL_FIELDS: Final = (2, 3, 4, 7, 11, 12, 13, 14, 18, 19, 22, 23, 25, 32, 37, 41, 42, 49)
_INSTITUTION_DIGITS: Final = 11
_REFERENCE_BYTES: Final = 5
"""Five bytes are eight characters of base 32."""
_REPLACEMENT_AMOUNTS: Final = 95

TerminalTrace: TypeAlias = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class AcquirerConfig:
    """Who the acquirer is: institution (field 32), country (19), merchant type (18)."""

    institution_id: str = "99990001"
    country_numeric: str = "392"
    merchant_type: str = "5411"


def terminal_trace(message: Message) -> TerminalTrace:
    """Return what tells one terminal's request from all others; DecodeError if it is missing."""
    sent, stan, terminal, merchant = message.texts(7, 11, 41, 42)
    return sent, stan, terminal, merchant


def retrieval_reference(trace: TerminalTrace) -> str:
    """Return field 37: month and day, then eight characters that stand for the whole trace.

    A repeat has the same. Two terminals that use the same time and number have different ones,
    or else the bank would take one's request for the other's repeat.
    """
    digest = hashlib.sha256("|".join(trace).encode()).digest()
    return trace[0][:4] + base64.b32encode(digest[:_REFERENCE_BYTES]).decode("ascii")


def reversal_of(message: Message) -> Message:
    """Return the 0420 that undoes a completed request: same trace, field 90 naming it."""
    kept = {
        number: message.fields[number] for number in _REVERSAL_FIELDS if number in message.fields
    }
    text = message.text
    institution = text(32).rjust(_INSTITUTION_DIGITS, "0")
    original = f"{REQUEST}{text(11)}{text(7)}{institution}{'0' * _INSTITUTION_DIGITS}"
    return Message(REVERSAL, {**kept, 39: NO_ANSWER, 90: original})


class Acquirer:
    """Answers terminals. What it still has to reverse lives in memory, as long as it runs."""

    def __init__(self, env: Env, config: AcquirerConfig, switch: Iso8583Client) -> None:
        self._clock = env.clock
        self._switch = switch
        self._institution = config.institution_id
        self._added: dict[int, str | bytes] = {
            18: config.merchant_type,
            19: config.country_numeric,
            32: config.institution_id,
        }
        self._answers: OrderedDict[TerminalTrace, asyncio.Future[Message]] = OrderedDict()
        self._reversals: deque[Message] = deque()
        self._reversing: asyncio.Task[None] | None = None

    @property
    def open_reversals(self) -> int:
        """How many reversals are not acknowledged yet."""
        return len(self._reversals)

    async def handle(self, message: Message) -> Message:
        """Answer one terminal; 30 for what cannot be told apart, 91 when the network is silent."""
        try:
            trace = terminal_trace(message)
            message.texts(*_SAME)
        except DecodeError:
            return reply(message, {39: FORMAT_ERROR})
        if message.mti in (REQUEST, REPEAT):
            return await self._once(trace, message)
        if message.mti in TERMINAL_REVERSALS:
            return self._take_reversal(message)
        return reply(message, {39: NOT_SUPPORTED})

    async def close(self) -> None:
        """Stop reversing; what is not acknowledged stays a task for settlement."""
        if self._reversing is not None:
            self._reversing.cancel()
        if self._reversals:
            log.warning("%d reversals were not acknowledged", len(self._reversals))

    async def _once(self, trace: TerminalTrace, message: Message) -> Message:
        """Ask the network once per trace; whoever repeats gets the same answer."""
        first = self._answers.get(trace)
        if first is not None:
            return _as_answer_to(message, await asyncio.shield(first))
        mine: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._answers[trace] = mine
        completed = self._complete(message, trace)
        try:
            answer = await self._ask(completed)
        except HostUnreachable:
            # Nothing was sent, nothing is to be remembered: a repeat may try again.
            answer = reply(completed, {39: NO_ANSWER})
            self._forget(trace, mine)
        except BaseException:
            mine.cancel()
            self._forget(trace, mine)
            raise
        mine.set_result(answer)
        self._forget_oldest()
        return answer

    async def _ask(self, completed: Message) -> Message:
        """Ask the network; what may be held there in vain is reversed. Raises HostUnreachable."""
        try:
            answer = await self._switch.request(completed, NETWORK_TIMEOUT_MS)
        except HostUnreachable:
            raise
        except (HostUnavailable, RequestInFlight):
            self._reverse_later(reversal_of(completed))
            return reply(completed, {39: NO_ANSWER})
        except asyncio.CancelledError:
            self._reverse_later(reversal_of(completed))
            raise
        if answer.fields.get(39, "") in UNKNOWN_OUTCOME:
            self._reverse_later(reversal_of(completed))
            return reply(completed, {39: NO_ANSWER})
        return answer

    def _complete(self, message: Message, trace: TerminalTrace) -> Message:
        fields = {**message.fields, **self._added, 37: retrieval_reference(trace)}
        return Message(REQUEST, fields)

    def _take_reversal(self, message: Message) -> Message:
        """Accept a terminal's reversal and see to it that it gets there."""
        original = message.fields.get(90, "")
        if not isinstance(original, str) or not original:
            return reply(message, {39: FORMAT_ERROR})
        if _REPLACEMENT_AMOUNTS in message.fields:
            # Part of it is still owed: undoing all of it would be another thing than asked.
            return reply(message, {39: NOT_SUPPORTED})
        stan, sent = original[4:10], original[10:20]
        asked = message.with_fields({7: sent, 11: stan})
        trace = terminal_trace(asked)
        self._reverse_later(reversal_of(self._complete(asked, trace)))
        declined = asyncio.get_running_loop().create_future()
        declined.set_result(reply(self._complete(asked, trace), {39: REVERSED}))
        self._answers[trace] = declined
        self._forget_oldest()
        return reply(message, {39: ACCEPTED})

    def _forget(self, trace: TerminalTrace, mine: asyncio.Future[Message]) -> None:
        if self._answers.get(trace) is mine:
            del self._answers[trace]

    def _forget_oldest(self) -> None:
        while len(self._answers) > ANSWERS_KEPT:
            oldest = next(iter(self._answers))
            if not self._answers[oldest].done():
                return
            del self._answers[oldest]

    def _reverse_later(self, reversal: Message) -> None:
        """The outcome is unknown: what may have been approved must not stay so."""
        self._reversals.append(reversal)
        if self._reversing is None or self._reversing.done():
            self._reversing = asyncio.get_running_loop().create_task(self._send_reversals())

    async def _send_reversals(self) -> None:
        """Send what is waiting in turn, again and again, until each was acknowledged."""
        while self._reversals:
            try:
                answer = await self._switch.request(self._reversals[0], NETWORK_TIMEOUT_MS)
                code = answer.fields.get(39, "")
            except (HostUnavailable, RequestInFlight):
                code = NO_ANSWER
            if code not in UNKNOWN_OUTCOME:
                self._reversals.popleft()
            else:
                self._reversals.rotate(-1)
                await self._clock.sleep_ms(REVERSAL_RETRY_MS)


def _as_answer_to(message: Message, answer: Message) -> Message:
    """Give an earlier answer to a repeat, which must ask for the same."""
    given = answer.fields
    same = all(
        given.get(number, message.fields[number]) == message.fields[number] for number in _SAME
    )
    return answer if same else reply(message, {39: DUPLICATE})
