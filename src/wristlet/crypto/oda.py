"""Offline data authentication: EMV certificates, fDDA and CDA, both making and checking.

A certificate or signature is a block as long as the signer's modulus:
`6A || format ... || SHA-1 || BC`. What does not fit (the remainder of a key) and what
both sides know (static data, the terminal's data) is hashed along.

Source: EMV 4.3 Book 2, Offline Dynamic Data Authentication and Combined DDA /
Application Cryptogram Generation; EMV Contactless Book C-3, fDDA.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from wristlet.crypto.errors import CertificateError, SignatureError
from wristlet.crypto.rsa import RsaPrivateKey, RsaPublicKey

_HEADER, _TRAILER = 0x6A, 0xBC
_ISSUER_CERTIFICATE, _ICC_CERTIFICATE = 0x02, 0x04
_CDA, _FDDA = 0x05, 0x95
_SHA1, _RSA = 0x01, 0x01
_PADDING: Final = b"\xbb"
_HASH_BYTES: Final = 20
_ISSUER_OVERHEAD: Final = 36
_ICC_OVERHEAD: Final = 42
_SIGNATURE_OVERHEAD: Final = 25
_AC_BYTES: Final = 8
_CENTURY_SPLIT: Final = 50


@dataclass(frozen=True, slots=True)
class KeyCertificate:
    """A certified key as a card carries it: certificate, remainder of the modulus, exponent."""

    certificate: bytes
    remainder: bytes
    exponent: bytes


@dataclass(frozen=True, slots=True)
class CaKey:
    """A scheme's public key, named by RID (5 bytes) and index."""

    rid: bytes
    index: int
    key: RsaPublicKey

    def check_value(self) -> bytes:
        """Return the SHA-1 by which such keys are compared after transport."""
        named = self.rid + bytes((self.index,))
        return _sha1(named + self.key.modulus_bytes + self.key.exponent_bytes)


@dataclass(frozen=True, slots=True)
class CdaData:
    """What a CDA signature says; the caller compares it with the answer it came with."""

    dynamic_number: bytes
    cid: int
    cryptogram: bytes
    transaction_hash: bytes


def issue_issuer_certificate(
    ca: RsaPrivateKey, issuer: RsaPublicKey, bin_digits: str, expiry_mmyy: str, serial: bytes
) -> KeyCertificate:
    """Certify an issuer's key for the card numbers that begin with 3 to 8 digits."""
    if not 3 <= len(bin_digits) <= 8 or not bin_digits.isdigit():
        raise ValueError("issuer certificate: 3 to 8 digits of the card number are needed")
    head = bytes((_ISSUER_CERTIFICATE,)) + _packed(bin_digits, 4)
    return _issue(ca, head, issuer, expiry_mmyy, serial, b"")


def issue_icc_certificate(
    issuer: RsaPrivateKey,
    icc: RsaPublicKey,
    pan: str,
    expiry_mmyy: str,
    serial: bytes,
    static_data: bytes,
) -> KeyCertificate:
    """Certify a card's key together with its static data (records, then the AIP)."""
    head = bytes((_ICC_CERTIFICATE,)) + _packed(pan, 10)
    return _issue(issuer, head, icc, expiry_mmyy, serial, static_data)


def recover_issuer_key(
    ca: RsaPublicKey, given: KeyCertificate, pan: str, today_yymm: str
) -> RsaPublicKey:
    """Check an issuer certificate for this card number; `CertificateError` if it fails."""
    body, key = _recover(ca, given, _ISSUER_CERTIFICATE, 4, today_yymm, b"")
    digits = body[1:5].hex().rstrip("f")
    if not (3 <= len(digits) <= 8 and digits.isdigit() and pan.startswith(digits)):
        raise CertificateError("issuer certificate: made for other card numbers")
    return key


def recover_icc_key(
    issuer: RsaPublicKey, given: KeyCertificate, pan: str, today_yymm: str, static_data: bytes
) -> RsaPublicKey:
    """Check a card's certificate with its static data; `CertificateError` if it fails."""
    body, key = _recover(issuer, given, _ICC_CERTIFICATE, 10, today_yymm, static_data)
    if not hmac.compare_digest(body[1:11], _packed(pan, 10)):
        raise CertificateError("card certificate: made for another card number")
    return key


def transaction_hash(pdol_data: bytes, cdol_data: bytes, answer: bytes) -> bytes:
    """Return the SHA-1 that a CDA signature covers.

    `answer` is the data of the GENERATE AC answer without the 77 around and without
    9F4B; `cdol_data` is CDOL1 data, for the second cryptogram followed by CDOL2 data.
    """
    return _sha1(pdol_data + cdol_data + answer)


def sign_cda(
    icc: RsaPrivateKey,
    dynamic_number: bytes,
    cid: int,
    cryptogram: bytes,
    transaction_hash: bytes,
    un: bytes,
) -> bytes:
    """Return 9F4B for a GENERATE AC answer (signed data format 05)."""
    if not 2 <= len(dynamic_number) <= 8 or len(cryptogram) != _AC_BYTES:
        raise ValueError("CDA: dynamic number of 2 to 8 and cryptogram of 8 bytes are needed")
    if len(transaction_hash) != _HASH_BYTES:
        raise ValueError("CDA: a transaction hash of 20 bytes is needed")
    number = bytes((len(dynamic_number),)) + dynamic_number
    return _sign(icc, _CDA, number + bytes((cid,)) + cryptogram + transaction_hash, un)


def verify_cda(icc: RsaPublicKey, signature: bytes, un: bytes) -> CdaData:
    """Check 9F4B of a GENERATE AC answer; `SignatureError` if it fails."""
    number, rest = _dynamic_number(_verify(icc, signature, _CDA, un))
    if len(rest) < 1 + _AC_BYTES + _HASH_BYTES:
        raise SignatureError("CDA signature: dynamic data are too short")
    hash_end = 1 + _AC_BYTES + _HASH_BYTES
    return CdaData(number, rest[0], rest[1 : 1 + _AC_BYTES], rest[1 + _AC_BYTES : hash_end])


def sign_fdda(
    icc: RsaPrivateKey,
    dynamic_number: bytes,
    un: bytes,
    amount: bytes,
    currency: bytes,
    card_data: bytes,
) -> bytes:
    """Return 9F4B for a GPO answer (format 95): the number is the ATC, `card_data` is 9F69."""
    if not 2 <= len(dynamic_number) <= 8:
        raise ValueError("fDDA: a dynamic number of 2 to 8 bytes is needed")
    number = bytes((len(dynamic_number),)) + dynamic_number
    return _sign(icc, _FDDA, number, _fdda_tail(un, amount, currency, card_data))


def verify_fdda(
    icc: RsaPublicKey,
    signature: bytes,
    un: bytes,
    amount: bytes,
    currency: bytes,
    card_data: bytes,
) -> bytes:
    """Check 9F4B of a GPO answer; return the dynamic number, else raise `SignatureError`."""
    tail = _fdda_tail(un, amount, currency, card_data)
    return _dynamic_number(_verify(icc, signature, _FDDA, tail))[0]


def _fdda_tail(un: bytes, amount: bytes, currency: bytes, card_data: bytes) -> bytes:
    if (len(un), len(amount), len(currency)) != (4, 6, 2):
        raise SignatureError("fDDA: 9F37, 9F02 and 5F2A of 4, 6 and 2 bytes are needed")
    return un + amount + currency + card_data


def _issue(
    signer: RsaPrivateKey,
    head: bytes,
    subject: RsaPublicKey,
    expiry_mmyy: str,
    serial: bytes,
    static_data: bytes,
) -> KeyCertificate:
    if len(serial) != 3:
        raise ValueError("certificate serial number: 3 bytes are needed")
    if subject.size > signer.public.size:
        raise ValueError("certificate: the signer's key is shorter than the certified one")
    exponent = subject.exponent_bytes
    modulus = subject.modulus_bytes
    facts = bytes((_SHA1, _RSA, subject.size, len(exponent)))
    body = head + _month(expiry_mmyy) + serial + facts
    room = signer.public.size - len(body) - _HASH_BYTES - 2
    body += modulus[:room].ljust(room, _PADDING)
    remainder = modulus[room:]
    digest = _sha1(body + remainder + exponent + static_data)
    block = bytes((_HEADER,)) + body + digest + bytes((_TRAILER,))
    return KeyCertificate(signer.private_operation(block), remainder, exponent)


def _recover(
    signer: RsaPublicKey,
    given: KeyCertificate,
    form: int,
    name_bytes: int,
    today_yymm: str,
    static_data: bytes,
) -> tuple[bytes, RsaPublicKey]:
    """Open a certificate: `(body from the format on, certified key)`."""
    overhead = _ISSUER_OVERHEAD if form == _ISSUER_CERTIFICATE else _ICC_OVERHEAD
    if signer.size <= overhead:
        raise CertificateError("certificate: the signer's key is too short")
    try:
        body = _open(signer, given.certificate, form, given.remainder + given.exponent, static_data)
    except SignatureError as error:
        raise CertificateError(f"certificate: {error}") from None
    facts_at = 1 + name_bytes + 2 + 3
    _check_month(body[1 + name_bytes : 3 + name_bytes].hex(), today_yymm)
    hash_algorithm, key_algorithm, size, exponent_size = body[facts_at : facts_at + 4]
    if (hash_algorithm, key_algorithm) != (_SHA1, _RSA):
        raise CertificateError("certificate: SHA-1 and RSA are needed")
    room = signer.size - overhead
    modulus = (body[facts_at + 4 : facts_at + 4 + room] + given.remainder)[:size]
    fits = len(given.remainder) == max(0, size - room) and len(modulus) == size
    if not fits or exponent_size != len(given.exponent):
        raise CertificateError("certificate: remainder or exponent have another length")
    try:
        exponent = int.from_bytes(given.exponent, "big")
        return body, RsaPublicKey(int.from_bytes(modulus, "big"), exponent)
    except ValueError:
        raise CertificateError("certificate: the certified key is none of EMV") from None


def _sign(icc: RsaPrivateKey, form: int, dynamic_data: bytes, tail: bytes) -> bytes:
    room = icc.public.size - _SIGNATURE_OVERHEAD
    if len(dynamic_data) > room:
        raise ValueError("dynamic signature: the card's key is too short")
    body = bytes((form, _SHA1, len(dynamic_data))) + dynamic_data.ljust(room, _PADDING)
    block = bytes((_HEADER,)) + body + _sha1(body + tail) + bytes((_TRAILER,))
    return icc.private_operation(block)


def _verify(icc: RsaPublicKey, signature: bytes, form: int, tail: bytes) -> bytes:
    """Open a dynamic signature; return its dynamic data."""
    if icc.size <= _SIGNATURE_OVERHEAD:
        raise SignatureError("dynamic signature: the card's key is too short")
    body = _open(icc, signature, form, b"", tail)
    if body[1] != _SHA1 or body[2] > icc.size - _SIGNATURE_OVERHEAD:
        raise SignatureError("dynamic signature: SHA-1 and a fitting length are needed")
    return body[3 : 3 + body[2]]


def _open(signer: RsaPublicKey, block: bytes, form: int, rest: bytes, known: bytes) -> bytes:
    """Recover a block and check frame and hash; return what stands before the hash."""
    opened = signer.recover(block)
    if opened[0] != _HEADER or opened[-1] != _TRAILER or opened[1] != form:
        raise SignatureError("recovered data have no such format: wrong key or damaged")
    body, digest = opened[1 : -_HASH_BYTES - 1], opened[-_HASH_BYTES - 1 : -1]
    if not hmac.compare_digest(_sha1(body + rest + known), digest):
        raise SignatureError("the hash does not fit the data it should cover")
    return body


def _dynamic_number(dynamic_data: bytes) -> tuple[bytes, bytes]:
    size = dynamic_data[0] if dynamic_data else 0
    if not 2 <= size <= 8 or len(dynamic_data) <= size:
        raise SignatureError("dynamic signature: the dynamic number has 2 to 8 bytes")
    return dynamic_data[1 : 1 + size], dynamic_data[1 + size :]


def _check_month(mmyy: str, today_yymm: str) -> None:
    """A certificate counts to the end of its month; years from 50 on are 19xx."""
    if not mmyy.isdigit() or not 1 <= int(mmyy[:2]) <= 12:
        raise CertificateError("certificate: the expiry month is none")
    if _ordered(mmyy[2:] + mmyy[:2]) < _ordered(today_yymm):
        raise CertificateError("certificate: expired")


def _ordered(yymm: str) -> int:
    value = int(yymm)
    return value + (0 if value // 100 >= _CENTURY_SPLIT else 10_000)


def _month(mmyy: str) -> bytes:
    if len(mmyy) != 4 or not mmyy.isdigit() or not 1 <= int(mmyy[:2]) <= 12:
        raise ValueError("certificate expiry: MMYY is needed")
    return bytes.fromhex(mmyy)


def _packed(digits: str, size: int) -> bytes:
    """Digits from the left, filled with F."""
    if len(digits) > 2 * size or not digits.isdigit():
        raise CertificateError("card number: digits are needed")
    return bytes.fromhex(digits.ljust(2 * size, "f"))


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()
