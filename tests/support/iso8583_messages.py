"""Messages for properties: any fields of the table with values that fit."""

from __future__ import annotations

from hypothesis import strategies as st

from wristlet.wire.iso8583.field import Field, Kind, Value
from wristlet.wire.iso8583.message import Message
from wristlet.wire.iso8583.table import FIELDS, MAC_PRIMARY, MAC_SECONDARY

DIGITS = "0123456789"
PRINTABLE = st.characters(min_codepoint=0x20, max_codepoint=0x7E)


def _track(longest: int) -> st.SearchStrategy[str]:
    plain = st.text(DIGITS, min_size=1, max_size=longest)
    parted = st.builds(
        lambda number, rest: f"{number}D{rest}",
        st.text(DIGITS, min_size=1, max_size=19),
        st.text(DIGITS, max_size=longest - 20),
    )
    return plain | parted


def values_of(field: Field) -> st.SearchStrategy[Value]:
    """Values that come back as they are."""
    low = 1 if field.prefix else field.length
    high = field.length
    if field.kind is Kind.DIGITS:
        return st.text(DIGITS, min_size=low, max_size=high)
    if field.kind is Kind.TRACK:
        return _track(high)
    if field.kind is Kind.BINARY:
        return st.binary(min_size=low, max_size=high)
    if field.kind is Kind.TEXT and not field.prefix:
        return st.text(PRINTABLE, max_size=high).map(str.rstrip)
    return st.text(PRINTABLE, min_size=low, max_size=high)


@st.composite
def messages(draw: st.DrawFn, *, mac: bool = True) -> Message:
    """A message of up to 25 fields; without `mac` it has neither field 64 nor 128."""
    left_out = () if mac else (MAC_PRIMARY, MAC_SECONDARY)
    numbers = st.sampled_from([number for number in FIELDS if number not in left_out])
    chosen = draw(st.lists(numbers, max_size=25, unique=True))
    mti = draw(st.text(DIGITS, min_size=4, max_size=4))
    return Message(mti, {number: draw(values_of(FIELDS[number])) for number in chosen})
