"""What a tap comes to: the outcome parameters and user messages of EMV Contactless Book A."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from wristlet.wire.apdu import Command, Response


class OutcomeKind(StrEnum):
    """Outcomes of EMV Contactless Book A, Outcome Parameter Set: what the terminal does next."""

    ONLINE_REQUEST = "online_request"
    APPROVED = "approved"
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


CVM_RESULTS = {Cvm.NONE: bytes.fromhex("1F0302"), Cvm.CDCVM: bytes.fromhex("010002")}


@dataclass(frozen=True, slots=True)
class TapOutcome:
    """The result of one kernel run; `data` holds the tags for DE 55, `reason` is one plain
    sentence.
    """

    kind: OutcomeKind
    display: Display
    reason: str
    kernel: int | None = None
    aid: bytes = b""
    cvm: Cvm = Cvm.NONE
    data: Mapping[int, bytes] = field(default_factory=dict, repr=False)


KernelRun = Generator[Command, Response, TapOutcome]


def declined(reason: str, kernel: int, aid: bytes = b"") -> TapOutcome:
    """Return a decline by the terminal itself."""
    return TapOutcome(OutcomeKind.DECLINED, Display.DECLINED, reason, kernel, aid)


def see_phone(kernel: int, aid: bytes) -> TapOutcome:
    """Return the outcome of a card that wants its holder verified on the phone first."""
    reason = "the card asks for the cardholder to be verified on the phone, then a second tap"
    return TapOutcome(OutcomeKind.TRY_AGAIN, Display.SEE_PHONE, reason, kernel, aid)


def unusable(reason: str, kernel: int | None = None, aid: bytes = b"") -> TapOutcome:
    """Return the outcome of a card that cannot be used here."""
    return TapOutcome(OutcomeKind.END_APPLICATION, Display.TRY_ANOTHER_CARD, reason, kernel, aid)
