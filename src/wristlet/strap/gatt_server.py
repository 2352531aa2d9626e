"""The strap's GATT server: takes frames, hands whole requests to their concerns, sends news.

It works over any `Line` whose phone may be served; who that is, is the carrier's matter. One phone
is served at a time. What a phone began stays for a while after its connection broke, so that it
can come back for an answer; another phone finds nothing of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from wristlet.env.base import Env
from wristlet.links.alarm import Alarm
from wristlet.links.channel import LinkLost
from wristlet.links.strap_carrier import Line
from wristlet.links.strap_link import StrapRefused
from wristlet.strap.endpoint import Endpoint
from wristlet.wire.errors import DecodeError
from wristlet.wire.strap import frames, gatt, strap_end
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.frames import Message, MessageKind
from wristlet.wire.strap.gatt import Characteristic
from wristlet.wire.strap.strap_end import Execute, StrapEnd
from wristlet.wire.strap.stream import Send

GRACE_MS: Final = 30_000
"""How long a phone that went away may take to come back for its answer."""
BOOT_BYTES: Final = 4
Reset: TypeAlias = Callable[[], Awaitable[None]]


class _Channel:
    """One concern: the pure end, its endpoint, and the request that is carried out."""

    def __init__(
        self, env: Env, concern: Concern, boot: bytes, endpoint: Endpoint, reset: Reset | None
    ) -> None:
        self._clock = env.clock
        self._end = StrapEnd(boot)
        self.endpoint = endpoint
        self._reset = reset
        self._out = gatt.from_strap(concern)
        self._alarm = Alarm(env.clock, self._tick)
        self._grace = Alarm(env.clock, self.start_over)
        self._line: Line | None = None
        self._is_heard = False
        self._is_stale = False
        self._next: Execute | None = None
        self._worker: asyncio.Task[None] | None = None

    @property
    def _now_ms(self) -> int:
        return self._clock.monotonic_us() // 1000

    def connected(self, line: Line) -> None:
        """A phone is there; it is heard of when it says HELLO."""
        self._line, self._is_heard = line, False
        self._grace.cancel()
        self._end = strap_end.connected(self._end, frames.frame_size(line.mtu))

    def written(self, value: bytes) -> None:
        """Take one frame."""
        self._apply(strap_end.receive(self._end, value, self._now_ms))

    def news(self, body: bytes) -> None:
        """Tell the phone something, if it listens."""
        self._apply(strap_end.news(self._end, body, self._now_ms))

    def disconnected(self) -> None:
        """The phone is gone; what it asked is kept for a while."""
        self._line = None
        self._alarm.cancel()
        self._end = strap_end.disconnected(self._end)
        if self._end.last_id:
            self._grace.set(self._now_ms + GRACE_MS)
        if self._is_heard:
            self._is_heard = False
            self.endpoint.disconnected()

    def start_over(self) -> None:
        """Begin another epoch: nothing of the one before goes on."""
        self._apply(strap_end.started_over(self._end))
        self._forget()

    def close(self) -> None:
        """Stop whatever runs."""
        self._alarm.cancel()
        self._grace.cancel()
        if self._worker is not None:
            self._worker.cancel()

    def _tick(self) -> None:
        self._apply(strap_end.tick(self._end, self._now_ms))

    def _apply(self, step: strap_end.Step) -> None:
        """Do what the end came to."""
        self._end = step[0]
        for effect in step[1]:
            if isinstance(effect, Send):
                if self._line is not None:
                    self._line.notify(self._out, effect.frame)
            elif isinstance(effect, Execute):
                self._next = effect
                self._work_on()
            elif isinstance(effect, strap_end.StartOver):
                self._forget()
            elif not self._is_heard:
                self._is_heard = True
                self.endpoint.connected()
        if self._line is not None:
            self._alarm.set(strap_end.deadline_ms(self._end))

    def _forget(self) -> None:
        self._next = None
        if self._reset is not None:
            self._is_stale = True
            self._work_on()

    def _work_on(self) -> None:
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())

    async def _work(self) -> None:
        """Reset what is stale and carry out what waits: one thing at a time."""
        while self._is_stale or self._next is not None:
            if self._is_stale and self._reset is not None:
                self._is_stale = False
                await self._reset()
                continue
            request, self._next = self._next, None
            if request is not None:
                await self._carry_out(request)

    async def _carry_out(self, request: Execute) -> None:
        answer: Message | None = None
        try:
            body = await self.endpoint.handle(request.body)
            answer = Message(MessageKind.ANSWER, request.id, body)
        except StrapRefused as refusal:
            answer = Message(MessageKind.REFUSED, request.id, str(refusal).encode())
        except DecodeError as error:
            answer = Message(MessageKind.REFUSED, request.id, f"message: {error}".encode())
        except LinkLost:
            pass  # what the request went to is gone, and with it what is known of the request
        finally:
            if answer is not None:
                self._apply(strap_end.answered(self._end, request, answer, self._now_ms))
            elif request.epoch == self._end.epoch:
                self.start_over()


class GattServer:
    """Serves one phone at a time; `attach` says who answers what."""

    def __init__(self, env: Env) -> None:
        self._env = env
        self._boot = env.random.bytes(BOOT_BYTES)
        self._channels: dict[Concern, _Channel] = {}
        self._by_characteristic: dict[Characteristic, _Channel] = {}
        self._values: dict[Characteristic, Callable[[], bytes]] = {}
        self._takers: dict[Characteristic, Callable[[bytes], None]] = {}
        self._visit: ServedVisit | None = None
        self._last_peer = ""

    def attach(
        self, endpoints: Mapping[Concern, Endpoint], resets: Mapping[Concern, Reset] | None = None
    ) -> None:
        """Serve these concerns; `resets` drop what a phone left half done in one of them."""
        for concern, endpoint in endpoints.items():
            reset = (resets or {}).get(concern)
            channel = _Channel(self._env, concern, self._boot, endpoint, reset)
            self._channels[concern] = channel
            self._by_characteristic[gatt.to_strap(concern)] = channel

    def offer(
        self,
        characteristic: Characteristic,
        value: Callable[[], bytes],
        take: Callable[[bytes], None] | None = None,
    ) -> None:
        """Serve a standard value; `take` gets what a phone writes to it."""
        self._values[characteristic] = value
        if take is not None:
            self._takers[characteristic] = take

    def endpoint(self, concern: Concern) -> Endpoint:
        """Return who answers a concern; KeyError when nobody does."""
        return self._channels[concern].endpoint

    def news(self, concern: Concern, body: bytes) -> None:
        """Send a message to the phone unasked; without a listening phone nothing happens."""
        if (channel := self._channels.get(concern)) is not None:
            channel.news(body)

    def changed(self, characteristic: Characteristic) -> None:
        """Notify the phone of a standard value."""
        if self._visit is not None and characteristic in self._values:
            self._visit.line.notify(characteristic, self._values[characteristic]())

    @property
    def is_serving(self) -> bool:
        """Whether a phone is connected."""
        return self._visit is not None

    def serve(self, line: Line) -> ServedVisit | None:
        """Take a connection; None while another phone is served.

        The phone that is served already may come again: its old connection is then dropped.
        """
        if self._visit is not None:
            if self._visit.line.peer != line.peer:
                return None
            old = self._visit
            old.closed()
            old.line.drop()
        if line.peer != self._last_peer:
            for channel in self._channels.values():
                channel.start_over()
        self._last_peer = line.peer
        self._visit = ServedVisit(self, line)
        for channel in self._channels.values():
            channel.connected(line)
        return self._visit

    async def close(self) -> None:
        """Drop the phone and stop whatever runs."""
        if self._visit is not None:
            self._visit.line.drop()
        for channel in self._channels.values():
            channel.close()
        await asyncio.sleep(0)

    def _written(self, characteristic: Characteristic, value: bytes) -> None:
        if (channel := self._by_characteristic.get(characteristic)) is not None:
            channel.written(value)
        elif (take := self._takers.get(characteristic)) is not None:
            take(value)

    def _read(self, characteristic: Characteristic) -> bytes | None:
        value = self._values.get(characteristic)
        return None if value is None else value()

    def _closed(self, visit: ServedVisit) -> None:
        if visit is self._visit:
            self._visit = None
            for channel in self._channels.values():
                channel.disconnected()


class ServedVisit:
    """A connection that is served."""

    def __init__(self, server: GattServer, line: Line) -> None:
        self._server = server
        self._is_open = True
        self.line = line

    def written(self, characteristic: Characteristic, value: bytes) -> None:
        """Take a value that the phone wrote; what belongs to nothing is dropped."""
        if self._is_open:
            self._server._written(characteristic, value)

    def read(self, characteristic: Characteristic) -> bytes | None:
        """Return a value, or None where there is none to read."""
        return self._server._read(characteristic) if self._is_open else None

    def closed(self) -> None:
        """The connection is gone."""
        if self._is_open:
            self._is_open = False
            self._server._closed(self)
