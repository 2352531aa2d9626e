"""SCP03: key derivation and handshake of both roles; `channel` protects what follows.

S8 mode (8-byte challenges, cryptograms and MACs), AES keys of 16, 24 or 32 bytes,
pseudo-random card challenge.

Source: GlobalPlatform Card Specification Amendment D, data derivation scheme and
explicit initiation.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final, Self

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from wristlet.crypto.channel import (
    CHAIN_START,
    KEY_SIZES,
    LEVELS,
    MAC_BYTES,
    CardChannel,
    HostChannel,
    SessionKeys,
)
from wristlet.crypto.errors import ChannelError
from wristlet.wire.apdu import Command
from wristlet.wire.masked import Secret

__all__ = [
    "CardChannel",
    "CardHandshake",
    "HostChannel",
    "InitializeUpdateAnswer",
    "SessionKeys",
    "StaticKeys",
    "card_challenge",
    "card_initialize",
    "derive_static_keys",
    "host_open",
    "kdf",
    "session_keys",
]

CHALLENGE_BYTES: Final = 8
SEQUENCE_BYTES: Final = 3
PROTOCOL: Final = 0x03
I_PARAMETER: Final = 0x70
"""Pseudo-random challenge, R-MAC and R-ENCRYPTION supported."""

_DIVERSIFICATION_BYTES: Final = 10
_CARD_CRYPTOGRAM, _HOST_CRYPTOGRAM, _CARD_CHALLENGE = 0x00, 0x01, 0x02
_S_ENC, _S_MAC, _S_RMAC = 0x04, 0x06, 0x07
_STATIC_ENC, _STATIC_MAC, _STATIC_DEK = 0xE1, 0xE2, 0xE3
_STATIC_CONTEXT: Final = b"wristlet:scp03:1:"
_INS_EXTERNAL_AUTHENTICATE: Final = 0x82
_HALF_BLOCK_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class StaticKeys:
    """A long-lived SCP03 key set; its repr shows no key."""

    enc: Secret
    mac: Secret
    dek: Secret

    def __post_init__(self) -> None:
        for name in ("enc", "mac", "dek"):
            value = getattr(self, name)
            if len(value) not in KEY_SIZES:
                raise ValueError(f"SCP03 key {name}: 16, 24 or 32 bytes are needed")
            object.__setattr__(self, name, Secret(value))


@dataclass(frozen=True, slots=True)
class InitializeUpdateAnswer:
    """What a card says to INITIALIZE UPDATE, not yet authenticated."""

    diversification: bytes
    key_version: int
    i_parameter: int
    challenge: bytes
    cryptogram: bytes
    sequence: bytes
    """Three bytes, or none from cards with random challenges."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Split the 29 or 32 bytes; `ChannelError` for other lengths and protocols."""
        if len(data) not in {29, 32} or data[11] != PROTOCOL:
            raise ChannelError
        return cls(data[:10], data[10], data[12], data[13:21], data[21:29], data[29:])

    def encode(self) -> bytes:
        """Return the response data."""
        keys = bytes((self.key_version, PROTOCOL, self.i_parameter))
        return self.diversification + keys + self.challenge + self.cryptogram + self.sequence


def kdf(key: bytes, constant: int, context: bytes, bits: int) -> Secret:
    """Derive `bits` bits: NIST SP 800-108 counter mode over AES-CMAC, Amendment D's order."""
    keyed = CMAC(AES(key))
    label = bytes(11) + bytes((constant, 0)) + bits.to_bytes(2, "big")
    derived = b""
    for block in range(1, -(-bits // 128) + 1):
        mac = keyed.copy()
        mac.update(label + bytes((block,)) + context)
        derived += mac.finalize()
    return Secret(derived[: bits // 8])


def session_keys(static: StaticKeys, host_challenge: bytes, challenge: bytes) -> SessionKeys:
    """Derive a session's keys; the DEK stays the static one."""
    context = host_challenge + challenge
    return SessionKeys(
        kdf(static.enc, _S_ENC, context, 8 * len(static.enc)),
        kdf(static.mac, _S_MAC, context, 8 * len(static.mac)),
        kdf(static.mac, _S_RMAC, context, 8 * len(static.mac)),
        static.dek,
    )


def card_challenge(key_enc: bytes, sequence: bytes, aid: bytes) -> bytes:
    """Return the 8-byte pseudo-random challenge of a 3-byte sequence counter.

    `aid` is that of the application that opens the session.
    """
    return bytes(kdf(key_enc, _CARD_CHALLENGE, sequence + aid, _HALF_BLOCK_BITS))


def derive_static_keys(master: bytes, se_id: bytes) -> StaticKeys:
    """Derive one card's key set (of the master's key size) from an owner's master key."""
    bits = 8 * len(master)
    context = _STATIC_CONTEXT + se_id
    return StaticKeys(
        kdf(master, _STATIC_ENC, context, bits),
        kdf(master, _STATIC_MAC, context, bits),
        kdf(master, _STATIC_DEK, context, bits),
    )


def host_open(
    static: StaticKeys, host_challenge: bytes, answer: bytes, level: int
) -> tuple[Command, HostChannel]:
    """Check the card and open a session: `(EXTERNAL AUTHENTICATE, channel)`.

    The channel counts once the card has answered 9000. Raises `ChannelError` when
    the card does not hold these keys.
    """
    parsed = InitializeUpdateAnswer.parse(answer)
    if len(host_challenge) != CHALLENGE_BYTES or level not in LEVELS:
        raise ChannelError
    keys = session_keys(static, host_challenge, parsed.challenge)
    context = host_challenge + parsed.challenge
    if not hmac.compare_digest(_cryptogram(keys, _CARD_CRYPTOGRAM, context), parsed.cryptogram):
        raise ChannelError
    cryptogram = _cryptogram(keys, _HOST_CRYPTOGRAM, context)
    chain = _first_chain(keys, level, cryptogram)
    data = cryptogram + chain[:MAC_BYTES]
    command = Command(0x84, _INS_EXTERNAL_AUTHENTICATE, level, 0x00, data)
    return command, HostChannel(keys, level, chain)


class CardHandshake:
    """An INITIALIZE UPDATE that waits for its EXTERNAL AUTHENTICATE; serves one try."""

    __slots__ = ("_context", "_keys")

    def __init__(self, static: StaticKeys, host_challenge: bytes, challenge: bytes) -> None:
        """Derive the session's keys; `ChannelError` for challenges of other lengths."""
        if len(host_challenge) != CHALLENGE_BYTES or len(challenge) != CHALLENGE_BYTES:
            raise ChannelError
        self._context = host_challenge + challenge
        self._keys: SessionKeys | None = session_keys(static, host_challenge, challenge)

    @property
    def cryptogram(self) -> bytes:
        """The 8 bytes that prove the card's keys; `ChannelError` after the one try."""
        if self._keys is None:
            raise ChannelError
        return _cryptogram(self._keys, _CARD_CRYPTOGRAM, self._context)

    def authenticate(self, command: Command) -> CardChannel:
        """Check EXTERNAL AUTHENTICATE and open the session; else `ChannelError` for good."""
        keys, self._keys = self._keys, None
        level = command.p1
        fits = (
            _is_external_authenticate_class(command.cla)
            and command.ins == _INS_EXTERNAL_AUTHENTICATE
            and command.p2 == 0
            and level in LEVELS
            and len(command.data) == CHALLENGE_BYTES + MAC_BYTES
        )
        if keys is None or not fits:
            raise ChannelError
        cryptogram = _cryptogram(keys, _HOST_CRYPTOGRAM, self._context)
        chain = _first_chain(keys, level, cryptogram, extended=command.extended)
        if not hmac.compare_digest(command.data, cryptogram + chain[:MAC_BYTES]):
            raise ChannelError
        return CardChannel(keys, level, chain)


def card_initialize(
    static: StaticKeys,
    host_challenge: bytes,
    *,
    sequence: int,
    aid: bytes,
    key_version: int,
    diversification: bytes = bytes(_DIVERSIFICATION_BYTES),
) -> tuple[bytes, CardHandshake]:
    """Answer INITIALIZE UPDATE: `(response data, handshake)`.

    `sequence` is this session's number, already durable, and never used before with
    these keys; `aid` is that of the security domain.
    """
    counter = sequence.to_bytes(SEQUENCE_BYTES, "big")
    challenge = card_challenge(static.enc, counter, aid)
    handshake = CardHandshake(static, host_challenge, challenge)
    answer = InitializeUpdateAnswer(
        diversification, key_version, I_PARAMETER, challenge, handshake.cryptogram, counter
    )
    return answer.encode(), handshake


def _is_external_authenticate_class(cla: int) -> bool:
    """84 on channels 0 to 3, E0 on channels 4 to 19, whatever the channel."""
    return cla & 0xFC == 0x84 or cla & 0xF0 == 0xE0


def _cryptogram(keys: SessionKeys, constant: int, context: bytes) -> bytes:
    return bytes(kdf(keys.mac, constant, context, _HALF_BLOCK_BITS))


def _first_chain(
    keys: SessionKeys, level: int, cryptogram: bytes, *, extended: bool = False
) -> bytes:
    """MAC over EXTERNAL AUTHENTICATE (Lc as sent), whose first 8 bytes it carries itself."""
    size = len(cryptogram) + MAC_BYTES
    lc = b"\x00" + size.to_bytes(2, "big") if extended else bytes((size,))
    mac = CMAC(AES(keys.mac))
    mac.update(CHAIN_START + bytes((0x84, _INS_EXTERNAL_AUTHENTICATE, level, 0)) + lc)
    mac.update(cryptogram)
    return mac.finalize()
