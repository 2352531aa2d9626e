"""All parts in one process, meeting in bytes: the whole chain for journeys, tests and benches.

Nothing is left out against the processes of the demo: HTTP requests are built and parsed, ISO
8583 messages are encoded under their MAC, APDUs cross as bytes, databases are files.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx2
from starlette.types import ASGIApp

from wristlet.companion.core import Companion
from wristlet.companion.store import PhoneStore
from wristlet.crypto.seal import KeyStore, KeyUsage
from wristlet.env.base import Env
from wristlet.env.database import Database, Durability
from wristlet.env.real import real_env
from wristlet.issuer import setup as issuer_setup
from wristlet.issuer.endpoints import create_app as issuer_app
from wristlet.issuer.repository import MIGRATIONS as ISSUER_MIGRATIONS
from wristlet.issuer.service import IssuerService
from wristlet.lab import known_secrets, setup
from wristlet.lab.bench import Artefacts, Bench, BreakableStrap
from wristlet.lab.canary import CanarySecret
from wristlet.lab.signin import sign_in
from wristlet.lab.steps import DEMO_PIN
from wristlet.links import hop_keys
from wristlet.links.http import HttpClient
from wristlet.links.iso8583_peer import LoopbackClient
from wristlet.links.issuer_client import IssuerClient
from wristlet.links.loopback import LoopbackChannel
from wristlet.links.requestor_client import RequestorClient
from wristlet.links.strap_client import StrapClient
from wristlet.links.strap_link import StrapLink
from wristlet.links.strap_loop import FramePlan, LoopCarrier
from wristlet.links.trace import Tracer, TracingChannel
from wristlet.links.tsp_client import TspClient
from wristlet.network.acquirer import Acquirer, AcquirerConfig
from wristlet.network.routing import RoutingTable
from wristlet.network.switch import Switch
from wristlet.pos.config import TerminalConfig
from wristlet.pos.terminal import Terminal
from wristlet.se.applets.base import Interface
from wristlet.se.card import Card, Port
from wristlet.strap.activity.plugged import Sensors, plug_activity
from wristlet.strap.device import PRO
from wristlet.strap.firmware import Firmware
from wristlet.strap.gatt_server import GattServer
from wristlet.strap.messages.endpoint import MessagesEndpoint
from wristlet.strap.messages.plugged import plug_messages
from wristlet.strap.plugging import plug
from wristlet.strap.relay import StrapRelay
from wristlet.tsp.config import Caller, Role, TspConfig
from wristlet.tsp.courier import Courier
from wristlet.tsp.endpoints import create_app as tsp_app
from wristlet.tsp.repository import MIGRATIONS as TSP_MIGRATIONS
from wristlet.tsp.service import TokenService
from wristlet.tsp.setup import TspKeys
from wristlet.wallet import setup as wallet_setup
from wristlet.wallet.app import create_app as wallet_app
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.invitation import Invitation


class SwitchableTransport(httpx2.AsyncBaseTransport):
    """An ASGI application that can be taken down and brought back, or answer as a hostile one.

    `watch` sees each exchange before its answer goes back; what it raises is what the caller gets.
    """

    def __init__(self, app: ASGIApp | None = None) -> None:
        self._inner = None if app is None else asgi(app)
        self.up = True
        self.intercept: Callable[[httpx2.Request], httpx2.Response | None] | None = None
        self.watch: Callable[[httpx2.Request, httpx2.Response], None] | None = None

    def serve(self, app: ASGIApp) -> None:
        """Put an application behind the wire."""
        self._inner = asgi(app)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Serve one request, or fail as a host does that is down."""
        if not self.up or self._inner is None:
            raise httpx2.ConnectError("the server is down", request=request)
        forged = self.intercept(request) if self.intercept is not None else None
        answer = forged or await self._inner.handle_async_request(request)
        if self.watch is not None:
            await answer.aread()
            self.watch(request, answer)
        return answer


@dataclass(frozen=True, slots=True)
class Wires:
    """The HTTP wires of a city, by the server at their end."""

    wallet: SwitchableTransport
    tsp: SwitchableTransport
    issuer: SwitchableTransport


@dataclass(slots=True)
class City:
    """The running parts; `bench` is what the demo's steps work with, `frames` what happens to
    frames between phone and strap.
    """

    sandbox: setup.Sandbox
    bench: Bench
    card: Card
    tsp: TokenService
    issuer: IssuerService
    switch: Switch
    acquirer: Acquirer
    firmware: Firmware
    messages: MessagesEndpoint
    sensors: Sensors
    relay: StrapRelay
    gatt: GattServer
    frames: FramePlan
    wires: Wires
    courier: Courier

    @property
    def phone(self) -> Companion:
        """The wearer's phone."""
        return self.bench.phone

    @property
    def wallet_transport(self) -> SwitchableTransport:
        """The phone's wire to the wallet."""
        return self.wires.wallet

    async def deliver(self) -> None:
        """Have everything taken to the wallet that the token service has to tell it."""
        await self.courier.deliver()

    async def press(self, _code: str) -> None:
        """Compare the digits and press the strap's button."""
        await self.relay.press_confirm()
        self.firmware.pairing_moved()

    async def invite(self) -> Invitation:
        """Hold the strap's button; return what a second screen shows as a QR code."""
        return Invitation.of(await self.relay.se_id(), self.firmware.invitations.open())


@dataclass(frozen=True, slots=True)
class Hosts:
    """The ISO 8583 side of a city."""

    tsp: TokenService
    issuer: IssuerService
    switch: Switch
    acquirer: Acquirer
    issuer_wire: SwitchableTransport
    tsp_wire: SwitchableTransport


@asynccontextmanager
async def running_city(
    root: Path | None = None,
    env: Env | None = None,
    *,
    durability: Durability = "none",
    tracer: Tracer | None = None,
) -> AsyncIterator[City]:
    """Make a sandbox and run every part of it in this process while the block runs."""
    async with AsyncExitStack() as stack:
        if root is None:
            root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wristlet-")))
        env = env or real_env()
        sandbox = await setup.make_sandbox(env, root, durability)
        hosts = await _start_hosts(stack, env, sandbox, durability)
        wallet_wire = await _start_wallet(stack, env, sandbox, hosts.tsp_wire, durability)
        wires = Wires(wallet_wire, hosts.tsp_wire, hosts.issuer_wire)
        courier = hosts.tsp.courier(
            {setup.REQUESTOR: RequestorClient(HttpClient("http://wallet", None, wallet_wire))}
        )
        following = asyncio.create_task(courier.follow())
        stack.push_async_callback(_ended, following)
        yield await _start_devices(env, sandbox, hosts, wires, courier, tracer)


async def _start_hosts(
    stack: AsyncExitStack, env: Env, sandbox: setup.Sandbox, durability: Durability
) -> Hosts:
    """Start bank, token service, switch and acquirer."""
    paths = sandbox.paths
    stores = {part: setup.open_store(env, paths, part) for part in setup.KEY_STORES}
    # The bank and the token service speak to each other: the wire is there before its server.
    tsp_wire = SwitchableTransport()
    bank_bearer = bytes(stores["issuer"].get(issuer_setup.TSP_BEARER, KeyUsage.PUBLIC)).decode()
    issuer = IssuerService(
        env,
        await _open_database(stack, paths.database("issuer"), ISSUER_MIGRATIONS, durability),
        stores["issuer"],
        sandbox=True,
        tsp=TspClient(HttpClient("http://tsp", bank_bearer, tsp_wire)),
    )
    await issuer.start()
    bearer = bytes(stores["tsp"].get(setup.ISSUER_BEARER, KeyUsage.PUBLIC)).decode()
    issuer_wire = SwitchableTransport(issuer_app(issuer))
    issuer_http = HttpClient("http://issuer", bearer, issuer_wire)
    tsp = TokenService(
        env,
        await _open_database(stack, paths.database("tsp"), TSP_MIGRATIONS, durability),
        TspKeys.load(stores["tsp"]),
        TspConfig(
            trusted_roots=(sandbox.maker_root_der,),
            callers=(
                Caller.of(setup.REQUESTOR, sandbox.requestor_token),
                Caller.of("issuer", bank_bearer, Role.ISSUER),
            ),
        ),
        IssuerClient(issuer_http),
    )
    tsp_wire.serve(tsp_app(tsp))
    hosts: dict[str, LoopbackClient] = {}
    switch = Switch(RoutingTable(setup.ROUTES), hosts)
    key = _key_reader(stores)
    authorizer = tsp.authorizer(
        LoopbackClient(switch.handler_for("tsp"), key("switch", "from_tsp"))
    )
    hosts["issuer"] = LoopbackClient(issuer.host.handle, key("switch", "issuer"))
    hosts["tsp"] = LoopbackClient(authorizer.handle, key("switch", "tsp"))
    to_switch = LoopbackClient(switch.handle, key("acquirer", "switch"))
    acquirer = Acquirer(env, AcquirerConfig(), to_switch)
    return Hosts(tsp, issuer, switch, acquirer, issuer_wire, tsp_wire)


def _key_reader(stores: dict[str, KeyStore]) -> Callable[[str, str], bytes]:
    return lambda part, peer: hop_keys.hop_key(stores[part], peer)


async def _start_wallet(
    stack: AsyncExitStack,
    env: Env,
    sandbox: setup.Sandbox,
    tsp_wire: SwitchableTransport,
    durability: Durability,
) -> SwitchableTransport:
    http = HttpClient("http://tsp", sandbox.requestor_token, tsp_wire)
    context = await stack.enter_async_context(
        wallet_setup.opened(
            env,
            sandbox.paths.folder("wallet"),
            setup.seal_key(env, sandbox.paths, "wallet"),
            TspClient(http),
            durability,
        )
    )
    return SwitchableTransport(wallet_app(context))


def _open_card(env: Env, paths: setup.Paths) -> Card:
    key = setup.seal_key(env, paths, "se")
    folder = str(paths.folder("se"))
    return Card.open(env, folder, key, sandbox=True, counter_path=paths.counter)


@dataclass(frozen=True, slots=True)
class StrapBody:
    """A strap around its secure element, and a phone's link to it; `frames` plans its faults."""

    firmware: Firmware
    messages: MessagesEndpoint
    sensors: Sensors
    gatt: GattServer
    frames: FramePlan
    link: StrapClient


def start_strap(env: Env, element: Card, folder: str) -> StrapBody:
    """Start a strap's firmware behind a link in this process."""
    wired = LoopbackChannel(element.port(Interface.WIRED))
    firmware = Firmware(env, wired, PRO, folder)
    messages = plug_messages(firmware, env, f"{folder}/messages")
    sensors, _ = plug_activity(firmware, env, f"{folder}/activity.flash")
    gatt, frames = GattServer(env), FramePlan()
    plug(firmware, gatt, {Concern.APDU: wired.reset})
    link = StrapClient(env, lambda: LoopCarrier.connect(gatt.serve, env.clock, frames))
    return StrapBody(firmware, messages, sensors, gatt, frames, link)


async def _start_devices(
    env: Env,
    sandbox: setup.Sandbox,
    hosts: Hosts,
    wires: Wires,
    courier: Courier,
    tracer: Tracer | None,
) -> City:
    """Start secure element, strap, phone and terminal, and sign the wearer in."""
    paths, card = sandbox.paths, _open_card(env, sandbox.paths)
    body = start_strap(env, card, str(paths.folder("strap")))
    relay = body.firmware.relay
    strap = BreakableStrap(lambda: _same(body.link), body.link)
    phone = await _sign_in(env, sandbox, wires, strap)
    field = ContactlessField(card.port(Interface.CONTACTLESS), tracer, body.firmware.field_moved)

    async def press(action: str) -> None:
        await {"confirm": relay.press_confirm, "next": relay.press_next}[action]()
        body.firmware.pairing_moved()

    async def switch_wallet(up: bool) -> None:
        wires.wallet.up = up

    async def secrets() -> Sequence[CanarySecret]:
        return known_secrets.of_run(env, sandbox, DEMO_PIN)

    bench = Bench(
        env=env,
        phone=phone,
        strap=strap,
        press=press,
        terminal=_terminal(env, paths, hosts.acquirer),
        field=field,
        stop_wallet=lambda: switch_wallet(False),
        start_wallet=lambda: switch_wallet(True),
        artefacts=Artefacts([paths.root], lambda: None, secrets),
    )
    return City(
        sandbox,
        bench,
        card,
        hosts.tsp,
        hosts.issuer,
        hosts.switch,
        hosts.acquirer,
        *(body.firmware, body.messages, body.sensors, relay, body.gatt, body.frames),
        wires,
        courier,
    )


async def _sign_in(
    env: Env, sandbox: setup.Sandbox, wires: Wires, strap: BreakableStrap
) -> Companion:
    paths = sandbox.paths
    return Companion(
        env,
        PhoneStore(env, paths.phone_state, setup.seal_key(env, paths, "phone")),
        await sign_in(sandbox.api_key, "http://wallet", wires.wallet),
        strap,
        card_data_root_der=sandbox.tsp.card_data_root_der,
        maker_root_der=sandbox.maker_root_der,
    )


def _terminal(env: Env, paths: setup.Paths, acquirer: Acquirer) -> Terminal:
    key = hop_keys.hop_key(setup.open_store(env, paths, "terminal"), "acquirer")
    return Terminal(env, TerminalConfig(), LoopbackClient(acquirer.handle, key))


class ContactlessField:
    """The contactless interface in a terminal's field, with every APDU traced when asked."""

    def __init__(self, port: Port, tracer: Tracer | None, noticed: Callable[[], None]) -> None:
        self._port = port
        self._card = LoopbackChannel(port)
        self._tracer = tracer
        self._noticed = noticed
        self._taps = 0

    async def transmit(self, command: bytes) -> bytes:
        """Send one command; raises LinkLost."""
        if self._tracer is None:
            return await self._card.transmit(command)
        traced = TracingChannel(self._card, self._tracer, "contactless", f"tap-{self._taps}")
        return await traced.transmit(command)

    async def reset(self) -> None:
        """Take the strap out of the field and put it back."""
        self._taps += 1
        await self._card.reset()

    async def leave(self) -> None:
        """Take the strap out of the field; its own processor notices."""
        self._port.power_off()
        self._noticed()


def asgi(app: ASGIApp) -> httpx2.ASGITransport:
    """Return a transport that serves requests by an application in this process."""
    return httpx2.ASGITransport(app=cast("Any", app))


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _same(link: StrapLink) -> StrapLink:
    return link


async def _open_database(
    stack: AsyncExitStack, path: Path, migrations: Path, durability: Durability
) -> Database:
    database = Database(path, migrations, durability)
    await database.open()
    stack.push_async_callback(database.close)
    return database
