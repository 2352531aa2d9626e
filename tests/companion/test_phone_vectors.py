"""The recorded exchanges of a phone: this code sends the very same bytes, and a second reading of
them, with bare primitives, finds what the files say.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec as raw_ec
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.cmac import CMAC

from support import phone_vectors
from support.commit_cases import CASES, play
from support.vectors import VECTORS, load
from wristlet.companion.outbox import SEND
from wristlet.companion.queue import Kind, Pending
from wristlet.crypto import ec as our_ec
from wristlet.crypto import jwe, pairing
from wristlet.links.http import HttpClient
from wristlet.links.wallet_client import WalletClient

CHANNEL = load("phone/channel")


@pytest.mark.parametrize("name", ["pairing", "queue", "texts"])
def test_the_fixed_files_are_current(name: str) -> None:
    fresh = phone_vectors.dump(phone_vectors.fixed()[name])
    written = (VECTORS / "phone" / f"{name}.json").read_text(encoding="utf-8")
    assert written == fresh, "run `PYTHONPATH=tests python -m support.phone_vectors`"


# ------------------------------------------------------------------ the phone's channel


class Playback:
    """A strap that knows one conversation by heart and fails at the first other word."""

    def __init__(self, steps: list[dict[str, Any]]) -> None:
        self._pairs: Iterator[dict[str, str]] = (
            pair for step in steps for pair in step["exchanges"]
        )
        self.steps: list[dict[str, Any]] = []

    def step(self, name: str) -> None:
        self.steps.append({"name": name})

    async def transmit(self, command: bytes) -> bytes:
        pair = next(self._pairs)
        assert command.hex() == pair["sent"], self.steps[-1]["name"]
        return bytes.fromhex(pair["answered"])

    def is_over(self) -> bool:
        return next(self._pairs, None) is None


@pytest.mark.parametrize("part", [0, 1])
async def test_this_code_says_the_same(part: int) -> None:
    steps = CHANNEL["sessions"][part]["steps"]
    strap = Playback(steps)
    strap.step("open")
    phone = await phone_vectors.open_phone(strap, CHANNEL, part)
    await phone_vectors.scenario(phone, strap, CHANNEL, part)
    assert strap.is_over()
    assert [one["name"] for one in strap.steps] == [one["name"] for one in steps]
    wrong = [one["tries_left"] for one in strap.steps if "tries_left" in one]
    assert wrong == [one["tries_left"] for one in steps if "tries_left" in one]


def _private(scalar: str) -> raw_ec.EllipticCurvePrivateKey:
    return raw_ec.derive_private_key(int(scalar, 16), raw_ec.SECP256R1())


def _public(point: bytes) -> raw_ec.EllipticCurvePublicKey:
    return raw_ec.EllipticCurvePublicKey.from_encoded_point(raw_ec.SECP256R1(), point)


def _cmac(key: bytes, data: bytes) -> bytes:
    mac = CMAC(AES(key))
    mac.update(data)
    return mac.finalize()


def _derive(secret: bytes, info: bytes, size: int) -> bytes:
    rounds = range(1, -(-size // 32) + 1)
    blocks = [hashlib.sha256(secret + n.to_bytes(4, "big") + info).digest() for n in rounds]
    return b"".join(blocks)[:size]


class SecondReading:
    """SCP11a and S8 messaging from the page's words alone, on hashlib and bare AES."""

    def __init__(self, session: dict[str, Any]) -> None:
        opening = session["steps"][0]["exchanges"][-1]
        request = bytes.fromhex(opening["sent"])[5:-1]
        answer = bytes.fromhex(opening["answered"])[:-2]
        assert (answer[:3], answer[68:70]) == (b"\x5f\x49\x41", b"\x86\x10")
        ephemeral = _private(session["ephemeral_scalar"])
        static = _private(CHANNEL["phone_scalar"])
        shared = ephemeral.exchange(raw_ec.ECDH(), _public(answer[3:68]))
        shared += static.exchange(raw_ec.ECDH(), _public(bytes.fromhex(CHANNEL["domain_point"])))
        keys = _derive(shared, b"\x3c\x88\x10", 80)
        self.receipt_key, self.enc, self.mac, self.rmac, _ = (
            keys[at : at + 16] for at in range(0, 80, 16)
        )
        assert _cmac(self.receipt_key, request + answer[:68]) == answer[70:86]
        self.chain, self.counter = answer[70:86], 0

    def command(self, sent: bytes) -> bytes:
        """Return the plain command: class, instruction, parameters and data."""
        self.counter += 1
        data, mac = sent[5 : 5 + sent[4] - 8], sent[5 + sent[4] - 8 : 5 + sent[4]]
        self.chain = _cmac(self.mac, self.chain + sent[:5] + data)
        assert self.chain[:8] == mac
        return bytes((sent[0] & ~0x04,)) + sent[1:4] + self._open(data, 0)

    def answer(self, answered: bytes) -> bytes:
        """Return the plain data of the answer to the last command."""
        data, sw = answered[:-2], answered[-2:]
        if not data:
            return b""
        assert _cmac(self.rmac, self.chain + data[:-8] + sw)[:8] == data[-8:]
        return self._open(data[:-8], 0x80)

    def _open(self, data: bytes, first: int) -> bytes:
        if not data:
            return b""
        block = bytes((first,)) + bytes(11) + self.counter.to_bytes(4, "big")
        vector = Cipher(AES(self.enc), ECB()).encryptor().update(block)
        padded = Cipher(AES(self.enc), CBC(vector)).decryptor().update(data)
        return padded.rstrip(b"\0").removesuffix(b"\x80")


@pytest.mark.parametrize("part", [0, 1])
def test_a_second_reading_finds_what_the_file_says(part: int) -> None:
    session = CHANNEL["sessions"][part]
    reading = SecondReading(session)
    for step in session["steps"][1:]:
        (pair,) = step["exchanges"]
        plain = bytes.fromhex(step["plain"])
        data = plain[5 : 5 + plain[4]] if len(plain) > 5 else b""
        assert reading.command(bytes.fromhex(pair["sent"])) == plain[:4] + data, step["name"]
        answered = bytes.fromhex(pair["answered"])
        assert reading.answer(answered).hex() == step["plain_answer"], step["name"]
        assert answered[-2:].hex() == step["sw"]


def test_a_pin_is_a_block_of_eight_bytes() -> None:
    create = bytes.fromhex(CHANNEL["sessions"][0]["steps"][1]["plain"])
    assert create[5:13].hex() == f"2{len(CHANNEL['pin'])}{CHANNEL['pin']:f<14}"


def test_the_pin_stands_nowhere_on_the_link() -> None:
    sent = "".join(
        pair["sent"] + pair["answered"]
        for session in CHANNEL["sessions"]
        for step in session["steps"]
        for pair in step["exchanges"]
    )
    assert f"26{CHANNEL['pin']}" not in sent


# ------------------------------------------------------------------ pairing, JWE, requests, log


@pytest.mark.parametrize("case", load("phone/pairing")["cases"], ids=lambda case: case["digits"])
def test_digits_by_hand(case: dict[str, str]) -> None:
    values = {name: bytes.fromhex(text) for name, text in case.items() if name != "digits"}
    bound = b"wristlet:pairing:commitment:1" + values["phone_point"] + values["strap_nonce"]
    assert hashlib.sha256(bound).digest() == values["commitment"]
    assert pairing.fits(values["commitment"], values["phone_point"], values["strap_nonce"])
    shown = b"wristlet:pairing:code:1" + values["se_id"] + values["phone_point"]
    shown += values["phone_nonce"] + values["strap_nonce"]
    number = int.from_bytes(hashlib.sha256(shown).digest()[:8], "big") % 1_000_000
    assert f"{number:06d}" == case["digits"]


def _part(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


JWE = load("phone/card_jwe")


@pytest.mark.parametrize("case", JWE["cases"], ids=lambda case: str(len(case["payload"])))
def test_an_envelope_opens_by_hand(case: dict[str, str]) -> None:
    """RFC 7518, ECDH-ES: Concat KDF over the shared secret, then AES-GCM under the header."""
    protected, encrypted_key, vector, sealed, tag = case["jwe"].split(".")
    header = json.loads(_part(protected))
    assert (header["alg"], header["enc"], header["kid"], encrypted_key) == (
        "ECDH-ES",
        "A256GCM",
        JWE["kid"],
        "",
    )
    point = b"\x04" + _part(header["epk"]["x"]) + _part(header["epk"]["y"])
    shared = _private(JWE["recipient_scalar"]).exchange(raw_ec.ECDH(), _public(point))
    info = b"\0\0\0\x07A256GCM" + bytes(8) + (256).to_bytes(4, "big")
    key = hashlib.sha256(b"\0\0\0\x01" + shared + info).digest()
    opened = AESGCM(key).decrypt(_part(vector), _part(sealed) + _part(tag), protected.encode())
    assert opened.decode() == case["payload"]
    recipient = our_ec.private_key(bytes.fromhex(JWE["recipient_scalar"]))
    assert bytes(jwe.decrypt(case["jwe"], recipient)) == opened


class Wire(HttpClient):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any, str | None]] = []

    async def post(self, path: str, body: Any, answer_type: Any, key: str | None = None) -> Any:
        self.sent.append((path, asdict(body), key))


@pytest.mark.parametrize("row", load("phone/queue")["requests"], ids=lambda row: row["kind"])
def test_a_request_that_waited_is_sent_as_written_down(row: dict[str, Any]) -> None:
    wire = Wire()
    kind = Kind(row["kind"])
    asyncio.run(_send(wire, Pending("q1", "the key", kind, "dev_1", "s_1", "v_1")))
    holes = {"device": "dev_1", "subject": "s_1", "value": "v_1"}
    body = {name: text.format(**holes) for name, text in row["body"].items()}
    assert wire.sent == [(row["path"].format(**holes), body, "the key")]


async def _send(wire: Wire, request: Pending) -> None:
    await SEND[request.kind](WalletClient(wire), request)


def test_every_kind_is_written_down() -> None:
    assert {row["kind"] for row in load("phone/queue")["requests"]} == {str(one) for one in Kind}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_log_is_run_as_written_down(case: Any) -> None:
    (known,) = [one for one in load("phone/commits")["cases"] if one["name"] == case.name]
    trace, report = await play(case)
    assert trace == known["trace"]
    assert asdict(report) == known["report"]
