"""From an issuer master key to the key of one card and of one transaction.

Keys come out with odd parity, as Triple DES keys are exchanged. `AnyKey` arguments
take 16 bytes or a kept `TdesKey`.

Source: EMV 4.3 Book 2, Session Key Derivation and Master Key Derivation.
"""

from __future__ import annotations

import hashlib
from typing import Final

from wristlet.crypto.tdes import AnyKey, TdesKey, ecb_encrypt, with_odd_parity

_ALL_ONES: Final = (1 << 64) - 1
_LETTERS_TO_DIGITS: Final = str.maketrans("abcdef", "012345")
_PAN_DIGITS_A: Final = 16


def icc_master_key_a(imk: AnyKey, pan: str, psn: str = "00") -> bytes:
    """Derive a card's 16-byte master key by option A; `psn` is two digits."""
    _check_digits(pan, psn)
    return _master_key(imk, (pan + psn)[-_PAN_DIGITS_A:].zfill(_PAN_DIGITS_A))


def icc_master_key_b(imk: AnyKey, pan: str, psn: str = "00") -> bytes:
    """Derive a card's 16-byte master key by option B, which hashes numbers above 16 digits."""
    _check_digits(pan, psn)
    if len(pan) <= _PAN_DIGITS_A:
        return icc_master_key_a(imk, pan, psn)
    digits = pan + psn
    packed = bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2))
    digest = hashlib.sha1(packed, usedforsecurity=False).hexdigest()
    decimals = "".join(filter(str.isdigit, digest))
    letters = "".join(filter(str.isalpha, digest)).translate(_LETTERS_TO_DIGITS)
    return _master_key(imk, (decimals + letters)[:16])


def session_key_common(mk: AnyKey, r8: bytes) -> bytes:
    """Derive a 16-byte session key from the 8-byte diversification value.

    Application cryptograms use ATC and six zero bytes, scripts the cryptogram.
    """
    if len(r8) != 8:
        raise ValueError("diversification value: 8 bytes are needed")
    left = r8[:2] + b"\xf0" + r8[3:]
    right = r8[:2] + b"\x0f" + r8[3:]
    return with_odd_parity(ecb_encrypt(mk, left + right))


def session_key_ac(mk: AnyKey, atc: int) -> bytes:
    """Derive the session key of the application cryptogram with this ATC."""
    counter = atc.to_bytes(2, "big")
    blocks = counter + b"\xf0\0\0\0\0\0" + counter + b"\x0f\0\0\0\0\0"
    key = mk if isinstance(mk, TdesKey) else TdesKey(mk)
    return with_odd_parity(key.encrypt(blocks))


def session_key_mchip(mk: AnyKey, atc: int, un: bytes) -> bytes:
    """Derive the older session key that also depends on the 4-byte unpredictable number."""
    return session_key_common(mk, atc.to_bytes(2, "big") + bytes(2) + un)


def session_key_script_visa(mk: bytes, atc: int) -> bytes:
    """Derive the script key that goes with CVN 18: the halves changed by ATC and its inverse."""
    if len(mk) != 16:
        raise ValueError("script master key: 16 bytes are needed")
    mask = atc << 64 | atc ^ 0xFFFF
    return with_odd_parity((int.from_bytes(mk, "big") ^ mask).to_bytes(16, "big"))


def _master_key(imk: AnyKey, digits16: str) -> bytes:
    block = int(digits16, 16)
    return with_odd_parity(ecb_encrypt(imk, (block << 64 | block ^ _ALL_ONES).to_bytes(16, "big")))


def _check_digits(pan: str, psn: str) -> None:
    if not (pan.isascii() and pan.isdigit()):
        raise ValueError("pan: digits are needed")
    if not (len(psn) == 2 and psn.isascii() and psn.isdigit()):
        raise ValueError("psn: two digits are needed")
