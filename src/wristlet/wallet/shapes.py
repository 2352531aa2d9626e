"""Shape checks at the door: what is opaque must look opaque, and digits in clear stay outside.

Nothing here opens a JWE or a statement; a refusal never quotes what it refuses.
"""

from __future__ import annotations

import base64
import binascii
import re

import msgspec

from wristlet.links.problems import ApiError
from wristlet.wallet.errors import refuse
from wristlet.wire.errors import DecodeError
from wristlet.wire.receipt import (
    TAG_LEASE_REPORT,
    TAG_PIN_STATEMENT,
    TAG_RECEIPT,
    LeaseReport,
    PinStatement,
    Receipt,
    SignedStatement,
)

JWE_LIMIT = 4096
TEXT_LIMIT = 200
STATEMENT_LIMIT = 2048
CERTIFICATES_LIMIT = 8
CERTIFICATE_LIMIT = 8192

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*\Z")
_JWE_PARTS = 5
_JWE_ALGORITHM = ("ECDH-ES", "A256GCM")
_REFERENCE = re.compile(r"[A-Za-z0-9._:-]{1,128}\Z")
_HEX = re.compile(r"(?:[0-9a-f]{2})+\Z")
# A run of 12 to 19 digits, also when spaces, dashes or dots stand between them.
_CARD_NUMBER = re.compile(r"(?<![0-9])[0-9](?:[ .-]?[0-9]){11,18}(?![0-9])")
_CLEAR_CODE = re.compile(r"[\s.-]*[0-9](?:[\s.-]*[0-9])*[\s.-]*\Z")


class _JweHeader(msgspec.Struct):
    alg: str
    enc: str


def check_jwe(value: str, param: str) -> None:
    """Refuse what is not a compact JWE of the agreed algorithms, digits in clear above all."""
    if _CLEAR_CODE.match(value) or has_card_number(value):
        raise refuse("clear_digits_refused", param)
    parts = value.split(".")
    if len(value) > JWE_LIMIT or len(parts) != _JWE_PARTS:
        raise refuse("parameter_invalid", param, message=f"{param} is not a compact JWE.")
    if not all(_BASE64URL.match(part) for part in parts):
        raise refuse("parameter_invalid", param, message=f"{param} is not a compact JWE.")
    header_part, key_part, nonce_part, ciphertext_part, tag_part = parts
    # With direct agreement there is no wrapped key; nonce and tag have the sizes of GCM.
    sizes = (len(key_part), len(nonce_part), len(tag_part))
    if sizes != (0, 16, 22) or not ciphertext_part or not _is_agreed_header(header_part):
        raise refuse(
            "parameter_invalid", param, message=f"{param} must be a JWE of ECDH-ES with A256GCM."
        )


def _is_agreed_header(part: str) -> bool:
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        header = msgspec.json.decode(raw, type=_JweHeader)
    except (binascii.Error, msgspec.MsgspecError):
        return False
    return (header.alg, header.enc) == _JWE_ALGORITHM


def check_text(value: str, param: str, *, empty: bool = False) -> None:
    """Refuse free text that is too long, holds control characters or a card number."""
    if has_card_number(value):
        raise refuse("clear_digits_refused", param)
    if len(value) > TEXT_LIMIT or not value.isprintable() or not (value.strip() or empty):
        raise refuse(
            "parameter_invalid", param, message=f"{param} must be text of 1 to {TEXT_LIMIT} signs."
        )


def check_reference(value: str, param: str) -> None:
    """Refuse an identifier of unknown shape."""
    if not is_reference(value):
        raise refuse("parameter_invalid", param)


def check_certificates(chain: list[str], param: str) -> None:
    """Refuse a chain that is not a few base64 texts of certificate size."""
    if not 1 <= len(chain) <= CERTIFICATES_LIMIT:
        raise refuse("parameter_invalid", param)
    for certificate in chain:
        try:
            raw = base64.b64decode(certificate, validate=True)
        except (binascii.Error, ValueError):
            raise refuse("parameter_invalid", param) from None
        # DER of an X.509 certificate is one long SEQUENCE.
        if len(raw) > CERTIFICATE_LIMIT or raw[:1] != b"\x30":
            raise refuse("parameter_invalid", param)


def statement_body(value: str, tag: int, param: str) -> bytes:
    """Return the signed body of an SE's statement; the signature is the TSP's to check."""
    try:
        if len(value) > STATEMENT_LIMIT:
            raise DecodeError("too long")
        return SignedStatement.parse(bytes.fromhex(value), tag).body
    except ValueError:  # hex, TLV or content
        raise _no_statement(tag, param) from None


def receipt(value: str, param: str) -> Receipt:
    """Return what a receipt says, unverified."""
    body = statement_body(value, TAG_RECEIPT, param)
    try:
        return Receipt.parse(body)
    except DecodeError:
        raise _no_statement(TAG_RECEIPT, param) from None


def lease_report(value: str, param: str) -> LeaseReport:
    """Return what a lease report says, unverified."""
    body = statement_body(value, TAG_LEASE_REPORT, param)
    try:
        return LeaseReport.parse(body)
    except DecodeError:
        raise _no_statement(TAG_LEASE_REPORT, param) from None


def pin_statement(value: str, param: str) -> PinStatement:
    """Return what a statement about the PIN says, unverified."""
    body = statement_body(value, TAG_PIN_STATEMENT, param)
    try:
        return PinStatement.parse(body)
    except DecodeError:
        raise _no_statement(TAG_PIN_STATEMENT, param) from None


def _no_statement(tag: int, param: str) -> ApiError:
    text = f"{param} is not a statement {tag:X} as hex."
    return refuse("parameter_invalid", param, message=text)


def is_hex(value: str) -> bool:
    """Whether text is bytes as lower-case hex."""
    return _HEX.match(value) is not None


def is_reference(value: str) -> bool:
    """Whether text has the shape of an identifier, which digits alone have not."""
    # Not `has_card_number`: random hex may hold a long run of digits by chance.
    return _REFERENCE.match(value) is not None and not value.isdecimal()


def is_last4(value: str) -> bool:
    """Whether text is exactly four digits."""
    return len(value) == 4 and value.isascii() and value.isdecimal()


def is_plain_text(value: str) -> bool:
    """Whether text from outside may be kept and shown."""
    return len(value) <= TEXT_LIMIT and not has_card_number(value)


def has_card_number(text: str) -> bool:
    """Whether a run of digits in the text could be a card number: 12 to 19 of them, Luhn fits."""
    return any(_luhn_fits(match.group()) for match in _CARD_NUMBER.finditer(text))


def _luhn_fits(text: str) -> bool:
    digits = [int(sign) for sign in text if sign.isdecimal()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
