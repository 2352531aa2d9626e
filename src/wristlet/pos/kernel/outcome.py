"""What a tap comes to: the outcome parameters and user messages of EMV Contactless Book A."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from wristlet.wire.apdu import Command, Response


class OutcomeKind(StrEnum):
    """Outcomes of EMV Contactless Book A, Final Outcomes, that this terminal has: what to do next.

    "Approved" is not among them: no tap is approved without the issuer.
    """

    ONLINE_REQUEST = "online_request"
    DECLINED = "declined"
    TRY_AGAIN = "try_again"
    SELECT_NEXT = "select_next"
    END_APPLICATION = "end_application"


class Display(StrEnum):
    """Messages to the cardholder (EMV Contactless Book A, Message Identifiers), in English."""

    PRESENT_CARD = "PRESENT CARD"
    APPROVED = "APPROVED"
    DECLINED = "NOT AUTHORISED"
    SEE_PHONE = "SEE PHONE"
    TRY_ANOTHER_CARD = "INSERT, SWIPE OR TRY ANOTHER CARD"
    AUTHORISING = "AUTHORISING, PLEASE WAIT"
    TRY_AGAIN = "PRESENT ONE CARD ONLY, TRY AGAIN"


class Cvm(StrEnum):
    """How the cardholder was verified for this tap."""

    NONE = "no_cvm"
    CDCVM = "cdcvm"


@dataclass(frozen=True, slots=True)
class TapOutcome:
    """The result of one kernel run; `data` holds the tags for the acquirer, `reason` is one plain
    sentence.
    """

    kind: OutcomeKind
    display: Display
    reason: str
    kernel: int | None = None
    aid: bytes = b""
    cvm: Cvm = Cvm.NONE
    data: Mapping[int, bytes] = field(default_factory=dict, repr=False)


KernelRun: TypeAlias = Generator[Command, Response, TapOutcome]


def online(kernel: int, aid: bytes, cvm: Cvm, data: Mapping[int, bytes]) -> TapOutcome:
    """Return the outcome of a card that asks its issuer."""
    reason = "the card asks the issuer"
    return TapOutcome(
        OutcomeKind.ONLINE_REQUEST, Display.AUTHORISING, reason, kernel, aid, cvm, data
    )


def declined(reason: str, kernel: int, aid: bytes = b"") -> TapOutcome:
    """Return a decline without asking the issuer."""
    return TapOutcome(OutcomeKind.DECLINED, Display.DECLINED, reason, kernel, aid)


def see_phone(kernel: int, aid: bytes) -> TapOutcome:
    """Return the outcome of a card that wants its holder verified on the phone first."""
    reason = "the card asks for the cardholder to be verified on the phone, then a second tap"
    return TapOutcome(OutcomeKind.TRY_AGAIN, Display.SEE_PHONE, reason, kernel, aid)


def select_next(kernel: int, aid: bytes) -> TapOutcome:
    """Return the outcome of an application that points to the card's next one."""
    reason = "the card refers to another application"
    return TapOutcome(OutcomeKind.SELECT_NEXT, Display.TRY_ANOTHER_CARD, reason, kernel, aid)


def torn() -> TapOutcome:
    """Return the outcome of a card that left the field before it had answered everything."""
    reason = "the card left the field too early"
    return TapOutcome(OutcomeKind.TRY_AGAIN, Display.TRY_AGAIN, reason)


def unusable(reason: str, kernel: int | None = None, aid: bytes = b"") -> TapOutcome:
    """Return the outcome of a card that cannot be used here."""
    return TapOutcome(OutcomeKind.END_APPLICATION, Display.TRY_ANOTHER_CARD, reason, kernel, aid)
