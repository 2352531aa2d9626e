"""Personalisation data of payment cards for tests, made here byte by byte and not by the TSP."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pyemv.cvn import MasterCardCVN21, VisaCVN18

from support.applets import PHONE, Bench
from wristlet.crypto.kcv import tdes_kcv
from wristlet.se.applets.base import Interface
from wristlet.wire import ber, products
from wristlet.wire.gp import aids, commands

if TYPE_CHECKING:
    from wristlet.se.applets.base import Instance
    from wristlet.wire.apdu import Response

PAN = "9998000000000025"
PSN = "01"
PIN = "274916"
IMK = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
EUR = bytes.fromhex("0978")
TRACK2 = bytes.fromhex(f"{PAN}D30122010000000000000F")
RECORD_KERNEL_2 = (
    (0x57, TRACK2),
    (0x5A, bytes.fromhex(PAN)),
    (0x5F24, bytes.fromhex("301231")),
    (0x5F34, bytes.fromhex(PSN)),
    (0x8C, products.CDOL1_KERNEL_2),
    (0x8E, bytes.fromhex("00000000000000001F03")),
    (0x9F07, bytes.fromhex("FF00")),
    (0x4F, aids.KERNEL_2),
)


@dataclass(frozen=True)
class CardData:
    """What a test may want to vary."""

    product: products.Product = products.K3
    taps_max: int = 3
    sum_max: int = 10_000
    flags: int = 0
    label: bytes = b"wristlet test"

    @property
    def keys(self) -> bytes:
        """MK-AC as the outside library derives it, and two other keys, 16 bytes each."""
        mk_ac: bytes = issuer_view(self.product.kernel).icc_mk_ac
        return mk_ac + bytes(range(32))

    def dgis(self) -> dict[int, bytes]:
        """All data groupings of the product without ODA."""
        keys = self.keys
        checks = b"".join(tdes_kcv(keys[start : start + 16]) for start in (0, 16, 32))
        common = {
            products.DGI_KEYS: keys,
            products.DGI_KEY_CHECKS: checks,
            products.DGI_INTERNALS: ber.build(*self.internals()),
        }
        if self.product.kernel == products.KERNEL_3:
            fci = ber.build((0x50, self.label), (0x87, b"\x01"), (0x9F38, products.PDOL_KERNEL_3))
            return common | {products.DGI_FCI: fci, products.DGI_GPO: bytes.fromhex("82020000")}
        return common | {
            0x0101: ber.build((0x70, RECORD_KERNEL_2)),
            products.DGI_FCI: ber.build((0x50, self.label), (0x87, b"\x01")),
            products.DGI_GPO: bytes.fromhex("82021280940408010100"),
        }

    def internals(self) -> list[tuple[int, bytes]]:
        """The objects of 9200."""
        objects = [
            (products.TAG_CURRENCY, EUR),
            (products.TAG_KEY_INDEX, b"\x01"),
            (products.TAG_NO_CVM_TAPS_MAX, bytes((self.taps_max,))),
            (products.TAG_NO_CVM_SUM_MAX, self.sum_max.to_bytes(4, "big")),
            (products.TAG_FLAGS, bytes((self.flags,))),
        ]
        if self.product.kernel == products.KERNEL_3:
            objects += [
                (products.TAG_TRACK2, TRACK2),
                (products.TAG_PSN, bytes.fromhex(PSN)),
                (products.TAG_CTQ, bytes.fromhex("0000")),
                (products.TAG_FORM_FACTOR, bytes.fromhex("20700000")),
            ]
        return objects

    def issue(self, bench: Bench, index: int = 1) -> Instance:
        """Install and personalise one active card."""
        aid = aids.instance_aid(self.product.registered_aid, index)
        instance = bench.install(aid, self.product.module_aid)
        bench.personalise(instance, self.dgis())
        return instance


def issuer_view(kernel: int) -> Any:
    """The issuer's side of the cryptogram, by a library from outside."""
    version = VisaCVN18 if kernel == products.KERNEL_3 else MasterCardCVN21
    return version(IMK, IMK, IMK, PAN, PSN)


K3 = CardData()
K2 = replace(K3, product=products.K2)


@dataclass(frozen=True)
class Wish:
    """What a terminal asks of one tap."""

    amount: int = 1_000
    currency: str = "0978"
    ttq: str = "36004000"
    cvm_results: str = "3F0002"
    kind: str = "00"
    un: str = "11223344"

    def common(self) -> bytes:
        """The fields that the cryptogram covers, in its order."""
        return bytes.fromhex(
            f"{self.amount:012d}000000000000"
            "0276"
            "0000008000" + self.currency + "260101" + self.kind + self.un
        )

    def gpo(self) -> str:
        """GET PROCESSING OPTIONS of kernel 3."""
        return f"80A80000238321{self.ttq}{self.common().hex()}00"

    def generate_ac(self, p1: str = "80") -> str:
        """GENERATE AC of kernel 2."""
        tail = "22" + "0000" + bytes(8).hex() + self.cvm_results
        return f"80AE{p1}002B{self.common().hex()}{tail}00"


def issue(card: CardData = K3, **profile: Any) -> tuple[Bench, bytes]:
    """Make a secure element with this one card; gives it and the instance's AID."""
    bench = Bench(**profile)
    return bench, card.issue(bench).aid


def unlock(bench: Bench) -> None:
    """Open a lease as the wearer does, with a new PIN if there is none."""
    bench.enrol()
    bench.select(aids.CARDHOLDER_APPLET, phone=PHONE)
    bench.send(commands.create_pin(PIN))
    assert bench.send(commands.verify(PIN)).ok


def tap(bench: Bench, aid: bytes, wish: Wish | None = None, p1: str = "80") -> Response:
    """One tap up to the answer that holds the cryptogram."""
    wish = wish or Wish()
    selected = bench.select(aid, Interface.CONTACTLESS)
    if not selected.ok:
        return selected
    if aids.kernel_of(aid) == products.KERNEL_3:
        return bench.send(wish.gpo())
    answer = bench.send("80A8000002830000")
    return bench.send(wish.generate_ac(p1)) if answer.ok else answer


def tags(response: Response) -> dict[int, bytes]:
    """The data objects of a good answer."""
    assert response.ok, f"{response.sw:04X}"
    return ber.collect(response.data)


def text_table(text: str) -> list[tuple[str, str]]:
    """Rows `left | right` of a table whose first row is its heading."""
    rows = [line.split("|") for line in text.splitlines() if "|" in line][1:]
    return [(left.strip(), right.strip()) for left, right in rows]
