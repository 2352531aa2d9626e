"""Authorisations over TCP through our four hosts, each durable where it must be."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count as count_from
from itertools import islice
from pathlib import Path
from typing import Final, cast

import uvloop

from bench.crew import Main, crew
from bench.limits import authorisation as limits
from bench.measure import Result, Side, compare
from bench.town import Strap, Town, open_bank, open_tokens, running_town
from wristlet.crypto import cryptogram
from wristlet.crypto.mac import HopMac
from wristlet.crypto.tdes import TdesKey
from wristlet.env.base import Env
from wristlet.env.real import real_env
from wristlet.lab import setup
from wristlet.links.hop_keys import hop_key
from wristlet.links.iso8583_link import open_message, seal_message
from wristlet.links.iso8583_peer import Iso8583Server, Peer, TcpClient
from wristlet.links.loopback import LoopbackChannel
from wristlet.links.process import address_of, open_listener, tune
from wristlet.model.testcards import AOBA, KITA, Outcome, TestCard, find_card
from wristlet.network.acquirer import Acquirer, AcquirerConfig
from wristlet.network.routing import RoutingTable
from wristlet.network.serve import SWITCH_PEERS
from wristlet.network.switch import Switch
from wristlet.pos.config import TerminalConfig
from wristlet.pos.kernel import entry
from wristlet.pos.kernel.sale import Sale
from wristlet.pos.online import authorisation_request
from wristlet.pos.terminal import drive
from wristlet.se.applets.base import Interface
from wristlet.tsp.cards import yymmdd_of
from wristlet.tsp.programs import BIN_DIGITS
from wristlet.wire import ber
from wristlet.wire.emv import tags
from wristlet.wire.iso8583 import framing
from wristlet.wire.iso8583.message import Message
from wristlet.wire.masked import SecretDigits

RATE_MIN: Final = 0.3
CARDS: Final = (find_card(AOBA, Outcome.GREEN), find_card(KITA, Outcome.GREEN))
STRAPS: Final = 4
_APPROVED: Final = "00"
_SETTLE_S: Final = 0.5


class Load(asyncio.Protocol):
    """A terminal that keeps requests in flight on one connection and keeps the answers."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self._deframer = framing.Deframer()
        self._transport: asyncio.Transport | None = None
        self._waiting: Iterator[bytes] = iter(())
        self._left = 0
        self._done: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        answers = self._deframer.feed(data)
        self.answers.extend(answers)
        self._left -= len(answers)
        self._send(len(answers))
        if self._left == 0 and self._done is not None and not self._done.done():
            self._done.set_result(None)

    async def run(self, frames: list[bytes], in_flight: int) -> float:
        """Send all frames; return the seconds until the last answer."""
        self.answers = []
        self._waiting, self._left = iter(frames), len(frames)
        self._done = asyncio.get_running_loop().create_future()
        start = time.perf_counter()
        self._send(in_flight)
        await self._done
        return time.perf_counter() - start

    def _send(self, count: int) -> None:
        batch = list(islice(self._waiting, count))
        if batch and self._transport is not None:
            self._transport.write(b"".join(batch))


async def _connect(address: str) -> Load:
    host, _, port = address.rpartition(":")
    _, load = await asyncio.get_running_loop().create_connection(Load, host, int(port))
    return load


class Taps:
    """Requests of one token's taps: one real tap, then its successors by the card's own key."""

    def __init__(self, request: Message, master_key: TdesKey, cvn: int) -> None:
        self._request = request
        self._chip = ber.collect(request.binary(55))
        self._key = master_key
        self._version = cryptogram.VERSIONS[cvn]
        self._atc = int.from_bytes(self._chip[tags.ATC_9F36], "big")

    def next(self, stan: int) -> Message:
        """Return the request of the next tap."""
        self._atc += 1
        chip = {**self._chip, tags.ATC_9F36: self._atc.to_bytes(2, "big")}
        data = self._version.data(chip, chip[tags.ISSUER_APPLICATION_DATA_9F10])
        chip[tags.APPLICATION_CRYPTOGRAM_9F26] = self._version.ac(self._key, self._atc, data)
        encoded = b"".join(ber.encode(tag, value) for tag, value in chip.items())
        return self._request.with_fields({11: f"{stan:06d}", 55: encoded})


async def taps_of(town: Town, strap: Strap, card: TestCard) -> Taps:
    """Provision a card, let it be the active one and tap it once."""
    answer = await town.provision(strap, await town.offer(strap, card))
    if answer.token is None:
        raise RuntimeError("no token")
    newest = strap.card.registry.instances()[-1]
    with strap.card.store.transaction():
        strap.card.registry.activate(newest.aid)
    config = TerminalConfig()
    today = yymmdd_of(town.env.clock.now_ms())
    sale = Sale(1, "392", today, "120000", bytes.fromhex("11223344"))
    channel = LoopbackChannel(strap.card.port(Interface.CONTACTLESS))
    outcome = await drive(entry.run_tap(config, sale), channel)
    request = authorisation_request(config, sale, outcome, 1, town.env.clock.now_ms())
    number = request.fields[2]
    plain = number.reveal() if isinstance(number, SecretDigits) else str(number)
    programs = {program.token_bin: program for program in town.tsp.context.config.programs}
    product = programs[plain[:BIN_DIGITS]].product
    keys = town.tsp.context.keys
    imk = keys.issuer_keys(product, keys.key_index)
    key = cryptogram.VERSIONS[product.cvn].master_key(imk.ac, plain, request.text(23)[1:])
    return Taps(request, TdesKey(key), product.cvn)


@dataclass(frozen=True, slots=True)
class Places:
    """Where our hosts take requests."""

    acquirer: socket.socket
    switch: socket.socket
    tokens: socket.socket
    bank: socket.socket

    @classmethod
    def open(cls) -> Places:
        """Listen on four free ports."""
        return cls(*(open_listener("127.0.0.1:0") for _ in range(4)))


def our_mains(sandbox: setup.Sandbox, places: Places) -> list[Main]:
    """Return what our four processes run."""
    return [
        lambda: _bank(sandbox, places),
        lambda: _tokens(sandbox, places),
        lambda: _switch(sandbox, places),
        lambda: _acquirer(sandbox, places),
    ]


async def _serve(listener: socket.socket, peers: dict[str, Peer]) -> None:
    tune()
    server = Iso8583Server(peers)
    await server.start(listener)
    await asyncio.get_running_loop().create_future()


async def _bank(sandbox: setup.Sandbox, places: Places) -> None:
    env = real_env()
    store = setup.open_store(env, sandbox.paths, "issuer")
    async with open_bank(env, sandbox) as issuer:
        peer = Peer(hop_key(store, "switch"), issuer.host.handle)
        await _serve(places.bank, {"switch": peer})


async def _tokens(sandbox: setup.Sandbox, places: Places) -> None:
    env = real_env()
    async with open_tokens(env, sandbox) as tsp:
        keys = tsp.context.keys
        to_switch = _client(env, places.switch, keys.hop_to_switch)
        peer = Peer(keys.hop_from_switch, tsp.authorizer(to_switch).handle)
        await _serve(places.tokens, {"switch": peer})


async def _switch(sandbox: setup.Sandbox, places: Places) -> None:
    env = real_env()
    store = setup.open_store(env, sandbox.paths, "switch")
    hosts = {
        "issuer": _client(env, places.bank, hop_key(store, "issuer")),
        "tsp": _client(env, places.tokens, hop_key(store, "tsp")),
    }
    switch = Switch(RoutingTable(setup.ROUTES), hosts)
    peers = {
        peer: Peer(hop_key(store, name), switch.handler_for(peer))
        for peer, name in SWITCH_PEERS.items()
    }
    await _serve(places.switch, peers)


async def _acquirer(sandbox: setup.Sandbox, places: Places) -> None:
    env = real_env()
    store = setup.open_store(env, sandbox.paths, "acquirer")
    client = _client(env, places.switch, hop_key(store, "switch"))
    acquirer = Acquirer(env, AcquirerConfig(), client)
    await _serve(places.acquirer, {"terminal": Peer(hop_key(store, "terminal"), acquirer.handle)})


def _client(env: Env, listener: socket.socket, key: bytes) -> TcpClient:
    return TcpClient(address_of(listener), key, env)


class OurSide:
    """Makes requests, sends them, and looks at every answer afterwards."""

    def __init__(self, listener: socket.socket, taps: list[Taps], key: bytes) -> None:
        self._address = address_of(listener)
        self._taps = taps
        self._mac = HopMac(key)
        self._stan = 0
        self._load = Load()

    async def connect(self) -> None:
        """Connect to the acquirer."""
        self._load = await _connect(self._address)

    def of(self, count: int, in_flight: int) -> Side:
        """Return the side that makes `count` authorisations per round."""

        async def side() -> float:
            frames = [self._frame() for _ in range(count)]
            seconds = await self._load.run(frames, in_flight)
            codes = {open_message(raw, self._mac).text(39) for raw in self._load.answers}
            if codes != {_APPROVED}:
                raise RuntimeError(f"the bank answered {codes}")
            return seconds / count

        return side

    def _frame(self) -> bytes:
        self._stan += 1
        tap = self._taps[self._stan % len(self._taps)]
        return framing.frame(seal_message(tap.next(self._stan), self._mac))


class LimitSide:
    """Sends the limit loop's requests."""

    def __init__(self, listener: socket.socket, key: bytes) -> None:
        self._address = address_of(listener)
        self._key = key
        self._numbers = count_from(1)
        self._load = Load()

    async def connect(self) -> None:
        """Connect to the first host, once all have connected to one another."""
        await asyncio.sleep(_SETTLE_S)
        self._load = await _connect(self._address)

    def of(self, count: int, in_flight: int) -> Side:
        """Return the side that makes `count` rounds trips per round."""

        async def side() -> float:
            frames = [limits.frame(next(self._numbers), self._key) for _ in range(count)]
            return await self._load.run(frames, in_flight) / count

        return side


def run(folder: Path, *, quick: bool) -> list[Result]:
    """Compare at 64 in flight and at one; every host of either side is a process."""
    sandbox, taps, key = uvloop.run(_prepare(folder, 1 if quick else STRAPS))
    places, listeners, limit_key = Places.open(), limits.Listeners.open(), bytes(16)
    limit_mains = limits.mains(listeners, folder, limit_key)
    with crew([*our_mains(sandbox, places), *limit_mains]):
        ours = OurSide(places.acquirer, taps, key)
        limit = LimitSide(listeners.acquirer, limit_key)
        return uvloop.run(_compare(ours, limit, quick=quick))


async def _prepare(folder: Path, straps: int) -> tuple[setup.Sandbox, list[Taps], bytes]:
    sandbox = await setup.make_sandbox(real_env(), folder)
    async with running_town(sandbox) as town:
        elements = [await town.strap() for _ in range(straps)]
        taps = [await taps_of(town, element, card) for element in elements for card in CARDS]
        return sandbox, taps, town.key("terminal", "acquirer")


async def _compare(ours: OurSide, limit: LimitSide, *, quick: bool) -> list[Result]:
    await ours.connect()
    await limit.connect()
    rows = []
    for in_flight, count, target in ((64, 64 if quick else 320, RATE_MIN), (1, 24, None)):
        found = await compare(
            ours.of(count, in_flight), limit.of(count, in_flight), rounds=3 if quick else 41
        )
        rows.append(found.as_rate(f"authorisation over TCP, {in_flight} in flight", target))
    return rows
