"""A phone and a strap with messages, a link between them that does its worst, and virtual time.

Nothing here waits: coroutines run to their end in one go, since no double ever blocks.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from wristlet.companion.errors import StrapUnreachable
from wristlet.companion.messages.messenger import Messenger
from wristlet.crypto.seal import SealKey
from wristlet.env.base import Env
from wristlet.env.sim import MemoryDisk, SimClock, SimRandom
from wristlet.links.channel import LinkLost
from wristlet.strap.messages.endpoint import MessagesEndpoint
from wristlet.strap.messages.presenter import Surroundings
from wristlet.strap.messages.store import Profile
from wristlet.strap.signals import Signal
from wristlet.wire.strap.concerns import Concern

T = TypeVar("T")
ANSWERING, LOST, UNANSWERED, TWICE, LATER, STALE_ANSWER = range(6)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run what never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise AssertionError("it waited for something")


class BadLink:
    """Carries requests and news; `faults` says what becomes of each of the next ones."""

    def __init__(self, handle: Callable[[bytes], Coroutine[Any, Any, bytes]]) -> None:
        self.handle = handle
        self.faults: list[int] = []
        self.is_up = True
        self._in_the_air: list[bytes] = []
        self._last_answer = b""

    async def ask(self, concern: Concern, message: bytes) -> bytes:
        assert concern is Concern.MESSAGES
        if not self.is_up:
            raise LinkLost("the link is down")
        fault = self.faults.pop(0) if self.faults else ANSWERING
        if fault == LOST:
            raise LinkLost("lost on the way there")
        if fault == LATER:
            self._in_the_air.append(message)
            raise LinkLost("will arrive later")
        if fault == TWICE:
            await self.handle(message)
        answer = await self.handle(message)
        if fault == UNANSWERED:
            raise LinkLost("lost on the way back")
        answer, self._last_answer = (
            (self._last_answer if fault == STALE_ANSWER and self._last_answer else answer),
            answer,
        )
        return answer

    async def land(self) -> None:
        """Let what is in the air arrive now, newest first; nobody waits for its answers."""
        while self._in_the_air:
            await self.handle(self._in_the_air.pop())


class World:
    """Phone, strap, link and clock; either end can die and start again."""

    def __init__(self, profile: Profile | None = None, *, sealed: bool = False) -> None:
        self.clock = SimClock()
        self.phone_disk, self.strap_disk = MemoryDisk(), MemoryDisk()
        self.signals: list[Signal] = []
        self.shown_at_ms: list[int] = []
        self.profile = profile or Profile()
        self.worn = True
        self.offset_minutes = 0
        self.news_faults: list[int] = []
        self.is_connected = False
        self._late_news: list[bytes] = []
        self._key = SealKey(bytes(32)) if sealed else None
        self._starts = 0
        self.phone = self._new_phone()
        self.strap = self._new_strap()
        self.link = BadLink(lambda message: self.strap.handle(message))

    def _env(self, disk: MemoryDisk, name: str) -> Env:
        self._starts += 1
        return Env(self.clock, SimRandom(f"{name}/{self._starts}"), disk)

    def _new_phone(self) -> Messenger:
        env = self._env(self.phone_disk, "phone")
        return Messenger(env, "/phone", key=self._key, offset=lambda _at_ms: self.offset_minutes)

    def _new_strap(self) -> MessagesEndpoint:
        around = Surroundings(worn=lambda: self.worn, offset=lambda _at_ms: self.offset_minutes)
        return MessagesEndpoint(
            self._env(self.strap_disk, "strap"),
            "/strap",
            present=self._present,
            news=self._news,
            profile=self.profile,
            around=around,
        )

    def _present(self, signal: Signal) -> None:
        self.signals.append(signal)
        self.shown_at_ms.append(self.clock.now_ms())

    # The link

    def connect(self) -> None:
        self.link.is_up = self.is_connected = True
        self.strap.connected()

    def disconnect(self) -> None:
        self.link.is_up = self.is_connected = False
        self.strap.disconnected()

    def _news(self, concern: Concern, message: bytes) -> None:
        assert concern is Concern.MESSAGES
        fault = self.news_faults.pop(0) if self.news_faults else ANSWERING
        if not self.is_connected or fault == LOST:
            return
        if fault == LATER:
            self._late_news.append(message)
            return
        for _ in range(2 if fault == TWICE else 1):
            self.phone.take_news(message)

    def land(self) -> None:
        """Let everything that is late arrive."""
        run(self.link.land())
        while self._late_news:
            self.phone.take_news(self._late_news.pop())

    def sync(self) -> bool:
        """Try to sync once; says whether it came to its end."""
        try:
            run(self.phone.sync(self.link))
        except StrapUnreachable:
            return False
        return True

    # Time

    def pass_ms(self, duration_ms: int) -> None:
        """Let time pass, the strap doing what is due at its moments."""
        end_us = self.clock.monotonic_us() + duration_ms * 1000
        while True:
            due_ms = max(self.strap.tick(), 1)
            rest_ms = (end_us - self.clock.monotonic_us()) // 1000
            if rest_ms <= 0:
                return
            self.clock.advance_ms(min(due_ms, rest_ms))

    # Deaths

    def restart_strap(self, choice: int) -> None:
        """Cut the strap's power now: the disk keeps one of the states it may keep."""
        self.strap_disk.restart()
        self.strap_disk = _image(self.strap_disk, choice)
        self.disconnect()
        self.strap = self._new_strap()

    def restart_phone(self, choice: int) -> None:
        """End the phone's app now, as hard as a power cut."""
        self.phone_disk.restart()
        self.phone_disk = _image(self.phone_disk, choice)
        self.disconnect()
        self.phone = self._new_phone()

    def fork(self, strap_disk: MemoryDisk) -> World:
        """Return another world at this moment, its strap coming up on that disk."""
        other = World(self.profile)
        other.clock.advance_us(self.clock.monotonic_us())
        other.phone_disk, other.strap_disk = self.phone_disk.copy(), strap_disk
        other.phone, other.strap = other._new_phone(), other._new_strap()
        return other

    def texts(self) -> list[str]:
        """All that was shown, line by line."""
        return [line for signal in self.signals for line in signal.lines]

    def alerts(self) -> list[str]:
        """All lines that were shown with a light or vibration."""
        return [line for s in self.signals if s.light or s.vibration for line in s.lines]


def _image(disk: MemoryDisk, choice: int) -> MemoryDisk:
    images = list(disk.images(limit=64, seed=choice))
    return images[random.Random(choice).randrange(len(images))]
