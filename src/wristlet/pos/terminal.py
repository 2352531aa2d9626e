"""A terminal: runs a tap on a card channel and, where the card asks, the issuer through the
acquirer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from wristlet.env.base import Env
from wristlet.links.channel import ApduChannel, LinkLost
from wristlet.links.iso8583_peer import HostUnavailable, Iso8583Client
from wristlet.model.money import CURRENCIES, Money
from wristlet.pos.config import TerminalConfig
from wristlet.pos.kernel import entry
from wristlet.pos.kernel.outcome import Cvm, Display, KernelRun, OutcomeKind, TapOutcome
from wristlet.pos.kernel.sale import Sale
from wristlet.pos.online import authorisation_request
from wristlet.wire import ber
from wristlet.wire.apdu import Response
from wristlet.wire.emv import tags
from wristlet.wire.errors import DecodeError
from wristlet.wire.iso8583.message import Message

RESPONSE_APPROVED = "00"
LOCAL_TIME = timedelta(hours=9)


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
    issuer_proof: bytes = b""

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
            command = run.send(Response.parse(answer))
    except StopIteration as finished:
        outcome: TapOutcome = finished.value
        return outcome


class Terminal:
    """One terminal with its acquirer; counts its own traces."""

    def __init__(self, env: Env, config: TerminalConfig, acquirer: Iso8583Client) -> None:
        self._env = env
        self.config = config
        self._acquirer = acquirer
        self._stan = int.from_bytes(env.random.bytes(2), "big")

    def new_sale(self, amount: Money) -> Sale:
        """Open a purchase: local time and a fresh unpredictable number."""
        local = datetime.fromtimestamp(self._env.clock.now_ms() / 1000, UTC) + LOCAL_TIME
        return Sale(
            amount_minor=amount.amount_minor,
            currency_numeric=CURRENCIES[amount.currency].numeric,
            date_yymmdd=local.strftime("%y%m%d"),
            time_hhmmss=local.strftime("%H%M%S"),
            unpredictable_number=self._env.random.bytes(4),
        )

    async def pay(self, channel: ApduChannel, amount: Money) -> Payment:
        """Take one tap of `amount`; never raises for what a card or host does."""
        sale = self.new_sale(amount)
        try:
            outcome = await drive(entry.run_tap(self.config, sale), channel)
        except (LinkLost, DecodeError):
            torn = TapOutcome(
                OutcomeKind.TRY_AGAIN, Display.TRY_AGAIN, "the card left the field too early"
            )
            return Payment(False, torn.display, torn.reason, amount, torn)
        if outcome.kind is not OutcomeKind.ONLINE_REQUEST:
            return Payment(False, outcome.display, outcome.reason, amount, outcome)
        return await self._authorise(sale, outcome, amount)

    async def _authorise(self, sale: Sale, outcome: TapOutcome, amount: Money) -> Payment:
        self._stan = self._stan % 999_999 + 1
        now_ms = self._env.clock.now_ms()
        request = authorisation_request(self.config, sale, outcome, self._stan, now_ms)
        try:
            answer = await self._acquirer.request(request)
        except HostUnavailable:
            reason = "the acquirer did not answer; nothing was charged that is not reversed"
            return Payment(False, Display.DECLINED, reason, amount, outcome)
        code = str(answer.fields.get(39, ""))
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
            issuer_proof=_issuer_proof(answer),
        )


def _text(message: Message, number: int) -> str | None:
    value = message.fields.get(number)
    return None if value is None else str(value)


def _issuer_proof(message: Message) -> bytes:
    chip = message.fields.get(55)
    if not isinstance(chip, bytes):
        return b""
    return ber.find(chip, tags.ISSUER_AUTHENTICATION_DATA_91) or b""
