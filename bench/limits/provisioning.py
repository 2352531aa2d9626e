"""The least that adding a card costs: the same cryptography and durable writes, nothing else.

One provisioning, in order, in one thread:

- token service: one ECDSA verification (PIN statement), one AES-GCM opening (the card), a JWE to
  the bank (key pair, ECDH, KDF, AES-GCM);
- bank: ECDH, KDF, AES-GCM opening, two HMACs; one commit of one row;
- token service: two HMACs, three AES-GCM sealings, three card keys under kept contexts, their check
  values; a script (key pair, two ECDH, KDF, receipt, each command encrypted and MACed with kept
  contexts, keys encrypted under S-DEK, one hash); one commit of seven rows;
- secure element: one ECDSA verification (certificate), two ECDH, KDF, receipt, each command checked
  and decrypted, each answer MACed, keys decrypted, check values, one ECDSA signature; one sealed
  write of 4 KiB and one of 512 bytes (rollback counter), each with `fdatasync`;
- token service: one ECDSA verification (receipt); one commit of two rows.

Databases are SQLite in WAL mode with FULL sync, the tables as wide as ours. Keys of long life are
loaded once.
"""

from __future__ import annotations

import hmac
import os
import sqlite3
from collections.abc import Sequence
from itertools import count, cycle
from pathlib import Path
from typing import Final, TypeAlias

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.limits import tables
from bench.limits.authorisation import FILLER, token_row
from bench.limits.tap import PAGE

Write: TypeAlias = tuple[str, tuple[object, ...]]

KERNEL_3: Final = (32, 40, 24, 51, 16, 64, 8, 80, 8)
KERNEL_2: Final = (32, 40, 24, 144, 51, 16, 48, 16, 32, 8)
"""Bytes of plain data in the commands of a script, padded ones."""
_CURVE: Final = ec.SECP256R1()
_ECDSA: Final = ec.ECDSA(SHA256())
_ZEROS: Final = bytes(16)
_MESSAGE: Final = bytes(100)
_PAGES: Final = 64

_ADD_CASE: Final = "INSERT INTO idv_cases VALUES (?,?,?,?,?,?,?,?,?)"
_ADD_TOKEN: Final = (
    "INSERT INTO tokens VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)
_USE_OFFER: Final = "UPDATE eligibilities SET used_by_task = ? WHERE eligibility_id = ?"
_COUNT: Final = (
    "INSERT INTO counters VALUES (?,?,?) "
    "ON CONFLICT (se_id, name) DO UPDATE SET last = excluded.last"
)
_ADD_CARD: Final = "INSERT INTO cards VALUES (?,?,?,?,?)"
_ADD_SCRIPT: Final = "INSERT INTO scripts VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"
_ADD_TASK: Final = "INSERT INTO tasks VALUES (?,?,?,?,?,?)"
_KEEP_RECEIPT: Final = (
    "UPDATE scripts SET receipt_body = ?, receipt_answer = ?, counted_ms = ? "
    "WHERE se_id = ? AND domain_aid = ? AND number = ?"
)
_ACTIVATE: Final = "UPDATE tokens SET state = 'active', changed_ms = ? WHERE token_reference = ?"


class Session:
    """One end's keyed contexts of a session."""

    def __init__(self, shared: bytes) -> None:
        keys = X963KDF(SHA256(), 80, b"\x3c\x88\x10").derive(shared)
        receipt = CMAC(AES(keys[:16]))
        receipt.update(_MESSAGE)
        receipt.finalize()
        cipher = Cipher(AES(keys[16:32]), CBC(_ZEROS))
        self._encrypt, self._decrypt = cipher.encryptor(), cipher.decryptor()
        self._vector = Cipher(AES(keys[16:32]), ECB()).encryptor()
        self._mac = CMAC(AES(keys[32:48]))
        self._answer_mac = CMAC(AES(keys[48:64]))
        self.dek = keys[64:80]

    def wrap(self, data: bytes) -> None:
        """Encrypt and MAC a command."""
        self._vector.update(_ZEROS)
        self._finish(self._mac, self._encrypt.update(data))

    def open(self, data: bytes) -> None:
        """Check and decrypt a command."""
        self._finish(self._mac, data)
        self._vector.update(_ZEROS)
        self._decrypt.update(data)

    def answer(self) -> None:
        """MAC an answer without data."""
        self._finish(self._answer_mac, _ZEROS)

    @staticmethod
    def _finish(keyed: CMAC, data: bytes) -> None:
        mac = keyed.copy()
        mac.update(_ZEROS + data)
        mac.finalize()


class Provisioning:
    """Provisions again and again; `one` is one of them."""

    def __init__(self, folder: Path) -> None:
        self._tokens = _database(folder / "limit-tokens.db", tables.TOKENS)
        self._bank = _database(folder / "limit-bank.db", tables.BANK)
        self._file = os.open(folder / "limit-element", os.O_RDWR | os.O_CREAT, 0o600)
        os.pwrite(self._file, bytes(PAGE * (_PAGES + 1)), 0)
        os.fsync(self._file)
        self._number = count(1)
        self._scripts = cycle((KERNEL_3, KERNEL_2, KERNEL_3))
        self._static = ec.generate_private_key(_CURVE)
        self._point = self._static.public_key()
        self._encoded = self._point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self._signature = self._static.sign(_MESSAGE, _ECDSA)
        self._sealer = AESGCM(os.urandom(32))
        self._sealed = self._sealer.encrypt(bytes(12), _MESSAGE, None)
        self._masters = [
            Cipher(TripleDES(os.urandom(16) + bytes(8)), ECB()).encryptor() for _ in range(3)
        ]
        self._index = hmac.new(os.urandom(32), digestmod="sha256")

    def close(self) -> None:
        """Close files."""
        self._tokens.close()
        self._bank.close()
        os.close(self._file)

    def one(self) -> None:
        """Provision once."""
        number, script = next(self._number), next(self._scripts)
        self._verify()
        self._sealer.decrypt(bytes(12), self._sealed, None)
        self._ask_bank(number)
        self._mint(script)
        self._commit_token(number)
        self._element(script)
        self._verify()
        self._commit_receipt(number)

    def _verify(self) -> None:
        key = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, self._encoded)
        key.verify(self._signature, _MESSAGE, _ECDSA)

    def _agree(self, key: ec.EllipticCurvePrivateKey) -> bytes:
        point = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, self._encoded)
        return key.exchange(ec.ECDH(), point)

    def _hash(self) -> None:
        code = self._index.copy()
        code.update(_ZEROS)
        code.digest()

    def _ask_bank(self, number: int) -> None:
        for key in (ec.generate_private_key(_CURVE), self._static):
            content = ConcatKDFHash(SHA256(), 32, b"A256GCM").derive(self._agree(key))
            AESGCM(content).encrypt(bytes(12), _MESSAGE, None)
            self._hash()
        row = (f"idv_{number}", "acct_1", "green", "", "", 0, 0, 0, 0)
        _commit(self._bank, [(_ADD_CASE, row)])

    def _mint(self, script: Sequence[int]) -> None:
        self._hash()
        self._hash()
        for master in self._masters:
            self._sealer.encrypt(bytes(12), _ZEROS, None)
            self._check_value(master.update(_ZEROS))
        ephemeral = ec.generate_private_key(_CURVE)
        session = Session(self._agree(ephemeral) + self._agree(self._static))
        Cipher(AES(session.dek), CBC(_ZEROS)).encryptor().update(FILLER[:48])
        plain = Hash(SHA256())
        for size in script:
            plain.update(FILLER[:size])
            session.wrap(FILLER[: -(-size // 16) * 16])
        plain.finalize()

    @staticmethod
    def _check_value(key: bytes) -> None:
        Cipher(TripleDES(key + key[:8]), ECB()).encryptor().update(bytes(8))

    def _element(self, script: Sequence[int]) -> None:
        self._verify()
        session = Session(self._agree(self._static) + self._agree(self._static))
        plain = Hash(SHA256())
        for size in script:
            session.open(FILLER[: -(-size // 16) * 16])
            session.answer()
            plain.update(FILLER[:size])
        plain.finalize()
        Cipher(AES(session.dek), CBC(_ZEROS)).decryptor().update(FILLER[:48])
        for _ in range(3):
            self._check_value(os.urandom(16))
        self._static.sign(_MESSAGE, _ECDSA)
        record = self._sealer.encrypt(bytes(12), (FILLER * 4)[: PAGE - 16], None)
        self._write(record, PAGE * (1 + next(self._number) % _PAGES))
        self._hash()
        self._write(FILLER[:512], 0)

    def _write(self, data: bytes, offset: int) -> None:
        os.pwrite(self._file, data, offset)
        os.fdatasync(self._file)

    def _commit_token(self, number: int) -> None:
        se_id, text = f"{number:032x}", f"{number:064x}"
        domain = FILLER[:16]
        _commit(
            self._tokens,
            [
                (_USE_OFFER, (text, text)),
                (_COUNT, (se_id, "instance:a0000000031010", number)),
                (_ADD_CARD, (text, FILLER[:44], FILLER[:32], text, 0)),
                (_ADD_TOKEN, token_row(number)),
                (_COUNT, (se_id, "script:a0000000031010", number)),
                (
                    _ADD_SCRIPT,
                    (
                        *(se_id, domain, number, "wallet", text, "personalise", FILLER[:32]),
                        *(FILLER[:11], FILLER.hex() * 2, 0, None, None, None),
                    ),
                ),
                (_ADD_TASK, ("wallet", text, "digitize", FILLER[:32], FILLER.hex() * 2, 0)),
            ],
        )

    def _commit_receipt(self, number: int) -> None:
        named = (f"{number:032x}", FILLER[:16], number)
        _commit(
            self._tokens,
            [
                (_KEEP_RECEIPT, (FILLER[:100], FILLER[:300].hex(), 0, *named)),
                (_ACTIVATE, (0, f"tok_{number:032d}")),
            ],
        )


def _database(path: Path, schema: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -16384")
    connection.executescript(schema)
    return connection


def _commit(connection: sqlite3.Connection, writes: Sequence[Write]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement, row in writes:
        connection.execute(statement, row)
    connection.execute("COMMIT")
