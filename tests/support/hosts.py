"""Hosts that follow a script, behind the client interface of ISO 8583 links."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from wristlet.links.iso8583_peer import TIMEOUT_MS, HostUnavailable
from wristlet.wire.iso8583.message import Message, reply

Turn: TypeAlias = str | BaseException | Callable[[Message], Awaitable[Message]]


class ScriptedHost:
    """Answers each request by the next turn: a response code, an error to raise, or a handler.

    When the script is over every request is approved. `seen` are the requests.
    """

    def __init__(self, *turns: Turn) -> None:
        self.turns = list(turns)
        self.seen: list[Message] = []

    async def request(self, message: Message, timeout_ms: int = TIMEOUT_MS) -> Message:
        """Play the next turn."""
        self.seen.append(message)
        turn: Turn = self.turns.pop(0) if self.turns else "00"
        if isinstance(turn, BaseException):
            raise turn
        return reply(message, {39: turn}) if isinstance(turn, str) else await turn(message)


class LossyBank:
    """Approves and holds, undoes reversals; loses the answers it is told to lose."""

    def __init__(self) -> None:
        self.held: dict[str, int] = {}
        self.undone: set[str] = set()
        self.lose: list[bool] = []

    async def request(self, message: Message, timeout_ms: int = TIMEOUT_MS) -> Message:
        """Do what is asked, then maybe lose the answer."""
        reference, code = message.text(37), "00"
        if message.mti == "0420":
            self.held.pop(reference, None)
            self.undone.add(reference)
        elif reference in self.undone:
            code = "05"
        else:
            self.held[reference] = int(message.text(4))
        if self.lose and self.lose.pop(0):
            raise HostUnavailable("lost")
        return reply(message, {39: code})
