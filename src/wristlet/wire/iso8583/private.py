"""What token service and issuer tell each other in field 48: BER-TLV of private tags."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from wristlet.wire import ber
from wristlet.wire.errors import DecodeError, EncodeError

TOKEN_REFERENCE_DF01: Final = 0xDF01
REQUESTOR_ID_DF02: Final = 0xDF02
PAR_DF03: Final = 0xDF03
DPAN_LAST4_DF04: Final = 0xDF04
RESULT_CLASS_DF05: Final = 0xDF05
LEASE_VERDICT_DF06: Final = 0xDF06

VALUE_SIZE_MAX: Final = 127


@dataclass(frozen=True, slots=True)
class TokenData:
    """About the token behind a request; an empty text means that nothing is said.

    `par` is the payment account reference, `result_class` the name of a class of
    the cryptogram check, `lease_verdict` what the secure element says about the
    cardholder.
    """

    token_reference: str = ""
    requestor_id: str = ""
    par: str = ""
    dpan_last4: str = ""
    result_class: str = ""
    lease_verdict: str = ""


_TAGS: Final = tuple(
    zip(
        (
            TOKEN_REFERENCE_DF01,
            REQUESTOR_ID_DF02,
            PAR_DF03,
            DPAN_LAST4_DF04,
            RESULT_CLASS_DF05,
            LEASE_VERDICT_DF06,
        ),
        (field.name for field in fields(TokenData)),
        strict=True,
    )
)
_NAMES: Final = dict(_TAGS)


def encode(data: TokenData) -> bytes:
    """Return the value of field 48; EncodeError for text that is not short printable ASCII."""
    out = []
    for tag, name in _TAGS:
        text: str = getattr(data, name)
        if not (text.isascii() and text.isprintable() and len(text) <= VALUE_SIZE_MAX):
            raise EncodeError(
                f"must be printable ASCII of at most {VALUE_SIZE_MAX} characters", path=(name,)
            )
        if text:
            out.append(ber.encode(tag, text.encode("ascii")))
    return b"".join(out)


def decode(raw: bytes) -> TokenData:
    """Return what field 48 says; other tags are passed over, a repeated one is an error."""
    found: dict[str, str] = {}
    for item in ber.parse(raw):
        name = _NAMES.get(item.tag)
        if name is None:
            continue
        text = item.value.decode("latin-1")
        if name in found or not text or not (text.isascii() and text.isprintable()):
            raise DecodeError("is empty, repeated or not printable ASCII", path=("field 48", name))
        if len(text) > VALUE_SIZE_MAX:
            raise DecodeError(f"is longer than {VALUE_SIZE_MAX}", path=("field 48", name))
        found[name] = text
    return TokenData(**found)
