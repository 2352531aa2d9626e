"""All parts as processes of their own: loopback and Unix sockets, free ports, all ended."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from wristlet.companion.core import Companion
from wristlet.companion.store import PhoneStore
from wristlet.env.base import Env
from wristlet.lab import kept, known_secrets, launcher, setup
from wristlet.lab.bench import Artefacts, Bench, BreakableStrap
from wristlet.lab.canary import CanarySecret
from wristlet.lab.second_screen import touch
from wristlet.lab.signin import open_session
from wristlet.lab.steps import DEMO_PIN
from wristlet.links import hop_keys
from wristlet.links.apdu_socket import SocketChannel
from wristlet.links.bonds import BondFile
from wristlet.links.iso8583_peer import TcpClient
from wristlet.links.process import address_of, open_listener
from wristlet.links.strap_client import StrapClient
from wristlet.links.strap_open import has_bluetooth, opened_strap
from wristlet.links.trace import Tracer, TracingChannel
from wristlet.pos.config import TerminalConfig
from wristlet.pos.terminal import Terminal

COMPARE_ATTEMPTS, COMPARE_PAUSE_MS = 200, 10


@dataclass(slots=True)
class Addresses:
    """Loopback addresses of the hosts, chosen by the system."""

    by_name: dict[str, socket.socket] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def claim(self, *names: str) -> None:
        """Listen on a free loopback port for each name."""
        for name in names:
            self.by_name[name] = open_listener("127.0.0.1:0")
            self.texts[name] = address_of(self.by_name[name])

    def of(self, name: str) -> str:
        """Return HOST:PORT of a claimed listener."""
        return self.texts[name]

    def inherited(self, name: str) -> str:
        """Return the listener as a child sees it."""
        return f"fd:{name}"


class Stack:
    """Starts and ends the parts of one sandbox."""

    def __init__(self, sandbox: setup.Sandbox) -> None:
        self.sandbox = sandbox
        self.paths = sandbox.paths
        self.addresses = Addresses()
        self._running: dict[str, launcher.Part] = {}
        self._wallet_address = ""
        self._tsp_url = ""
        self.has_bluetooth = has_bluetooth()

    @property
    def strap_url(self) -> str:
        """How a phone reaches the strap."""
        sockets = self.paths.folder("sockets")
        if self.has_bluetooth:
            return f"ble:unix:{sockets / 'radio.sock'}"
        return f"unix:{sockets / 'phone.sock'}"

    @property
    def wallet_url(self) -> str:
        """Where the wallet serves."""
        return f"http://{self._wallet_address}"

    def pid(self, name: str) -> int | None:
        """Return a part's process id while it runs."""
        running = self._running.get(name)
        return None if running is None else running.pid

    async def start(self) -> None:
        """Start every part at once and wait until all are ready; raises PartFailed."""
        self.addresses.claim(
            "issuer-http", "issuer-iso", "switch", "acquirer", "tsp-http", "tsp-iso", "wallet"
        )
        self._wallet_address = self.addresses.of("wallet")
        self._tsp_url = f"http://{self.addresses.of('tsp-http')}"
        for folder in ("logs", "traces"):
            (self.paths.root / folder).mkdir(exist_ok=True)
        sockets = self.paths.folder("sockets")
        sockets.mkdir(exist_ok=True)
        routes = self.paths.folder("switch") / "routes.json"
        routes.write_text(json.dumps(setup.ROUTES))
        plan = {**self._plan(), "strap": self._strap_words(sockets)}
        try:
            async with asyncio.TaskGroup() as starting:
                for name, words in plan.items():
                    starting.create_task(self._launch(name, *words))
        except* launcher.PartFailed as failures:
            raise failures.exceptions[0] from None
        for listener in self.addresses.by_name.values():
            listener.close()

    def _plan(self) -> dict[str, Sequence[str]]:
        """Return the command line of each part."""
        at, via = self.addresses.of, self.addresses.inherited
        sockets = str(self.paths.folder("sockets"))
        return {
            "se": (
                *("se", "run", *self._state("se"), "--sockets", sockets, "--sandbox"),
                *("--trace", str(self.paths.root / "traces" / "se.jsonl")),
            ),
            "issuer": (
                *("serve", "issuer", *self._state("issuer"), "--sandbox"),
                *("--http", via("issuer-http"), "--iso8583", via("issuer-iso")),
                *("--tsp", self._tsp_url),
            ),
            "switch": (
                *("serve", "switch", *self._state("switch"), "--iso8583", via("switch")),
                *("--routes", str(self.paths.folder("switch") / "routes.json")),
                *("--peer", f"tsp={at('tsp-iso')}", "--peer", f"issuer={at('issuer-iso')}"),
            ),
            "acquirer": (
                *("serve", "acquirer", *self._state("acquirer"), "--iso8583", via("acquirer")),
                *("--switch", at("switch")),
            ),
            "tsp": (
                *("serve", "tsp", *self._state("tsp")),
                *("--http", via("tsp-http"), "--iso8583", via("tsp-iso")),
                *("--switch", at("switch"), "--issuer", f"http://{at('issuer-http')}"),
                *("--notify", f"{setup.REQUESTOR}={self.wallet_url}"),
            ),
            "wallet": self._wallet_words(via("wallet")),
        }

    def _strap_words(self, sockets: Path) -> Sequence[str]:
        """Return the strap's command line: on the air if the Bluetooth stack is there."""
        state = str(self.paths.folder("strap"))
        link = "ble" if self.has_bluetooth else "socket"
        return (
            *("strap", "run", "--sockets", str(sockets), "--state", state),
            *("--link", link, "--name", setup.BRAND),
        )

    def _state(self, part: str) -> tuple[str, ...]:
        return (
            *("--state", str(self.paths.folder(part))),
            *("--seal-key", str(self.paths.seal_key(part))),
        )

    def _wallet_words(self, listen: str) -> Sequence[str]:
        return ("serve", "wallet", *self._state("wallet"), "--http", listen, "--tsp", self._tsp_url)

    async def _launch(self, name: str, *words: str) -> None:
        """Start one part and wait for its ready line; raises PartFailed."""
        log = self.paths.root / "logs" / f"{name}.log"
        self._running[name] = await launcher.launch(name, words, log, self.addresses.by_name)

    async def stop(self, name: str) -> None:
        """End one part."""
        running = self._running.pop(name, None)
        if running is not None:
            await running.stop()

    async def start_wallet(self) -> None:
        """Start the wallet again where it was."""
        await self._launch("wallet", *self._wallet_words(self._wallet_address))

    async def stop_wallet(self) -> None:
        """Take the wallet down."""
        await self.stop("wallet")

    async def close(self) -> None:
        """End every part."""
        await asyncio.gather(*(self.stop(name) for name in list(self._running)))


class SocketField:
    """The contactless socket as a terminal's field: every tap is a fresh power-up."""

    def __init__(
        self, path: str, tracer: Tracer | None, noticed: Callable[[], Awaitable[object]]
    ) -> None:
        self._path = path
        self._tracer = tracer
        self._noticed = noticed
        self._channel: SocketChannel | None = None
        self._taps = 0

    async def transmit(self, command: bytes) -> bytes:
        """Send one command; raises LinkLost."""
        if self._channel is None:
            self._channel = await SocketChannel.open(self._path)
        if self._tracer is None:
            return await self._channel.transmit(command)
        traced = TracingChannel(self._channel, self._tracer, "contactless", f"tap-{self._taps}")
        return await traced.transmit(command)

    async def reset(self) -> None:
        """Leave the field and enter it again."""
        self._taps += 1
        if self._channel is not None:
            await self._channel.reset()

    async def leave(self) -> None:
        """Take the strap out of the field; its own processor notices."""
        if self._channel is not None:
            await self._channel.power_off()
        await self._noticed()

    async def close(self) -> None:
        """Leave the field for good."""
        if self._channel is not None:
            await self._channel.close()


class Control:
    """The strap's button and face, through its control socket."""

    def __init__(self, env: Env, path: str) -> None:
        self._env = env
        self._path = path

    async def press(self, action: str) -> str:
        """Do `confirm` or `next`; return what the face shows then.

        Raises RuntimeError with the strap's reason.
        """
        return str((await touch(Path(self._path), action))["display"])

    async def compare(self, digits: str) -> bool:
        """Be the wearer of a Bluetooth pairing: press the button if both ends show the same."""
        for _ in range(COMPARE_ATTEMPTS):
            if await self.press("look") == digits:
                await self.press("confirm")
                return True
            await self._env.clock.sleep_ms(COMPARE_PAUSE_MS)
        return False


class Way:
    """The phone's way to the strap, which a step can break and make anew."""

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[StrapClient]]) -> None:
        self._opening = opening
        self._open = AsyncExitStack()

    async def connect(self) -> StrapClient:
        """Drop the link that there is and begin with another."""
        await self.close()
        return await self._open.enter_async_context(self._opening())

    async def close(self) -> None:
        """Drop the link."""
        await self._open.aclose()


@asynccontextmanager
async def running_stack(
    env: Env, root: Path, *, tracer: Tracer | None = None
) -> AsyncIterator[tuple[Stack, Bench]]:
    """Make a sandbox in `root` and run it as processes while the block runs."""
    sandbox = await setup.make_sandbox(env, root)
    stack = Stack(sandbox)
    async with AsyncExitStack() as ending:
        ending.push_async_callback(stack.close)
        await stack.start()
        yield stack, await _bench(ending, env, stack, tracer)


async def _bench(ending: AsyncExitStack, env: Env, stack: Stack, tracer: Tracer | None) -> Bench:
    """Put phone and terminal in front of the running parts."""
    sandbox, paths = stack.sandbox, stack.paths
    sockets = paths.folder("sockets")
    control = Control(env, str(sockets / "control.sock"))
    bonds_key = setup.seal_key(env, paths, "phone")
    way = Way(
        lambda: opened_strap(
            env,
            stack.strap_url,
            lambda: BondFile(env, paths.phone_bonds, bonds_key),
            control.compare,
        )
    )
    ending.push_async_callback(way.close)
    strap = BreakableStrap(way.connect, await way.connect())
    opened = await open_session(sandbox.api_key, stack.wallet_url)
    places = kept.Places(
        wallet_url=stack.wallet_url,
        wearer_id=opened.wearer_id,
        strap_link=stack.strap_url,
        strap_control=str(sockets / "control.sock"),
        contactless=f"unix:{sockets / 'contactless.sock'}",
    )
    kept.write(env, sandbox, places)
    store = PhoneStore(env, paths.phone_state, setup.seal_key(env, paths, "phone"))
    store.change(build=kept.build_of(sandbox, stack.wallet_url), session=opened.token)
    field = SocketField(str(sockets / "contactless.sock"), tracer, lambda: control.press("field"))
    ending.push_async_callback(field.close)
    phone = Companion(
        env,
        store,
        opened.client,
        strap,
        card_data_root_der=sandbox.tsp.card_data_root_der,
        maker_root_der=sandbox.maker_root_der,
        link=places.strap_link,
    )
    acquirer_key = hop_keys.hop_key(setup.open_store(env, paths, "terminal"), "acquirer")
    acquirer = TcpClient(stack.addresses.of("acquirer"), acquirer_key, env)

    async def press(action: str) -> None:
        await control.press(action)

    async def secrets() -> Sequence[CanarySecret]:
        return known_secrets.of_run(env, sandbox, DEMO_PIN)

    return Bench(
        env=env,
        phone=phone,
        strap=strap,
        press=press,
        terminal=Terminal(env, TerminalConfig(), acquirer),
        field=field,
        stop_wallet=stack.stop_wallet,
        start_wallet=stack.start_wallet,
        artefacts=Artefacts([paths.root], lambda: stack.pid("wallet"), secrets),
    )
