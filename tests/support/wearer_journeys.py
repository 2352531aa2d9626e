"""The wearer's journeys over whatever link a bench has: J1, J2, J3, J5 and J7.

They use the companion and the bench alone, so that the same story runs in one process, over
processes, and over Bluetooth.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from support.city_story import PIN
from wristlet.companion.errors import CodeRefused
from wristlet.companion.phone import Phone
from wristlet.lab.bench import Bench
from wristlet.model.testcards import (
    AOBA,
    KITA,
    MINAMI,
    OTP_RIGHT,
    OTP_WRONG,
    Bank,
    Outcome,
    find_card,
)
from wristlet.model.wallet_messages import Card


def typed(bank: Bank, outcome: Outcome = Outcome.GREEN) -> tuple[str, str, str]:
    """What the wearer types of a card."""
    card = find_card(bank, outcome)
    return card.number.reveal(), "12/30", card.security_code.reveal()


async def j1_first_card(bench: Bench) -> Card:
    """Pair, make the PIN, add a card that its bank approves, pay."""
    shown: list[str] = []

    async def confirm(digits: str) -> None:
        shown.append(digits)
        assert (await bench.phone.strap_status()).display == digits
        await bench.press("confirm")

    await bench.phone.pair("Mika's strap", confirm)
    assert len(shown) == 1
    await bench.phone.create_pin(PIN)
    card = await bench.phone.add_card(*typed(AOBA))
    assert (card.state, card.se_state) == ("active", "selected")
    (view,) = await bench.phone.card_views()
    assert view.explain() == "This card pays when you tap."
    paid = await bench.tap(480)
    assert (paid.approved, paid.kernel) == (True, 3)
    return card


async def j2_code(bench: Bench) -> Card:
    """A card whose bank wants a code: wrong twice, then right."""
    card = await bench.phone.add_card(*typed(KITA, Outcome.YELLOW_SMS))
    assert card.state == "inactive"
    await bench.phone.send_code(card.id, card.verification_methods[0].id)
    for left in (2, 1):
        with pytest.raises(CodeRefused) as wrong:
            await bench.phone.confirm_code(card.id, OTP_WRONG)
        assert wrong.value.tries_left == left
    card = await bench.phone.confirm_code(card.id, OTP_RIGHT)
    assert card.state == "active"
    return card


async def j3_switch_offline(bench: Bench, second: Card) -> None:
    """The server is away: the second card becomes the main one, and pays."""
    await bench.stop_wallet()
    try:
        await bench.phone.select_card(second.id)
        paid = await bench.tap(480)
        assert (paid.approved, paid.kernel) == (True, 2)
    finally:
        await bench.start_wallet()
    assert (await bench.phone.sync()).is_whole
    main = [one.id for one in await bench.phone.cards() if one.se_state == "selected"]
    assert main == [second.id], "the server heard of it"


async def j5_lost_and_found(bench: Bench, other: Phone) -> None:
    """Another phone reports the loss in one call; the strap is found and catches up."""
    (device,) = await other.devices()
    assert (await other.lost(device.id)).is_done
    refused = await bench.tap(480)
    assert (refused.approved, refused.response_code) == (False, "62")
    await bench.phone.mark_found()
    assert (await bench.phone.sync()).is_whole
    assert (await bench.tap(480)).approved


async def j7_cut(
    bench: Bench, cut: Callable[[], None], mend: Callable[[], Awaitable[None]]
) -> Card:
    """The link breaks while a card is loaded; afterwards there is one token, and it is whole."""
    before = {one.id for one in await bench.phone.cards()}
    offer = await bench.phone.check_card(*typed(MINAMI))
    ordered = await bench.phone.accept_terms(offer)
    cut()
    torn = await bench.phone.sync()
    assert (torn.open, torn.is_whole) == (1, False)
    assert "bring it near" in torn.reason
    await mend()
    assert (await bench.phone.sync()).open == 0
    fresh = [one for one in await bench.phone.cards() if one.id not in before]
    assert [(one.id, one.state) for one in fresh] == [(ordered.id, "active")]
    return fresh[0]
