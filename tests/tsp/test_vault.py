"""What rests in the database: no number in plain or under an unkeyed hash, nothing that moves."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from support.fake_se import tap
from support.tsp_city import City, tsp_city
from wristlet.crypto.errors import SealError
from wristlet.env.sim import SimRandom
from wristlet.model.testcards import AOBA, Outcome, find_card
from wristlet.tsp.minting import draw_dpan, draw_par
from wristlet.tsp.vault import DPAN, FPAN, Vault

NUMBER = "9999010000000019"
KEY, INDEX_KEY = bytes(range(32)), bytes(range(32, 64))


@pytest.fixture
def vault() -> Vault:
    return Vault(KEY, INDEX_KEY, SimRandom(1))


def test_sealed_value_opens_in_its_own_place_only(vault: Vault) -> None:
    sealed = vault.seal(FPAN, "row 1", NUMBER.encode())
    assert vault.open(FPAN, "row 1", sealed) == NUMBER.encode()
    with pytest.raises(SealError):
        vault.open(FPAN, "row 2", sealed)
    with pytest.raises(SealError):
        vault.open(DPAN, "row 1", sealed)
    with pytest.raises(SealError):
        Vault(INDEX_KEY, INDEX_KEY, SimRandom(1)).open(FPAN, "row 1", sealed)


def test_same_value_never_seals_alike(vault: Vault) -> None:
    assert vault.seal(FPAN, "row", b"1") != vault.seal(FPAN, "row", b"1")


def test_blind_index_depends_on_key_and_kind(vault: Vault) -> None:
    assert vault.index(FPAN, NUMBER) == vault.index(FPAN, NUMBER)
    others = [
        vault.index(DPAN, NUMBER),
        vault.index(FPAN, NUMBER[:-1] + "0"),
        Vault(KEY, KEY, SimRandom(1)).index(FPAN, NUMBER),
        hashlib.sha256(NUMBER.encode()).digest(),
    ]
    assert len({vault.index(FPAN, NUMBER), *others}) == 5


def test_keys_must_be_whole() -> None:
    with pytest.raises(SealError):
        Vault(KEY[:16], INDEX_KEY, SimRandom(1))
    with pytest.raises(ValueError, match="blind-index key"):
        Vault(KEY, INDEX_KEY[:16], SimRandom(1))


def test_token_numbers_are_spread_and_checked() -> None:
    random = SimRandom(7)
    numbers = {draw_dpan("999801", random).reveal() for _ in range(2_000)}
    assert len(numbers) == 2_000
    assert all(n.startswith("999801") and len(n) == 16 for n in numbers)
    for position in range(6, 15):
        seen = [sum(n[position] == digit for n in numbers) for digit in "0123456789"]
        assert all(130 < times < 270 for times in seen)


def test_account_references_have_29_characters() -> None:
    par = draw_par(SimRandom(1))
    assert len(par) == 29
    assert par.isalnum()
    assert par.isupper()


def encodings(digits: str) -> list[bytes]:
    """How a number could hide: text, packed at both phases, integers, base64, unkeyed hashes."""
    plain = digits.encode()
    packed = bytes.fromhex(digits)
    forms = [plain, digits.encode("utf-16-le"), packed, bytes.fromhex(f"0{digits}0")[1:-1]]
    forms += [plain.hex().encode(), packed.hex().encode()]
    forms += [int(digits).to_bytes(7, "big"), int(digits).to_bytes(7, "little")]
    forms += [base64.b64encode(plain)[:-4], base64.b64encode(packed)[:-4]]
    for name in ("md5", "sha1", "sha256"):
        digest = hashlib.new(name, plain, usedforsecurity=False).digest()
        forms += [digest, digest.hex().encode()]
    return forms


async def test_database_holds_no_number_in_any_form(tmp_path: Path) -> None:
    card = find_card(AOBA, Outcome.GREEN)
    async with tsp_city(tmp_path) as city:
        element = await city.element()
        await city.active_token(element, card)
        await city.offer(element, card)
        aid = element.only()
        await city.authorizer.handle(tap(element, aid))
        dpan = element.instances[aid].dpan
    artefacts = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert any(dpan[-4:].encode() in data for data in artefacts.values()), "the scan sees"
    for number in (dpan, card.number.reveal()):
        for form in encodings(number):
            assert [name for name, data in artefacts.items() if form in data] == []


async def test_card_data_of_a_taken_or_expired_offer_is_erased(tmp_path: Path) -> None:
    card = find_card(AOBA, Outcome.GREEN)
    async with tsp_city(tmp_path) as city:
        element = await city.element()
        await city.digitize(element, card)
        assert await kept_card_data(city) == [0]
        await city.offer(element, card)
        city.env.clock.jump_wall_ms(city.service.context.config.eligibility_ms + 1)
        await city.offer(element, card)
        assert await kept_card_data(city) == [0, 0, 1]


async def kept_card_data(city: City) -> list[int]:
    query = "SELECT card_sealed IS NOT NULL FROM eligibilities ORDER BY created_ms"
    return await city.database.read(lambda c: [row[0] for row in c.execute(query)])
