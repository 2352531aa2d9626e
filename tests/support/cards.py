"""Cards that do as a test tells them, behind the port and channel interfaces."""

from __future__ import annotations

from collections.abc import Callable

from wristlet.links.channel import LinkLost

Answer = Callable[[bytes], bytes]


class ScriptedPort:
    """A card port that writes down everything and answers each APDU by a function."""

    def __init__(self, answer: Answer = lambda command: command[1:2] + b"\x90\x00") -> None:
        self.events: list[str | bytes] = []
        self._answer = answer

    def power_on(self) -> None:
        """Write it down."""
        self.events.append("on")

    def power_off(self) -> None:
        """Write it down."""
        self.events.append("off")

    def reset(self) -> None:
        """Write it down."""
        self.events.append("reset")

    def atr(self) -> bytes:
        """Return an ATR."""
        return b"\x3b\x00"

    def process(self, command: bytes) -> bytes:
        """Write the command down and answer it."""
        self.events.append(command)
        return self._answer(command)


class ScriptedChannel:
    """A channel that answers from a list; None is a lost reply. `sent` are the commands."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.sent: list[bytes] = []

    async def transmit(self, command: bytes) -> bytes:
        """Answer by the next of the list; raises LinkLost."""
        self.sent.append(command)
        answer = self.answers.pop(0)
        if answer is None:
            raise LinkLost("lost")
        return answer
