"""The PIN, from the phone's keyboard into the secure element, and the lease that a right one
opens.
"""

from __future__ import annotations

from dataclasses import replace

from wristlet.companion import se_client
from wristlet.companion.errors import PinBlocked
from wristlet.companion.inputs import read_pin
from wristlet.companion.lease import (
    FreeStatus,
    LeasePolicy,
    LeaseStatus,
    free_status,
    lease_status,
    should_prompt,
)
from wristlet.companion.queue import Kind
from wristlet.companion.store import Unlock
from wristlet.companion.tools import Tools, reaching_strap
from wristlet.wire.receipt import CHALLENGE_BYTES, LeaseReport

BLOCKED, SET, NONE = "blocked", "set", "none"


async def create(tools: Tools, pin: str) -> None:
    """Make the PIN on the secure element; opens no lease; raises InputError if too common."""
    with reaching_strap():
        channel = await tools.open_channel()
        await channel.create_pin(read_pin(pin))
        await report(tools)
    await tools.outbox.flush()


async def change(tools: Tools, old: str, new: str) -> None:
    """Replace the PIN; raises PinWrong, PinBlocked, InputError."""
    with reaching_strap():
        channel = await tools.open_channel()
        try:
            await channel.change_pin(read_pin(old, "old PIN"), read_pin(new, "new PIN"))
        except PinBlocked:
            await _blocked(tools)
            raise


async def verify(tools: Tools, pin: str) -> LeaseReport:
    """Prove the wearer: a right PIN opens the lease, whose signed report goes to the TSP, now
    or with the next sync.
    """
    with reaching_strap():
        channel = await tools.open_channel()
        try:
            opened, signed = await channel.verify_pin(read_pin(pin))
        except PinBlocked:
            await _blocked(tools)
            raise
    now_ms = tools.env.clock.now_ms()
    unlock = Unlock(opened.unlock_counter, opened.taps_max, opened.amount_max_minor, now_ms)
    tools.remember(unlock=unlock)
    tools.outbox.put(Kind.LEASE_REPORT, tools.device_id, value=signed.hex())
    await tools.outbox.flush()
    return opened


async def _blocked(tools: Tools) -> None:
    """Tell the token service: its cards stop until the PIN is made anew."""
    await report(tools)
    await tools.outbox.flush()


async def report(tools: Tools) -> bool:
    """Keep the secure element's signed word about its PIN for the TSP when it changed; return
    whether it did. Raises LinkLost.

    A PIN that was made for the first time is no news: no card can be there before.
    """
    state = await se_client.read_state(tools.strap)
    word = BLOCKED if state.blocked else SET if state.pin_set else NONE
    told = tools.state.pin_told
    if word in (told, NONE):
        return False
    if word == SET and not told:
        tools.remember(pin_told=SET)
        return False
    challenge = tools.env.random.bytes(CHALLENGE_BYTES)
    statement = await se_client.pin_statement(tools.strap, challenge)
    tools.outbox.put(Kind.PIN_STATEMENT, tools.device_id, value=statement.hex())
    tools.remember(pin_told=word)
    return True


async def status(tools: Tools, policy: LeasePolicy) -> LeaseStatus:
    """Read how long the strap stays unlocked (needs no server); raises StrapUnreachable."""
    with reaching_strap():
        state = await se_client.read_state(tools.strap)
    unlock = tools.state.unlock if tools.device_id else None
    return lease_status(state, unlock, policy, tools.env.clock.now_ms())


async def free_taps(tools: Tools, policy: LeasePolicy) -> dict[str, FreeStatus]:
    """Read what each card on the strap still allows without PIN, by card id (needs no server)."""
    found: dict[str, FreeStatus] = {}
    with reaching_strap():
        channel = await tools.open_channel()
        for card in tools.state.cards:
            if card.instance_aid is None:
                continue
            counters = await channel.free_taps(bytes.fromhex(card.instance_aid))
            if counters is not None:
                found[card.id] = free_status(counters, policy)
    return found


def prompt_due(tools: Tools, status: LeaseStatus, policy: LeasePolicy) -> bool:
    """Tell whether to ask for the PIN now, and remember that it was asked."""
    unlock, now_ms = tools.state.unlock, tools.env.clock.now_ms()
    if not should_prompt(status, unlock, policy, now_ms):
        return False
    known = unlock or Unlock(0, 0, 0, 0)
    tools.remember(unlock=replace(known, prompted_ms=now_ms))
    return True
