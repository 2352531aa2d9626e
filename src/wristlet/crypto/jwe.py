"""Card data from the phone to the token service: JWE, ECDH-ES and A256GCM, P-256.

Source: RFC 7516 (compact serialisation), RFC 7518 (ECDH-ES, A256GCM).
"""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from wristlet.crypto import ec
from wristlet.crypto.errors import EnvelopeError
from wristlet.wire.masked import Secret

ALGORITHM: Final = "ECDH-ES"
ENCRYPTION: Final = "A256GCM"

_ALLOWED: Final = (ALGORITHM, ENCRYPTION)
_HEADER_NAMES: Final = {"alg", "enc", "kid", "epk"}
_TOKEN_MAX: Final = 16_384


def encrypt(payload: bytes, public_key: ec.PublicKey, kid: str) -> str:
    """Encrypt to the owner of `public_key`; returns the compact form with a fresh key inside."""
    header = {"alg": ALGORITHM, "enc": ENCRYPTION, "kid": kid}
    key = ECKey.import_key(public_key)
    return jwe.encrypt_compact(header, bytes(payload), key, list(_ALLOWED))


def decrypt(token: str, private_key: ec.PrivateKey) -> Secret:
    """Open a compact token; `EnvelopeError` for another key, other algorithms or damage."""
    _header(token)
    try:
        opened = jwe.decrypt_compact(token, ECKey.import_key(private_key), list(_ALLOWED))
    except (JoseError, InvalidTag, ValueError):
        raise EnvelopeError("encrypted card data: not for this key, or damaged") from None
    return Secret(opened.plaintext or b"")


def kid_of(token: str) -> str:
    """Return the key identifier a token names, to find the private key; not yet authenticated."""
    return str(_header(token)["kid"])


def _header(token: str) -> dict[str, Any]:
    """Read the header strictly, before any cryptography sees the token."""
    parts = token.split(".") if len(token) <= _TOKEN_MAX and token.isascii() else []
    try:
        header = json.loads(_decode(parts[0])) if len(parts) == 5 else None
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise EnvelopeError("encrypted card data: a compact JWE of five parts is needed")
    allowed = header.get("alg") == ALGORITHM and header.get("enc") == ENCRYPTION
    if set(header) != _HEADER_NAMES or not allowed or not isinstance(header["kid"], str):
        raise EnvelopeError(f"encrypted card data: alg {ALGORITHM}, enc {ENCRYPTION}, kid, epk")
    _check_ephemeral(header["epk"])
    return header


def _check_ephemeral(epk: object) -> None:
    wanted = {"kty": "EC", "crv": "P-256"}
    if isinstance(epk, dict) and set(epk) == {"kty", "crv", "x", "y"}:
        x, y = epk["x"], epk["y"]
        if isinstance(x, str) and isinstance(y, str) and {n: epk[n] for n in wanted} == wanted:
            try:
                ec.public_key(b"\x04" + _decode(x) + _decode(y))
            except ValueError:
                pass
            else:
                return
    raise EnvelopeError("encrypted card data: epk is no P-256 point")


def _decode(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("base64url") from error
