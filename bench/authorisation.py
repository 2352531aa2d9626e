"""Authorisations over TCP through our four hosts, each durable where it must be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from itertools import islice
from pathlib import Path
from typing import Final, cast

from bench.limits import authorisation as limits
from bench.measure import Result, Side, compare
from bench.town import Strap, Town, running_town
from wristlet.crypto import cryptogram
from wristlet.crypto.mac import HopMac
from wristlet.crypto.tdes import TdesKey
from wristlet.issuer.repository import MIGRATIONS as ISSUER_MIGRATIONS
from wristlet.lab import setup
from wristlet.links.iso8583_link import open_message, seal_message
from wristlet.links.iso8583_peer import Iso8583Server, Peer, TcpClient
from wristlet.links.loopback import LoopbackChannel
from wristlet.links.process import address_of, open_listener
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
from wristlet.tsp.repository import MIGRATIONS as TSP_MIGRATIONS
from wristlet.wire import ber
from wristlet.wire.emv import tags
from wristlet.wire.iso8583 import framing
from wristlet.wire.iso8583.message import Message
from wristlet.wire.masked import SecretDigits

RATE_MIN: Final = 0.3
CARDS: Final = (find_card(AOBA, Outcome.GREEN), find_card(KITA, Outcome.GREEN))
STRAPS: Final = 4
_APPROVED: Final = "00"


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

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.abort()

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


class OurHosts:
    """Acquirer, switch, token service and bank, linked by TCP."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._stack = AsyncExitStack()

    async def start(self) -> str:
        """Start from the bank forward; return the acquirer's address."""
        town, key = self._town, self._town.key
        bank = await self._serve({"switch": Peer(key("issuer", "switch"), town.issuer.host.handle)})
        listener = open_listener("127.0.0.1:0")
        to_switch = address_of(listener)
        authorizer = town.tsp.authorizer(self._client(to_switch, key("switch", "from_tsp")))
        tokens = await self._serve({"switch": Peer(key("switch", "tsp"), authorizer.handle)})
        switch = Switch(
            RoutingTable(setup.ROUTES),
            {
                "issuer": self._client(bank, key("switch", "issuer")),
                "tsp": self._client(tokens, key("switch", "tsp")),
            },
        )
        peers = {
            peer: Peer(key("switch", name), switch.handler_for(peer))
            for peer, name in SWITCH_PEERS.items()
        }
        server = Iso8583Server(peers)
        await server.start(listener)
        self._stack.push_async_callback(server.close)
        client = self._client(to_switch, key("acquirer", "switch"))
        acquirer = Acquirer(town.env, AcquirerConfig(), client)
        self._stack.push_async_callback(acquirer.close)
        return await self._serve({"terminal": Peer(key("acquirer", "terminal"), acquirer.handle)})

    async def close(self) -> None:
        """Close everything, the acquirer first."""
        await self._stack.aclose()

    def _client(self, address: str, key: bytes) -> TcpClient:
        client = TcpClient(address, key, self._town.env)
        self._stack.push_async_callback(client.close)
        return client

    async def _serve(self, peers: dict[str, Peer]) -> str:
        listener = open_listener("127.0.0.1:0")
        server = Iso8583Server(peers)
        await server.start(listener)
        self._stack.push_async_callback(server.close)
        return address_of(listener)


class OurSide:
    """Makes requests, sends them, and looks at every answer afterwards."""

    def __init__(self, load: Load, taps: list[Taps], key: bytes) -> None:
        self._load = load
        self._taps = taps
        self._mac = HopMac(key)
        self._stan = 0

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


def _limit_side(load: Load, key: bytes, counter: Iterator[int]) -> Callable[[int, int], Side]:
    def of(count: int, in_flight: int) -> Side:
        async def side() -> float:
            frames = [limits.frame(next(counter), key) for _ in range(count)]
            return await load.run(frames, in_flight) / count

        return side

    return of


async def run(folder: Path, *, quick: bool) -> list[Result]:
    """Compare at 64 in flight and at one."""
    async with running_town(folder) as town:
        straps = [await town.strap() for _ in range(1 if quick else STRAPS)]
        taps = [await taps_of(town, strap, card) for strap in straps for card in CARDS]
        ours = OurHosts(town)
        key = bytes(16)
        limit = limits.Hosts(folder, _sql(TSP_MIGRATIONS), _sql(ISSUER_MIGRATIONS), key)
        await limit.start()
        our_load = await _connect(await ours.start())
        limit_load = await _connect(":".join(map(str, limit.address)))
        our_side = OurSide(our_load, taps, town.key("terminal", "acquirer"))
        limit_side = _limit_side(limit_load, key, iter(range(1, 1 << 30)))
        try:
            rows = []
            for in_flight, count, target in ((64, 64 if quick else 320, RATE_MIN), (1, 24, None)):
                found = await compare(
                    our_side.of(count, in_flight),
                    limit_side(count, in_flight),
                    rounds=3 if quick else 41,
                )
                rows.append(found.as_rate(f"authorisation over TCP, {in_flight} in flight", target))
            return rows
        finally:
            our_load.close()
            limit_load.close()
            await ours.close()
            await limit.close()


def _sql(migrations: Path) -> str:
    return "".join(path.read_text("utf-8") for path in sorted(migrations.glob("*.sql")))
