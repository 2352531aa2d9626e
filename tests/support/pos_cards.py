"""Cards for terminals: answers built by hand, and the real applets behind a terminal's field."""

from __future__ import annotations

from dataclasses import dataclass, replace

from support.applets import Bench
from support.payment_cards import K2, K3, PAN, CardData, unlock
from support.rsa_keys import rsa_key
from wristlet.crypto import oda
from wristlet.pos.config import TerminalConfig
from wristlet.pos.kernel.sale import Sale
from wristlet.se.applets.base import Interface
from wristlet.se.profile import LeaseLimits
from wristlet.wire import ber, products
from wristlet.wire.apdu import Command, Response
from wristlet.wire.errors import DecodeError
from wristlet.wire.gp import aids

CONFIG = TerminalConfig(
    country_alpha="DE", country_numeric="276", currency="EUR", utc_offset_minutes=60
)
CA_INDEX = 0xF1
CA_KEYS = {(aid[:5], CA_INDEX): rsa_key("ca").public for aid in (aids.KERNEL_3, aids.KERNEL_2)}
ODA_CONFIG = replace(CONFIG, ca_keys=CA_KEYS)
SALE = Sale(1_000, "978", "260102", "123456", bytes.fromhex("11223344"))
ABOVE = replace(SALE, amount_minor=20_000)
ICC_PARTS = range(0x8201, 0x8206)
MANY = LeaseLimits(taps=255, amount_minor=2_000_000_000)

SELECT_PPSE = "00A404000E325041592E5359532E4444463031 00"
AID_3, AID_2 = aids.KERNEL_3.hex(), aids.KERNEL_2.hex()


# ------------------------------------------------------------------ answers by hand


def tlv(tag: str, *content: str) -> str:
    """One data object in hex."""
    return ber.encode(int(tag, 16), bytes.fromhex("".join(content))).hex()


def entry(aid: str, priority: str = "", kernel: str = "") -> str:
    """One directory entry."""
    parts = [tlv("4F", aid)]
    parts += [tlv("87", priority)] if priority else []
    parts += [tlv("9F2A", kernel)] if kernel else []
    return tlv("61", *parts)


def ppse(*entries: str) -> str:
    """A directory's answer."""
    name = tlv("84", aids.PPSE.hex())
    return tlv("6F", name, tlv("A5", tlv("BF0C", *entries))) + "9000"


def select(aid: str) -> str:
    """SELECT by name."""
    return f"00A40400{len(aid) // 2:02X}{aid}00"


def fci(aid: str, *proprietary: str) -> str:
    """The answer to it."""
    return tlv("6F", tlv("84", aid), tlv("A5", tlv("50", "54455354"), *proprietary)) + "9000"


def directory(*entries: str) -> tuple[str, str]:
    """The first step of every tap."""
    return SELECT_PPSE, ppse(*entries)


# ------------------------------------------------------------------ real applets


@dataclass(frozen=True)
class SignedCard(CardData):
    """A card whose key is certified; `name` is the 4F in its signed record."""

    name: bytes = b""

    def aip(self) -> str:
        """The interchange profile that the certificate covers."""
        return "2000" if self.product.kernel == products.KERNEL_3 else "1380"

    def dgis(self) -> dict[int, bytes]:
        """All data groupings, with the chain from scheme key to card key in three records."""
        ca, issuer, icc = (rsa_key(name) for name in ("ca", "issuer", "icc"))
        plain = super().dgis()
        record = plain.get(0x0101) or ber.build(
            (0x70, ((0x5A, bytes.fromhex(PAN)), (0x4F, self.product.registered_aid)))
        )
        if self.name:
            listed = [(one.tag, one.value) for one in ber.parse(ber.require(record, 0x70))]
            renamed = tuple((tag, self.name if tag == 0x4F else value) for tag, value in listed)
            record = ber.build((0x70, renamed))
        static = ber.require(record, 0x70) + bytes.fromhex(self.aip())
        above = oda.issue_issuer_certificate(ca, issuer.public, PAN[:4], "1230", b"\0\0\1")
        mine = oda.issue_icc_certificate(issuer, icc.public, PAN, "1230", b"\0\0\2", static)
        last = [
            (0x8F, bytes((CA_INDEX,))),
            (0x9F32, above.exponent),
            (0x9F46, mine.certificate),
            (0x9F47, mine.exponent),
            (0x9F48, mine.remainder),
            (0x9F4A, b"\x82"),
        ]
        if self.product.kernel == products.KERNEL_3:
            last.append((0x9F69, b"\x01" + bytes(6)))
        return plain | {
            0x0101: record,
            0x0102: ber.build((0x70, ((0x90, above.certificate),))),
            0x0103: ber.build((0x70, last)),
            products.DGI_GPO: bytes.fromhex(f"8202{self.aip()}940408010301"),
            **dict(zip(ICC_PARTS, icc.crt_parts(), strict=True)),
        }


FDDA = SignedCard(product=products.K3_FDDA)
CDA = SignedCard(product=products.K2_CDA)
PRODUCTS: dict[str, CardData] = {"K3": K3, "K2": K2, "K3_FDDA": FDDA, "K2_CDA": CDA}


class Field:
    """A secure element's contactless interface, with applets and directory, byte by byte.

    `heard` and `said` are what the card itself received and answered since the last SELECT of
    the directory. `rewind` puts counters and lease back, so that each tap is like the first.
    """

    def __init__(self, card: CardData, *, unlocked: bool = False) -> None:
        self.card = replace(card, taps_max=255, sum_max=10_000)
        self.bench = Bench(lease=MANY)
        self.aid = self.card.issue(self.bench).aid
        if unlocked:
            unlock(self.bench)
        self.heard: list[bytes] = []
        self.said: list[bytes] = []
        self._first = self.bench.store.snapshot()

    def rewind(self) -> None:
        """Put the durable state back to where it was."""
        store = self.bench.store
        with store.transaction():
            for key in store.snapshot().keys() - self._first.keys():
                store.delete(key)
            for key, value in self._first.items():
                store.put(key, value)

    def answer(self, command: bytes) -> bytes:
        """Answer one command as the card does."""
        self.heard.append(command)
        said = self._respond(command).encode()
        self.said.append(said)
        return said

    async def transmit(self, command: bytes) -> bytes:
        """Answer as an `ApduChannel`."""
        return self.answer(command)

    def _respond(self, raw: bytes) -> Response:
        try:
            command = Command.parse(raw)
        except DecodeError:
            return Response(b"", 0x6700)
        if command.header == bytes.fromhex("00A40400"):
            if command.data == aids.PPSE:
                self.heard, self.said = [raw], []
            return self.bench.select(command.data, Interface.CONTACTLESS)
        if self.bench.selected is None:
            return Response(b"", 0x6985)
        return self.bench.send(command)
