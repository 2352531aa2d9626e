"""A terminal: runs a tap on a card channel and, where the card asks, the issuer through the
acquirer.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from wristlet.env.base import Env
from wristlet.links.channel import ApduChannel, LinkLost
from wristlet.links.iso8583_peer import HostUnavailable, HostUnreachable, Iso8583Client
from wristlet.model.money import Money
from wristlet.pos import online
from wristlet.pos.config import TerminalConfig
from wristlet.pos.kernel import entry
from wristlet.pos.kernel.outcome import Cvm, Display, KernelRun, OutcomeKind, TapOutcome, torn
from wristlet.pos.kernel.sale import Sale
from wristlet.wire.apdu import Response
from wristlet.wire.errors import DecodeError
from wristlet.wire.iso8583.message import Message

log = logging.getLogger(__name__)

RESPONSE_APPROVED: Final = "00"
STAN_MAX: Final = 999_999
_UN_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Payment:
    """What a tap came to; `response_code` is DE 39, `issuer_proof` the ARPC data of tag 91."""

    approved: bool
    display: Display
    reason: str
    amount: Money
    outcome: TapOutcome
    response_code: str | None = None
    authorisation_id: str | None = None
    reference: str | None = None
    issuer_proof: bytes = field(default=b"", repr=False)

    @property
    def kernel(self) -> int | None:
        """Return the kernel that ran."""
        return self.outcome.kernel

    @property
    def cvm(self) -> Cvm:
        """Return how the cardholder was verified."""
        return self.outcome.cvm


async def drive(run: KernelRun, channel: ApduChannel) -> TapOutcome:
    """Run a kernel against a card; raises LinkLost when the card leaves the field."""
    try:
        command = next(run)
        while True:
            answer = await channel.transmit(command.encode())
            command = run.send(_response(answer))
    except StopIteration as finished:
        outcome: TapOutcome = finished.value
        return outcome


def _response(raw: bytes) -> Response:
    """Split an answer; one without a status word never came whole."""
    try:
        return Response.parse(raw)
    except DecodeError as error:
        raise LinkLost("the card's answer was cut off") from error


class Terminal:
    """One terminal with its acquirer: takes one tap after the other and counts its own traces.

    A request without an answer may have been approved. Its reversal is kept and sent before
    anything else is asked; it lives in memory, as long as the terminal runs.
    """

    def __init__(self, env: Env, config: TerminalConfig, acquirer: Iso8583Client) -> None:
        self._env = env
        self.config = config
        self._acquirer = acquirer
        self._stan = int.from_bytes(env.random.bytes(3), "big") % STAN_MAX
        self._reversals: deque[Message] = deque()

    @property
    def open_reversals(self) -> int:
        """How many requests without answer are not reversed yet."""
        return len(self._reversals)

    def new_sale(self, amount: Money) -> Sale:
        """Open a purchase: local time and a fresh unpredictable number; ValueError for an amount
        that is negative or has more than twelve digits.
        """
        offset = timedelta(minutes=self.config.utc_offset_minutes)
        local = datetime.fromtimestamp(self._env.clock.now_ms() / 1000, UTC) + offset
        return Sale(
            amount_minor=amount.amount_minor,
            currency_numeric=amount.numeric,
            date_yymmdd=local.strftime("%y%m%d"),
            time_hhmmss=local.strftime("%H%M%S"),
            unpredictable_number=self._env.random.bytes(_UN_BYTES),
        )

    async def pay(self, channel: ApduChannel, amount: Money) -> Payment:
        """Take one tap of `amount`; never raises for what a card or host does."""
        sale = self.new_sale(amount)
        try:
            outcome = await drive(entry.run_tap(self.config, sale), channel)
        except LinkLost:
            outcome = torn()
        if outcome.kind is not OutcomeKind.ONLINE_REQUEST:
            return Payment(False, outcome.display, outcome.reason, amount, outcome)
        return await self._authorise(sale, outcome, amount)

    async def reverse_unanswered(self) -> None:
        """Reverse every request whose answer never came; raises HostUnavailable."""
        while self._reversals:
            answer = await self._acquirer.request(self._reversals[0])
            if answer.fields.get(39) != RESPONSE_APPROVED:
                raise HostUnavailable("the acquirer did not take a reversal")
            self._reversals.popleft()

    async def _authorise(self, sale: Sale, outcome: TapOutcome, amount: Money) -> Payment:
        def refused(reason: str) -> Payment:
            return Payment(False, Display.DECLINED, reason, amount, outcome)

        try:
            await self.reverse_unanswered()
        except HostUnavailable:
            return refused("the acquirer has not taken an earlier reversal; nothing was charged")
        request = online.authorisation_request(
            self.config, sale, outcome, self._next_stan(), self._env.clock.now_ms()
        )
        try:
            answer = await self._acquirer.request(request)
        except HostUnreachable:
            return refused("the acquirer cannot be reached; nothing was charged")
        except HostUnavailable:
            self._reverse_later(request)
            return refused("the acquirer did not answer; the payment is reversed")
        if not online.is_answer_to(answer, request):
            log.warning("an answer does not repeat what was asked; the payment is reversed")
            self._reverse_later(request)
            return refused("the acquirer answered for another payment; this one is reversed")
        return _payment(answer, outcome, amount)

    def _reverse_later(self, request: Message) -> None:
        now_ms = self._env.clock.now_ms()
        self._reversals.append(online.reversal_advice(request, self._next_stan(), now_ms))

    def _next_stan(self) -> int:
        self._stan = self._stan % STAN_MAX + 1
        return self._stan


def _payment(answer: Message, outcome: TapOutcome, amount: Money) -> Payment:
    code = _text(answer, 39)
    approved = code == RESPONSE_APPROVED
    return Payment(
        approved=approved,
        display=Display.APPROVED if approved else Display.DECLINED,
        reason="approved by the issuer" if approved else f"declined, response code {code}",
        amount=amount,
        outcome=outcome,
        response_code=code,
        authorisation_id=_text(answer, 38),
        reference=_text(answer, 37),
        issuer_proof=online.issuer_proof(answer),
    )


def _text(message: Message, number: int) -> str | None:
    value = message.fields.get(number)
    return value if isinstance(value, str) else None
