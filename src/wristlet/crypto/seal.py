"""Data at rest: sealed blobs, and a sealed file of named keys.

A blob is `header(6) || nonce(12) || ciphertext || tag(16)`, AES-256-GCM. Header and
context are authenticated, so a blob opens only as what it was sealed for.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Final, Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wristlet.crypto.errors import KeyStoreError, SealError
from wristlet.wire.masked import Secret
from wristlet.wire.typing import override

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
HEADER: Final = b"WSEAL\x01"
"""Magic and format version."""

_OVERHEAD: Final = len(HEADER) + NONCE_BYTES + TAG_BYTES
_STORE_CONTEXT: Final = b"wristlet:keystore:1:"
_FRESH_SUFFIX: Final = ".new"
_OTHERS_MAY: Final = 0o077


class SealKey:
    """A 32-byte key under which data at rest is sealed; prints as `<seal key>`."""

    __slots__ = ("_aead",)

    def __init__(self, key: bytes) -> None:
        """Take the key's 32 bytes."""
        if len(key) != KEY_BYTES:
            raise SealError(f"seal key: {KEY_BYTES} bytes are needed")
        self._aead = AESGCM(key)

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read a key file's content: 32 raw bytes or 64 hexadecimal characters."""
        if len(content) == KEY_BYTES:
            return cls(content)
        text = content.strip()
        if len(text) == 2 * KEY_BYTES:
            try:
                return cls(bytes.fromhex(text.decode("ascii")))
            except ValueError:
                pass
        raise SealError("seal key file: 32 raw bytes or 64 hexadecimal characters are needed")

    @override
    def __repr__(self) -> str:
        return "<seal key>"

    def encrypt(self, nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
        """Return ciphertext and tag without header or nonce."""
        return self._aead.encrypt(nonce, plaintext, associated)

    def decrypt(self, nonce: bytes, ciphertext: bytes, associated: bytes) -> bytes:
        """Return the plaintext; `SealError` if anything differs."""
        try:
            return self._aead.decrypt(nonce, ciphertext, associated)
        except InvalidTag:
            raise SealError(
                "sealed data does not open: changed, from another place, or another seal key"
            ) from None


def read_seal_key(path: Path) -> SealKey:
    """Read a seal key file; `SealError` says what to do if it is missing or open to others."""
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as error:
        raise SealError(f"seal key file {path}: {error.strerror}") from None
    if not stat.S_ISREG(mode):
        raise SealError(f"seal key file {path}: not a regular file")
    if mode & _OTHERS_MAY:
        raise SealError(
            f"seal key file {path}: mode {stat.S_IMODE(mode):04o} lets others in; "
            f"run chmod 600 {path}"
        )
    return SealKey.parse(content)


def seal(key: SealKey, plaintext: bytes, context: bytes, nonce: bytes) -> bytes:
    """Seal a blob for one context; the 12-byte nonce must never repeat under this key."""
    if len(nonce) != NONCE_BYTES:
        raise SealError(f"nonce: {NONCE_BYTES} bytes are needed")
    return HEADER + nonce + key.encrypt(nonce, plaintext, HEADER + context)


def open_sealed(key: SealKey, blob: bytes, context: bytes) -> Secret:
    """Open a blob; `SealError` if it was changed or sealed for another key or context."""
    if len(blob) < _OVERHEAD or blob[: len(HEADER)] != HEADER:
        raise SealError("sealed data: header missing or of an unknown version")
    nonce_end = len(HEADER) + NONCE_BYTES
    nonce = blob[len(HEADER) : nonce_end]
    return Secret(key.decrypt(nonce, blob[nonce_end:], HEADER + context))


class KeyUsage(StrEnum):
    """What a stored key may be used for; asked again at each `get`."""

    SIGN = "sign"
    AGREE = "agree"
    DERIVE = "derive"
    MAC = "mac"
    ENCRYPT = "encrypt"
    WRAP = "wrap"
    PUBLIC = "public"
    """Certificates and identities kept beside the keys."""


class KeyStoreDisk(Protocol):
    """The file primitives that a key store needs; the environment's disk has them."""

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        ...

    def exists(self, path: str) -> bool:
        """Say whether the name is taken."""
        ...

    def create(self, path: str) -> None:
        """Make an empty file for the owner only."""
        ...

    def pwrite(self, path: str, offset: int, data: bytes) -> None:
        """Write at an offset."""
        ...

    def sync(self, path: str) -> None:
        """Make content durable."""
        ...

    def rename(self, source: str, target: str) -> None:
        """Replace the target in one step."""
        ...

    def unlink(self, path: str) -> None:
        """Remove a name."""
        ...

    def sync_dir(self, path: str) -> None:
        """Make the names in a directory durable."""
        ...


_Entries = dict[str, tuple[KeyUsage, Secret]]


class KeyStore:
    """Named keys in one sealed file; every change replaces the file in one durable step.

    `context` names the owner (`b"tsp"`): a store put under another name does not open.
    """

    def __init__(
        self,
        disk: KeyStoreDisk,
        path: str | PurePath,
        seal_key: SealKey,
        context: bytes,
        random_bytes: Callable[[int], bytes],
        entries: Mapping[str, tuple[KeyUsage, Secret]],
    ) -> None:
        """Hold what `create` or `open` gathered; nothing is read or written here."""
        self._disk = disk
        self._path = str(path)
        self._seal_key = seal_key
        self._context = _STORE_CONTEXT + context
        self._random_bytes = random_bytes
        self._entries: _Entries = dict(entries)

    @classmethod
    def create(
        cls,
        disk: KeyStoreDisk,
        path: str | PurePath,
        seal_key: SealKey,
        context: bytes,
        random_bytes: Callable[[int], bytes],
    ) -> Self:
        """Write a new empty store; `KeyStoreError` if the file exists."""
        if disk.exists(str(path)):
            raise KeyStoreError(f"key store {path} exists; open it, or remove it by hand")
        store = cls(disk, path, seal_key, context, random_bytes, {})
        store._save(store._entries)
        return store

    @classmethod
    def open(
        cls,
        disk: KeyStoreDisk,
        path: str | PurePath,
        seal_key: SealKey,
        context: bytes,
        random_bytes: Callable[[int], bytes],
    ) -> Self:
        """Read a store; `KeyStoreError` if it is missing, `SealError` if it does not open."""
        if not disk.exists(str(path)):
            raise KeyStoreError(f"key store {path} is missing; create it first")
        plain = open_sealed(seal_key, disk.read(str(path)), _STORE_CONTEXT + context)
        entries = {
            name: (KeyUsage(usage), Secret(bytes.fromhex(value)))
            for name, (usage, value) in json.loads(bytes(plain)).items()
        }
        return cls(disk, path, seal_key, context, random_bytes, entries)

    @override
    def __repr__(self) -> str:
        return f"<key store {self._path}: {len(self._entries)} keys>"

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def names(self) -> list[str]:
        """The names of all keys, sorted."""
        return sorted(self._entries)

    def usage(self, name: str) -> KeyUsage:
        """What a key was stored for; `KeyStoreError` if there is none."""
        entry = self._entries.get(name)
        if entry is None:
            raise KeyStoreError(f"key store {self._path} has no key {name}")
        return entry[0]

    def get(self, name: str, usage: KeyUsage) -> Secret:
        """Return a key that was stored for this usage; `KeyStoreError` otherwise."""
        entry = self._entries.get(name)
        if entry is None:
            raise KeyStoreError(f"key store {self._path} has no key {name}")
        if entry[0] is not usage:
            raise KeyStoreError(f"key {name} is for {entry[0]}, not for {usage}")
        return entry[1]

    def put(self, name: str, usage: KeyUsage, value: bytes, *, replace: bool = False) -> None:
        """Store one key durably; `KeyStoreError` if the name is taken and not to be replaced."""
        self.put_all({name: (usage, value)}, replace=replace)

    def put_all(
        self, entries: Mapping[str, tuple[KeyUsage, bytes]], *, replace: bool = False
    ) -> None:
        """Store several keys in one durable step: all or none."""
        taken = sorted(self._entries.keys() & entries.keys())
        if taken and not replace:
            raise KeyStoreError(f"key store {self._path} has already: {', '.join(taken)}")
        added = {name: (KeyUsage(usage), Secret(value)) for name, (usage, value) in entries.items()}
        self._save(self._entries | added)

    def delete(self, name: str) -> None:
        """Remove a key durably; `KeyStoreError` if there is none."""
        if name not in self._entries:
            raise KeyStoreError(f"key store {self._path} has no key {name}")
        self._save({other: entry for other, entry in self._entries.items() if other != name})

    def _save(self, entries: _Entries) -> None:
        listed = {name: (str(usage), value.hex()) for name, (usage, value) in entries.items()}
        plain = json.dumps(listed, sort_keys=True).encode("utf-8")
        blob = seal(self._seal_key, plain, self._context, self._random_bytes(NONCE_BYTES))
        fresh = self._path + _FRESH_SUFFIX
        if self._disk.exists(fresh):  # left behind by a crash
            self._disk.unlink(fresh)
        self._disk.create(fresh)
        self._disk.pwrite(fresh, 0, blob)
        self._disk.sync(fresh)
        self._disk.rename(fresh, self._path)
        self._disk.sync_dir(str(PurePath(self._path).parent))
        self._entries = entries
