"""Entry point: directory, candidate list, selection, and the kernel that the winner names.

EMV Contactless Book B, Combination Selection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wristlet.pos.config import TerminalConfig
from wristlet.pos.kernel import k2, k3
from wristlet.pos.kernel.common import SW_OK
from wristlet.pos.kernel.outcome import KernelRun, OutcomeKind, TapOutcome, declined, unusable
from wristlet.pos.kernel.sale import Sale, pre_process
from wristlet.wire import ber
from wristlet.wire.emv import commands, tags
from wristlet.wire.errors import DecodeError

MIN_ADF_NAME, MAX_ADF_NAME = 5, 16
COMMANDS_MAX: Final = 100
"""More than any card needs; one that goes on and on ends the tap."""
ANSWER_MAX: Final = 256
"""Every command asks for a short answer."""

_PRIORITY_MASK, _PRIORITY_NONE = 0x0F, 16
_KERNEL_ANY: Final = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """One application of the card that a kernel here can take; priority 1 is the highest, 16 none
    given.
    """

    aid: bytes
    kernel: int
    priority: int
    position: int


def candidates(fci: bytes, config: TerminalConfig) -> list[Candidate]:
    """Return the usable entries of a PPSE answer, best first; raises DecodeError."""
    directory = ber.find(fci, 0x6F, 0xA5, 0xBF0C)
    found: list[Candidate] = []
    for position, entry in enumerate(ber.parse(directory or b"")):
        aid = ber.find(entry.value, tags.ADF_NAME_4F) if entry.tag == 0x61 else None
        if aid is None or not MIN_ADF_NAME <= len(aid) <= MAX_ADF_NAME:
            continue
        kernel = _kernel_for(aid, ber.find(entry.value, tags.KERNEL_IDENTIFIER_9F2A), config)
        if kernel is None:
            continue
        indicator = ber.find(entry.value, tags.APPLICATION_PRIORITY_INDICATOR_87) or b"\x00"
        priority = indicator[-1] & _PRIORITY_MASK or _PRIORITY_NONE
        found.append(Candidate(aid, kernel, priority, position))
    return sorted(found, key=lambda one: (one.priority, one.position))


def _kernel_for(aid: bytes, asked: bytes | None, config: TerminalConfig) -> int | None:
    """The kernel follows from the registered AID; a card may name it but never choose another
    brand's.
    """
    for registered, kernel in config.kernels.items():
        if aid.startswith(registered):
            return kernel if not asked or asked[0] in (_KERNEL_ANY, kernel) else None
    return None


def run_tap(config: TerminalConfig, sale: Sale) -> KernelRun:
    """Run one tap from directory to outcome, in a bounded number of commands."""
    run = _run_tap(config, sale)
    command = next(run)
    for _ in range(COMMANDS_MAX):
        answer = yield command
        if len(answer.data) > ANSWER_MAX:
            return unusable("the card's answer is longer than was asked for")
        try:
            command = run.send(answer)
        except StopIteration as finished:
            outcome: TapOutcome = finished.value
            return outcome
    return unusable("the card takes more commands than a tap has")


def _run_tap(config: TerminalConfig, sale: Sale) -> KernelRun:
    answer = yield commands.select_ppse()
    if answer.sw != SW_OK:
        return unusable("the card has no contactless directory")
    try:
        found = candidates(answer.data, config)
    except DecodeError:
        return unusable("the card's directory cannot be read")
    if not found:
        return unusable("no application of this card is accepted here")
    allowed = [one for one in found if pre_process(config, one.kernel, sale).allowed]
    if not allowed:
        return declined("the amount is above the contactless limit", found[0].kernel)
    for candidate in allowed:
        selected = yield commands.select(candidate.aid)
        name = _name_of(selected.data) if selected.sw == SW_OK else None
        if name is None or not name.startswith(candidate.aid):
            continue
        kernel = k3.run if candidate.kernel == k3.KERNEL else k2.run
        outcome = yield from kernel(config, sale, name, selected.data)
        if outcome.kind is not OutcomeKind.SELECT_NEXT:
            return outcome
    return unusable("none of the card's applications takes this payment")


def _name_of(fci: bytes) -> bytes | None:
    """The full name of what was selected, None where the answer has none that can be."""
    try:
        name = ber.find(fci, 0x6F, tags.DF_NAME_84)
    except DecodeError:
        return None
    return name if name is not None and len(name) <= MAX_ADF_NAME else None
