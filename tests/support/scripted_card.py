"""A card that follows a script and fails at the first deviation, and kernels run on cards."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from wristlet.pos.config import TerminalConfig
from wristlet.pos.kernel.entry import run_tap
from wristlet.pos.kernel.outcome import KernelRun, TapOutcome
from wristlet.pos.kernel.sale import Sale
from wristlet.wire.apdu import Response

Answer: TypeAlias = Callable[[bytes], bytes]


class ScriptedCard:
    """Expects the given commands in this order, each with its answer (hex, spaces allowed)."""

    def __init__(self, *steps: tuple[str, str]) -> None:
        self._steps = [(bytes.fromhex(command), bytes.fromhex(given)) for command, given in steps]
        self.count = 0

    def answer(self, command: bytes) -> bytes:
        """Answer the next command; AssertionError when it is another one."""
        assert self.count < len(self._steps), f"an unexpected command: {command.hex()}"
        expected, given = self._steps[self.count]
        assert command.hex() == expected.hex(), f"command {self.count} deviates"
        self.count += 1
        return given

    async def transmit(self, command: bytes) -> bytes:
        """Answer as an `ApduChannel`."""
        return self.answer(command)

    def finish(self) -> None:
        """Check that the whole script was played."""
        assert self.count == len(self._steps), f"{len(self._steps) - self.count} steps are left"


class AnsweringCard:
    """An `ApduChannel` over a function; `seen` are the commands."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.seen: list[bytes] = []

    async def transmit(self, command: bytes) -> bytes:
        """Ask the function."""
        self.seen.append(command)
        return self._answer(command)


def play(run: KernelRun, answer: Answer, commands_max: int = 1_000) -> TapOutcome:
    """Run a kernel on a card without any link; AssertionError when it never ends."""
    try:
        command = next(run)
        for _ in range(commands_max):
            command = run.send(Response.parse(answer(command.encode())))
    except StopIteration as finished:
        outcome: TapOutcome = finished.value
        return outcome
    raise AssertionError("the kernel does not end")


def tap(config: TerminalConfig, sale: Sale, *steps: tuple[str, str]) -> TapOutcome:
    """Play one tap on a scripted card to the script's very end."""
    card = ScriptedCard(*steps)
    outcome = play(run_tap(config, sale), card.answer)
    card.finish()
    return outcome
