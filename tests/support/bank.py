"""A bank for tests: its keys and database in memory's stead, its test cards' accounts opened."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from wristlet.crypto import ec, jwe
from wristlet.crypto.seal import KeyStore, SealKey
from wristlet.env.database import Database
from wristlet.env.sim import SimEnv
from wristlet.issuer import setup
from wristlet.issuer.idv import Deliver, no_delivery
from wristlet.issuer.repository import MIGRATIONS
from wristlet.issuer.service import IssuerService
from wristlet.model.testcards import AOBA, Outcome, TestCard, find_card
from wristlet.wire import ber
from wristlet.wire.emv import tags
from wristlet.wire.iso8583 import private
from wristlet.wire.iso8583.message import Message
from wristlet.wire.iso8583.private import TokenData

ACQUIRER = "99990001"


def new_store(env: SimEnv, context: bytes = b"issuer") -> KeyStore:
    """Make an empty key store on the simulated disk."""
    key = SealKey(env.random.bytes(32))
    return KeyStore.create(env.disk, f"/{context.decode()}", key, context, env.random.bytes)


@asynccontextmanager
async def running_bank(
    folder: Path,
    env: SimEnv | None = None,
    *,
    sandbox: bool = True,
    deliver: Deliver = no_delivery,
    inline: bool = True,
    with_accounts: bool = False,
    with_token: bool = False,
) -> AsyncIterator[IssuerService]:
    """Run a bank with fresh keys while the block runs; a sandbox has accounts anyway."""
    env = env or SimEnv()
    store = new_store(env)
    setup.create_keys(env, store)
    if with_token:
        setup.create_tsp_token(env, store)
    database = Database(folder / "issuer.db", MIGRATIONS, "none", inline=inline)
    await database.open()
    try:
        service = IssuerService(env, database, store, sandbox=sandbox, deliver=deliver)
        await service.start()
        if with_accounts:
            await database.write(lambda connection: setup.seed_accounts(connection, env, store))
        yield service
    finally:
        await database.close()


def payment(
    card: TestCard | None = None,
    amount_minor: int = 500,
    *,
    stan: int = 1,
    verdict: str = "none",
    result_class: str = "valid",
    cvm: bytes = b"\x1f\x03\x02",
    currency: str = "392",
) -> Message:
    """Return an 0100 as the token service sends it to the bank."""
    card = card or find_card(AOBA, Outcome.GREEN)
    token = TokenData("tok_1", "wallet", "par", "1234", result_class, verdict)
    return Message(
        "0100",
        {
            2: card.number,
            3: "000000",
            4: f"{amount_minor:012d}",
            7: "0101120000",
            11: f"{stan:06d}",
            14: card.expiry_yymm,
            32: ACQUIRER,
            37: f"0101{stan:08d}",
            41: "WRIST001",
            42: "WRISTLETSHOP001",
            43: "WRISTLET COFFEE",
            48: private.encode(token),
            49: currency,
            55: ber.encode(tags.CVM_RESULTS_9F34, cvm),
        },
    )


def reversal(request: Message, mti: str = "0420") -> Message:
    """Return the reversal of an 0100."""
    institution = request.text(32).rjust(11, "0")
    original = f"{request.mti}{request.text(11)}{request.text(7)}{institution}{'0' * 11}"
    kept = {number: request.fields[number] for number in (2, 4, 7, 11, 32, 37, 49)}
    return Message(mti, {**kept, 39: "91", 90: original})


def envelope(service: IssuerService, **content: str) -> str:
    """Encrypt fields for the bank as the token service does."""
    key = ec.public_key(service.identity.public_point)
    return jwe.encrypt(json.dumps(content).encode(), key, service.identity.kid)


def card_envelope(service: IssuerService, card: TestCard, **changed: str) -> str:
    """Encrypt a card's data, some of them changed."""
    content = {
        "pan": card.number.reveal(),
        "expiry_yymm": card.expiry_yymm,
        "security_code": card.security_code.reveal(),
    }
    return envelope(service, **{**content, **changed})
