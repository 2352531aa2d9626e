"""Who may know what: no secret of a run in the bytes between the parts, nor in any database."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from support.city_life import block_pin, device_of, prove, tell_pin, wallet_of
from support.city_story import PIN, add, load_later
from wristlet.companion.errors import CodeRefused, PinWrong
from wristlet.issuer.cardholders import ReissueCard
from wristlet.lab.canary import (
    CanarySecret,
    Kind,
    Needle,
    count_seen,
    needles,
    scan_bytes,
    scan_file,
    seed_leaks,
)
from wristlet.lab.city import City
from wristlet.model.testcards import KITA, MINAMI, OTP_RIGHT, OTP_WRONG, Outcome
from wristlet.model.wallet_messages import StartFurtherPhone, StartPinReset

pytestmark = pytest.mark.slow

WALLET_SCHEMA = Path(__file__).parents[2] / "src/wristlet/wallet/migrations"
# What a column would be called that could hold a secret.
FORBIDDEN = ("pan", "dpan", "fpan", "number", "pin", "cvc", "cvv", "security", "key", "secret")
ALLOWED = {
    "script_number": "counts scripts",
    "key_hash": "SHA-256 of an API key or of an idempotency key",
}


@dataclass
class Recorder:
    """Every byte of a wire, as sent: head and body of requests and answers."""

    requests: int = 0
    heard: bytearray = field(default_factory=bytearray)

    def __call__(self, request: httpx2.Request, answer: httpx2.Response) -> None:
        self.requests += 1
        self.heard += str(request.url).encode() + repr(request.headers.raw).encode()
        self.heard += request.content + repr(answer.headers.raw).encode()
        self.heard += answer.content


async def whole_life(city: City) -> None:
    """Everything that makes traffic: codes, PINs, refusals, loss, replacement, removal."""
    phone = city.phone
    first = await add(city)
    waiting = await add(city, KITA, Outcome.YELLOW_SMS)
    await phone.send_code(waiting.id, waiting.verification_methods[0].id)
    with pytest.raises(CodeRefused):
        await phone.confirm_code(waiting.id, OTP_WRONG)
    await phone.confirm_code(waiting.id, OTP_RIGHT)
    assert (await city.bench.tap(480)).approved
    with pytest.raises(PinWrong):
        await phone.verify_pin("111999")
    await phone.verify_pin(PIN)
    await phone.mark_lost()
    assert not (await city.bench.tap(480)).approved
    await phone.mark_found()
    await add(city)
    removed = await load_later(city, MINAMI)
    await phone.delete(removed.id)
    await phone.suspend(waiting.id)
    await phone.sync()
    await renewed_and_reset(city)
    assert first.id in {card.id for card in await phone.cards()}


async def renewed_and_reset(city: City) -> None:
    """A reissued card, a blocked PIN and its reset, a further phone: by codes and scripts."""
    phone, wallet, device_id = city.phone, wallet_of(city.phone), device_of(city.phone)
    accounts = {one.bank: one for one in await city.issuer.accounts() if one.outcome == "green"}
    reissue = ReissueCard("3411")
    replaced = await city.issuer.cardholders.reissue(accounts["Aoba Bank"].account_id, reissue)
    assert replaced.tokens > 0
    await city.deliver()
    await phone.sync()
    await block_pin(phone)
    await tell_pin(phone)
    point = phone.tools.public_point().hex()
    for order in (
        await wallet.start_pin_reset(device_id, StartPinReset()),
        await wallet.start_further_phone(device_id, StartFurtherPhone(point)),
    ):
        await prove(phone, order)
    await phone.sync()
    await phone.create_pin(PIN)
    await tell_pin(phone)
    await phone.sync()
    await city.bench.tap(480)
    await city.deliver()
    assert (await wallet.transactions(device_id)).data


async def test_no_secret_in_the_traffic_nor_in_any_database(city: City, tmp_path: Path) -> None:
    recorders = {"wallet": Recorder(), "token service": Recorder()}
    city.wires.wallet.watch = recorders["wallet"]
    city.wires.tsp.watch = recorders["token service"]
    city.wires.issuer.watch = recorders["bank"] = Recorder()
    await whole_life(city)
    known = await city.bench.artefacts.secrets()
    wanted = needles(known)
    assert {secret.kind for secret in known} == {Kind.NUMBER, Kind.KEY, Kind.PIN}
    assert sum(secret.label.startswith("token •") for secret in known) >= 4

    for name, recorder in recorders.items():
        assert recorder.requests > 20
        assert b"card_jwe" in recorder.heard
        assert (b"apdus" in recorder.heard) == (name != "bank")
        assert scan_bytes(bytes(recorder.heard), wanted, f"wire to the {name}") == []
    databases = sorted(city.sandbox.paths.root.rglob("*.db*"))
    assert {path.name.partition(".")[0] for path in databases} >= {"wallet", "tsp", "issuer"}
    for path in databases:
        assert scan_file(path, wanted)[1] == []
    sees(wanted, known, tmp_path, bytes(recorders["wallet"].heard))


def sees(
    wanted: Sequence[Needle], known: Sequence[CanarySecret], tmp_path: Path, heard: bytes
) -> None:
    """The scan finds what is planted, also in the middle of real traffic."""
    folder = tmp_path / "seeds"
    folder.mkdir()
    seeds = seed_leaks(folder, known)
    assert count_seen(seeds, wanted) == len(seeds)
    for needle in wanted[:50]:
        leaking = heard[:5_000] + needle.pattern + heard[5_000:10_000]
        assert scan_bytes(leaking, [needle], "planted") != []


def test_no_field_of_the_wallet_could_hold_a_secret(tmp_path: Path) -> None:
    """A column for a number, a PIN or a key would have to be named and explained here."""
    with closing(sqlite3.connect(tmp_path / "empty.db")) as database:
        for migration in sorted(WALLET_SCHEMA.glob("*.sql")):
            database.executescript(migration.read_text())
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master")]
        columns = {
            row[1]
            for table in tables
            for row in database.execute(f"PRAGMA table_info({table})")  # names from our own schema
        }
    assert len(columns) > 40
    suspicious = {column for column in columns if set(re.split(r"_", column)) & set(FORBIDDEN)}
    assert suspicious == set(ALLOWED)


async def test_the_wallets_database_has_no_run_of_digits_like_a_card(city: City) -> None:
    """Whatever its columns are called: no text in it looks like a card or device number."""
    await whole_life(city)
    path = city.sandbox.paths.database("wallet")
    found = []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        tables = [
            row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        for table in tables:
            for row in database.execute(f"SELECT * FROM {table}"):  # names from our own schema
                found += [
                    (table, match.group()[:6])
                    for value in row
                    if isinstance(value, str)
                    for match in re.finditer(r"(?<![0-9a-fA-F])999[89]\d{12}(?![0-9a-fA-F])", value)
                ]
    assert found == []
