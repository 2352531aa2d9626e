"""The least that an authorisation costs: the same hops over TCP, MACs, cryptogram and commits.

Four processes, one per host. A message is eight bytes of number and filler, as long as ours on the
same hop, under an AES-CMAC that each sender makes and each receiver checks (kept context). Five
connections: terminal to acquirer to switch to token service, back to the switch and on to the bank;
the answers go the same way back. The token service looks a number up by HMAC, opens one AES-GCM
value, derives the session key (kept context of the card's key), checks a retail MAC and makes an
ARPC (another one); the bank makes an HMAC. Durable before each step on: the token service's row and
counters, the bank's entry, postings, balances and row, the token service's answer and its notice
to the wallet; SQLite in WAL
mode with FULL sync, one writer thread per database, the group is what queued during the last sync,
one `executemany` per statement. Nothing is decoded, looked up in a database, decided or encoded.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import socket
import sqlite3
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from bench.limits import tables
from bench.limits.tap import CryptoTap

Rows: TypeAlias = tuple[str, tuple[tuple[Any, ...], ...]]
Job: TypeAlias = tuple[tuple[Rows, ...], Callable[[], None]]

REQUEST, TO_SWITCH, TO_BANK = 300, 305, 385
BANK_ANSWER, ANSWER = 104, 120
"""Bytes of our messages on each hop, MAC and length included."""
ACCOUNTS: Final = 16
_NUMBER: Final = 8
_MAC: Final = 8
FILLER: Final = os.urandom(1024)
_INPUT_18: Final = 50
_DETAIL: Final = FILLER[:120].hex()
"""As long as what a wallet is told of a payment."""
_PROMISED: Final = "authorised:99990001"

_ADD_TOKEN: Final = (
    "INSERT INTO tokens VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)
_SET_ATC: Final = "UPDATE tokens SET atc_high = ?, atc_window = ? WHERE token_reference = ?"
_ADD_TAP: Final = "INSERT INTO authorizations VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
_KEEP_ANSWER: Final = (
    "UPDATE authorizations SET response_code = ?, auth_code = ?, issuer_data = ? "
    "WHERE token_reference = ? AND atc = ?"
)
_ADD_NOTICE: Final = (
    "INSERT INTO notifications (requestor_id, kind, token_reference, reason, detail, ms) "
    "VALUES (?,?,?,?,?,?)"
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

    def put(self, job: Job) -> None:
        """Have rows written; the call is made on the loop once they are on the disk."""
        with self._lock:
            self._queue.append(job)
        self._woken.set()

    def run(self) -> None:
        """Write one group after the other, as long as the process runs."""
        connection = sqlite3.connect(self._path, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -16384")
        connection.executescript(self._schema)
        for statement, rows in self._first:
            connection.executemany(statement, rows)
        while True:
            self._woken.wait()
            self._woken.clear()
            with self._lock:
                group, self._queue = self._queue, []
            if group:
                self._write(connection, group)
                self._loop.call_soon_threadsafe(_tell, [done for _, done in group])

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
        self.server: asyncio.Server | None = None

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
        body = message[:_NUMBER] + FILLER[: size - 2 - _NUMBER - _MAC]
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.append((size - 2).to_bytes(2, "big") + body + self._mac(body))

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
    body = number.to_bytes(_NUMBER, "big") + FILLER[: REQUEST - 2 - _NUMBER - _MAC]
    mac = CMAC(AES(key))
    mac.update(body)
    return (REQUEST - 2).to_bytes(2, "big") + body + mac.finalize()[:_MAC]


def mains(
    listeners: Listeners, folder: Path, key: bytes
) -> list[Callable[[], Coroutine[Any, Any, None]]]:
    """Return what the four processes run."""
    return [
        lambda: _bank(listeners, key, folder / "limit-bank.db"),
        lambda: _tokens(listeners, key, folder / "limit-tokens.db"),
        lambda: _switch(listeners, key),
        lambda: _acquirer(listeners, key),
    ]


@dataclass(frozen=True, slots=True)
class Listeners:
    """Where each host takes requests; the switch takes the token service's apart."""

    acquirer: socket.socket
    switch: socket.socket
    switch_back: socket.socket
    tokens: socket.socket
    bank: socket.socket

    @classmethod
    def open(cls) -> Listeners:
        """Listen on five free ports."""
        return cls(*(socket.create_server(("127.0.0.1", 0)) for _ in range(5)))


async def _serve(listener: socket.socket, key: bytes) -> End:
    end = End(key)
    loop = asyncio.get_running_loop()
    end.server = await loop.create_server(lambda: end, sock=listener)
    return end


async def _ask(listener: socket.socket, key: bytes) -> End:
    host, port = listener.getsockname()
    _, end = await asyncio.get_running_loop().create_connection(lambda: End(key), host, port)
    return end


async def _for_ever() -> None:
    await asyncio.get_running_loop().create_future()


async def _acquirer(listeners: Listeners, key: bytes) -> None:
    terminal = await _serve(listeners.acquirer, key)
    switch = await _ask(listeners.switch, key)
    terminal.receive = lambda message: switch.send(message, TO_SWITCH)
    switch.receive = lambda message: terminal.send(message, ANSWER)
    await _for_ever()


async def _switch(listeners: Listeners, key: bytes) -> None:
    acquirer = await _serve(listeners.switch, key)
    back = await _serve(listeners.switch_back, key)
    tokens = await _ask(listeners.tokens, key)
    bank = await _ask(listeners.bank, key)
    acquirer.receive = lambda message: tokens.send(message, TO_SWITCH)
    tokens.receive = lambda message: acquirer.send(message, ANSWER)
    back.receive = lambda message: bank.send(message, TO_BANK)
    bank.receive = lambda message: back.send(message, BANK_ANSWER)
    await _for_ever()


async def _tokens(listeners: Listeners, key: bytes, path: Path) -> None:
    rows: Rows = (_ADD_TOKEN, tuple(token_row(index) for index in range(ACCOUNTS)))
    committer = Committer(path, tables.TOKENS, [rows])
    committer.start()
    switch = await _serve(listeners.tokens, key)
    host = _TokenService(committer, switch, await _ask(listeners.switch_back, key))
    switch.receive, host.onward.receive = host.check, host.answer
    await _for_ever()


async def _bank(listeners: Listeners, key: bytes, path: Path) -> None:
    holders = [f"cardholder:{index}" for index in range(ACCOUNTS)]
    balances = tuple((name, "JPY", 10**12) for name in (*holders, _PROMISED))
    committer = Committer(path, tables.BANK, [("INSERT INTO balances VALUES (?,?,?)", balances)])
    committer.start()
    host = _Bank(committer, await _serve(listeners.bank, key))
    host.switch.receive = host.book
    await _for_ever()


class _Index:
    """A keyed hash of a number, with the keyed context kept."""

    def __init__(self) -> None:
        self._keyed = hmac.new(os.urandom(32), digestmod="sha256")

    def of(self, message: bytes) -> str:
        """Return the hash in hex."""
        code = self._keyed.copy()
        code.update(message[:_NUMBER] * 2)
        return code.hexdigest()


class _TokenService:
    def __init__(self, committer: Committer, switch: End, onward: End) -> None:
        self._committer = committer
        self._switch = switch
        self.onward = onward
        self._index = _Index()
        self._card = CryptoTap(os.urandom(16), _INPUT_18)
        self._sealer = AESGCM(os.urandom(32))
        self._sealed = self._sealer.encrypt(bytes(12), b"3012", b"card_expiry")

    def check(self, message: bytes) -> None:
        """The way in: find, open, check, commit, pass on."""
        self._index.of(message)
        self._sealer.decrypt(bytes(12), self._sealed, b"card_expiry")
        cryptogram = self._card.tap()
        number, token = _numbers(message)
        row = (
            token, number, _trace(number), cryptogram, "VALID", "none", 100, "392", None, None,
            None, 0,
        )  # fmt: skip
        writes: tuple[Rows, ...] = (
            (_SET_ATC, ((number, FILLER[:32], token),)),
            (_ADD_TAP, (row,)),
        )
        self._committer.put((writes, lambda: self.onward.send(message, TO_BANK)))

    def answer(self, message: bytes) -> None:
        """The way back: ARPC, commit, pass on."""
        data = self._card.tap()
        number, token = _numbers(message)
        row = ("00", "A1B2C3", b"\x91\x08" + data, token, number)
        notice = ("wallet", "transaction", token, "authorized", _DETAIL, 0)
        writes: tuple[Rows, ...] = ((_KEEP_ANSWER, (row,)), (_ADD_NOTICE, (notice,)))
        self._committer.put((writes, lambda: self._switch.send(message, ANSWER)))


class _Bank:
    def __init__(self, committer: Committer, switch: End) -> None:
        self._committer = committer
        self.switch = switch
        self._index = _Index()

    def book(self, message: bytes) -> None:
        """Commit entry, postings, balances and row, then answer."""
        pan_index = self._index.of(message)
        number, token = _numbers(message)
        holder, trace = f"cardholder:{number % ACCOUNTS}", _trace(number)
        row = (
            trace, "99990001", pan_index, holder, 100, "JPY", "00", "approved", "A1B2C3", token,
            "WRISTLET COFFEE", 0, 0,
        )  # fmt: skip
        writes: tuple[Rows, ...] = (
            (_ADD_ENTRY, ((number, "authorisation", trace, 0),)),
            (_ADD_POSTING, ((number, 0, holder, -100, "JPY"), (number, 1, _PROMISED, 100, "JPY"))),
            (_MOVE, ((-100, holder), (100, _PROMISED))),
            (_ADD_AUTHORISATION, (row,)),
        )
        self._committer.put((writes, lambda: self.switch.send(message, BANK_ANSWER)))


def _numbers(message: bytes) -> tuple[int, str]:
    number = int.from_bytes(message[:_NUMBER], "big")
    return number, f"tok_{number % ACCOUNTS:032d}"


def _trace(number: int) -> str:
    return f"0101120000|{number:06d}|99990001|0101AAAAAAAA"


def token_row(index: int) -> tuple[Any, ...]:
    """One row of the token table, as wide as ours."""
    return (
        f"tok_{index:032d}", "wallet", f"{index:064x}", f"{index:032x}", index.to_bytes(32, "big"),
        FILLER[:44], "0025", "3012", "01", "K3", 1, FILLER[:11], "0025", "Aoba Bank",
        "Aoba Credit", "aoba", "idv_1", "", "active", "", 1, 1, "", 0, FILLER[:32], 0, 0,
    )  # fmt: skip
