"""Server down, strap away, or both: each operation is done, kept for later, or says why not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from support.city_story import PIN, add, on_strap, shown, tokens
from support.city_straps import another_phone, phone_of
from wristlet.companion.errors import CompanionError
from wristlet.companion.outcome import Ending, Outcome
from wristlet.companion.phone import Phone
from wristlet.companion.queue import Kind
from wristlet.companion.store import PhoneStore
from wristlet.lab import setup
from wristlet.lab.city import City
from wristlet.links.faults import Fault, FaultPlan
from wristlet.model.testcards import AOBA, KITA, MINAMI, find_card
from wristlet.model.testcards import Outcome as Decision
from wristlet.model.wallet_messages import Card, ChangeReason

pytestmark = pytest.mark.slow

DONE, QUEUED, NOT_POSSIBLE = Ending.DONE, Ending.QUEUED, Ending.NOT_POSSIBLE
TYPED = find_card(MINAMI, Decision.GREEN)


@dataclass
class Bed:
    """A phone with a strap and two cards."""

    city: City
    phone: Phone
    first: Card
    second: Card

    async def do(self, operation: str) -> Outcome[Any]:
        phone, companion, strap = self.phone, self.city.phone, self.phone.strap()
        number, code = TYPED.number.reveal(), TYPED.security_code.reveal()
        operations: dict[str, Callable[[], Awaitable[Outcome[Any]]]] = {
            "suspend": lambda: phone.suspend(self.second),
            "resume": lambda: phone.resume(self.second),
            "remove": lambda: phone.remove(self.second),
            "lost": lambda: phone.lost(strap.device_id),
            "found": lambda: phone.found(strap.device_id),
            "rename": lambda: phone.rename(strap, "Mika's watch"),
            "switch": lambda: phone.switch(companion, self.first),
            "unlock": lambda: phone.verify_pin(companion, PIN),
            "add": lambda: phone.add_card(companion, number, "12/30", code),
        }
        return await operations[operation]()

    def situation(self, *, server: bool, strap: bool) -> None:
        self.city.wires.wallet.up = server
        if not strap:
            self.city.bench.strap.plan(FaultPlan(0, Fault.CUT))

    async def mend(self) -> None:
        self.city.wires.wallet.up = True
        await self.city.bench.strap.mend()


@pytest.fixture
async def bed(city: City) -> Bed:
    first, second = await add(city, AOBA), await add(city, KITA)
    return Bed(city, phone_of(city), first, second)


# Operation: server down, strap away, both.
TABLE = {
    "suspend": (QUEUED, DONE, QUEUED),
    "resume": (QUEUED, DONE, QUEUED),
    "lost": (QUEUED, DONE, QUEUED),
    "found": (QUEUED, DONE, QUEUED),
    "rename": (QUEUED, DONE, QUEUED),
    "switch": (DONE, NOT_POSSIBLE, NOT_POSSIBLE),
    "unlock": (DONE, NOT_POSSIBLE, NOT_POSSIBLE),
    "add": (NOT_POSSIBLE, NOT_POSSIBLE, NOT_POSSIBLE),
    "remove": (QUEUED, DONE, QUEUED),
}
SITUATIONS = ((False, True), (True, False), (False, False))


@pytest.mark.parametrize(
    "situation", range(3), ids=["server down", "strap away", "server down and strap away"]
)
async def test_each_operation_ends_as_it_can(bed: Bed, situation: int) -> None:
    server, strap = SITUATIONS[situation]
    for operation, endings in TABLE.items():
        bed.situation(server=server, strap=strap)
        outcome = await bed.do(operation)
        assert outcome.ending is endings[situation], operation
        if outcome.ending is not DONE:
            assert outcome.reason, operation
            assert outcome.next_step, operation
        await bed.mend()
        report = await bed.city.phone.sync_all()
        assert report.is_whole, report
        assert bed.phone.waiting == ()
    assert len(on_strap(bed.city)) == 1
    assert (await shown(bed.city, bed.second)).state == "deleted"
    assert (await shown(bed.city, bed.first)).state == "active"
    assert bed.phone.strap().name == "Mika's watch"
    device = await bed.city.phone.tools.wallet.device(bed.phone.strap().device_id)
    assert (device.name, device.state) == ("Mika's watch", "paired")


async def test_with_nothing_in_reach_the_phone_still_shows_its_cards(bed: Bed) -> None:
    bed.situation(server=False, strap=False)
    views = await bed.city.phone.card_views()
    assert [view.card.id for view in views] == [bed.first.id, bed.second.id]
    assert not any(view.is_read_now for view in views)
    assert views[0].explain().startswith("This card pays")
    await bed.city.bench.strap.mend()
    views = await bed.city.phone.card_views()
    assert all(view.is_read_now for view in views)


async def test_paying_and_switching_go_on_without_server(bed: Bed) -> None:
    bed.situation(server=False, strap=True)
    assert (await bed.do("switch")).is_done
    assert (await bed.city.bench.tap(480)).kernel == 3
    assert (await bed.phone.switch(bed.city.phone, bed.second)).is_done
    assert (await bed.city.bench.tap(480)).kernel == 2
    views = await bed.city.phone.card_views()
    assert [view.se_state for view in views] == ["ready", "selected"]
    await bed.mend()
    await bed.city.phone.sync_all()
    assert (await shown(bed.city, bed.second)).se_state == "selected"


async def test_what_waits_outlives_the_phone_and_goes_in_order(bed: Bed) -> None:
    """Paused, resumed and paused again in a tunnel, then the battery is empty."""
    bed.situation(server=False, strap=False)
    for operation in ("suspend", "resume", "suspend"):
        assert (await bed.do(operation)).ending is QUEUED
    env, paths = bed.city.bench.env, bed.city.sandbox.paths
    again = PhoneStore(env, paths.phone_state, setup.seal_key(env, paths, "phone"))
    tools = bed.city.phone.tools
    restarted = Phone(env, again, tools.wallet, tools.roots)
    assert [str(one.kind) for one in restarted.waiting] == ["suspend", "resume", "suspend"]
    bed.city.wires.wallet.up = True
    flushed = await restarted.hand_in()
    assert len(flushed.answers) == 3
    assert (await shown(bed.city, bed.second)).suspended_by == ["cardholder"]


async def test_what_was_never_sent_can_be_called_back(bed: Bed) -> None:
    strap = bed.phone.strap()
    queued = bed.phone.outbox.put(Kind.LOST, strap.device_id)
    assert bed.phone.cancel(queued.id).is_done
    bed.situation(server=False, strap=True)
    sent = await bed.do("suspend")
    refused = bed.phone.cancel(sent.queue_id)
    assert refused.ending is NOT_POSSIBLE
    assert "may have reached" in refused.reason
    await bed.mend()
    await bed.city.phone.sync_all()
    assert (await shown(bed.city, bed.second)).state == "suspended"
    assert {owners for _, owners in (await tokens(bed.city)).values()} == {"", "cardholder"}


async def test_a_refusal_that_comes_late_is_told(bed: Bed) -> None:
    """Paused in a tunnel; meanwhile another phone removed the card."""
    bed.situation(server=False, strap=True)
    assert (await bed.do("suspend")).ending is QUEUED
    await bed.mend()
    wallet = bed.city.phone.tools.wallet
    await wallet.delete_card(bed.second.id, ChangeReason())
    await bed.phone.hand_in()
    (refused,) = bed.phone.refused
    assert (str(refused.kind), refused.subject) == ("suspend", bed.second.id)
    assert "does not allow" in refused.reason
    assert bed.phone.waiting == ()


async def test_the_other_phone_reports_the_loss_in_one_call(bed: Bed) -> None:
    """J5: lost, reported from a phone that never met the strap; found on its own phone."""
    other = await another_phone(bed.city)
    (device,) = await other.devices()
    lost = await other.lost(device.id)
    assert lost.is_done
    assert lost.value is not None
    assert lost.value.state == "lost"
    refused = await bed.city.bench.tap(480)
    assert (refused.approved, refused.response_code) == (False, "62")
    await bed.phone.devices()
    assert bed.phone.strap().is_lost
    assert (await bed.phone.found(device.id)).is_done
    assert not bed.phone.strap().is_lost
    await bed.city.phone.sync()
    assert (await bed.city.bench.tap(480)).approved


async def test_a_loss_is_not_dropped_with_the_strap(bed: Bed) -> None:
    bed.situation(server=False, strap=False)
    strap = bed.phone.strap()
    await bed.do("lost")
    with pytest.raises(CompanionError, match="hand them in"):
        await bed.phone.forget(strap)
    await bed.mend()
    await bed.phone.forget(strap)
    assert bed.phone.straps == ()
    assert {state for state, _ in (await tokens(bed.city)).values()} == {"suspended"}
