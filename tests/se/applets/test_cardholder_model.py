"""PIN, tries, lease and counters against a model; power is lost at every durable record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from support.applets import PHONE, Bench
from support.payment_cards import K2, K3, Wish, tap
from wristlet.se.applets import cardholder, lease, pin
from wristlet.se.profile import LeaseLimits
from wristlet.wire import ber
from wristlet.wire.emv.iad import AcType, Iad18, Iad21
from wristlet.wire.gp import aids, commands

PINS = ("2749", "61938", "805316")
LIMITS = LeaseLimits(taps=3, amount_minor=5_000)
TAPS_MAX, SUM_MAX = 2, 2_500


class PowerLost(Exception):
    """The card stopped in the middle of a command."""


class Wallet(RuleBasedStateMachine):
    """What a wearer, a thief and a terminal can do, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench(lease=LIMITS)
        self.bench.enrol()
        self.cards = [
            replace(card, taps_max=TAPS_MAX, sum_max=SUM_MAX).issue(self.bench, number).aid
            for number, card in enumerate((K3, K2), 1)
        ]
        self.pin: str | None = None
        self.tries = 3
        self.lease: list[int] | None = None
        self.free = {aid: [0, 0] for aid in self.cards}
        self.atcs: dict[bytes, list[int]] = {aid: [] for aid in self.cards}
        self.compared = self.bench.hashes

    # -------------------------------------------------------- the PIN

    def phone(self, command: Any) -> int:
        self.bench.select(aids.CARDHOLDER_APPLET, phone=PHONE)
        return self.bench.send(command).sw

    def guess(self, value: str) -> int:
        """Expected status of a comparison; the model's tries move."""
        if self.pin is None:
            return 0x6A88
        if self.tries == 0:
            return 0x6983
        self.tries -= 1
        if value == self.pin:
            self.tries = 3
            return 0x9000
        if self.tries == 0:
            self.lease = None
        return 0x63C0 | self.tries

    @rule(value=st.sampled_from(PINS))
    def create(self, value: str) -> None:
        expected = 0x9000 if self.pin is None else 0x6985
        assert self.phone(commands.create_pin(value)) == expected
        if self.pin is None:
            self.pin, self.tries = value, 3

    @rule(value=st.sampled_from(PINS))
    def verify(self, value: str) -> None:
        expected = self.guess(value)
        assert self.phone(commands.verify(value)) == expected
        if expected == 0x9000:
            self.lease = [LIMITS.taps, LIMITS.amount_minor]
            self.free = {aid: [0, 0] for aid in self.cards}

    @rule(old=st.sampled_from(PINS), new=st.sampled_from(PINS))
    def change(self, old: str, new: str) -> None:
        expected = self.guess(old)
        assert self.phone(commands.change_pin(old, new)) == expected
        if expected == 0x9000:
            self.pin = new

    @precondition(lambda self: self.pin is not None and self.tries > 0)
    @rule(value=st.sampled_from(PINS), records=st.integers(0, 1))
    def verify_and_lose_power(self, value: str, records: int) -> None:
        """Cut before the `records`-th durable write: a try is gone or nothing happened."""
        left = iter(range(records))

        def cut() -> None:
            if next(left, None) is None:
                raise PowerLost

        self.bench.store.before_record = cut
        try:
            sw = self.phone(commands.verify(value))
        except PowerLost:
            self.bench.store.rollback()
            sw = None
        finally:
            self.bench.store.before_record = None
        # A wrong guess has one durable write only: with power for it, it went through.
        assert sw is None or (records == 1 and value != self.pin)
        self.tries -= records
        if self.tries == 0:
            self.lease = None

    @rule()
    def reset_by_the_tsp(self) -> None:
        with self.bench.store.transaction():
            cardholder.order(self.bench.domain(), 0xDF11, b"")
        self.pin, self.tries, self.lease = None, 3, None

    @rule(worn=st.booleans())
    def wear(self, worn: bool) -> None:
        self.bench.select(aids.CARDHOLDER_APPLET)
        assert self.bench.send(f"80120{int(worn)}00").ok
        if not worn:
            self.lease = None

    # -------------------------------------------------------- taps

    def expect_tap(self, aid: bytes, amount: int, above_limit: bool) -> bool:
        """Whether the tap gets an ARQC; the model's lease or counters move."""
        if self.lease is not None and amount <= self.lease[1]:
            self.lease[0] -= 1
            self.lease[1] -= amount
            if 0 in self.lease:
                self.lease = None
            return True
        taps, total = self.free[aid]
        if above_limit or taps + 1 > TAPS_MAX or total + amount > SUM_MAX:
            return False
        self.free[aid] = [taps + 1, total + amount]
        return True

    @rule(card=st.integers(0, 1), amount=st.integers(1, 3_000), above_limit=st.booleans())
    def pay(self, card: int, amount: int, above_limit: bool) -> None:
        aid = self.cards[card]
        wish = Wish(
            amount=amount,
            ttq="36404000" if above_limit else "36004000",
            cvm_results="010002" if above_limit else "3F0002",
        )
        approved = self.expect_tap(aid, amount, above_limit)
        answer = tap(self.bench, aid, wish)
        if aids.kernel_of(aid) == 3 and not approved:
            assert answer.sw == 0x6986
            return
        objects = ber.collect(answer.data)
        raw = objects[0x9F10]
        iad = Iad18.parse(raw) if aids.kernel_of(aid) == 3 else Iad21.parse(raw)
        assert iad.ac_type is (AcType.ARQC if approved else AcType.AAC)
        self.atcs[aid].append(int.from_bytes(objects[0x9F36], "big"))

    # -------------------------------------------------------- what always holds

    @invariant()
    def the_card_agrees(self) -> None:
        store = self.bench.store
        assert pin.is_set(store) == (self.pin is not None)
        assert pin.tries_left(store) == self.tries
        stored = lease.load(store)
        shown = [stored.taps_left, stored.amount_left_minor] if stored.valid else None
        assert shown == self.lease

    @invariant()
    def no_atc_comes_twice_or_goes_back(self) -> None:
        for seen in self.atcs.values():
            assert seen == sorted(set(seen))


Wallet.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestWallet = Wallet.TestCase
