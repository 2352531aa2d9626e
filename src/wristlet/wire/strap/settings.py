"""What the wearer and the brand chose, and the table of cards that the strap shows.

The phone reads the whole settings with their revision and writes the whole anew, naming the
revision that it changed: what another phone wrote meanwhile is never overwritten unseen. The strap
answers a write only when it is durable. The same bytes are the strap's file.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Annotated, Final

from wristlet.wire.errors import EncodeError
from wristlet.wire.strap.fields import (
    U16,
    U32,
    Choice,
    Family,
    Flag,
    Many,
    Part,
    Raw,
    Signs,
    Text,
    Uint,
    Wire,
)

CARDS_MAX: Final = 16
CARD_NAME_BYTES: Final = 40
NAME_DIGITS_MAX: Final = 4
COLOUR_MAX: Final = 0xFF_FFFF
MINUTES_A_DAY: Final = 24 * 60
DISPLAY_MS_MIN, DISPLAY_MS_MAX = 1_000, 30_000
HEIGHT_MM_MIN, HEIGHT_MM_MAX = 500, 2_500
WEIGHT_G_MIN, WEIGHT_G_MAX = 10_000, 400_000
YEAR_MIN, YEAR_MAX = 1900, 2100


@unique
class Strength(IntEnum):
    """How strongly the motor moves."""

    OFF = 0
    LIGHT = 1
    NORMAL = 2
    STRONG = 3


@unique
class Language(IntEnum):
    """Languages of the firmware's own words."""

    ENGLISH = 0
    JAPANESE = 1


@unique
class Wrist(IntEnum):
    """Where the strap is worn."""

    LEFT = 0
    RIGHT = 1


@unique
class Sex(IntEnum):
    """For estimating energy only; may be left unsaid."""

    UNSAID = 0
    FEMALE = 1
    MALE = 2


@dataclass(frozen=True, slots=True)
class CardEntry:
    """How the strap names a card; never more of its number than the last four digits."""

    aid: Annotated[bytes, Wire(0x01, Raw(5, 16), "the instance's AID at the secure element")]
    name: Annotated[str, Wire(0x02, Text(CARD_NAME_BYTES, 1), "at most 4 digits among its signs")]
    last_four: Annotated[str, Wire(0x03, Signs(4, is_digits=True), "of the wearer's own card")]
    colour_rgb: Annotated[int, Wire(0x04, Uint(COLOUR_MAX), "of the card's art: RRGGBB")] = 0

    def __post_init__(self) -> None:
        digits = sum(unicodedata.category(sign) == "Nd" for sign in self.name)
        if digits > NAME_DIGITS_MAX:
            raise EncodeError(
                f"has more than {NAME_DIGITS_MAX} digits: a card's number does not belong here",
                path=("name",),
            )


@dataclass(frozen=True, slots=True)
class Wearer:
    """What distance and energy are estimated with; 0 where the wearer said nothing."""

    height_mm: Annotated[int, Wire(0x01, U16, "0, or 500 to 2,500")] = 0
    weight_g: Annotated[int, Wire(0x02, Uint(WEIGHT_G_MAX), "0, or 10,000 to 400,000")] = 0
    birth_year: Annotated[int, Wire(0x03, U16, "0, or 1900 to 2100")] = 0
    sex: Annotated[Sex, Wire(0x04, Choice(Sex), "")] = Sex.UNSAID
    wrist: Annotated[Wrist, Wire(0x05, Choice(Wrist), "")] = Wrist.LEFT

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("height_mm", self.height_mm, HEIGHT_MM_MIN, HEIGHT_MM_MAX),
            ("weight_g", self.weight_g, WEIGHT_G_MIN, WEIGHT_G_MAX),
            ("birth_year", self.birth_year, YEAR_MIN, YEAR_MAX),
        ):
            if value and not low <= value <= high:
                raise EncodeError(f"must be 0 or {low} to {high}", path=(name,))


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From the first minute of the local day to the second; over midnight when it is smaller."""

    from_minute: Annotated[int, Wire(0x01, Uint(MINUTES_A_DAY - 1), "")]
    to_minute: Annotated[int, Wire(0x02, Uint(MINUTES_A_DAY - 1), "")]


_DISPLAY_MS: Final = Uint(DISPLAY_MS_MAX, DISPLAY_MS_MIN)


@dataclass(frozen=True, slots=True)
class Settings:
    """All that was chosen; what a strap starts with are the defaults."""

    language: Annotated[Language, Wire(0x01, Choice(Language), "")] = Language.ENGLISH
    vibration: Annotated[Strength, Wire(0x02, Choice(Strength), "")] = Strength.NORMAL
    display_ms: Annotated[int, Wire(0x03, _DISPLAY_MS, "how long a text stays")] = 4_000
    hides_cards: Annotated[bool, Wire(0x04, Flag(), "show no card when not worn")] = False
    wearer: Annotated[Wearer, Wire(0x05, Part(Wearer), "")] = Wearer()
    quiet: Annotated[tuple[QuietHours, ...], Wire(0x06, Many(Part(QuietHours), 4), "")] = ()
    cards: Annotated[tuple[CardEntry, ...], Wire(0x07, Many(Part(CardEntry), CARDS_MAX), "")] = ()

    def __post_init__(self) -> None:
        if len({card.aid for card in self.cards}) != len(self.cards):
            raise EncodeError("names a card twice", path=("cards",))

    def card(self, aid: bytes) -> CardEntry | None:
        """Return how a card is named, None for one that no phone has named."""
        return next((card for card in self.cards if card.aid == aid), None)


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """Ask for the settings."""


@dataclass(frozen=True, slots=True)
class WriteSettings:
    """Replace the settings that had this revision."""

    based_on: Annotated[int, Wire(0x01, U32, "the revision that was changed")]
    settings: Annotated[Settings, Wire(0x02, Part(Settings), "")]


@dataclass(frozen=True, slots=True)
class CurrentSettings:
    """The settings as they are durable; the answer to both requests."""

    revision: Annotated[int, Wire(0x01, U32, "counts writes")]
    settings: Annotated[Settings, Wire(0x02, Part(Settings), "")]


@dataclass(frozen=True, slots=True)
class SettingsMoved:
    """News: another phone wrote this revision."""

    revision: Annotated[int, Wire(0x01, U32, "")]


Request = ReadSettings | WriteSettings

REQUESTS: Final[Family[Request]] = Family(
    "settings request", {0x01: ReadSettings, 0x02: WriteSettings}
)
ANSWERS: Final[Family[CurrentSettings]] = Family("settings answer", {0x41: CurrentSettings})
NEWS: Final[Family[SettingsMoved]] = Family("settings news", {0x80: SettingsMoved})
