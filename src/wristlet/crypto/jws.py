"""Signed notes between hosts: compact JWS, ES256 over P-256.

Source: RFC 7515 (compact serialisation), RFC 7518 (ES256).
"""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final

from wristlet.crypto import ec
from wristlet.crypto.errors import SignatureError

ALGORITHM: Final = "ES256"

_HEADER_NAMES: Final = {"alg", "kid"}
_TOKEN_MAX: Final = 16_384


def sign(payload: bytes, key: ec.PrivateKey, kid: str) -> str:
    """Return the compact form of a payload under a key's signature."""
    header = json.dumps({"alg": ALGORITHM, "kid": kid}, separators=(",", ":")).encode()
    signed = f"{_encode(header)}.{_encode(payload)}"
    return f"{signed}.{_encode(ec.sign_raw(key, signed.encode('ascii')))}"


def verify(token: str, key: ec.PublicKey) -> bytes:
    """Return the payload; `SignatureError` for another key, another algorithm or damage."""
    _header(token)
    signed, _, signature = token.rpartition(".")
    try:
        raw, payload = _decode(signature), _decode(signed.rpartition(".")[2])
    except ValueError:
        raise SignatureError("signed note: not base64url") from None
    ec.verify_raw(key, raw, signed.encode("ascii"))
    return payload


def kid_of(token: str) -> str:
    """Return the key identifier a token names, to find the key; not yet authenticated."""
    return str(_header(token)["kid"])


def _header(token: str) -> dict[str, Any]:
    """Read the header strictly: a token never chooses how it is checked."""
    parts = token.split(".") if len(token) <= _TOKEN_MAX and token.isascii() else []
    try:
        header = json.loads(_decode(parts[0])) if len(parts) == 3 else None
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or set(header) != _HEADER_NAMES:
        raise SignatureError("signed note: a compact JWS of three parts with alg and kid is needed")
    if header["alg"] != ALGORITHM or not isinstance(header["kid"], str):
        raise SignatureError(f"signed note: alg must be {ALGORITHM}")
    return header


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def _decode(text: str) -> bytes:
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("base64url") from error
    # The decoder skips what it does not know: only one spelling of a value is taken.
    if _encode(raw) != text:
        raise ValueError("base64url")
    return raw
