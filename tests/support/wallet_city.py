"""One wallet over a fake token service, with two tenants and what is needed to play a strap."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from starlette.applications import Starlette

from support.fake_tsp import CHALLENGE, DOMAIN, GENUINE, FakeTsp, Wire, jwe
from wristlet.crypto.seal import SealKey
from wristlet.env.base import Env
from wristlet.env.real import real_env
from wristlet.env.sim import SimClock, SimRandom
from wristlet.links.http import HttpClient
from wristlet.links.tsp_client import TspClient
from wristlet.links.wallet_client import WalletClient
from wristlet.model.wallet_messages import (
    AddCard,
    Card,
    CheckEligibility,
    CommitProgress,
    CommitReceipt,
    CreateWearer,
    Device,
    LeaseReportAccepted,
    LeaseReportSubmit,
    PairDevice,
)
from wristlet.wallet.app import create_app
from wristlet.wallet.context import Context
from wristlet.wallet.setup import create_tenant, opened
from wristlet.wire.receipt import (
    TAG_LEASE_REPORT,
    TAG_PIN_STATEMENT,
    TAG_RECEIPT,
    LeaseReport,
    PinStatement,
    Receipt,
    SignedStatement,
)

SEAL_KEY = SealKey(bytes(32))


def certificate(name: str) -> str:
    return base64.b64encode(b"\x30\x82" + name.encode()).decode()


def receipt(
    se_id: str, number: int, state: int = 0, *, signature: bytes = GENUINE, domain: str = DOMAIN
) -> str:
    body = Receipt(
        se_id=bytes.fromhex(se_id),
        domain_aid=bytes.fromhex(domain),
        number=number,
        script_hash=bytes(32),
        instance_aid=b"" if state == 0xFF else bytes.fromhex("a000000003101000000001"),
        state=state,
        event_counter=number,
    ).body()
    return SignedStatement(body, signature).encode(TAG_RECEIPT).hex()


def pin_statement(se_id: str, *, blocked: bool = False, events: int = 1) -> str:
    challenge = bytes.fromhex(CHALLENGE)
    body = PinStatement(bytes.fromhex(se_id), challenge, True, blocked, events).body()
    return SignedStatement(body, GENUINE).encode(TAG_PIN_STATEMENT).hex()


def lease_report(se_id: str) -> str:
    body = LeaseReport(bytes.fromhex(se_id), 1, 20, 50_000, 2).body()
    return SignedStatement(body, GENUINE).encode(TAG_LEASE_REPORT).hex()


@dataclass
class Person:
    """A wearer with a session."""

    city: City
    wearer_id: str
    token: str
    client: WalletClient

    async def pair(self, name: str = "strap") -> Device:
        self.city.clock.advance_ms(1)
        chain = [certificate(f"{self.wearer_id} {name}")]
        return await self.client.pair_device(PairDevice(name, chain, chain))

    async def offer(self, device: Device) -> str:
        """Check a card; every encryption gives another ciphertext."""
        self.city.clock.advance_ms(1)
        request = CheckEligibility(device.id, jwe(f"c2VjcmV0{self.city.clock.now_ms()}"))
        return (await self.client.check_eligibility(request)).id

    async def add(self, device: Device, decision: str = "approved") -> Card:
        self.city.tsp.decision = decision
        offer = await self.offer(device)
        return await self.client.add_card(AddCard(offer, True, pin_statement(device.se_id)))

    async def report_lease(self, device: Device, se_id: str | None = None) -> LeaseReportAccepted:
        """Pass on what the SE said about an opened lease."""
        request = LeaseReportSubmit(lease_report(se_id or device.se_id))
        return await self.client.submit_lease_report(device.id, request)

    async def run_next(self, device: Device, state: int = 0) -> CommitProgress:
        """Play the strap: run the first open script and hand in its receipt."""
        commit = (await self.client.commits(device.id)).data[0]
        statement = CommitReceipt(receipt(device.se_id, commit.script_number, state))
        return await self.client.submit_receipt(device.id, commit.sequence, statement)

    async def active(self, device: Device) -> Card:
        """Add a card and load it."""
        card = await self.add(device)
        progress = await self.run_next(device)
        assert progress.card is not None
        assert progress.card.id == card.id
        return progress.card


@dataclass
class City:
    """The wallet, its token service and the network between them."""

    app: Starlette
    context: Context
    clock: SimClock
    tsp: FakeTsp
    wire: Wire
    keys: list[str]
    phone_roots: list[tuple[bytes, bytes]]
    directory: Path
    clients: list[HttpClient] = field(default_factory=list)

    def client(self, token: str | None) -> WalletClient:
        http = HttpClient("http://wallet", token, httpx2.ASGITransport(app=self.app))
        self.clients.append(http)
        return WalletClient(http)

    async def person(self, name: str = "Hana", tenant: int = 0) -> Person:
        office = self.client(self.keys[tenant])
        wearer = await office.create_wearer(CreateWearer(name))
        session = await office.create_session(wearer.id)
        return Person(self, wearer.id, session.token, self.client(session.token))

    async def raw(
        self, method: str, path: str, token: str | None, **request: Any
    ) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= request.pop("headers", {})
        transport = httpx2.ASGITransport(app=self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://wallet") as plain:
            return await plain.request(method, path, headers=headers, **request)


@asynccontextmanager
async def wallet_city(directory: Path) -> AsyncIterator[City]:
    """Build everything in a directory."""
    clock = SimClock()
    env = Env(clock, SimRandom(7), real_env().disk)
    tsp = FakeTsp()
    wire = Wire(tsp.app())
    tsp_http = HttpClient("http://tsp", "token", wire)
    async with opened(env, directory, SEAL_KEY, TspClient(tsp_http), "none") as context:
        tenants = [
            await create_tenant(env, context.database, context.keys, name)
            for name in ("Aoba Watch", "Kita Time")
        ]
        city = City(
            create_app(context),
            context,
            clock,
            tsp,
            wire,
            [tenant.api_key for tenant in tenants],
            [(tenant.phone_root_id, tenant.phone_root_point) for tenant in tenants],
            directory,
        )
        yield city
        for http in (*city.clients, tsp_http):
            await http.close()
