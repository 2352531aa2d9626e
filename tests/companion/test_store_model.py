"""The phone's file as a state machine: several straps, torn writes, and nothing ever half there."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from support.fake_wallet import card
from wristlet.companion.errors import CompanionError
from wristlet.companion.queue import Kind, Pending, add
from wristlet.companion.store import PhoneState, PhoneStore, StrapState, Unlock
from wristlet.crypto.errors import SealError
from wristlet.crypto.seal import SealKey
from wristlet.env.sim import SimEnv, SimulatedCrash

KEY = SealKey(bytes(32))
PATH = "/phone.sealed"
IDS = st.sampled_from(("dev_1", "dev_2", "dev_3"))
NAMES = st.text("abcあ ", min_size=1, max_size=6)


def strap(device_id: str, name: str) -> StrapState:
    return StrapState(device_id, name, "00" * 16, "model", "7f21", "04")


class StoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.env = SimEnv(3)
        self.store = PhoneStore(self.env, PATH, KEY)
        self.expected: PhoneState = self.store.state

    @property
    def known(self) -> dict[str, StrapState]:
        return {one.device_id: one for one in self.expected.straps}

    def _expect(self, straps: dict[str, StrapState]) -> None:
        self.expected = replace(self.expected, straps=tuple(straps.values()))

    @rule(device_id=IDS, name=NAMES)
    def keep(self, device_id: str, name: str) -> None:
        self.store.keep_strap(strap(device_id, name))
        self._expect({**self.known, device_id: strap(device_id, name)})

    @rule(device_id=IDS, number=st.integers(0, 9))
    def change(self, device_id: str, number: int) -> None:
        changes = {
            "cards": (card(f"card_{number}", device_id),),
            "unlock": Unlock(number, 20, 50_000, number),
            "cursors": {"transactions": str(number)},
        }
        if device_id not in self.known:
            with pytest.raises(CompanionError, match="pair it first"):
                self.store.change_strap(device_id, **changes)
            return
        self.store.change_strap(device_id, **changes)
        changed = replace(self.known[device_id], **changes)  # type: ignore[arg-type]  # three fields of three types
        self._expect({**self.known, device_id: changed})

    @rule(device_id=IDS)
    def ask(self, device_id: str) -> None:
        queue, _ = add(self.store.state.queue, Pending("", "key", Kind.SUSPEND, device_id, "c"))
        self.store.change(queue=queue)
        self.expected = replace(self.expected, queue=queue)

    @rule(device_id=IDS)
    def forget(self, device_id: str) -> None:
        self.store.forget_strap(device_id)
        left = {one: state for one, state in self.known.items() if one != device_id}
        queue = self.expected.queue
        waiting = tuple(one for one in queue.waiting if one.device_id != device_id)
        self.expected = replace(self.expected, queue=replace(queue, waiting=waiting))
        self._expect(left)

    @rule(session=st.text(max_size=5))
    def sign_in(self, session: str) -> None:
        self.store.change(session=session)
        self.expected = replace(self.expected, session=session)

    @rule()
    def the_phone_restarts(self) -> None:
        self.store = PhoneStore(self.env, PATH, KEY)

    @precondition(lambda self: self.known)
    @rule(steps=st.integers(1, 8), kept=st.integers(0, 40), name=NAMES)
    def the_battery_dies_while_it_writes(self, steps: int, kept: int, name: str) -> None:
        """The old or the new state, never anything else, whatever of the disk survives."""
        device_id = next(iter(self.known))
        old = self.expected
        self._expect({**self.known, device_id: replace(self.known[device_id], name=name)})
        self.env.disk.kill_at(steps, kept=kept)
        with suppress(SimulatedCrash):
            self.store.change_strap(device_id, name=name)
        for image in self.env.disk.images(limit=8, seed=steps):
            assert PhoneStore(SimEnv(9, disk=image), PATH, KEY).state in (old, self.expected)
        self.env.disk.restart()
        self.store = PhoneStore(self.env, PATH, KEY)
        assert self.store.state in (old, self.expected)
        self.expected = self.store.state

    @invariant()
    def the_state_is_as_expected(self) -> None:
        assert self.store.state == self.expected


StoreMachine.TestCase.settings = settings(deadline=None)
TestStore = StoreMachine.TestCase


def test_another_key_opens_nothing() -> None:
    env = SimEnv(1)
    PhoneStore(env, PATH, KEY)
    with pytest.raises(SealError):
        PhoneStore(env, PATH, SealKey(bytes(31) + b"\x01"))


def test_nothing_secret_stands_in_the_file_or_in_print() -> None:
    env = SimEnv(1)
    store = PhoneStore(env, PATH, KEY)
    store.change(session="ws_secret")
    raw = env.disk.read(PATH)
    assert store.state.private_scalar.encode() not in raw
    assert bytes.fromhex(store.state.private_scalar) not in raw
    assert b"ws_secret" not in raw
    assert "ws_secret" not in repr(store.state)
    assert store.state.private_scalar not in repr(store.state)
