"""Brings what the server tells of payments onto the strap: merchant, amount, how it ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from wristlet.companion.messages.content import Notification
from wristlet.companion.messages.messenger import Messenger
from wristlet.companion.store import PhoneStore, StrapState
from wristlet.companion.sync import PartReport
from wristlet.env.base import Env
from wristlet.links.strap_link import StrapLink
from wristlet.model.token import ResultClass
from wristlet.model.wallet_messages import Transaction
from wristlet.wire.strap.message_choices import Reason, Verdict
from wristlet.wire.strap.messages import AMOUNT_MAX_MINOR, Payment

APP: Final = "wristlet.payments"
FRESH_MS: Final = 10 * 60_000
"""An older payment is no news on the wrist; the phone's list has it."""
CURSOR: Final = "payments_shown"
_AUTHORIZED, _REVERSED = "authorized", "reversed"
_REASONS: Final = MappingProxyType(
    {
        ResultClass.TOKEN_SUSPENDED.value: Reason.CARD_PAUSED,
        ResultClass.TOKEN_INACTIVE.value: Reason.CARD_PAUSED,
        ResultClass.TOKEN_DELETED.value: Reason.CARD_PAUSED,
        ResultClass.LEASE_EXPIRED.value: Reason.PIN_NEEDED,
        ResultClass.LEASE_REQUIRED.value: Reason.PIN_NEEDED,
        ResultClass.INVALID_CRYPTOGRAM.value: Reason.SECURITY,
        ResultClass.ATC_REPLAY.value: Reason.SECURITY,
        ResultClass.ATC_ROLLBACK.value: Reason.SECURITY,
        ResultClass.ATC_OUT_OF_RANGE.value: Reason.SECURITY,
        ResultClass.VERDICT_MISMATCH.value: Reason.SECURITY,
    }
)


@dataclass(frozen=True, slots=True)
class PaymentsPart:
    """Puts fresh payments into the strap's messages, each once; the message part sends them."""

    env: Env
    store: PhoneStore
    device_id: str
    messenger: Messenger
    name: str = "payments"

    async def run(self, link: StrapLink) -> PartReport:
        """Hand over what was read since; what is taken back takes its message back."""
        strap = self.store.strap(self.device_id)
        shown = int(strap.cursors.get(CURSOR, "0"))
        fresh = sorted(
            (one for one in strap.transactions if one.sequence > shown),
            key=lambda one: one.sequence,
        )
        for one in fresh:
            self._tell(strap, one)
        if fresh:
            cursors = {**strap.cursors, CURSOR: str(fresh[-1].sequence)}
            self.store.change_strap(self.device_id, cursors=cursors)
        return PartReport(self.name, done=len(fresh))

    def _tell(self, strap: StrapState, one: Transaction) -> None:
        if one.state == _REVERSED:
            self.messenger.withdraw(APP, one.id)
        elif self.env.clock.now_ms() - one.created_ms < FRESH_MS:
            self.messenger.notify(notification_of(strap, one))


def notification_of(strap: StrapState, one: Transaction) -> Notification:
    """Return the message of a payment; it names the card by its bank and last four digits.

    In a currency without a name on the server it tells the merchant only.
    """
    card = next((card for card in strap.cards if card.id == one.card_id), None)
    is_approved = one.state == _AUTHORIZED
    expires_ms = one.created_ms + FRESH_MS
    plain = Notification(
        APP, one.id, one.created_ms, "wristlet", one.merchant, expires_ms=expires_ms
    )
    if not one.currency.isalpha():
        return plain
    payment = Payment(
        merchant=one.merchant,
        amount_minor=min(one.amount_minor, AMOUNT_MAX_MINOR),
        currency=one.currency,
        card_name=card.issuer_name if card else "",
        last_four=one.card_last4,
        verdict=Verdict.APPROVED if is_approved else Verdict.DECLINED,
        reason=Reason.NONE if is_approved else _REASONS.get(one.reason, Reason.OTHER),
    )
    return replace(plain, title="", payment=payment)
