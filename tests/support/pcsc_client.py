"""A PC/SC program as strangers write them: pyscard, pyemv and yubikit, nothing of ours.

Runs inside `support.pcsc_room` and prints one JSON report. Each part stands for one kind of
program: a card manager on the wired slot, terminals of two kernels on the contactless one, a tool
that tries out what the card is, a GlobalPlatform host.
"""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any

from pyemv import tlv
from smartcard.System import readers
from yubikit.core import TRANSPORT
from yubikit.core.smartcard import SmartCardConnection
from yubikit.core.smartcard.scp import KeyRef, Scp03KeyParams, StaticKeys
from yubikit.securitydomain import SecurityDomainSession

WIRED, CONTACTLESS = "Virtual PCD 00 00", "Virtual PCD 00 01"

CRS = "A00000015143525300"
PPSE = b"2PAY.SYS.DDF01".hex()
KERNEL_3, KERNEL_2 = "A0000000031010", "A0000000041010"

# What the terminal knows, by tag.
TERMINAL = {
    "9F66": "36004000",
    "9F02": "000000001000",
    "9F03": "000000000000",
    "9F1A": "0276",
    "95": "0000008000",
    "5F2A": "0978",
    "9A": "260101",
    "9C": "00",
    "9F37": "11223344",
    "9F35": "22",
    "9F34": "3F0002",
}

# Applications that a tool looks for first: smart card operating systems, PIV, OpenPGP, eID, FIDO.
FOREIGN = (
    *("A000000308000010000100", "D27600012401", "A0000000620301", "A000000063504B43532D3135"),
    *("A0000003974349445F0100", "A0000000790100", "E828BD080FD25047656E65726963", "A00000061701"),
    *("D276000124010200", "A0000006472F0001", "A000000527210101", "D040000017010101"),
    *("F07465737420617070", "A00000000101", "A0000000871002", "A0000000871004"),
    *("E828BD080F", "D2330000005550", "A000000018434D00", b"1PAY.SYS.DDF01".hex()),
)
# What readers differ in: answered by status words, and no counter moves.
ODD = (
    ("00B2011C00", "a record before GPO"),
    ("80CA9F3600", "GET DATA of the counter"),
    ("80CA9F1300", "GET DATA of the last online counter"),
    ("80CA9F1700", "GET DATA of the tries"),
    ("80CA9F4F00", "GET DATA of the log format"),
    ("80A8000002830000", "GPO without the data that the card asks for"),
    ("00C0000000", "GET RESPONSE with nothing to fetch"),
    ("00FF0000", "an unknown instruction"),
    ("FFCA000000", "the reader's own UID command"),
    ("00A4040000", "SELECT without a name"),
)


class Card:
    """A connected card; whole answers over 61xx."""

    def __init__(self, reader: str) -> None:
        self.connection = next(one for one in readers() if reader in str(one)).createConnection()
        self.connection.connect()

    def transmit(self, raw: bytes) -> tuple[bytes, int]:
        """One command, one answer, as they cross the reader."""
        data, sw1, sw2 = self.connection.transmit(list(raw))
        return bytes(data), sw1 << 8 | sw2

    def send(self, text: str) -> tuple[bytes, int]:
        """One command in hex and its whole answer."""
        data, sw = self.transmit(bytes.fromhex(text))
        while sw >> 8 == 0x61:
            more, sw = self.transmit(bytes((0, 0xC0, 0, 0, sw & 0xFF)))
            data += more
        return data, sw

    def good(self, text: str) -> bytes:
        """The answer to a command that must succeed."""
        data, sw = self.send(text)
        if sw != 0x9000:
            raise AssertionError(f"{text} was answered {sw:04X}")
        return data

    def select(self, aid: str) -> bytes:
        """SELECT by name."""
        return self.good(f"00A40400{len(aid) // 2:02X}{aid}00")

    def close(self) -> None:
        """Unpower the card: a terminal's field goes off."""
        self.connection.disconnect()


def objects(data: bytes) -> dict[str, bytes]:
    """Leaves of a TLV answer by tag, as pyemv reads them."""
    found: dict[str, bytes] = tlv.decode(data, flatten=True)
    return found


def fill(dol: bytes) -> str:
    """The terminal's data for a list of tags and lengths."""
    filled, place = "", 0
    while place < len(dol):
        end = place + (2 if dol[place] & 0x1F == 0x1F else 1)
        size = dol[end]
        filled += TERMINAL.get(dol[place:end].hex().upper(), "").rjust(2 * size, "0")[: 2 * size]
        place = end + 1
    return filled


def best_application(card: Card) -> str:
    """What the directory lists first."""
    return objects(card.select(PPSE))["4F"].hex().upper()


def activate(registered: str) -> dict[str, str]:
    """Make the first instance of a registered AID the active card, as a card manager does."""
    card = Card(WIRED)
    card.select(CRS)
    listed = card.good(f"80F24000{len(registered) // 2 + 2:02X}4F07{registered}00")
    aid = objects(listed)["4F"].hex().upper()
    _, sw = card.send(f"80F001010D4F0B{aid}00")
    card.close()
    return {"aid": aid, "sw": f"{sw:04X}"}


def kernel_3() -> dict[str, Any]:
    """A terminal with kernel 3, from the directory to the cryptogram."""
    switched = activate(KERNEL_3)
    card = Card(CONTACTLESS)
    aid = best_application(card)
    data = fill(objects(card.select(aid))["9F38"])
    size = len(data) // 2
    answer = objects(card.good(f"80A80000{size + 2:02X}83{size:02X}{data}00"))
    card.close()
    return {"switched": switched, "aid": aid, "answer": as_hex(answer)}


def kernel_2() -> dict[str, Any]:
    """A terminal with kernel 2: application data, records by the file locator, cryptogram."""
    switched = activate(KERNEL_2)
    card = Card(CONTACTLESS)
    aid = best_application(card)
    card.select(aid)
    options = objects(card.good("80A8000002830000"))
    records: dict[str, bytes] = {}
    locator = options["94"]
    for start in range(0, len(locator), 4):
        sfi, first, last, _ = locator[start : start + 4]
        for number in range(first, last + 1):
            records |= objects(card.good(f"00B2{number:02X}{sfi | 4:02X}00"))
    data = fill(records["8C"])
    answer = objects(card.good(f"80AE8000{len(data) // 2:02X}{data}00"))
    card.close()
    return {
        "switched": switched,
        "aid": aid,
        "options": as_hex(options),
        "records": as_hex(records),
        "answer": as_hex(answer),
    }


def foreign() -> dict[str, dict[str, str]]:
    """SELECT of applications that are not there, on both slots."""
    statuses: dict[str, dict[str, str]] = {}
    for reader in (WIRED, CONTACTLESS):
        card = Card(reader)
        answers = {aid: card.send(f"00A40400{len(aid) // 2:02X}{aid}00")[1] for aid in FOREIGN}
        statuses[reader] = {aid: f"{sw:04X}" for aid, sw in answers.items()}
        card.close()
    return statuses


def odd() -> dict[str, Any]:
    """Commands at the wrong time, then a look whether the next tap is the next one."""
    activate(KERNEL_3)
    card = Card(CONTACTLESS)
    card.select(best_application(card))
    answers = {text: card.send(raw) for raw, text in ODD}
    card.close()
    return {
        "answers": {text: [data.hex(), f"{sw:04X}"] for text, (data, sw) in answers.items()},
        "next": kernel_3()["answer"]["9F36"],
    }


class Yubikit(SmartCardConnection):
    """Puts yubikit in front of a PC/SC card."""

    def __init__(self, card: Card) -> None:
        self._card = card

    @property
    def transport(self) -> TRANSPORT:
        """As a key in a slot."""
        return TRANSPORT.USB

    def send_and_receive(self, apdu: bytes) -> tuple[bytes, int]:
        """One command, one answer."""
        return self._card.transmit(apdu)


def scp03() -> dict[str, str]:
    """A GlobalPlatform host: secure channel with the well-known keys, then the registry."""
    card = Card(WIRED)
    session = SecurityDomainSession(Yubikit(card))
    key = bytes(range(0x40, 0x50))
    session.authenticate(Scp03KeyParams(KeyRef(0, 0x30), StaticKeys(key, key, key)))
    listed = session.protocol.send_apdu(0x80, 0xF2, 0x40, 0x02, b"\x4f\x00")
    chain = session.get_certificate_bundle(KeyRef(0x7E, 1))
    card.close()
    return {"registry": bytes(listed).hex().upper(), "chain": str(len(chain))}


def slots() -> dict[str, str]:
    """The readers and what is in them."""
    found = {}
    for reader in readers():
        card = Card(str(reader))
        found[str(reader)] = bytes(card.connection.getATR()).hex().upper()
        card.close()
    return found


def as_hex(values: dict[str, bytes]) -> dict[str, str]:
    """Values for the report."""
    return {tag: value.hex().upper() for tag, value in values.items()}


PARTS = (slots, foreign, kernel_3, kernel_2, odd, scp03)


def main() -> None:
    """Run every part; one that breaks says how and stops none."""
    report: dict[str, Any] = {}
    for part in PARTS:
        try:
            report[part.__name__] = part()
        except Exception:  # noqa: BLE001 - the report carries whatever went wrong to the test
            report[part.__name__] = {"failed": traceback.format_exc()}
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
