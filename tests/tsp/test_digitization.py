"""Adding a card: offers, decisions, tokens, scripts, receipts."""

from __future__ import annotations

from pathlib import Path

from support.tsp_city import tsp_city
from wristlet.model.testcards import AOBA, KITA, Outcome, find_card


async def test_green_card_becomes_an_active_token(tmp_path: Path) -> None:
    async with tsp_city(tmp_path) as city:
        element = await city.element()
        answer = await city.digitize(element, find_card(AOBA, Outcome.GREEN))
        assert (answer.decision, answer.party) == ("approved", "network")
        assert answer.token is not None
        assert answer.token.state == "inactive"
        assert answer.script is not None
        accepted = await city.receipt(element, answer.script.apdus)
        assert accepted.token is not None
        assert accepted.token.state == "active"
        assert element.instances[element.only()].dpan.startswith("999801")
