"""The bank replaces cards: numbers, books and what the token service is told."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from support.bank import new_store, payment
from wristlet.crypto import ec, jwe, x509chain
from wristlet.crypto.seal import KeyStore
from wristlet.crypto.x509chain import Use, Validity
from wristlet.env.database import Database
from wristlet.env.migrate import migrate
from wristlet.env.sim import SimEnv
from wristlet.issuer import setup
from wristlet.issuer.cardholders import CardholderError, ReissueCard, TokenOrder
from wristlet.issuer.repository import MIGRATIONS
from wristlet.issuer.service import IssuerService
from wristlet.links.http import RemoteUnavailable
from wristlet.model.testcards import AOBA, Outcome, find_card
from wristlet.model.tsp_messages import (
    CardKey,
    CardReissueCounted,
    CardReissued,
    LifecycleAnswer,
    LifecycleRequest,
    TokenInfo,
)
from wristlet.wire.masked import SecretDigits

CARD = find_card(AOBA, Outcome.GREEN)
YEAR_MS = 365 * 86_400_000
TOKEN = TokenInfo("tok_1", "suspended", ["issuer"], "0001", "4001", "2901", "", "", "", "00", "")


class Tsp:
    """The token service's client: opens what it is told, may be down."""

    def __init__(self, now_ms: int) -> None:
        validity = Validity(now_ms - YEAR_MS, now_ms + YEAR_MS)
        root = x509chain.Issuer.root(ec.private_key(bytes(31) + b"\x71"), "root", validity, 1)
        self.leaf_key = ec.private_key(bytes(31) + b"\x72")
        point = ec.point_of(self.leaf_key)
        leaf = root.leaf(x509chain.Subject("card data"), point, Use.AGREE, validity, 2)
        self.root, self.chain = root.certificate, [leaf, root.certificate]
        self.told: list[tuple[dict[str, str], dict[str, str]]] = []
        self.orders: list[tuple[str, str, LifecycleRequest]] = []
        self.down = False

    async def card_key(self) -> CardKey:
        if self.down:
            raise RemoteUnavailable("down")
        return CardKey("card-1", [base64.b64encode(one).decode() for one in self.chain])

    async def card_reissued(self, request: CardReissued) -> CardReissueCounted:
        old, new = (
            json.loads(jwe.decrypt(text, self.leaf_key))
            for text in (request.old_card_jwe, request.new_card_jwe)
        )
        self.told.append((old, new))
        return CardReissueCounted(2)

    async def suspend(self, reference: str, request: LifecycleRequest) -> LifecycleAnswer:
        self.orders.append((reference, "suspend", request))
        return LifecycleAnswer(TOKEN)

    resume = delete = suspend


class Bank:
    """A bank with its accounts and its way to the token service."""

    def __init__(self, env: SimEnv, store: KeyStore, database: Database, tsp: Tsp) -> None:
        self.env, self.store, self.tsp, self.database = env, store, tsp, database
        self.service = IssuerService(env, database, store, sandbox=True, tsp=tsp)  # type: ignore[arg-type] # a double

    async def account_id(self) -> str:
        number = CARD.number.last4
        found = [one for one in await self.service.accounts() if one.bank == AOBA.name]
        return next(
            one.account_id
            for one in found
            if one.outcome == Outcome.GREEN.value and (one.card_last4 == number or self.tsp.told)
        )

    async def pay(self, number: str) -> str:
        request = payment(CARD, 500, stan=len(number) + int(number[-3:]))
        answer = await self.service.host.handle(request.with_fields({2: SecretDigits(number)}))
        return answer.text(39)


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Bank]:
    env = SimEnv()
    store, tsp = new_store(env), Tsp(env.clock.now_ms())
    setup.create_keys(env, store)
    setup.trust_token_service(store, tsp.root, "tb_test")
    database = Database(tmp_path / "issuer.db", MIGRATIONS, "none", inline=True)
    await database.open()
    made = Bank(env, store, database, tsp)
    await made.service.start()
    yield made
    await database.close()


async def test_a_new_number_keeps_the_account_and_the_old_number_leads_there(bank: Bank) -> None:
    account_id = await bank.account_id()
    answer = await bank.service.cardholders.reissue(account_id, ReissueCard("3411"))
    ((old, new),) = bank.tsp.told
    assert old == {"pan": CARD.number.reveal(), "expiry_yymm": CARD.expiry_yymm}
    assert new["pan"][:8] == CARD.number.reveal()[:8], "same bank, same outcome"
    assert (new["expiry_yymm"], answer.tokens, answer.card_last4) == ("3411", 2, new["pan"][-4:])
    for number in (old["pan"], new["pan"]):
        assert await bank.pay(number) == "00"
    listed = await bank.service.authorisations(account_id)
    assert {one.account_id for one in listed} == {account_id}
    assert len(listed) == 2


async def test_no_number_rests_in_the_books(bank: Bank, tmp_path: Path) -> None:
    await bank.service.cardholders.reissue(await bank.account_id(), ReissueCard("3411"))
    ((old, new),) = bank.tsp.told
    content = b"".join(path.read_bytes() for path in tmp_path.glob("issuer.db*"))
    for number in (old["pan"], new["pan"]):
        assert number.encode() not in content
        assert bytes.fromhex(number) not in content


async def test_a_second_reissue_goes_on_from_the_first(bank: Bank) -> None:
    account_id = await bank.account_id()
    for expiry in ("3411", "3511"):
        await bank.service.cardholders.reissue(account_id, ReissueCard(expiry))
    (first, second), (third, fourth) = bank.tsp.told
    assert (third, fourth["expiry_yymm"]) == (second, "3511")
    assert await bank.pay(first["pan"]) == "00"


async def test_what_the_token_service_did_not_hear_is_told_again(bank: Bank) -> None:
    account_id = await bank.account_id()
    bank.tsp.down = True
    with pytest.raises(RemoteUnavailable):
        await bank.service.cardholders.reissue(account_id, ReissueCard("3411"))
    bank.tsp.down = False
    await bank.service.cardholders.reissue(account_id, ReissueCard("3411"))
    await bank.service.cardholders.reissue(account_id, ReissueCard("3511"))
    numbers = [(old["pan"], new["pan"]) for old, new in bank.tsp.told]
    assert numbers[0][0] == CARD.number.reveal()
    assert numbers[1][0] == numbers[0][1], "the first was not begun anew"


async def test_a_new_date_alone(bank: Bank) -> None:
    account_id = await bank.account_id()
    wish = ReissueCard("3411", new_number=False)
    await bank.service.cardholders.reissue(account_id, wish)
    ((old, new),) = bank.tsp.told
    assert (old["pan"], new["expiry_yymm"]) == (new["pan"], "3411")


@pytest.mark.parametrize("expiry", ["", "341", "3400", "3413", "34 1", "\u0663\u06641\u0661"])
async def test_a_malformed_date_is_refused(bank: Bank, expiry: str) -> None:
    with pytest.raises(CardholderError) as caught:
        await bank.service.cardholders.reissue(await bank.account_id(), ReissueCard(expiry))
    assert caught.value.param == "expiry_yymm"


async def test_nothing_is_sent_to_a_key_that_is_not_the_token_services(bank: Bank) -> None:
    validity = Validity(0, bank.env.clock.now_ms() + YEAR_MS)
    forged = x509chain.Issuer.root(ec.private_key(bytes(31) + b"\x73"), "root", validity, 9)
    point = ec.point_of(ec.private_key(bytes(31) + b"\x74"))
    leaf = forged.leaf(x509chain.Subject("card data"), point, Use.AGREE, validity, 2)
    bank.tsp.chain = [leaf, forged.certificate]
    with pytest.raises(CardholderError) as caught:
        await bank.service.cardholders.reissue(await bank.account_id(), ReissueCard("3411"))
    assert caught.value.code == "key_untrusted"
    assert bank.tsp.told == []


async def test_unknown_accounts_and_a_missing_token_service(bank: Bank) -> None:
    with pytest.raises(CardholderError) as caught:
        await bank.service.cardholders.reissue("acct_none", ReissueCard("3411"))
    assert caught.value.code == "account_unknown"
    alone = IssuerService(bank.env, bank.database, bank.store, sandbox=True)
    with pytest.raises(CardholderError) as caught:
        await alone.cardholders.change_token("tok_1", "suspend", TokenOrder())
    assert caught.value.code == "token_service_missing"


async def test_the_bank_speaks_for_itself_only(bank: Bank) -> None:
    await bank.service.cardholders.change_token("tok_1", "suspend", TokenOrder("looks wrong"))
    ((reference, verb, request),) = bank.tsp.orders
    assert (reference, verb, request.by, request.reason) == (
        "tok_1",
        "suspend",
        "issuer",
        "looks wrong",
    )


def test_books_of_an_older_version_are_brought_up(tmp_path: Path) -> None:
    older = tmp_path / "older"
    older.mkdir()
    (older / "0001-accounts.sql").write_text((MIGRATIONS / "0001-accounts.sql").read_text())
    path = tmp_path / "issuer.db"
    migrate(path, older)
    values = ("acct_1", "index", "0001", "Aoba Bank", "3012", "mac", "open", "green", "JPY", 5)
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"INSERT INTO accounts VALUES ({','.join('?' * 10)})", values)
        database.commit()
    migrate(path, MIGRATIONS)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT * FROM accounts").fetchall() == [values]
        assert database.execute("SELECT COUNT(*) FROM reissues").fetchone() == (0,)
