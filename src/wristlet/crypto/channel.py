"""Secure messaging of SCP03 and SCP11, both ends: MAC chain, encryption counter, levels.

Each direction keeps its keyed contexts for the whole session: a keyed CMAC is copied
per message, and one running CBC context serves every message, its chaining value
turned into the wanted initial vector by XOR. That halves the cost per command and
gives the same bytes.

Source: GlobalPlatform Card Specification Amendment D, secure messaging in S8 mode.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.cmac import CMAC

from wristlet.crypto.errors import ChannelError
from wristlet.wire.apdu import DATA_EXTENDED_MAX, DATA_SHORT_MAX, Command, Response
from wristlet.wire.errors import EncodeError
from wristlet.wire.masked import Secret
from wristlet.wire.typing import override

C_MAC: Final = 0x01
C_DECRYPTION: Final = 0x02
R_MAC: Final = 0x10
R_ENCRYPTION: Final = 0x20
LEVELS: Final = frozenset({0x01, 0x03, 0x11, 0x13, 0x33})
"""Security levels that a session may have; without C-MAC there is no session."""

BLOCK_BYTES: Final = 16
MAC_BYTES: Final = 8
KEY_SIZES: Final = (16, 24, 32)
CHAIN_START: Final = bytes(BLOCK_BYTES)

_CLA_FURTHER: Final = 0x40
_CLA_KEPT: Final = 0xF0
_CLA_KEPT_FURTHER: Final = 0x90
_CLA_SECURED: Final = 0x04
_CLA_SECURED_FURTHER: Final = 0x20
_CLA_MESSAGING: Final = 0x0C
_RESPONSE_ICV: Final = 0x80 << 120


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """The keys of one session; `dek` encrypts sensitive data inside it."""

    enc: Secret
    mac: Secret
    rmac: Secret
    dek: Secret


class HostChannel:
    """The off-card end of an open session."""

    __slots__ = ("_session",)

    def __init__(self, keys: SessionKeys, level: int, chain: bytes = CHAIN_START) -> None:
        """Start after the handshake; `chain` is its last MAC chaining value."""
        self._session: _Session | None = _Session(keys, level, chain)

    @override
    def __repr__(self) -> str:
        return _describe("host", self._session)

    @property
    def alive(self) -> bool:
        """Whether the session still protects messages."""
        return self._session is not None

    @property
    def dek(self) -> Secret:
        """The key for sensitive data; `ChannelError` once the session is over."""
        return _living(self._session).dek

    def close(self) -> None:
        """Forget the keys; every later call raises `ChannelError`."""
        self._session = None

    def wrap(self, command: Command) -> Command:
        """Protect a plain command; commands may be wrapped ahead of their responses.

        Raises `EncodeError`, changing nothing, when a short command would grow beyond
        255 bytes: the length form is under the MAC, so the caller chooses it.
        """
        session = _living(self._session)
        limit = DATA_EXTENDED_MAX if command.extended else DATA_SHORT_MAX
        if session.protected_size(len(command.data)) > limit:
            raise EncodeError(
                f"{len(command.data)} bytes do not fit once protected: send less, or set extended",
                path=("apdu", "data"),
            )
        session.counter += 1
        data = command.data
        if data and session.level & C_DECRYPTION:
            data = session.encrypt(session.counter, data)
        mac = session.command_mac(command, data)
        session.answer_due = True
        return Command(
            command.cla | _secured_bit(command.cla),
            command.ins,
            command.p1,
            command.p2,
            data + mac,
            command.le,
            command.extended,
        )

    def unwrap(self, response: Response) -> Response:
        """Check and open the response to the last command; each only once.

        Error status words carry no protection: they are passed on, and prove nothing.
        Any other flaw raises `ChannelError` and ends the session.
        """
        session, self._session = _living(self._session), None
        if not session.answer_due:
            raise ChannelError
        session.answer_due = False
        data = response.data
        if session.level & R_MAC:
            if _is_error(response.sw):
                if data:
                    raise ChannelError
            else:
                data = _checked_body(data, session.response_mac(data[:-MAC_BYTES], response.sw))
                if data and session.level & R_ENCRYPTION:
                    data = session.decrypt(session.counter | _RESPONSE_ICV, data)
        self._session = session
        return Response(data, response.sw)


class CardChannel:
    """The on-card end of an open session."""

    __slots__ = ("_session",)

    def __init__(self, keys: SessionKeys, level: int, chain: bytes = CHAIN_START) -> None:
        """Start after the handshake; `chain` is its last MAC chaining value."""
        self._session: _Session | None = _Session(keys, level, chain)

    @override
    def __repr__(self) -> str:
        return _describe("card", self._session)

    @property
    def alive(self) -> bool:
        """Whether the session still accepts commands."""
        return self._session is not None

    @property
    def level(self) -> int:
        """The security level; 0 once the session is over."""
        return self._session.level if self._session else 0

    @property
    def dek(self) -> Secret:
        """The key for sensitive data; `ChannelError` once the session is over."""
        return _living(self._session).dek

    def close(self) -> None:
        """Forget the keys; every later call raises `ChannelError`."""
        self._session = None

    def unwrap(self, command: Command) -> Command:
        """Check a protected command, then decrypt it; the length form stays as sent.

        A chained command is put together first; above 255 bytes its MAC counts an
        extended length. Logical channel and Le are outside the MAC. Any flaw raises
        `ChannelError` and ends the session.
        """
        session, self._session = _living(self._session), None
        if not _is_platform_secured(command.cla):
            raise ChannelError
        session.counter += 1
        body = command.data[:-MAC_BYTES]
        data = _checked_body(command.data, session.command_mac(command, body))
        if data and session.level & C_DECRYPTION:
            data = session.decrypt(session.counter, data)
        session.answer_due = True
        self._session = session
        return Command(
            command.cla & ~_secured_bit(command.cla),
            command.ins,
            command.p1,
            command.p2,
            data,
            command.le,
            command.extended,
        )

    def wrap(self, response: Response) -> Response:
        """Protect the response to the last unwrapped command; each only once.

        An error status word goes out alone and unprotected, as Amendment D has it.
        """
        session = _living(self._session)
        if not session.answer_due:
            self._session = None
            raise ChannelError
        session.answer_due = False
        if _is_error(response.sw):
            return Response(b"", response.sw)
        data = response.data
        if data and session.level & R_ENCRYPTION:
            data = session.encrypt(session.counter | _RESPONSE_ICV, data)
        if session.level & R_MAC:
            data += session.response_mac(data, response.sw)
        return Response(data, response.sw)


class _Session:
    """Keys, contexts and counters that both ends share."""

    __slots__ = ("_cipher", "_mac", "_rmac", "answer_due", "chain", "counter", "dek", "level")

    def __init__(self, keys: SessionKeys, level: int, chain: bytes) -> None:
        if level not in LEVELS or len(chain) != BLOCK_BYTES:
            raise ChannelError
        self.level = level
        self.dek = keys.dek
        self.chain = chain
        self.counter = 0
        self.answer_due = False
        self._mac = CMAC(AES(keys.mac))
        self._rmac = CMAC(AES(keys.rmac))
        self._cipher = _RunningCbc(keys.enc)

    def protected_size(self, size: int) -> int:
        if size and self.level & C_DECRYPTION:
            size += BLOCK_BYTES - size % BLOCK_BYTES
        return size + MAC_BYTES

    def command_mac(self, command: Command, data: bytes) -> bytes:
        """Move the chain over class (channel 0), INS, P1, P2, Lc as sent and data."""
        size = len(data) + MAC_BYTES
        cla = command.cla
        cla = cla & (_CLA_KEPT_FURTHER if cla & _CLA_FURTHER else _CLA_KEPT) | _CLA_SECURED
        head = bytes((cla, command.ins, command.p1, command.p2))
        extended = command.extended or size > DATA_SHORT_MAX
        lc = b"\x00" + size.to_bytes(2, "big") if extended else bytes((size,))
        mac = self._mac.copy()
        mac.update(b"".join((self.chain, head, lc, data)))
        self.chain = mac.finalize()
        return self.chain[:MAC_BYTES]

    def response_mac(self, data: bytes, sw: int) -> bytes:
        mac = self._rmac.copy()
        mac.update(b"".join((self.chain, data, sw.to_bytes(2, "big"))))
        return mac.finalize()[:MAC_BYTES]

    def encrypt(self, counter: int, data: bytes) -> bytes:
        padded = data + b"\x80"
        padded = padded.ljust(len(padded) + -len(padded) % BLOCK_BYTES, b"\x00")
        return self._cipher.encrypt(counter, padded)

    def decrypt(self, counter: int, blocks: bytes) -> bytes:
        if len(blocks) % BLOCK_BYTES:
            raise ChannelError
        padded = self._cipher.decrypt(counter, blocks)
        data = padded.rstrip(b"\x00")
        if len(padded) - len(data) >= BLOCK_BYTES or not data.endswith(b"\x80"):
            raise ChannelError
        return data[:-1]


class _RunningCbc:
    """AES-CBC messages, each with its own initial vector, from contexts made once.

    The context chains from the last ciphertext block of the message before. Putting
    (that block XOR wanted vector) into the first plaintext block cancels it.
    """

    __slots__ = ("_aes", "_decryptor", "_ecb", "_encryptor", "_last_in", "_last_out")

    def __init__(self, key: bytes) -> None:
        self._aes = AES(key)
        self._ecb: CipherContext | None = None
        self._encryptor: CipherContext | None = None
        self._decryptor: CipherContext | None = None
        self._last_out = 0
        self._last_in = 0

    def encrypt(self, counter: int, padded: bytes) -> bytes:
        if self._encryptor is None:
            self._encryptor = Cipher(self._aes, CBC(CHAIN_START)).encryptor()
        first = self._replace_chaining(padded, counter, self._last_out)
        blocks = self._encryptor.update(first)
        self._last_out = int.from_bytes(blocks[-BLOCK_BYTES:], "big")
        return blocks

    def decrypt(self, counter: int, blocks: bytes) -> bytes:
        if self._decryptor is None:
            self._decryptor = Cipher(self._aes, CBC(CHAIN_START)).decryptor()
        chained = self._decryptor.update(blocks)
        padded = self._replace_chaining(chained, counter, self._last_in)
        self._last_in = int.from_bytes(blocks[-BLOCK_BYTES:], "big")
        return padded

    def _replace_chaining(self, blocks: bytes, counter: int, last: int) -> bytes:
        if self._ecb is None:
            self._ecb = Cipher(self._aes, ECB()).encryptor()
        vector = self._ecb.update(counter.to_bytes(BLOCK_BYTES, "big"))
        first = int.from_bytes(blocks[:BLOCK_BYTES], "big") ^ int.from_bytes(vector, "big") ^ last
        return first.to_bytes(BLOCK_BYTES, "big") + blocks[BLOCK_BYTES:]


def _living(session: _Session | None) -> _Session:
    if session is None:
        raise ChannelError
    return session


def _checked_body(data: bytes, mac: bytes) -> bytes:
    """Cut off the MAC if it is the expected one."""
    if not hmac.compare_digest(data[-MAC_BYTES:], mac):
        raise ChannelError
    return data[:-MAC_BYTES]


def _is_platform_secured(cla: int) -> bool:
    """GlobalPlatform's own secure messaging: b4 b3 = 01, or b6 on channels 4 to 19."""
    if cla & _CLA_FURTHER:
        return bool(cla & _CLA_SECURED_FURTHER)
    return cla & _CLA_MESSAGING == _CLA_SECURED


def _secured_bit(cla: int) -> int:
    return _CLA_SECURED_FURTHER if cla & _CLA_FURTHER else _CLA_SECURED


def _is_error(sw: int) -> bool:
    """Every status word but 9000 and the warnings 62xx and 63xx."""
    return sw != 0x9000 and sw >> 8 not in {0x62, 0x63}


def _describe(end: str, session: _Session | None) -> str:
    return f"<{end} channel, " + (f"level {session.level:02X}>" if session else "closed>")
