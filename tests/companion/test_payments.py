"""Payments as the strap's messages: once each, fresh only, taken back when reversed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from wristlet.companion.messages.content import Notification
from wristlet.companion.payments import CURSOR, FRESH_MS, PaymentsPart, notification_of
from wristlet.companion.store import StrapState
from wristlet.env.sim import SimEnv
from wristlet.model.wallet_messages import Transaction
from wristlet.wire.strap.message_choices import Reason, Verdict

STRAP = StrapState("dev_1", "strap", "00", "model", "", "")
NOW_MS = SimEnv().clock.now_ms()
PAID = Transaction(
    "txn_1",
    1,
    "dev_1",
    "card_1",
    "0011",
    "2935",
    "authorized",
    480,
    "JPY",
    "Kissa",
    "issuer",
    NOW_MS,
)


@dataclass
class Store:
    state: StrapState

    def strap(self, device_id: str) -> StrapState:
        return self.state

    def change_strap(self, device_id: str, **changes: object) -> None:
        self.state = replace(self.state, **changes)  # type: ignore[arg-type]  # StrapState's own


@dataclass
class Box:
    told: list[Notification] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)

    def notify(self, found: Notification) -> bool:
        self.told.append(found)
        return True

    def withdraw(self, app: str, key: str) -> bool:
        self.withdrawn.append(key)
        return True


async def ran(store: Store, *read: Transaction) -> Box:
    box = Box()
    store.state = replace(store.state, transactions=read)
    part = PaymentsPart(SimEnv(), store, "dev_1", box)  # type: ignore[arg-type]  # doubles
    await part.run(None)  # type: ignore[arg-type]  # no link is used
    return box


async def test_each_payment_is_told_once_with_its_amount() -> None:
    store = Store(STRAP)
    (told,) = (await ran(store, PAID)).told
    assert told.payment is not None
    assert (told.payment.merchant, told.payment.amount_minor) == ("Kissa", 480)
    assert (told.payment.verdict, told.payment.reason) == (Verdict.APPROVED, Reason.NONE)
    assert store.state.cursors == {CURSOR: "1"}
    later = replace(PAID, id="txn_2", sequence=2, state="declined", reason="lease_expired")
    (told,) = (await ran(store, later, PAID)).told
    assert told.key == "txn_2"
    assert told.payment is not None
    assert told.payment.reason is Reason.PIN_NEEDED


async def test_an_old_payment_is_no_news_and_a_reversed_one_is_taken_back() -> None:
    store = Store(STRAP)
    old = replace(PAID, created_ms=NOW_MS - FRESH_MS)
    assert (await ran(store, old)).told == []
    box = await ran(store, replace(PAID, sequence=2, state="reversed"))
    assert (box.told, box.withdrawn) == ([], ["txn_1"])


def test_an_unnamed_currency_gives_the_merchant_only() -> None:
    told = notification_of(STRAP, replace(PAID, currency="999"))
    assert (told.payment, told.title) == (None, "Kissa")
    unknown = notification_of(STRAP, replace(PAID, state="declined", reason="whatever"))
    assert unknown.payment is not None
    assert unknown.payment.reason is Reason.OTHER
