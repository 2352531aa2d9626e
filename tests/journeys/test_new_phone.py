"""Several phones on one strap, and a lost phone whose successor takes over."""

from __future__ import annotations

import hashlib

import pytest

from support.city_life import (
    another_phone,
    device_of,
    know_strap,
    prove,
    signed_in,
    wallet_of,
)
from support.city_story import PIN, add, shown
from wristlet.companion.core import Companion
from wristlet.companion.errors import CompanionError
from wristlet.lab.city import City
from wristlet.links.http import RemoteProblem
from wristlet.model.testcards import OTP_WRONG
from wristlet.model.wallet_messages import CertifyPhone, ChangeReason, StartFurtherPhone
from wristlet.wire import ber
from wristlet.wire.apdu import Command

pytestmark = pytest.mark.slow

INS_ENROL, FURTHER, REMOVE = 0xE0, 0x01, 0x02
SW_OK, SW_LAST = 0x9000, 0x6985


def hash_of(phone: Companion) -> bytes:
    return hashlib.sha256(phone.tools.public_point()).digest()


async def through_channel(phone: Companion, command: Command) -> tuple[int, bytes]:
    channel = await phone.tools.open_channel()
    answer = await channel._send(command)
    return answer.sw, answer.data


async def listed(phone: Companion) -> list[bytes]:
    """The phones on the strap's own list, as the element names them to one of them."""
    sw, data = await through_channel(phone, Command(0x80, 0xCA, 0xDF, 0x51, b"", 256))
    assert sw == SW_OK
    raw = ber.require(data, 0xDF51)
    return [raw[at : at + 32] for at in range(0, len(raw), 32)]


async def enrol(phone: Companion, action: int, other: bytes) -> int:
    return (await through_channel(phone, Command(0x80, INS_ENROL, action, 0, other)))[0]


async def certify(phone: Companion, name: str) -> None:
    """Have the brand certify the phone's key, as it is done before it is on the strap's list."""
    request = CertifyPhone(phone.tools.public_point().hex(), name)
    answer = await wallet_of(phone).certify_phone(device_of(phone), request)
    phone.tools.remember(certificate=answer.certificate)


async def test_the_old_phone_lets_a_second_one_in_and_either_can_unlock(city: City) -> None:
    await add(city)
    second = await another_phone(city, city.phone.strap, "second", wallet_of(city.phone))
    await know_strap(city.phone, second)
    await certify(second, "second phone")
    with pytest.raises(CompanionError, match="does not accept this phone"):
        await second.verify_pin(PIN)
    assert await enrol(city.phone, FURTHER, hash_of(second)) == SW_OK
    await second.verify_pin(PIN)
    assert (await city.bench.tap(15_000)).approved
    await city.phone.verify_pin(PIN)
    assert await listed(second) == sorted([hash_of(city.phone), hash_of(second)])
    assert (await second.state()).phones == 2
    phones = (await wallet_of(second).phones(device_of(second))).data
    assert [one.name for one in phones] == ["phone", "second phone"]


async def test_a_lost_phones_successor_proves_itself_and_shuts_the_old_one_out(
    city: City,
) -> None:
    card = await add(city)
    new = await another_phone(city, city.phone.strap, "new")
    await know_strap(city.phone, new)
    wallet, device_id = wallet_of(new), device_of(new)
    wish = StartFurtherPhone(new.tools.public_point().hex(), "new phone")
    order = await wallet.start_further_phone(device_id, wish)
    assert (order.kind, order.card_id) == ("further_phone", card.id)
    assert await prove(new, order, OTP_WRONG) == "incorrect_code"
    await certify(new, "new phone")
    with pytest.raises(CompanionError, match="does not accept this phone"):
        await new.verify_pin(PIN)
    assert await prove(new, order) == "success"
    await new.sync()
    assert (await wallet.device_order(device_id, order.id)).state == "done"
    await new.verify_pin(PIN)

    assert await enrol(new, REMOVE, hash_of(city.phone)) == SW_OK
    assert await listed(new) == [hash_of(new)]
    assert await enrol(new, REMOVE, hash_of(new)) == SW_LAST, "the last one stays"
    old_id = hash_of(city.phone).hex()
    gone = await wallet.revoke_phone(device_id, old_id, ChangeReason("lost"))
    assert gone.state == "revoked"
    assert (await wallet.end_other_sessions()).ended >= 1
    with pytest.raises(CompanionError, match="does not accept this phone"):
        await city.phone.verify_pin(PIN)
    with pytest.raises(RemoteProblem) as caught:
        await wallet_of(city.phone).devices()
    assert caught.value.status == 401
    assert (await shown_by(new, card.id)) == "active"
    assert (await city.bench.tap(15_000)).approved, "the lease that the new phone opened"


async def shown_by(phone: Companion, card_id: str) -> str:
    return (await wallet_of(phone).card(card_id)).state


async def test_the_brand_alone_enrols_no_phone(city: City) -> None:
    """It certifies a key of its own and starts an order: without the code there is no script."""
    card = await add(city)
    own = await another_phone(city, city.phone.strap, "own", await signed_in(city))
    await know_strap(city.phone, own)
    wish = StartFurtherPhone(own.tools.public_point().hex(), "")
    order = await wallet_of(own).start_further_phone(device_of(own), wish)
    for guess in ("000001", "000002", "000003"):
        assert await prove(own, order, guess) == "incorrect_code"
    await certify(own, "")
    await own.sync()
    assert (await city.phone.state()).phones == 1
    with pytest.raises(CompanionError, match="does not accept this phone"):
        await own.verify_pin(PIN)
    assert (await shown(city, card)).state == "active"


async def test_a_revoked_key_gets_no_second_chance(city: City) -> None:
    await add(city)
    wallet, device_id = wallet_of(city.phone), device_of(city.phone)
    await wallet.revoke_phone(device_id, hash_of(city.phone).hex(), ChangeReason(""))
    with pytest.raises(RemoteProblem) as caught:
        await certify(city.phone, "again")
    assert caught.value.problem.code == "phone_revoked"
