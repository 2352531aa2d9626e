"""Steps that both kernels share: what the card says, its records, the data that go online."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Final

from wristlet.wire import ber
from wristlet.wire.apdu import Command, Response
from wristlet.wire.emv import afl, commands, dol, tags, track2
from wristlet.wire.emv.track2 import Track2
from wristlet.wire.errors import DecodeError
from wristlet.wire.numbers import is_decimal

SW_OK, SW_NEXT_APPLICATION = 0x9000, 0x6985
CID_TYPE_MASK, CID_AAC, CID_TC, CID_ARQC = 0xC0, 0x00, 0x40, 0x80

RECORDS_MAX: Final = 64
"""More records than any card has; an endless file locator ends the tap."""
_DOL_DATA_MAX: Final = 252
"""What fits into one command besides the template of GET PROCESSING OPTIONS."""
_SFI_TEMPLATE_OMITTED_MAX: Final = 10

# DE 55 in the order in which it is sent: what the terminal says, then what the card says. A tag
# is only ever taken from its own side.
TERMINAL_TAGS: Final = (
    tags.UNPREDICTABLE_NUMBER_9F37,
    tags.TVR_95,
    tags.TRANSACTION_DATE_9A,
    tags.TRANSACTION_TYPE_9C,
    tags.AMOUNT_AUTHORISED_9F02,
    tags.AMOUNT_OTHER_9F03,
    tags.TRANSACTION_CURRENCY_CODE_5F2A,
    tags.TERMINAL_COUNTRY_CODE_9F1A,
    tags.TERMINAL_CAPABILITIES_9F33,
    tags.TERMINAL_TYPE_9F35,
    tags.IFD_SERIAL_NUMBER_9F1E,
    tags.CVM_RESULTS_9F34,
    tags.TTQ_9F66,
    tags.DF_NAME_84,
)
CARD_TAGS: Final = (
    tags.APPLICATION_CRYPTOGRAM_9F26,
    tags.CRYPTOGRAM_INFORMATION_DATA_9F27,
    tags.ISSUER_APPLICATION_DATA_9F10,
    tags.ATC_9F36,
    tags.AIP_82,
    tags.PAN_SEQUENCE_NUMBER_5F34,
    tags.CTQ_9F6C,
    tags.FORM_FACTOR_INDICATOR_9F6E,
)

# Sizes in bytes, both ends included, of what the kernels read or pass on.
_SIZES: Final[Mapping[int, tuple[int, int]]] = {
    tags.ADF_NAME_4F: (5, 16),
    tags.TRACK_2_57: (6, 19),
    tags.PAN_5A: (1, 10),
    tags.AIP_82: (2, 2),
    tags.CVM_LIST_8E: (8, 252),
    tags.CA_PUBLIC_KEY_INDEX_8F: (1, 1),
    tags.APPLICATION_EXPIRATION_DATE_5F24: (3, 3),
    tags.APPLICATION_EFFECTIVE_DATE_5F25: (3, 3),
    tags.ISSUER_COUNTRY_CODE_5F28: (2, 2),
    tags.PAN_SEQUENCE_NUMBER_5F34: (1, 1),
    tags.APPLICATION_USAGE_CONTROL_9F07: (2, 2),
    tags.IAC_DENIAL_9F0E: (5, 5),
    tags.ISSUER_APPLICATION_DATA_9F10: (1, 32),
    tags.APPLICATION_CRYPTOGRAM_9F26: (8, 8),
    tags.CRYPTOGRAM_INFORMATION_DATA_9F27: (1, 1),
    tags.ATC_9F36: (2, 2),
    tags.APPLICATION_CURRENCY_CODE_9F42: (2, 2),
    tags.CARD_AUTHENTICATION_RELATED_DATA_9F69: (7, 16),
    tags.CTQ_9F6C: (2, 2),
    tags.FORM_FACTOR_INDICATOR_9F6E: (4, 32),
}
_NUMERIC: Final = frozenset(
    {
        tags.APPLICATION_EXPIRATION_DATE_5F24,
        tags.APPLICATION_EFFECTIVE_DATE_5F25,
        tags.ISSUER_COUNTRY_CODE_5F28,
        tags.PAN_SEQUENCE_NUMBER_5F34,
        tags.APPLICATION_CURRENCY_CODE_9F42,
    }
)


class CardFault(Exception):
    """The card's data break the rules of the kernel; the message names which."""


@dataclass(slots=True)
class CardData:
    """What the card has told so far; `authenticated` collects the records covered by offline
    authentication. Both hold the card number, so neither is printed.
    """

    objects: dict[int, bytes] = field(default_factory=dict, repr=False)
    authenticated: bytearray = field(default_factory=bytearray, repr=False)

    def add(self, content: bytes) -> None:
        """Take the objects of a template's content; the same object with two values is an error.

        Source: EMV 4.3 Book 3, Read Application Data.
        """
        try:
            leaves = [tlv for _, tlv in ber.walk(content) if not ber.is_constructed(tlv.tag)]
        except DecodeError as error:
            raise CardFault("the card's data cannot be read") from error
        for tlv in leaves:
            self.put(tlv.tag, tlv.value)

    def put(self, tag: int, value: bytes) -> None:
        """Take one object; raises CardFault when it cannot be what its tag says."""
        least, most = _SIZES.get(tag, (0, len(value)))
        if not least <= len(value) <= most:
            raise CardFault(f"the card's {tag:X} has a wrong size")
        if tag in _NUMERIC and not is_decimal(value.hex()):
            raise CardFault(f"the card's {tag:X} is not made of digits")
        if self.objects.setdefault(tag, value) != value:
            raise CardFault(f"the card gave {tag:X} twice, with different values")

    def require(self, *needed: int) -> None:
        """Check that mandatory objects are there; raises CardFault."""
        missing = [f"{tag:X}" for tag in needed if tag not in self.objects]
        if missing:
            raise CardFault(f"the card left out mandatory data: {', '.join(missing)}")

    def track(self) -> Track2:
        """Return track 2, checked against the card number where that stands by itself."""
        self.require(tags.TRACK_2_57)
        try:
            track = track2.parse(self.objects[tags.TRACK_2_57])
        except DecodeError as error:
            raise CardFault("the card's track 2 cannot be read") from error
        alone = self.objects.get(tags.PAN_5A)
        if alone is not None and alone.hex().rstrip("f") != track.pan.reveal():
            raise CardFault("the card gives two different card numbers")
        return track


def template(answer: bytes, *wanted: int) -> ber.Tlv:
    """Return the one template that an answer is made of; raises CardFault."""
    try:
        outer = ber.parse(answer)
    except DecodeError as error:
        raise CardFault("the card's answer cannot be read") from error
    if len(outer) != 1 or outer[0].tag not in wanted:
        raise CardFault("the card's answer is not the one template that it should be")
    return outer[0]


def pdol_of(fci: bytes) -> bytes:
    """Return the PDOL of a SELECT answer, empty when there is none; raises CardFault."""
    try:
        return ber.find(fci, 0x6F, 0xA5, tags.PDOL_9F38) or b""
    except DecodeError as error:
        raise CardFault("the card's selection answer cannot be read") from error


def dol_data(wanted: bytes, *sources: Mapping[int, bytes]) -> bytes:
    """Return the data that a card's list asks for; raises CardFault."""
    try:
        if dol.size(wanted) > _DOL_DATA_MAX:
            raise CardFault("the card asks for more data than a command holds")
        return dol.build(wanted, *sources)
    except DecodeError as error:
        raise CardFault("the card's list of wanted data cannot be read") from error


def read_records(locator: bytes, card: CardData) -> Generator[Command, Response, None]:
    """Read every record of an AFL into `card`; raises CardFault."""
    try:
        entries = afl.parse(locator)
    except DecodeError as error:
        raise CardFault("the card's file locator cannot be read") from error
    if sum(entry.last - entry.first + 1 for entry in entries) > RECORDS_MAX:
        raise CardFault(f"the card lists more than {RECORDS_MAX} records")
    for entry in entries:
        for number, is_authenticated in entry.records():
            answer = yield commands.read_record(entry.sfi, number)
            if answer.sw != SW_OK:
                raise CardFault("a record that the card lists cannot be read")
            content = template(answer.data, tags.RECORD_TEMPLATE_70).value
            if is_authenticated:
                card.authenticated += _oda_input(entry.sfi, content, answer.data)
            card.add(content)


def _oda_input(sfi: int, content: bytes, record: bytes) -> bytes:
    """Records of files 1 to 10 count without their template's tag and length.

    Source: EMV 4.3 Book 3, Offline Data Authentication.
    """
    return content if sfi <= _SFI_TEMPLATE_OMITTED_MAX else record


def online_data(own: Mapping[int, bytes], card: Mapping[int, bytes]) -> dict[int, bytes]:
    """Collect what goes online: the tags of DE 55, and track 2 for the fields beside it."""
    data = {tag: card[tag] for tag in CARD_TAGS if tag in card}
    data |= {tag: own[tag] for tag in TERMINAL_TAGS if tag in own}
    return data | {tags.TRACK_2_57: card[tags.TRACK_2_57]}
