"""A part is down or an answer is lost: the wearer is told, and a repeat ends what was begun."""

from __future__ import annotations

from collections import Counter

import httpx2
import pytest

from support.city_story import add, load_later, on_strap, shown, states
from wristlet.companion.errors import ServerRefused, ServerUnreachable
from wristlet.lab.city import City, SwitchableTransport
from wristlet.links.iso8583_peer import HostUnavailable, Iso8583Client
from wristlet.model.testcards import AOBA, OTP_RIGHT, Outcome, find_card
from wristlet.wire.iso8583.message import Message

pytestmark = pytest.mark.slow

UNKNOWN = "did not answer; whether it did anything is unknown"
CARD = find_card(AOBA, Outcome.GREEN)
TYPED = (CARD.number.reveal(), "12/30", CARD.security_code.reveal())


class LosesEach:
    """Loses the first answer of every operation; `lost` counts them by method and path."""

    def __init__(self, wire: SwitchableTransport) -> None:
        self.lost: Counter[str] = Counter()
        wire.watch = self

    def __call__(self, request: httpx2.Request, answer: httpx2.Response) -> None:
        operation = f"{request.method} {request.url.path}"
        if not self.lost[operation]:
            self.lost[operation] += 1
            raise httpx2.ReadError("the answer is lost", request=request)


async def test_each_answer_of_the_wallet_is_lost_once_while_a_card_is_added(city: City) -> None:
    losses = LosesEach(city.wires.wallet)
    card = await add(city)
    assert (card.state, card.se_state) == ("active", "selected")
    assert len(losses.lost) >= 8
    assert await states(city) == ["active"]
    assert len(on_strap(city)) == 1
    assert (await city.bench.tap(480)).approved


async def test_each_answer_of_the_token_service_is_lost_once(city: City) -> None:
    """The wallet tells each loss; the wearer goes on until the card is there."""
    losses = LosesEach(city.wires.tsp)
    with pytest.raises(ServerRefused, match=UNKNOWN):
        await city.phone.check_card(*TYPED)
    with pytest.raises(ServerRefused, match=UNKNOWN):
        await city.phone.check_card(*TYPED)
    offer = await city.phone.check_card(*TYPED)
    with pytest.raises(ServerRefused, match=UNKNOWN):
        await city.phone.accept_terms(offer)
    card = await city.phone.accept_terms(offer)
    with pytest.raises(ServerRefused, match=UNKNOWN):
        await city.phone.sync()
    assert (await city.phone.sync()).open == 0
    for change in (city.phone.suspend, city.phone.resume):
        with pytest.raises(ServerRefused, match=UNKNOWN):
            await change(card.id)
        await change(card.id)
    assert (await city.phone.sync()).done == 2
    await city.phone.select_card(card.id)
    assert (await city.bench.tap(480)).approved
    with pytest.raises(ServerRefused, match=UNKNOWN):
        await city.phone.delete(card.id)
    await city.phone.delete(card.id)
    await city.phone.sync()
    assert on_strap(city) == {}
    assert await states(city) == ["deleted"]
    assert {path.rpartition("/")[2] for path in losses.lost} >= {
        *("card-key", "eligibility", "digitize", "receipts", "suspend", "resume", "delete")
    }


async def test_the_token_service_is_down_at_each_step(city: City) -> None:
    tsp = city.wires.tsp
    tsp.up = False
    with pytest.raises(ServerRefused, match=UNKNOWN):
        await add(city)
    tsp.up = True
    offer = await city.phone.check_card(*TYPED)
    tsp.up = False
    with pytest.raises(ServerRefused, match=UNKNOWN):
        await city.phone.accept_terms(offer)
    assert await city.phone.cards() == []
    tsp.up = True
    card = await city.phone.accept_terms(offer)
    tsp.up = False
    with pytest.raises(ServerRefused, match=UNKNOWN):
        await city.phone.sync()
    assert (await shown(city, card)).state == "inactive"
    assert len(on_strap(city)) == 1, "the strap has it, the token service does not know yet"
    assert not (await city.bench.tap(480)).approved
    tsp.up = True
    await city.phone.sync()
    assert (await shown(city, card)).state == "active"
    assert await states(city) == ["active"]
    tsp.up = False
    for change in (city.phone.suspend, city.phone.delete):
        with pytest.raises(ServerRefused, match=UNKNOWN):
            await change(card.id)
    with pytest.raises(ServerRefused, match="marked lost"):
        await city.phone.mark_lost()
    assert (await city.phone.tools.wallet.device(city.phone.tools.state.device_id)).state == "lost"
    tsp.up = True
    await city.phone.mark_lost()
    assert await states(city) == ["suspended"]


async def test_the_bank_is_down(city: City) -> None:
    city.wires.issuer.up = False
    offer = await city.phone.check_card(*TYPED)
    with pytest.raises(ServerRefused, match="did not answer"):
        await city.phone.accept_terms(offer)
    assert await states(city) == []
    city.wires.issuer.up = True
    await city.phone.accept_terms(offer)
    await city.phone.sync()
    assert await states(city) == ["active"]


async def test_the_bank_is_down_while_a_code_is_entered(city: City) -> None:
    card = await add(city, AOBA, Outcome.YELLOW_SMS)
    method = card.verification_methods[0].id
    city.wires.issuer.up = False
    with pytest.raises(ServerRefused, match="did not answer"):
        await city.phone.send_code(card.id, method)
    city.wires.issuer.up = True
    await city.phone.send_code(card.id, method)
    city.wires.issuer.up = False
    with pytest.raises(ServerRefused, match="did not answer"):
        await city.phone.confirm_code(card.id, OTP_RIGHT)
    city.wires.issuer.up = True
    assert (await city.phone.confirm_code(card.id, OTP_RIGHT)).state == "active"


async def test_the_phone_says_that_the_wallet_is_down_and_goes_on_later(city: City) -> None:
    card = await load_later(city)
    city.wires.wallet.up = False
    with pytest.raises(ServerUnreachable):
        await city.phone.sync()
    city.wires.wallet.up = True
    await city.phone.sync()
    assert (await shown(city, card)).state == "active"


class Silent:
    """A link of the money's way whose answers are lost while `lost` is set; requests arrive."""

    def __init__(self, link: Iso8583Client) -> None:
        self._link = link
        self.lost = False

    async def request(self, message: Message, timeout_ms: int = 0) -> Message:
        """Pass a request on; lose its answer."""
        answer = await self._link.request(message, timeout_ms)
        if self.lost:
            raise HostUnavailable("the answer is lost")
        return answer


async def test_the_switch_falls_silent_after_the_bank_approved(city: City) -> None:
    """91 at the terminal, a reversal towards the bank, and no money held in the end."""
    await add(city)
    before = await city.issuer.books("JPY")
    link = Silent(city.acquirer._switch)
    city.acquirer._switch = link
    link.lost = True
    payment = await city.bench.tap(480)
    assert (payment.approved, payment.response_code) == (False, "91")
    assert city.acquirer.open_reversals == 1
    link.lost = False
    assert city.acquirer._reversing is not None
    await city.acquirer._reversing
    assert city.acquirer.open_reversals == 0
    after = await city.issuer.books("JPY")
    assert after == before
    assert (await city.bench.tap(480)).approved
    books = await city.issuer.books("JPY")
    assert (books.unbalanced_entries, books.drifted_balances) == (0, 0)
