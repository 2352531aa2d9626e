"""The phone's core of the link to a strap: one request and its answer, over any carrier.

It connects when something is asked or listened to, and again when the connection breaks while an
answer is awaited; then it asks the strap what became of the request instead of sending it twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Final

from wristlet.env.base import Clock, Env
from wristlet.links.alarm import Alarm
from wristlet.links.channel import LinkLost
from wristlet.links.strap_carrier import Carrier, Connect
from wristlet.links.strap_link import AskedStrap, StrapRefused
from wristlet.wire.errors import EncodeError
from wristlet.wire.strap import frames, gatt, phone_end
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.phone_end import PhoneEnd
from wristlet.wire.strap.stream import Send

RECONNECT_PAUSES_MS: Final = (100, 400, 1_600)
"""How long to wait before each attempt to connect again."""
PATIENCE_MS: Final = 60_000
"""How long an answer may take; making RSA keys is the slowest thing a secure element does."""


class _Line:
    """One concern on the connection: the pure end, and who waits for it."""

    def __init__(self, clock: Clock, concern: Concern, hopeless: Callable[[], None]) -> None:
        self.end = PhoneEnd()
        self.lock = asyncio.Lock()
        self.takers: list[Callable[[bytes], None]] = []
        self.carrier: Carrier | None = None
        self._clock = clock
        self._to_strap = gatt.to_strap(concern)
        self._from_strap = gatt.from_strap(concern)
        self._alarm = Alarm(clock, self._tick)
        self.patience = Alarm(clock, lambda: self.fail("the strap does not answer"))
        self._hopeless = hopeless
        self._waiting: asyncio.Future[bytes] | None = None

    @property
    def now_ms(self) -> int:
        """The monotonic clock in milliseconds."""
        return self._clock.monotonic_us() // 1000

    async def attach(self, carrier: Carrier) -> None:
        """Begin on a new connection; raises LinkLost."""
        if self.carrier is carrier:
            return
        self.carrier = carrier
        try:
            await carrier.subscribe(self._from_strap, self._received)
        except BaseException:
            self.carrier = None
            raise
        if self.carrier is not carrier:
            raise LinkLost("the link to the strap broke while it was made")
        size = frames.frame_size(carrier.mtu)
        self._apply(phone_end.connected(self.end, size, self.now_ms))

    def detach(self) -> None:
        """The connection is gone; a request that waits stays."""
        self.carrier = None
        self._alarm.cancel()
        self.end = phone_end.disconnected(self.end)

    def begin(self, body: bytes) -> asyncio.Future[bytes]:
        """Send a request; EncodeError when it is too long."""
        step = phone_end.ask(self.end, body, self.now_ms)
        self._waiting = asyncio.get_running_loop().create_future()
        self._apply(step)
        return self._waiting

    def fail(self, reason: str) -> None:
        """Give the request up that waits."""
        if self.end.outstanding is not None:
            self._apply(phone_end.give_up(self.end, self.now_ms))
        self._settle(LinkLost(reason))

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is awaited."""
        return self._waiting is not None

    def _received(self, frame: bytes) -> None:
        self._apply(phone_end.receive(self.end, frame, self.now_ms))

    def _tick(self) -> None:
        self._apply(phone_end.tick(self.end, self.now_ms))

    def _apply(self, step: phone_end.Step) -> None:
        """Do what the end came to."""
        self.end = step[0]
        for effect in step[1]:
            if isinstance(effect, Send):
                if self.carrier is not None:
                    self.carrier.write(self._to_strap, effect.frame)
            elif isinstance(effect, phone_end.Answered):
                self._settle(effect.body)
            elif isinstance(effect, phone_end.Refused):
                self._settle(StrapRefused(effect.reason))
            elif isinstance(effect, phone_end.Failed):
                self._settle(LinkLost(effect.reason))
            elif isinstance(effect, phone_end.News):
                for take in self.takers:
                    take(effect.body)
            else:
                self._hopeless()
        if self.carrier is not None:
            self._alarm.set(phone_end.deadline_ms(self.end))

    def _settle(self, outcome: bytes | Exception) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is None or waiting.done():
            return
        if isinstance(outcome, Exception):
            waiting.set_exception(outcome)
        else:
            waiting.set_result(outcome)


class StrapClient(AskedStrap):
    """A strap behind a carrier."""

    def __init__(self, env: Env, connect: Connect, *, patience_ms: int = PATIENCE_MS) -> None:
        self._env = env
        self._connect = connect
        self._patience_ms = patience_ms
        self._lines: dict[Concern, _Line] = {}
        self._carrier: Carrier | None = None
        self._connecting = asyncio.Lock()
        self._recovery: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def ask(self, concern: Concern, message: bytes) -> bytes:
        """Send one request and return its answer; raises LinkLost, StrapRefused.

        LinkLost says that nobody knows whether the strap did it; what it surely has not seen is
        sent again meanwhile. Who gives up waiting leaves the answer to nobody.
        """
        line = self._line(concern)
        asking = asyncio.create_task(self._ask(line, message))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            asking.add_done_callback(_heard)
            raise

    def listen(self, concern: Concern, take: Callable[[bytes], None]) -> None:
        """Have what the strap sends unasked handed over, from now on and after reconnections."""
        line = self._line(concern)
        line.takers.append(take)
        self._spawn(self._listening(line))

    async def read(self, characteristic: gatt.Characteristic) -> bytes:
        """Read one of the standard values; raises LinkLost, StrapRefused."""
        return await (await self._connected()).read(characteristic)

    async def open(self) -> None:
        """Connect now instead of at the first request; raises LinkLost."""
        await self._connected()

    async def close(self) -> None:
        """Drop the link; what waits for an answer gets LinkLost."""
        self._is_closed = True
        for task in (*self._tasks, *([self._recovery] if self._recovery else [])):
            task.cancel()
        carrier, self._carrier = self._carrier, None
        for line in self._lines.values():
            line.detach()
            line.patience.cancel()
            line.fail("the link was closed")
        if carrier is not None:
            await carrier.close()

    async def _ask(self, line: _Line, message: bytes) -> bytes:
        async with line.lock:
            await line.attach(await self._connected())
            try:
                answer = line.begin(message)
            except EncodeError as error:
                raise StrapRefused(f"the request is too long for the strap: {error}") from None
            line.patience.set(line.now_ms + self._patience_ms)
            try:
                return await answer
            finally:
                line.patience.set(None)

    def _line(self, concern: Concern) -> _Line:
        if concern not in self._lines:
            self._lines[concern] = _Line(self._env.clock, concern, self._drop)
        return self._lines[concern]

    async def _listening(self, line: _Line) -> None:
        try:
            await line.attach(await self._connected())
        except (LinkLost, StrapRefused):
            return  # the next request connects, and then this is listened to as well

    async def _connected(self) -> Carrier:
        """Return the connection, made anew if need be; raises LinkLost."""
        async with self._connecting:
            if self._is_closed:
                raise LinkLost("the link was closed")
            if self._carrier is None:
                carrier = await self._connect()
                self._carrier = carrier
                carrier.on_closed(lambda: self._lost(carrier))
                for line in self._lines.values():
                    if line.takers or line.is_waiting:
                        await line.attach(carrier)
            return self._carrier

    def _drop(self) -> None:
        """The connection carries nothing any more: begin with another one."""
        if self._carrier is not None:
            self._spawn(self._carrier.close())

    def _lost(self, carrier: Carrier) -> None:
        if carrier is not self._carrier:
            return
        self._carrier = None
        for line in self._lines.values():
            line.detach()
        is_needed = any(line.is_waiting or line.takers for line in self._lines.values())
        if is_needed and (self._recovery is None or self._recovery.done()):
            self._recovery = asyncio.create_task(self._recover())

    async def _recover(self) -> None:
        """Connect again for those who wait, a few times; then nobody knows."""
        for pause_ms in RECONNECT_PAUSES_MS:
            await self._env.clock.sleep_ms(pause_ms)
            try:
                await self._connected()
            except LinkLost:
                continue
            return
        for line in self._lines.values():
            if line.is_waiting:
                line.fail("the link to the strap broke before it answered")

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _heard(task: asyncio.Task[bytes]) -> None:
    """Look at an outcome that nobody waits for, so that it is not reported as unseen."""
    if not task.cancelled():
        task.exception()
