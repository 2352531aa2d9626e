"""Certificates 7F21 of off-card entities, as data.

Reading is strict: one order, shortest lengths, no unknown objects. So the bytes
to be signed can be made again from the fields and are those that were sent.

Source: GPCS Amendment F, certificate format for OCE.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, Self

from wristlet.wire import ber, numbers
from wristlet.wire.errors import DecodeError, EncodeError

TAG_CERTIFICATE: Final = 0x7F21
TAG_SERIAL: Final = 0x93
TAG_ISSUER_ID: Final = 0x42
TAG_SUBJECT_ID: Final = 0x5F20
TAG_USAGE: Final = 0x95
TAG_EFFECTIVE: Final = 0x5F25
TAG_EXPIRES: Final = 0x5F24
TAG_DISCRETIONARY: Final = 0x53
TAG_PUBLIC_KEY: Final = 0x7F49
TAG_POINT: Final = 0xB0
TAG_CURVE: Final = 0xF0
TAG_SIGNATURE: Final = 0x5F37

USAGE_KEY_AGREEMENT: Final = b"\x00\x80"
CURVE_P256: Final = 0x00
POINT_BYTES: Final = 65
SIGNATURE_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class Certificate:
    """A P-256 certificate.

    `effective` (None if absent) and `expires` are YYYYMMDD; `point` is the
    uncompressed public point; `signature` is raw r and s, empty before signing.
    """

    serial: bytes
    issuer_id: bytes
    subject_id: bytes
    expires: str
    point: bytes
    usage: bytes = USAGE_KEY_AGREEMENT
    effective: str | None = None
    discretionary: bytes = b""
    signature: bytes = b""

    def to_be_signed(self) -> bytes:
        """Return the objects from serial number to public key, over which the signature goes."""
        if len(self.point) != POINT_BYTES:
            raise EncodeError("a point has 65 bytes", path=("7F21", "7F49", "B0"))
        items: list[ber.Item] = [
            (TAG_SERIAL, self.serial),
            (TAG_ISSUER_ID, self.issuer_id),
            (TAG_SUBJECT_ID, self.subject_id),
            (TAG_USAGE, self.usage),
        ]
        if self.effective is not None:
            items.append((TAG_EFFECTIVE, _encode_date(self.effective, "5F25")))
        items.append((TAG_EXPIRES, _encode_date(self.expires, "5F24")))
        if self.discretionary:
            items.append((TAG_DISCRETIONARY, self.discretionary))
        curve = bytes((CURVE_P256,))
        items.append((TAG_PUBLIC_KEY, ((TAG_POINT, self.point), (TAG_CURVE, curve))))
        return ber.build(*items)

    def encode(self) -> bytes:
        """Return the 7F21 object; `EncodeError` while it is not signed."""
        if len(self.signature) != SIGNATURE_BYTES:
            raise EncodeError("a signature has 64 bytes; sign first", path=("7F21", "5F37"))
        signed = self.to_be_signed() + ber.encode(TAG_SIGNATURE, self.signature)
        return ber.encode(TAG_CERTIFICATE, signed)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read one 7F21 object and nothing behind it."""
        body = ber.require(data, TAG_CERTIFICATE)
        key = ber.require(body, TAG_PUBLIC_KEY)
        effective = ber.find(body, TAG_EFFECTIVE)
        certificate = cls(
            serial=ber.require(body, TAG_SERIAL),
            issuer_id=ber.require(body, TAG_ISSUER_ID),
            subject_id=ber.require(body, TAG_SUBJECT_ID),
            expires=_decode_date(ber.require(body, TAG_EXPIRES), "5F24"),
            point=numbers.sized(ber.require(key, TAG_POINT), POINT_BYTES, "B0"),
            usage=ber.require(body, TAG_USAGE),
            effective=None if effective is None else _decode_date(effective, "5F25"),
            discretionary=ber.find(body, TAG_DISCRETIONARY) or b"",
            signature=numbers.sized(ber.require(body, TAG_SIGNATURE), SIGNATURE_BYTES, "5F37"),
        )
        if certificate.encode() != data:
            raise DecodeError("objects are unknown, out of order or repeated", path=("7F21",))
        return certificate

    def is_valid_on(self, day: str) -> bool:
        """Tell whether the day (YYYYMMDD) lies within the dates, both included."""
        return (self.effective or "00000000") <= day <= self.expires


def _encode_date(text: str, name: str) -> bytes:
    if len(text) != 8 or not numbers.is_decimal(text) or not _is_day(text):
        raise EncodeError("is no date YYYYMMDD", path=("7F21", name))
    return bytes.fromhex(text)


def _decode_date(raw: bytes, name: str) -> str:
    text = numbers.bcd_decode(numbers.sized(raw, 4, name), name)
    if not _is_day(text):
        raise DecodeError("is no date YYYYMMDD", path=("7F21", name))
    return text


def _is_day(text: str) -> bool:
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True
