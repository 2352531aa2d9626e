"""Bank, token service and secure elements for benches: our services on databases on the disk."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wristlet.companion import se_client
from wristlet.crypto import jwe
from wristlet.crypto.seal import KeyStore
from wristlet.env.base import Env
from wristlet.env.database import Database
from wristlet.env.real import real_env
from wristlet.issuer.repository import MIGRATIONS as ISSUER_MIGRATIONS
from wristlet.issuer.service import IssuerService
from wristlet.lab import setup
from wristlet.links import hop_keys, script_runner
from wristlet.links.http import HttpClient
from wristlet.links.issuer_client import IssuerClient
from wristlet.links.loopback import LoopbackChannel
from wristlet.model.issuer_messages import IdvDecision, IdvRequest, IssuerKey
from wristlet.model.testcards import TestCard
from wristlet.model.tsp_messages import (
    DigitizeAnswer,
    DigitizeRequest,
    EligibilityAnswer,
    EligibilityRequest,
    RegisterDevice,
    SubmitReceipt,
)
from wristlet.se import create as se_create
from wristlet.se.applets.base import Interface
from wristlet.se.card import Card
from wristlet.se.create import SeIdentity
from wristlet.se.profile import Profile, TrustRoot
from wristlet.tsp.config import Caller, TspConfig
from wristlet.tsp.repository import MIGRATIONS as TSP_MIGRATIONS
from wristlet.tsp.service import TokenService
from wristlet.tsp.setup import TspKeys
from wristlet.wire.gp import aids

_PIN_ENTRIES: Final = {"pin/verifier": bytes(48), "pin/tries": b"\x03"}


class DirectIssuer(IssuerClient):
    """The bank's identity checks without HTTP between: the bench is not about HTTP."""

    def __init__(self, issuer: IssuerService) -> None:
        super().__init__(HttpClient("http://issuer"))
        self._issuer = issuer

    async def key(self) -> IssuerKey:
        """Return the bank's key."""
        known = self._issuer.identity
        return IssuerKey(known.kid, known.public_point.hex())

    async def decide(self, request: IdvRequest) -> IdvDecision:
        """Ask the bank."""
        return await self._issuer.idv.decide(request)


@dataclass(frozen=True, slots=True)
class Strap:
    """One registered secure element with a PIN."""

    card: Card
    identity: SeIdentity

    @property
    def channel(self) -> LoopbackChannel:
        """Its contacts."""
        return LoopbackChannel(self.card.port(Interface.WIRED))


class Town:
    """Our services and what makes secure elements for them."""

    def __init__(
        self, env: Env, sandbox: setup.Sandbox, issuer: IssuerService, tsp: TokenService
    ) -> None:
        self.env = env
        self.issuer = issuer
        self.tsp = tsp
        self.requestor = tsp.context.config.callers[0]
        self._sandbox = sandbox
        self._owner = setup.open_store(env, sandbox.paths, "owner")
        root = TrustRoot(sandbox.tsp.ca_kloc_id, sandbox.tsp.ca_kloc_point)
        self._profile = Profile(
            model=setup.SE_MODEL, tsp_root=root, tenant_root=root, pin_authority=aids.TSP_DOMAIN
        )
        self._count = 0

    def store(self, part: str) -> KeyStore:
        """Open the key store of a part."""
        return setup.open_store(self.env, self._sandbox.paths, part)

    def key(self, part: str, peer: str) -> bytes:
        """Return the MAC key of a link as one of its ends has it."""
        return hop_keys.hop_key(self.store(part), peer)

    def number(self) -> int:
        """Return a number that was not given before."""
        self._count += 1
        return self._count

    async def strap(self) -> Strap:
        """Make a sealed secure element on the disk, give it a PIN and register it."""
        paths, env = self._sandbox.paths, self.env
        folder = str(paths.root / f"strap-{self.number()}")
        seal_key = setup.seal_key(env, paths, "se")
        identity = se_create.create(env, folder, seal_key, self._owner, self._profile, sandbox=True)
        card = Card.open(env, folder, seal_key, sandbox=True)
        with card.store.transaction():
            for entry, content in _PIN_ENTRIES.items():
                card.store.put(entry, content)
        strap = Strap(card, identity)
        chains = await se_client.read_chains(strap.channel)
        await self.tsp.register_device(
            RegisterDevice(_base64(chains.attestation), _base64(chains.tsp_domain))
        )
        return strap

    async def offer(self, strap: Strap, card: TestCard) -> DigitizeRequest:
        """Do the wearer's part up to the accepted terms; return what digitises the card."""
        answer = await self._eligible(strap, card)
        statement = await se_client.pin_statement(strap.channel, bytes.fromhex(answer.challenge))
        return DigitizeRequest(
            f"digitize_{self.number()}", answer.eligibility_id, answer.terms.id, 1, statement.hex()
        )

    async def _eligible(self, strap: Strap, card: TestCard) -> EligibilityAnswer:
        fields = {
            "pan": card.number.reveal(),
            "expiry_yymm": card.expiry_yymm,
            "security_code": card.security_code.reveal(),
        }
        keys = self.tsp.context.keys
        envelope = jwe.encrypt(
            json.dumps(fields).encode(), keys.card_data.public_key(), keys.card_data_kid
        )
        request = EligibilityRequest(
            f"eligibility_{self.number()}", strap.identity.se_id.hex(), envelope
        )
        return await self.tsp.check_eligibility(self.requestor, request)

    async def provision(self, strap: Strap, request: DigitizeRequest) -> DigitizeAnswer:
        """Digitise, run the script on the secure element, hand its receipt in."""
        answer = await self.tsp.digitize(self.requestor, request)
        if answer.script is None:
            raise RuntimeError(f"the token service said {answer.decision}")
        channel = strap.channel
        run = await script_runner.run_script(
            channel, [bytes.fromhex(apdu) for apdu in answer.script.apdus]
        )
        if not run.completed:
            raise RuntimeError(f"the script stopped with {run.sw}")
        receipt = await script_runner.read_receipt(channel, aids.TSP_DOMAIN, answer.script.number)
        if receipt is None:
            raise RuntimeError("the secure element has no receipt")
        accepted = await self.tsp.submit_receipt(self.requestor, SubmitReceipt(receipt.hex()))
        if accepted.token is None or accepted.token.state != "active":
            raise RuntimeError("the token did not become active")
        return answer


def _base64(chain: list[bytes]) -> list[str]:
    return [base64.b64encode(der).decode() for der in chain]


@asynccontextmanager
async def running_town(sandbox: setup.Sandbox) -> AsyncIterator[Town]:
    """Run bank and token service on power-safe databases while the block runs."""
    env = real_env()
    async with open_bank(env, sandbox) as issuer, open_tokens(env, sandbox, issuer) as tsp:
        yield Town(env, sandbox, issuer, tsp)


@asynccontextmanager
async def open_bank(env: Env, sandbox: setup.Sandbox) -> AsyncIterator[IssuerService]:
    """Run the bank with the sandbox's accounts."""
    store = setup.open_store(env, sandbox.paths, "issuer")
    async with _open(sandbox.paths.database("issuer"), ISSUER_MIGRATIONS) as database:
        issuer = IssuerService(env, database, store, sandbox=True)
        await issuer.start()
        yield issuer


@asynccontextmanager
async def open_tokens(
    env: Env, sandbox: setup.Sandbox, issuer: IssuerService | None = None
) -> AsyncIterator[TokenService]:
    """Run the token service; without a bank it can authorise but not digitise."""
    config = TspConfig(
        trusted_roots=(sandbox.maker_root_der,),
        callers=(Caller.of("wallet", sandbox.requestor_token),),
    )
    nobody = IssuerClient(HttpClient("http://issuer"))
    client = nobody if issuer is None else DirectIssuer(issuer)
    keys = TspKeys.load(setup.open_store(env, sandbox.paths, "tsp"))
    async with _open(sandbox.paths.database("tsp"), TSP_MIGRATIONS) as database:
        yield TokenService(env, database, keys, config, client)


@asynccontextmanager
async def _open(path: Path, migrations: Path) -> AsyncIterator[Database]:
    database = Database(path, migrations, on_loop=True)
    await database.open()
    try:
        yield database
    finally:
        await database.close()
