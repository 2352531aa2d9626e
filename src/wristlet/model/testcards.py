"""The sandbox's cards: numbers that belong to nobody and say what will happen.

A number is `9999 BB OO nnnnnnn L`: bank, outcome, serial, check digit. A first
digit of 9 is left to national bodies (ISO/IEC 7812-1), and 9999 is not known to
be in use.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, TypeAlias

from wristlet.model.pan import DPAN_PREFIX, Pan
from wristlet.wire.masked import SecretDigits

Product: TypeAlias = Literal["k3", "k2"]

CARD_PREFIX: Final = "9999"
SERIAL_DIGITS: Final = 7

OTP_RIGHT: Final = "123456"
OTP_WRONG: Final = "000000"
OTP_EXPIRED: Final = "999999"


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank that does not exist: two digits of its numbers, its name and its card product."""

    code: str
    name: str
    product: Product

    @property
    def card_bin(self) -> str:
        """The first six digits of its cards."""
        return CARD_PREFIX + self.code

    @property
    def token_bin(self) -> str:
        """The first six digits of its cards' tokens."""
        return DPAN_PREFIX + self.code


AOBA: Final = Bank("01", "Aoba Bank", "k3")
KITA: Final = Bank("02", "Kita Credit", "k2")
MINAMI: Final = Bank("03", "Minami Debit", "k3")
BANKS: Final = (AOBA, KITA, MINAMI)


class Outcome(Enum):
    """What happens with a card."""

    GREEN = "green"
    YELLOW_SMS = "yellow_sms"
    YELLOW_APP = "yellow_app"
    RED_ISSUER = "red_issuer"
    RED_NETWORK = "red_network"
    CVC_MISMATCH = "cvc_mismatch"
    EXPIRY_MISMATCH = "expiry_mismatch"
    NOT_ELIGIBLE = "not_eligible"
    FUNDS = "funds"
    LIMIT = "limit"
    LOST = "lost"
    EXPIRED = "expired"


# The two digits of a number that name its outcome, and a note for the tester.
OUTCOMES: Final[dict[str, tuple[Outcome, str]]] = {
    "00": (Outcome.GREEN, "is added at once and pays"),
    "10": (Outcome.YELLOW_SMS, "asks for a code sent by SMS"),
    "11": (Outcome.YELLOW_APP, "asks for confirmation in the bank's app"),
    "20": (Outcome.RED_ISSUER, "is refused by the bank"),
    "21": (Outcome.RED_NETWORK, "is refused by the network"),
    "30": (Outcome.CVC_MISMATCH, "is refused: the security code does not match"),
    "31": (Outcome.EXPIRY_MISMATCH, "is refused: the expiry date does not match"),
    "32": (Outcome.NOT_ELIGIBLE, "is not eligible for a wallet"),
    "40": (Outcome.FUNDS, "is added; payments are declined: not enough money"),
    "41": (Outcome.LIMIT, "is added; payments are declined: over the limit"),
    "42": (Outcome.LOST, "is added; payments are declined: reported lost"),
    "43": (Outcome.EXPIRED, "is added; payments are declined: the card has expired"),
}


@dataclass(frozen=True, slots=True)
class TestCard:
    """One sandbox card."""

    __test__ = False  # pytest takes the name for a test class

    number: Pan
    bank: Bank
    product: Product
    outcome: Outcome
    expiry_yymm: str
    security_code: SecretDigits
    note: str


def _card(bank: Bank, digits: str, serial: int = 1) -> TestCard:
    outcome, note = OUTCOMES[digits]
    return TestCard(
        number=Pan.complete(f"{bank.card_bin}{digits}{serial:0{SERIAL_DIGITS}d}"),
        bank=bank,
        product=bank.product,
        outcome=outcome,
        expiry_yymm="3012",
        security_code=SecretDigits("123"),
        note=note,
    )


TEST_CARDS: Final = tuple(_card(bank, digits) for bank in BANKS for digits in OUTCOMES)


def bank_of(pan: str) -> Bank | None:
    """Return the sandbox bank that issued a card or token number; None for any other number."""
    digits = _plain(pan)
    if digits[:4] not in (CARD_PREFIX, DPAN_PREFIX):
        return None
    return next((bank for bank in BANKS if bank.code == digits[4:6]), None)


def outcome_of(pan: str) -> Outcome | None:
    """Return what a sandbox card's number promises; None for any other number."""
    digits = _plain(pan)
    if digits[:4] != CARD_PREFIX or bank_of(digits) is None:
        return None
    found = OUTCOMES.get(digits[6:8])
    return found[0] if found else None


def find_card(bank: Bank, outcome: Outcome) -> TestCard:
    """Return the card of a bank with an outcome."""
    return next(c for c in TEST_CARDS if c.bank == bank and c.outcome is outcome)


def _plain(pan: str) -> str:
    return pan.reveal() if isinstance(pan, SecretDigits) else pan
