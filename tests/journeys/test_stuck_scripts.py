"""A script that the secure element refuses for ever does not hold up what comes after it."""

from __future__ import annotations

import pytest

from support.city_story import add, load_later, on_strap, shown, states
from support.se_cards import open_scp03
from wristlet.lab.city import City
from wristlet.links.strap_link import StrapLink
from wristlet.model.testcards import KITA, MINAMI
from wristlet.model.wallet_messages import Card, Commit
from wristlet.se.applets.base import Interface
from wristlet.tsp.overtaken import ORDERS_MAX
from wristlet.wire import ber
from wristlet.wire.apdu import Command
from wristlet.wire.gp.commands import Ins

pytestmark = pytest.mark.slow

SW_OK = 0x9000


def remove_behind_its_back(city: City, card: Card) -> None:
    """The owner of the secure element deletes an instance: no script for it can ever run."""
    session = open_scp03(city.card.port(Interface.WIRED))
    aid = bytes.fromhex(card.instance_aid or "")
    answer = session.send(Command(0x80, Ins.DELETE, 0, 0, ber.encode(0x4F, aid)))
    assert answer.sw == SW_OK


async def log_of(city: City) -> list[Commit]:
    device_id = city.phone.tools.state.device_id
    return (await city.phone.tools.wallet.commits(device_id, after=0)).data


async def test_an_impossible_deletion_says_so_and_lets_the_next_card_through(city: City) -> None:
    gone, other = await add(city), await add(city, KITA)
    remove_behind_its_back(city, gone)
    await city.phone.delete(gone.id)
    await city.phone.suspend(other.id)
    for _ in range(2):
        report = await city.phone.sync()
        assert (report.done, report.open) == (0, 2)
    await city.phone.sync()
    stuck = next(one for one in await log_of(city) if one.kind == "delete")
    assert stuck.state == "stuck"
    assert "refused this order 3 times" in stuck.reason
    report = await city.phone.sync()
    assert report.done == 1
    assert (await shown(city, other)).se_state == "deactivated"


async def test_the_token_service_orders_in_vain_only_so_often(city: City) -> None:
    gone, other = await add(city), await add(city, KITA)
    remove_behind_its_back(city, gone)
    await city.phone.delete(gone.id)
    for change in (city.phone.suspend, city.phone.resume) * 3:
        await change(other.id)
        for _ in range(4):
            await city.phone.sync()
    assert (await city.phone.sync()).open == 0
    log = await log_of(city)
    assert [one.state for one in log if one.kind == "delete"] == ["superseded"] * ORDERS_MAX
    await city.phone.select_card(other.id)
    assert (await city.bench.tap(480)).approved


class Refusing:
    """A hostile link: it keeps one script's commands from the strap and answers in its name."""

    def __init__(self, strap: StrapLink, commit: Commit) -> None:
        self._strap = strap
        self._refused = {bytes.fromhex(apdu) for apdu in commit.apdus[3:]}
        self.pair_offer, self.pair_reveal = strap.pair_offer, strap.pair_reveal
        self.status, self.ask, self.listen = strap.status, strap.ask, strap.listen

    async def transmit(self, command: bytes) -> bytes:
        if command in self._refused:
            return b"\x6a\x84"
        return await self._strap.transmit(command)


async def test_a_card_that_cannot_be_loaded_is_ended_and_can_be_added_again(city: City) -> None:
    never = await load_later(city)
    (commit,) = await log_of(city)
    city.phone.strap = Refusing(city.phone.strap, commit)
    for _ in range(3):
        assert (await city.phone.sync()).done == 0
    other = await add(city, MINAMI)
    assert other.state == "active"
    assert (await shown(city, never)).state == "deleted"
    assert list(on_strap(city)) == [other.instance_aid]
    again = await add(city)
    assert again.state == "active"
    assert await states(city) == ["active", "active", "deleted"]
    assert (await log_of(city))[0].state == "superseded"
