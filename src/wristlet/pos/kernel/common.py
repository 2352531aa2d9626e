"""Steps that both kernels share: selection data, records, the data that goes online."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field

from wristlet.wire import ber
from wristlet.wire.apdu import Command, Response
from wristlet.wire.emv import afl, commands, tags
from wristlet.wire.errors import DecodeError

SW_OK = 0x9000

# DE 55 in the order in which it is sent; what is absent is left out.
ONLINE_TAGS = (
    tags.APPLICATION_CRYPTOGRAM_9F26,
    tags.CRYPTOGRAM_INFORMATION_DATA_9F27,
    tags.ISSUER_APPLICATION_DATA_9F10,
    tags.UNPREDICTABLE_NUMBER_9F37,
    tags.ATC_9F36,
    tags.TVR_95,
    tags.TRANSACTION_DATE_9A,
    tags.TRANSACTION_TYPE_9C,
    tags.AMOUNT_AUTHORISED_9F02,
    tags.TRANSACTION_CURRENCY_CODE_5F2A,
    tags.AIP_82,
    tags.TERMINAL_COUNTRY_CODE_9F1A,
    tags.AMOUNT_OTHER_9F03,
    tags.TERMINAL_CAPABILITIES_9F33,
    tags.CVM_RESULTS_9F34,
    tags.TERMINAL_TYPE_9F35,
    tags.IFD_SERIAL_NUMBER_9F1E,
    tags.DF_NAME_84,
    tags.APPLICATION_VERSION_NUMBER_TERMINAL_9F09,
    tags.PAN_SEQUENCE_NUMBER_5F34,
    tags.FORM_FACTOR_INDICATOR_9F6E,
)


class CardFault(Exception):
    """The card's data break the rules of the kernel; the message names which."""


@dataclass(slots=True)
class CardData:
    """What the card has told so far; `authenticated` collects the records covered by offline
    authentication.
    """

    objects: dict[int, bytes] = field(default_factory=dict)
    authenticated: bytearray = field(default_factory=bytearray)

    def add(self, template: bytes) -> None:
        """Take the objects of a template; a repeated one is an error (EMV Book 3, Read
        Application Data).
        """
        try:
            fresh = ber.collect(template)
        except DecodeError as error:
            raise CardFault("the card's data cannot be read") from error
        for tag, value in fresh.items():
            if self.objects.setdefault(tag, value) != value:
                raise CardFault("the card gave one data object twice, with different values")

    def require(self, *needed: int) -> None:
        """Check that mandatory objects are there; raises CardFault."""
        missing = [f"{tag:X}" for tag in needed if tag not in self.objects]
        if missing:
            raise CardFault(f"the card left out mandatory data: {', '.join(missing)}")


def pdol_of(fci: bytes) -> bytes:
    """Return the PDOL of a SELECT answer, empty when there is none; raises CardFault."""
    try:
        return ber.find(fci, 0x6F, 0xA5, tags.PDOL_9F38) or b""
    except DecodeError as error:
        raise CardFault("the card's selection answer cannot be read") from error


def read_records(locator: bytes, card: CardData) -> Generator[Command, Response, None]:
    """Read every record of an AFL into `card`; raises CardFault."""
    try:
        entries = afl.parse(locator)
    except DecodeError as error:
        raise CardFault("the card's file locator cannot be read") from error
    for entry in entries:
        for number in range(entry.first, entry.last + 1):
            answer = yield commands.read_record(entry.sfi, number)
            if answer.sw != SW_OK or not answer.data.startswith(b"\x70"):
                raise CardFault("a record that the card lists cannot be read")
            if number - entry.first < entry.oda_records:
                card.authenticated += _oda_input(entry.sfi, answer.data)
            card.add(answer.data)


def _oda_input(sfi: int, record: bytes) -> bytes:
    """Records of files 1 to 10 count without their template's tag and length (EMV Book 3, 10.3)."""
    return ber.parse(record)[0].value if sfi <= 10 else record


def online_data(*sources: Mapping[int, bytes]) -> dict[int, bytes]:
    """Collect the tags for DE 55; the first source that has a tag wins."""
    collected: dict[int, bytes] = {}
    for tag in ONLINE_TAGS:
        for source in sources:
            if tag in source:
                collected[tag] = source[tag]
                break
    return collected
