"""Checks on what the wearer types, before anything leaves the phone."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from wristlet.companion.errors import InputError
from wristlet.model.pan import Pan, PanError
from wristlet.wire.masked import SecretDigits

PIN_MIN, PIN_MAX = 4, 6
CODE_MIN, CODE_MAX = 4, 8
NAME_MAX, NAME_DIGITS_MAX = 64, 8


@dataclass(frozen=True, slots=True)
class CardInput:
    """A card as typed: number, expiry YYMM and security code, all masked in print."""

    pan: Pan
    expiry_yymm: str
    security_code: SecretDigits


def digits(field: str, typed: str) -> str:
    """Return plain ASCII digits from what was typed (full-width digits, spaces and dashes are
    fine).
    """
    plain = unicodedata.normalize("NFKC", typed).replace(" ", "").replace("-", "")
    if not plain.isascii() or not plain.isdigit():
        raise InputError(field, "only digits belong here; check what you typed")
    return plain


def read_card(number: str, expiry: str, security_code: str, today_yymm: str) -> CardInput:
    """Check a typed card; `expiry` is MM/YY; raises InputError naming the field."""
    try:
        pan = Pan(digits("card number", number))
    except PanError as error:
        message = "the check digit does not fit; compare it with the card"
        raise InputError("card number", message) from error
    month_year = digits("expiry date", expiry.replace("/", ""))
    if len(month_year) != 4 or not 1 <= int(month_year[:2]) <= 12:
        raise InputError("expiry date", "type month and year as MM/YY, as on the card")
    expiry_yymm = month_year[2:] + month_year[:2]
    if expiry_yymm < today_yymm:
        raise InputError("expiry date", "this card has expired; use the new card from your bank")
    code = digits("security code", security_code)
    if len(code) not in (3, 4):
        raise InputError("security code", "it has three digits, on the back of the card")
    return CardInput(pan, expiry_yymm, SecretDigits(code))


def read_pin(typed: str, field: str = "PIN") -> SecretDigits:
    """Check a typed PIN's form; the secure element judges whether it is too common."""
    plain = digits(field, typed)
    if not PIN_MIN <= len(plain) <= PIN_MAX:
        raise InputError(field, f"choose {PIN_MIN} to {PIN_MAX} digits")
    return SecretDigits(plain)


def read_code(typed: str) -> SecretDigits:
    """Check a typed one-time code's form."""
    plain = digits("code", typed)
    if not CODE_MIN <= len(plain) <= CODE_MAX:
        raise InputError(
            "code", f"it has {CODE_MIN} to {CODE_MAX} digits; look at the message again"
        )
    return SecretDigits(plain)


def read_name(typed: str) -> str:
    """Check a name that the wearer gives a strap or phone: one line, not too long, no number."""
    name = " ".join(unicodedata.normalize("NFC", typed).split())
    if not 1 <= len(name) <= NAME_MAX or not name.isprintable():
        raise InputError("name", f"1 to {NAME_MAX} visible characters; type a shorter one")
    if sum(character.isdigit() for character in name) >= NAME_DIGITS_MAX:
        raise InputError("name", "that looks like a number; leave numbers out of names")
    return name
