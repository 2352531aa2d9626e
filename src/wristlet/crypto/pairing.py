"""The six digits that phone and strap show while they pair; nobody in between can choose them.

The strap commits itself to a random number before it sees the phone's, and shows it after. Whoever
stands in between has to answer both ends before knowing what they will show: the digits then agree
by chance only, once in a million tries that the wearer sees.

Source of the idea: Bluetooth Core Specification, LE Secure Connections, numeric comparison.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

NONCE_BYTES: Final = 16
COMMITMENT_BYTES: Final = 32
DIGITS: Final = 6

_CODE: Final = b"wristlet:pairing:code:1"
_COMMITMENT: Final = b"wristlet:pairing:commitment:1"


def commitment(phone_point: bytes, strap_nonce: bytes) -> bytes:
    """Return what the strap answers to a phone's key (65 bytes) before it shows its number."""
    return hashlib.sha256(_COMMITMENT + phone_point + strap_nonce).digest()


def fits(committed: bytes, phone_point: bytes, strap_nonce: bytes) -> bool:
    """Tell whether the strap's number is the one it committed itself to."""
    whole = len(strap_nonce) == NONCE_BYTES
    return whole and hmac.compare_digest(committed, commitment(phone_point, strap_nonce))


def digits(se_id: bytes, phone_point: bytes, phone_nonce: bytes, strap_nonce: bytes) -> str:
    """Return the digits, which depend on the secure element, the phone's key and both numbers."""
    digest = hashlib.sha256(_CODE + se_id + phone_point + phone_nonce + strap_nonce).digest()
    # 64 bits over a million: the bias is below 1 in 10^13.
    return f"{int.from_bytes(digest[:8], 'big') % 10**DIGITS:0{DIGITS}d}"
