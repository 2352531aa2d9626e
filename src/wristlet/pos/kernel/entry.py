"""Entry point: directory, candidate list, selection, and the kernel that the winner names.

EMV Contactless Book B, Combination Selection.
"""

from __future__ import annotations

from dataclasses import dataclass

from wristlet.pos.config import Limits, TerminalConfig
from wristlet.pos.kernel import k2, k3
from wristlet.pos.kernel.outcome import KernelRun, OutcomeKind, TapOutcome, declined, unusable
from wristlet.pos.kernel.sale import Sale, pre_process
from wristlet.wire import ber
from wristlet.wire.emv import commands, tags
from wristlet.wire.errors import DecodeError

SW_OK = 0x9000
MIN_ADF_NAME, MAX_ADF_NAME = 5, 16


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
        found.append(Candidate(aid, kernel, (indicator[-1] & 0x0F) or 16, position))
    return sorted(found, key=lambda one: (one.priority, one.position))


def _kernel_for(aid: bytes, asked: bytes | None, config: TerminalConfig) -> int | None:
    """The kernel follows from the registered AID; a card may name it but never choose another
    brand's.
    """
    for registered, kernel in config.kernels.items():
        if aid.startswith(registered):
            return kernel if not asked or asked[0] in (0, kernel) else None
    return None


def run_tap(config: TerminalConfig, sale: Sale) -> KernelRun:
    """Run one tap from directory to outcome."""
    answer = yield commands.select_ppse()
    if answer.sw != SW_OK:
        return unusable("the card has no contactless directory")
    try:
        found = candidates(answer.data, config)
    except DecodeError:
        return unusable("the card's directory cannot be read")
    if not found:
        return unusable("no application of this card is accepted here")
    outcome: TapOutcome | None = None
    for candidate in found:
        limits = config.limits.get(candidate.kernel, Limits())
        if not pre_process(limits, sale.amount_minor).allowed:
            outcome = declined("the amount is above the contactless limit", candidate.kernel)
            continue
        selected = yield commands.select(candidate.aid)
        if selected.sw != SW_OK:
            continue
        kernel = k3.run if candidate.kernel == 3 else k2.run
        outcome = yield from kernel(config, sale, candidate.aid, selected.data)
        if outcome.kind is not OutcomeKind.SELECT_NEXT:
            return outcome
    return outcome or unusable("the card's applications cannot be selected")
