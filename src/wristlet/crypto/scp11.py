"""SCP11 a, b and c: key agreement of both roles; `channel` protects what follows.

Variant a proves both ends, b only the card, c both with no ephemeral key of the card:
its sessions can be prepared far from the card, and be replayed. P-256, AES-128, S8.

Source: GlobalPlatform Card Specification Amendment F, key derivation and MUTUAL /
INTERNAL AUTHENTICATE.
"""

from __future__ import annotations

import hmac
from enum import IntEnum
from typing import Final

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF

from wristlet.crypto import ec
from wristlet.crypto.channel import CardChannel, HostChannel, SessionKeys
from wristlet.crypto.errors import ChannelError
from wristlet.wire import ber
from wristlet.wire.errors import DecodeError
from wristlet.wire.masked import Secret

LEVEL: Final = 0x33
KEY_USAGE: Final = b"\x3c"
"""C-MAC, C-DECRYPTION, R-MAC and R-ENCRYPTION."""
KEY_TYPE: Final = b"\x88"
KEY_BYTES: Final = 16

_TAG_POINT: Final = 0x5F49
_TAG_RECEIPT: Final = 0x86
_SHARED_INFO: Final = KEY_USAGE + KEY_TYPE + bytes((KEY_BYTES,))
_PROTOCOL: Final = 0x11


class Variant(IntEnum):
    """The three variants, by the identifier of the card's key."""

    A = 0x11
    B = 0x13
    C = 0x15

    @property
    def parameters(self) -> int:
        """Second byte of the SCP identifier: b1 the host is authenticated, b2 no card key."""
        return {Variant.A: 0x01, Variant.B: 0x00, Variant.C: 0x03}[self]


def control_reference(variant: Variant) -> bytes:
    """Return the A6 object: protocol and variant, key usage, type and length."""
    return ber.build(
        (
            0xA6,
            (
                (0x90, bytes((_PROTOCOL, variant.parameters))),
                (0x95, KEY_USAGE),
                (0x80, KEY_TYPE),
                (0x81, bytes((KEY_BYTES,))),
            ),
        )
    )


class HostHandshake:
    """The off-card end between its request and the card's answer."""

    __slots__ = ("_card", "_ephemeral", "_identity", "request")

    def __init__(
        self,
        variant: Variant,
        card: ec.PublicKey,
        ephemeral: ec.PrivateKey,
        identity: ec.PrivateKey | None = None,
    ) -> None:
        """Take the card's certified key, a fresh key and, but for b, the certified own key."""
        if (identity is None) != (variant is Variant.B):
            raise ValueError("SCP11: variants a and c need the host's own key, b has none")
        self._card = card
        self._ephemeral = ephemeral
        self._identity = identity or ephemeral
        self.request = control_reference(variant) + _point_object(ephemeral)
        """Data field of MUTUAL AUTHENTICATE, or for b of INTERNAL AUTHENTICATE."""

    def finish(self, answer: bytes) -> HostChannel:
        """Check the card's answer and open the session; `ChannelError` if it is not the card."""
        try:
            point, behind = ber.parse_one(answer)
            receipt, end = ber.parse_one(answer, behind)
            card_ephemeral = ec.public_key(point.value)
        except ValueError:
            raise ChannelError from None
        if (point.tag, receipt.tag, end) != (_TAG_POINT, _TAG_RECEIPT, len(answer)):
            raise ChannelError
        expected, keys = _agree(
            ec.exchange(self._ephemeral, card_ephemeral),
            ec.exchange(self._identity, self._card),
            self.request + answer[:behind],
        )
        if not hmac.compare_digest(expected, receipt.value):
            raise ChannelError
        return HostChannel(keys, LEVEL, expected)


def host_open_c(
    identity: ec.PrivateKey, card: ec.PublicKey, ephemeral: ec.PrivateKey
) -> tuple[bytes, HostChannel]:
    """Open a variant c session without the card: `(data of MUTUAL AUTHENTICATE, channel)`.

    The card's point in its answer is its certified one, so the answer is foreseen.
    """
    request = HostHandshake(Variant.C, card, ephemeral, identity).request
    receipt, keys = _agree(
        ec.exchange(ephemeral, card),
        ec.exchange(identity, card),
        request + _point_object(card),
    )
    return request, HostChannel(keys, LEVEL, receipt)


def card_open(
    variant: Variant,
    request: bytes,
    card: ec.PrivateKey,
    *,
    host: ec.PublicKey | None = None,
    ephemeral: ec.PrivateKey | None = None,
) -> tuple[bytes, CardChannel]:
    """Answer a request and open the session: `(response data, channel)`.

    `host` is the point of the certificate just verified (a and c), `ephemeral` a fresh
    key (a and b). Any flaw of the request raises `ChannelError`.
    """
    if (host is None) != (variant is Variant.B) or (ephemeral is None) != (variant is Variant.C):
        raise ValueError("SCP11: host for a and c, ephemeral for a and b")
    host_ephemeral = _ephemeral_of(variant, request)
    own = ephemeral or card
    point = _point_object(own)
    receipt, keys = _agree(
        ec.exchange(own, host_ephemeral),
        ec.exchange(card, host or host_ephemeral),
        request + point,
    )
    return point + ber.encode(_TAG_RECEIPT, receipt), CardChannel(keys, LEVEL, receipt)


def _ephemeral_of(variant: Variant, request: bytes) -> ec.PublicKey:
    """Read the host's point from a request that must be as `HostHandshake` builds it."""
    reference = control_reference(variant)
    try:
        point, end = ber.parse_one(request, len(reference))
        key = ec.public_key(point.value)
    except (DecodeError, ValueError):
        raise ChannelError from None
    whole = point.tag == _TAG_POINT and end == len(request)
    if request[: len(reference)] != reference or not whole:
        raise ChannelError
    return key


def _agree(ephemeral: bytes, static: bytes, transcript: bytes) -> tuple[bytes, SessionKeys]:
    """Derive five keys from both shared secrets; the first makes the receipt."""
    derivation = X963KDF(SHA256(), 5 * KEY_BYTES, _SHARED_INFO)
    material = derivation.derive(ephemeral + static)
    keys = [Secret(material[at : at + KEY_BYTES]) for at in range(0, len(material), KEY_BYTES)]
    receipt = CMAC(AES(keys[0]))
    receipt.update(transcript)
    return receipt.finalize(), SessionKeys(*keys[1:])


def _point_object(key: ec.PrivateKey | ec.PublicKey) -> bytes:
    return ber.encode(_TAG_POINT, ec.point_of(key))
