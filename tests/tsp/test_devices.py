"""Whom the token service trusts with tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.tsp_city import REQUESTOR, YEAR_MS, City, Maker, tsp_city
from wristlet.model.testcards import AOBA, Outcome, find_card
from wristlet.model.tsp_messages import EligibilityRequest, RegisterDevice
from wristlet.tsp.errors import TspError


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with tsp_city(tmp_path) as opened:
        yield opened


async def refused(city: City, request: RegisterDevice) -> TspError:
    with pytest.raises(TspError) as caught:
        await city.service.register_device(request)
    return caught.value


async def test_certified_element_is_registered_and_again(city: City) -> None:
    request = city.maker.make(city.identity).registration()
    first = await city.service.register_device(request)
    assert (first.se_id, first.model) == ((1).to_bytes(16, "big").hex(), "wristlet-se-1")
    assert await city.service.register_device(request) == first


async def test_element_of_an_unknown_maker_is_refused(city: City) -> None:
    stranger = Maker(city.env.clock.now_ms(), b"\x51\x52\x53")
    element = stranger.make(city.identity)
    error = await refused(city, element.registration())
    assert (error.code, error.param) == ("device_not_trusted", "attestation_chain")


async def test_model_must_be_on_the_list(city: City) -> None:
    error = await refused(city, city.maker.make(city.identity, model="cheap-1").registration())
    assert "model" in error.message


async def test_chains_must_be_of_one_element_and_of_their_roles(city: City) -> None:
    one, other = (city.maker.make(city.identity, n).registration() for n in (1, 2))
    certified_twice = city.maker.make(city.identity, 1, keys=7).registration()
    mixed = [
        replace(one, domain_chain=certified_twice.domain_chain),
        replace(one, domain_chain=other.domain_chain),
        replace(one, domain_chain=one.attestation_chain),
        replace(one, attestation_chain=one.domain_chain),
        replace(one, attestation_chain=one.attestation_chain[1:]),
        replace(one, attestation_chain=[*one.attestation_chain, one.attestation_chain[-1]]),
        replace(one, attestation_chain=[]),
    ]
    for request in mixed:
        assert (await refused(city, request)).code == "device_not_trusted"


async def test_unreadable_and_expired_chains_are_refused(city: City) -> None:
    request = city.maker.make(city.identity).registration()
    broken = replace(request, domain_chain=["!", *request.domain_chain[1:]])
    assert (await refused(city, broken)).code == "chain_unreadable"
    city.env.clock.jump_wall_ms(11 * YEAR_MS)
    assert (await refused(city, request)).code == "device_not_trusted"


async def test_copy_with_other_keys_is_a_conflict(city: City) -> None:
    """The same id certified for another pair of keys: one of the two is a copy."""
    await city.service.register_device(city.maker.make(city.identity).registration())
    copy = city.maker.make(city.identity, keys=7)
    assert (await refused(city, copy.registration())).code == "device_keys_differ"


async def test_unregistered_or_blocked_element_gets_no_offer(city: City) -> None:
    card = find_card(AOBA, Outcome.GREEN)
    request = EligibilityRequest("t", "00" * 16, city.card_jwe(card))
    with pytest.raises(TspError) as caught:
        await city.service.check_eligibility(REQUESTOR, request)
    assert caught.value.code == "device_unknown"
    element = await city.element()
    await city.database.write(lambda c: c.execute("UPDATE devices SET state = 'blocked'"))
    with pytest.raises(TspError) as caught:
        await city.offer(element, card)
    assert caught.value.code == "device_blocked"
    assert (await refused(city, element.registration())).code == "device_blocked"
