"""Card data as it arrives: a JWE, opened, read strictly, never echoed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from wristlet.crypto import ec, jwe
from wristlet.crypto.errors import EnvelopeError
from wristlet.model.pan import Pan, PanError
from wristlet.tsp.errors import TspError, invalid
from wristlet.wire.masked import SecretDigits

_DAY_MS: Final = 86_400_000
_FIELDS = frozenset({"pan", "expiry_yymm", "security_code"})
_EXPIRY = re.compile(r"\d\d(0[1-9]|1[0-2])")
_SECURITY_CODE = re.compile(r"\d{3,4}")
_CODE = re.compile(r"\d{4,10}")
_NO_CODE = SecretDigits("")


@dataclass(frozen=True, slots=True)
class CardData:
    """What a wearer types or scans; prints masked.

    Without security code it is a card that was digitised before, taken from the vault.
    """

    pan: Pan
    expiry_yymm: str
    security_code: SecretDigits = _NO_CODE

    def encode(self) -> bytes:
        """Return the JSON that goes into a JWE or the vault."""
        return json.dumps(
            {
                "pan": self.pan.reveal(),
                "expiry_yymm": self.expiry_yymm,
                "security_code": self.security_code.reveal(),
            }
        ).encode()

    def __repr__(self) -> str:
        return f"CardData({self.pan!r})"


def open_card(card_jwe: str, key: ec.PrivateKey) -> CardData:
    """Open and read a card JWE; raises TspError that names the field at fault."""
    return read_card(_open(card_jwe, key, "card_jwe"))


def read_card(content: bytes) -> CardData:
    """Read card data's JSON; raises TspError that names the field at fault."""
    fields = _object(content, "card_jwe")
    if set(fields) != _FIELDS:
        raise _wrong("card_jwe", "pan, expiry_yymm and security_code, each as text")
    if not fields["security_code"]:
        raise _wrong("card_jwe.security_code", "3 or 4 digits")
    return _read(fields, "card_jwe")


def read_kept_card(content: bytes) -> CardData:
    """Read what `encode` wrote; a card that was taken from the vault has no security code."""
    return _read(_object(content, "card_jwe"), "card_jwe")


def open_numbered(card_jwe: str, key: ec.PrivateKey, param: str) -> CardData:
    """Open an issuer's JWE of number and date; raises TspError that names the field at fault."""
    fields = _object(_open(card_jwe, key, param), param)
    if set(fields) != {"pan", "expiry_yymm"}:
        raise _wrong(param, "pan and expiry_yymm, each as text")
    return _read({**fields, "security_code": ""}, param)


def _read(fields: dict[str, str], param: str) -> CardData:
    try:
        pan = Pan(fields["pan"])
    except PanError:
        raise _wrong(f"{param}.pan", "the number as printed on the card", "check digit") from None
    if not _EXPIRY.fullmatch(fields["expiry_yymm"]):
        raise _wrong(f"{param}.expiry_yymm", "year and month as YYMM")
    code = fields["security_code"]
    if code and not _SECURITY_CODE.fullmatch(code):
        raise _wrong(f"{param}.security_code", "3 or 4 digits")
    return CardData(pan, fields["expiry_yymm"], SecretDigits(fields["security_code"]))


def open_code(code_jwe: str, key: ec.PrivateKey) -> SecretDigits:
    """Open a one-time code's JWE; raises TspError."""
    fields = _object(_open(code_jwe, key, "code_jwe"), "code_jwe")
    if set(fields) != {"code"} or not _CODE.fullmatch(fields["code"]):
        raise _wrong("code_jwe.code", "the code's digits as text")
    return SecretDigits(fields["code"])


def yymm_of(now_ms: int) -> str:
    """Return the month of a moment (UTC) as YYMM: an expiry below it is over."""
    return _yymm_of_day(now_ms // _DAY_MS)


@lru_cache(maxsize=4)
def _yymm_of_day(day: int) -> str:
    return datetime.fromtimestamp(day * _DAY_MS / 1000, UTC).strftime("%y%m")


def yymmdd_of(now_ms: int) -> str:
    """Return the day of a moment (UTC) as YYMMDD."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%y%m%d")


def _open(token: str, key: ec.PrivateKey, param: str) -> bytes:
    try:
        return jwe.decrypt(token, key)
    except EnvelopeError:
        raise invalid(
            "card_data_unreadable",
            f"{param} does not open with the card-data key.",
            param,
            "Fetch GET /tsp/v1/card-key again and encrypt to that key.",
        ) from None


def _object(content: bytes, param: str) -> dict[str, str]:
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or not all(isinstance(v, str) for v in fields.values()):
        raise _wrong(param, "a JSON object of texts")
    return fields


def _wrong(param: str, wanted: str, what: str = "form") -> TspError:
    return invalid(
        "card_data_invalid",
        f"{param}: wrong {what}.",
        param,
        f"Encrypt again with {param.rpartition('.')[2]} as {wanted}.",
    )
