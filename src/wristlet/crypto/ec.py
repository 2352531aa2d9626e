"""The one curve of the project, P-256: points and scalars as bytes, raw signatures.

A point is 65 bytes (04, x, y), a scalar 32, a signature 64 (r then s).
Signing is deterministic (RFC 6979).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wristlet.crypto.errors import SignatureError
from wristlet.wire.masked import Secret

POINT_BYTES: Final = 65
SCALAR_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
CURVE: Final = ec.SECP256R1()

_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SIGN: Final = ec.ECDSA(SHA256(), deterministic_signing=True)
_VERIFY: Final = ec.ECDSA(SHA256())

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey
PublicKey: TypeAlias = ec.EllipticCurvePublicKey
RandomBytes: TypeAlias = Callable[[int], bytes]


def new_private_key(random_bytes: RandomBytes) -> PrivateKey:
    """Draw a private key: 32 bytes at a time until they are a scalar of the curve."""
    while True:
        scalar = random_bytes(SCALAR_BYTES)
        if 0 < int.from_bytes(scalar, "big") < _ORDER:
            return private_key(scalar)


def private_key(scalar: bytes) -> PrivateKey:
    """Return the key of a 32-byte scalar; ValueError if it is none of the curve."""
    value = int.from_bytes(scalar, "big")
    if len(scalar) != SCALAR_BYTES or not 0 < value < _ORDER:
        raise ValueError("private key: a P-256 scalar of 32 bytes is needed")
    return ec.derive_private_key(value, CURVE)


def scalar_of(key: PrivateKey) -> Secret:
    """Return the 32-byte scalar of a private key."""
    return Secret(key.private_numbers().private_value.to_bytes(SCALAR_BYTES, "big"))


def public_key(point: bytes) -> PublicKey:
    """Return the key of a 65-byte point; ValueError if it is not on the curve."""
    if len(point) != POINT_BYTES or point[0] != 4:
        raise ValueError("public key: an uncompressed P-256 point of 65 bytes is needed")
    return ec.EllipticCurvePublicKey.from_encoded_point(CURVE, bytes(point))


def point_of(key: PrivateKey | PublicKey) -> bytes:
    """Return the 65-byte point of a key or of its public half."""
    public = key.public_key() if isinstance(key, ec.EllipticCurvePrivateKey) else key
    return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def exchange(key: PrivateKey, peer: PublicKey) -> Secret:
    """Return the 32-byte shared secret (x of the product), before any key derivation."""
    return Secret(key.exchange(ec.ECDH(), peer))


def sign_raw(key: PrivateKey, message: bytes) -> bytes:
    """Return the 64-byte ECDSA signature over SHA-256 of the message."""
    r, s = decode_dss_signature(key.sign(message, _SIGN))
    return r.to_bytes(SCALAR_BYTES, "big") + s.to_bytes(SCALAR_BYTES, "big")


def verify_raw(key: PublicKey, signature: bytes, message: bytes) -> None:
    """Return if the 64-byte signature fits; raise `SignatureError` otherwise."""
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureError("signature: 64 bytes are needed")
    r = int.from_bytes(signature[:SCALAR_BYTES], "big")
    s = int.from_bytes(signature[SCALAR_BYTES:], "big")
    try:
        key.verify(encode_dss_signature(r, s), message, _VERIFY)
    except InvalidSignature:
        raise SignatureError("signature does not fit the message and key") from None
