"""The least that an authorisation costs: the same hops over TCP, MACs, cryptogram and commits.

A message is eight bytes of number and filler, as long as ours on the same hop, under an AES-CMAC
that each sender makes and each receiver checks (kept context). Five connections: terminal to
acquirer to switch to token service, back to the switch and on to the bank; the answers go the same
way back. The token service looks a number up by HMAC, opens one AES-GCM value, derives the session
key (kept context of the card's key), checks a retail MAC and makes an ARPC (another one); the bank
makes an HMAC. Durable before each step on: the token service's row and counters, the bank's entry,
postings, balances and row, the token service's answer; SQLite in WAL mode with FULL sync, one
writer thread per database, the group is what queued during the last sync, one `executemany` per
statement. Nothing is decoded, looked up in a database, decided or encoded.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from bench.limits.tap import CryptoTap

Rows: TypeAlias = tuple[str, tuple[tuple[Any, ...], ...]]
Job: TypeAlias = tuple[tuple[Rows, ...], Callable[[], None]]

REQUEST, TO_SWITCH, TO_BANK = 330, 375, 400
BANK_ANSWER, ANSWER = 140, 150
"""Bytes of our messages on each hop, MAC and length included."""
ACCOUNTS: Final = 16
_NUMBER: Final = 8
_MAC: Final = 8
_FILLER: Final = os.urandom(1024)
_INPUT_18: Final = 50

_ADD_TOKEN: Final = (
    "INSERT INTO tokens VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)
_SET_ATC: Final = "UPDATE tokens SET atc_high = ?, atc_window = ? WHERE token_reference = ?"
_ADD_TAP: Final = "INSERT INTO authorizations VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
_KEEP_ANSWER: Final = (
    "UPDATE authorizations SET response_code = ?, auth_code = ?, issuer_data = ? "
    "WHERE token_reference = ? AND atc = ?"
)
_ADD_ENTRY: Final = "INSERT INTO entries VALUES (?,?,?,?)"
_ADD_POSTING: Final = "INSERT INTO postings VALUES (?,?,?,?,?)"
_MOVE: Final = "UPDATE balances SET amount_minor = amount_minor + ? WHERE ledger_account = ?"
_ADD_AUTHORISATION: Final = "INSERT INTO authorisations VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"


class Committer(threading.Thread):
    """One database with one writer and group commit."""

    def __init__(self, path: Path, schema: str, first: Sequence[Rows]) -> None:
        super().__init__(daemon=True)
        self._loop = asyncio.get_running_loop()
        self._path, self._schema, self._first = path, schema, first
        self._queue: list[Job] = []
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._ended = False

    def put(self, job: Job) -> None:
        """Have rows written; the call is made on the loop once they are on the disk."""
        with self._lock:
            self._queue.append(job)
        self._woken.set()

    def close(self) -> None:
        """End the thread."""
        self._ended = True
        self._woken.set()
        self.join()

    def run(self) -> None:
        """Write one group after the other."""
        connection = sqlite3.connect(self._path, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -16384")
        connection.executescript(self._schema)
        for statement, rows in self._first:
            connection.executemany(statement, rows)
        while not self._ended:
            self._woken.wait()
            self._woken.clear()
            with self._lock:
                group, self._queue = self._queue, []
            if group:
                self._write(connection, group)
                self._loop.call_soon_threadsafe(_tell, [done for _, done in group])
        connection.close()

    @staticmethod
    def _write(connection: sqlite3.Connection, group: list[Job]) -> None:
        by_statement: dict[str, list[tuple[Any, ...]]] = {}
        for writes, _ in group:
            for statement, rows in writes:
                by_statement.setdefault(statement, []).extend(rows)
        connection.execute("BEGIN IMMEDIATE")
        for statement, rows_of_all in by_statement.items():
            connection.executemany(statement, rows_of_all)
        connection.execute("COMMIT")


def _tell(calls: list[Callable[[], None]]) -> None:
    for call in calls:
        call()


class End(asyncio.Protocol):
    """One end of a connection: whole messages in, all messages of a loop turn out in one write."""

    def __init__(self, key: bytes) -> None:
        self._keyed = CMAC(AES(key))
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._out: list[bytes] = []
        self.receive: Callable[[bytes], None] = _forget

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        at, size = 0, len(buffer)
        while size - at >= 2:
            end = at + 2 + (buffer[at] << 8 | buffer[at + 1])
            if end > size:
                break
            body = buffer[at + 2 : end - _MAC]
            if not hmac.compare_digest(self._mac(body), buffer[end - _MAC : end]):
                raise ConnectionError("a MAC is wrong")
            self.receive(body)
            at = end
        self._buffer = buffer[at:]

    def send(self, message: bytes, size: int) -> None:
        """Send a message's number in a frame of this size."""
        body = message[:_NUMBER] + _FILLER[: size - 2 - _NUMBER - _MAC]
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.append((size - 2).to_bytes(2, "big") + body + self._mac(body))

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        out, self._out = self._out, []
        if self._transport is not None:
            self._transport.write(b"".join(out))

    def _mac(self, body: bytes) -> bytes:
        mac = self._keyed.copy()
        mac.update(body)
        return mac.finalize()[:_MAC]


def _forget(_: bytes) -> None:
    """Nobody listens yet."""


def frame(number: int, key: bytes) -> bytes:
    """Return the terminal's request of this number."""
    body = number.to_bytes(_NUMBER, "big") + _FILLER[: REQUEST - 2 - _NUMBER - _MAC]
    mac = CMAC(AES(key))
    mac.update(body)
    return (REQUEST - 2).to_bytes(2, "big") + body + mac.finalize()[:_MAC]


class Hosts:
    """All hosts in one process, linked by TCP; the terminal connects to `address`."""

    def __init__(self, folder: Path, token_schema: str, bank_schema: str, key: bytes) -> None:
        self._key = key
        self._ends: list[End] = []
        self._servers: list[asyncio.Server] = []
        tokens = [_token(index) for index in range(ACCOUNTS)]
        self._tokens = Committer(
            folder / "limit-tokens.db",
            token_schema,
            [(_ADD_TOKEN, tuple(tokens))],
        )
        names = [f"cardholder:{index}" for index in range(ACCOUNTS)] + ["authorised:99990001"]
        balances = tuple((name, "JPY", 10**12) for name in names)
        self._bank = Committer(
            folder / "limit-bank.db",
            bank_schema,
            [("INSERT INTO balances VALUES (?,?,?)", balances)],
        )
        self._card = CryptoTap(os.urandom(16), _INPUT_18)
        self._sealer = AESGCM(os.urandom(32))
        self._sealed = self._sealer.encrypt(bytes(12), b"3012", b"card_expiry")
        self._index = hmac.new(os.urandom(32), digestmod="sha256")
        self.address: tuple[str, int] = ("", 0)

    async def start(self) -> None:
        """Listen and connect."""
        self._tokens.start()
        self._bank.start()
        terminal, address = await self._serve()
        self.address = address
        at_switch, to_switch = await self._link()
        at_tokens, to_tokens = await self._link()
        back_at_switch, back_to_switch = await self._link()
        at_bank, to_bank = await self._link()
        terminal.receive = lambda m: to_switch.send(m, TO_SWITCH)
        to_switch.receive = lambda m: terminal.send(m, ANSWER)
        at_switch.receive = lambda m: to_tokens.send(m, TO_SWITCH)
        to_tokens.receive = lambda m: at_switch.send(m, ANSWER)
        back_at_switch.receive = lambda m: to_bank.send(m, TO_BANK)
        to_bank.receive = lambda m: back_at_switch.send(m, BANK_ANSWER)
        at_tokens.receive = lambda m: self._check(m, back_to_switch)
        back_to_switch.receive = lambda m: self._answer(m, at_tokens)
        at_bank.receive = lambda m: self._book(m, at_bank)

    async def close(self) -> None:
        """Close everything."""
        for end in self._ends:
            end.close()
        for server in self._servers:
            server.close()
        self._tokens.close()
        self._bank.close()

    async def _serve(self) -> tuple[End, tuple[str, int]]:
        end = End(self._key)
        self._ends.append(end)
        server = await asyncio.get_running_loop().create_server(lambda: end, "127.0.0.1", 0)
        self._servers.append(server)
        return end, server.sockets[0].getsockname()

    async def _link(self) -> tuple[End, End]:
        """One connection: its serving and its asking end."""
        serving, (host, port) = await self._serve()
        _, asking = await asyncio.get_running_loop().create_connection(
            lambda: End(self._key), host, port
        )
        self._ends.append(asking)
        return serving, asking

    def _find(self, message: bytes) -> str:
        code = self._index.copy()
        code.update(message[:_NUMBER] * 2)
        return code.hexdigest()

    def _check(self, message: bytes, onward: End) -> None:
        """The token service's first half."""
        self._find(message)
        self._sealer.decrypt(bytes(12), self._sealed, b"card_expiry")
        cryptogram = self._card.tap()
        number = int.from_bytes(message[:_NUMBER], "big")
        token = f"tok_{number % ACCOUNTS:032d}"
        trace = f"0101120000|{number:06d}|99990001|0101AAAAAAAA"
        row = (
            token, number, trace, cryptogram, "VALID", "none", 100, "392", None, None, None, 0,
        )  # fmt: skip
        writes: tuple[Rows, ...] = (
            (_SET_ATC, ((number, _FILLER[:32], token),)),
            (_ADD_TAP, (row,)),
        )
        self._tokens.put((writes, lambda: onward.send(message, TO_BANK)))

    def _answer(self, message: bytes, back: End) -> None:
        """The token service's second half."""
        data = self._card.tap()
        number = int.from_bytes(message[:_NUMBER], "big")
        token = f"tok_{number % ACCOUNTS:032d}"
        row = ("00", "A1B2C3", b"\x91\x08" + data, token, number)
        self._tokens.put((((_KEEP_ANSWER, (row,)),), lambda: back.send(message, ANSWER)))

    def _book(self, message: bytes, back: End) -> None:
        """The bank."""
        pan_index = self._find(message)
        number = int.from_bytes(message[:_NUMBER], "big")
        holder, promised = f"cardholder:{number % ACCOUNTS}", "authorised:99990001"
        trace = f"0101120000|{number:06d}|99990001|0101AAAAAAAA"
        row = (
            trace, "99990001", pan_index, holder, 100, "JPY", "00", "approved", "A1B2C3",
            f"tok_{number % ACCOUNTS:032d}", "WRISTLET COFFEE", 0, 0,
        )  # fmt: skip
        writes: tuple[Rows, ...] = (
            (_ADD_ENTRY, ((number, "authorisation", trace, 0),)),
            (_ADD_POSTING, ((number, 0, holder, -100, "JPY"), (number, 1, promised, 100, "JPY"))),
            (_MOVE, ((-100, holder), (100, promised))),
            (_ADD_AUTHORISATION, (row,)),
        )
        self._bank.put((writes, lambda: back.send(message, BANK_ANSWER)))


def _token(index: int) -> tuple[Any, ...]:
    """One row of the token table, as wide as ours."""
    return (
        f"tok_{index:032d}", "wallet", f"{index:064x}", f"{index:032x}", index.to_bytes(32, "big"),
        _FILLER[:44], "0025", "3012", "01", "K3", 1, _FILLER[:11], "0025", "Aoba Bank",
        "Aoba Credit", "aoba", "idv_1", "", "active", "", 1, 1, "", 0, _FILLER[:32], 0, 0,
    )  # fmt: skip
