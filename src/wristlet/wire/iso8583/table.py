"""The data elements of ISO 8583:1987 as this project's hosts send them.

Departures from the standard's formats: 48 and 55 are binary (BER-TLV), 52, 64,
96 and 128 eight bytes; a signed amount (28 to 31, 97) keeps its letter as text.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from wristlet.wire.iso8583.field import Field, Kind

_N, _Z, _AN, _ANS, _B = Kind.DIGITS, Kind.TRACK, Kind.CODE, Kind.TEXT, Kind.BINARY


def _reserved(first: int, last: int, use: str) -> tuple[Field, ...]:
    return tuple(Field(n, f"reserved, {use} use", _ANS, 999, 3) for n in range(first, last + 1))


_FIELDS: Final = (
    Field(2, "primary account number", _N, 19, 2, secret=True),
    Field(3, "processing code", _N, 6),
    Field(4, "amount, transaction", _N, 12),
    Field(5, "amount, settlement", _N, 12),
    Field(6, "amount, cardholder billing", _N, 12),
    Field(7, "transmission date and time", _N, 10),
    Field(8, "amount, cardholder billing fee", _N, 8),
    Field(9, "conversion rate, settlement", _N, 8),
    Field(10, "conversion rate, cardholder billing", _N, 8),
    Field(11, "systems trace audit number", _N, 6),
    Field(12, "time, local transaction", _N, 6),
    Field(13, "date, local transaction", _N, 4),
    Field(14, "date, expiration", _N, 4),
    Field(15, "date, settlement", _N, 4),
    Field(16, "date, conversion", _N, 4),
    Field(17, "date, capture", _N, 4),
    Field(18, "merchant's type", _N, 4),
    Field(19, "acquiring institution country code", _N, 3),
    Field(20, "PAN extended, country code", _N, 3),
    Field(21, "forwarding institution country code", _N, 3),
    Field(22, "point of service entry mode", _N, 3),
    Field(23, "card sequence number", _N, 3),
    Field(24, "network international identifier", _N, 3),
    Field(25, "point of service condition code", _N, 2),
    Field(26, "point of service PIN capture code", _N, 2),
    Field(27, "authorization identification response length", _N, 1),
    Field(28, "amount, transaction fee", _AN, 9),
    Field(29, "amount, settlement fee", _AN, 9),
    Field(30, "amount, transaction processing fee", _AN, 9),
    Field(31, "amount, settlement processing fee", _AN, 9),
    Field(32, "acquiring institution identification code", _N, 11, 2),
    Field(33, "forwarding institution identification code", _N, 11, 2),
    Field(34, "primary account number, extended", _ANS, 28, 2, secret=True),
    Field(35, "track 2 data", _Z, 37, 2, secret=True),
    Field(36, "track 3 data", _ANS, 104, 3, secret=True),
    Field(37, "retrieval reference number", _AN, 12),
    Field(38, "authorization identification response", _AN, 6),
    Field(39, "response code", _AN, 2),
    Field(40, "service restriction code", _AN, 3),
    Field(41, "card acceptor terminal identification", _ANS, 8),
    Field(42, "card acceptor identification code", _ANS, 15),
    Field(43, "card acceptor name and location", _ANS, 40),
    Field(44, "additional response data", _ANS, 25, 2),
    Field(45, "track 1 data", _ANS, 76, 2, secret=True),
    Field(46, "additional data, ISO", _ANS, 999, 3),
    Field(47, "additional data, national", _ANS, 999, 3),
    Field(48, "additional data, private", _B, 999, 3),
    Field(49, "currency code, transaction", _N, 3),
    Field(50, "currency code, settlement", _N, 3),
    Field(51, "currency code, cardholder billing", _N, 3),
    Field(52, "PIN data", _B, 8, secret=True),
    Field(53, "security related control information", _N, 16),
    Field(54, "additional amounts", _ANS, 120, 3),
    Field(55, "chip data", _B, 999, 3, secret=True),
    *_reserved(56, 56, "ISO"),
    *_reserved(57, 59, "national"),
    *_reserved(60, 63, "private"),
    Field(64, "message authentication code", _B, 8),
    Field(66, "settlement code", _N, 1),
    Field(67, "extended payment code", _N, 2),
    Field(68, "receiving institution country code", _N, 3),
    Field(69, "settlement institution country code", _N, 3),
    Field(70, "network management information code", _N, 3),
    Field(71, "message number", _N, 4),
    Field(72, "message number, last", _N, 4),
    Field(73, "date, action", _N, 6),
    Field(74, "credits, number", _N, 10),
    Field(75, "credits, reversal number", _N, 10),
    Field(76, "debits, number", _N, 10),
    Field(77, "debits, reversal number", _N, 10),
    Field(78, "transfer, number", _N, 10),
    Field(79, "transfer, reversal number", _N, 10),
    Field(80, "inquiries, number", _N, 10),
    Field(81, "authorizations, number", _N, 10),
    Field(82, "credits, processing fee amount", _N, 12),
    Field(83, "credits, transaction fee amount", _N, 12),
    Field(84, "debits, processing fee amount", _N, 12),
    Field(85, "debits, transaction fee amount", _N, 12),
    Field(86, "credits, amount", _N, 16),
    Field(87, "credits, reversal amount", _N, 16),
    Field(88, "debits, amount", _N, 16),
    Field(89, "debits, reversal amount", _N, 16),
    Field(90, "original data elements", _N, 42),
    Field(91, "file update code", _AN, 1),
    Field(92, "file security code", _AN, 2),
    Field(93, "response indicator", _AN, 5),
    Field(94, "service indicator", _AN, 7),
    Field(95, "replacement amounts", _AN, 42),
    Field(96, "message security code", _B, 8),
    Field(97, "amount, net settlement", _AN, 17),
    Field(98, "payee", _ANS, 25),
    Field(99, "settlement institution identification code", _N, 11, 2),
    Field(100, "receiving institution identification code", _N, 11, 2),
    Field(101, "file name", _ANS, 17, 2),
    Field(102, "account identification 1", _ANS, 28, 2),
    Field(103, "account identification 2", _ANS, 28, 2),
    Field(104, "transaction description", _ANS, 100, 3),
    *_reserved(105, 111, "ISO"),
    *_reserved(112, 119, "national"),
    *_reserved(120, 127, "private"),
    Field(128, "message authentication code", _B, 8),
)

FIELDS: Final = MappingProxyType({field.number: field for field in _FIELDS})

MAC_PRIMARY: Final = 64
MAC_SECONDARY: Final = 128
MAC_SIZE: Final = 8

# Printed as stars: the number, its tracks and its expiry date, PIN and chip data.
HIDDEN: Final = frozenset(field.number for field in _FIELDS if field.secret) | {14}
