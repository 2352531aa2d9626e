"""Sealed blobs and key stores: any change is refused, every write is all or nothing."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wristlet.crypto import seal
from wristlet.crypto.errors import KeyStoreError, SealError
from wristlet.crypto.seal import KeyStore, KeyUsage, SealKey

KEY = SealKey(bytes(range(32)))
NONCE = bytes(12)


class Files:
    """A disk in memory that can fail at its nth writing step."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.steps_left = 1000

    def _step(self) -> None:
        self.steps_left -= 1
        if self.steps_left < 0:
            raise OSError("power gone")

    def read(self, path: str) -> bytes:
        return self.content[path]

    def exists(self, path: str) -> bool:
        return path in self.content

    def create(self, path: str) -> None:
        self._step()
        assert path not in self.content
        self.content[path] = b""

    def pwrite(self, path: str, offset: int, data: bytes) -> None:
        self._step()
        old = self.content[path]
        self.content[path] = old[:offset] + data + old[offset + len(data) :]

    def sync(self, path: str) -> None:
        self._step()

    def rename(self, source: str, target: str) -> None:
        self._step()
        self.content[target] = self.content.pop(source)

    def unlink(self, path: str) -> None:
        self._step()
        del self.content[path]

    def sync_dir(self, path: str) -> None:
        self._step()


class Draws:
    """Never the same nonce twice."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, size: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(size, "big")


def new_store(disk: Files, context: bytes = b"tsp") -> KeyStore:
    return KeyStore.create(disk, "/keys/store", KEY, context, Draws())


def reopen(disk: Files, context: bytes = b"tsp", key: SealKey = KEY) -> KeyStore:
    return KeyStore.open(disk, "/keys/store", key, context, Draws())


@given(st.binary(max_size=200), st.binary(max_size=20))
def test_a_blob_opens_for_its_context(plaintext: bytes, context: bytes) -> None:
    blob = seal.seal(KEY, plaintext, context, NONCE)
    assert seal.open_sealed(KEY, blob, context) == plaintext
    with pytest.raises(SealError):
        seal.open_sealed(KEY, blob, context + b"x")
    with pytest.raises(SealError):
        seal.open_sealed(SealKey(b"x" * 32), blob, context)


def test_every_flipped_bit_and_every_cut_is_refused() -> None:
    blob = seal.seal(KEY, b"twenty bytes of text", b"here", NONCE)
    for bit in range(len(blob) * 8):
        changed = bytearray(blob)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealError):
            seal.open_sealed(KEY, bytes(changed), b"here")
    for size in range(len(blob)):
        with pytest.raises(SealError):
            seal.open_sealed(KEY, blob[:size], b"here")


def test_nonces_have_one_length() -> None:
    with pytest.raises(SealError, match="12 bytes"):
        seal.seal(KEY, b"", b"", bytes(11))


def test_key_files_are_raw_or_hexadecimal(tmp_path: Path) -> None:
    raw = bytes(range(32))
    blob = seal.seal(SealKey(raw), b"text", b"", NONCE)
    path = tmp_path / "seal.key"
    for content in (raw, raw.hex().encode(), raw.hex().upper().encode() + b"\n"):
        path.write_bytes(content)
        path.chmod(0o600)
        assert seal.open_sealed(seal.read_seal_key(path), blob, b"") == b"text"
    assert repr(seal.read_seal_key(path)) == "<seal key>"


@pytest.mark.parametrize("content", [b"", bytes(31), bytes(33), b"zz" * 32, "é".encode() * 32])
def test_other_key_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "seal.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SealError, match="32 raw bytes or 64 hex"):
        seal.read_seal_key(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_key_files_open_to_others_are_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "seal.key"
    path.write_bytes(bytes(32))
    path.chmod(mode)
    with pytest.raises(SealError, match="chmod 600"):
        seal.read_seal_key(path)


def test_missing_key_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SealError, match="No such file"):
        seal.read_seal_key(tmp_path / "none")
    with pytest.raises(SealError):
        seal.read_seal_key(tmp_path)


def test_a_store_keeps_keys_for_one_usage() -> None:
    disk = Files()
    store = new_store(disk)
    store.put("imk.k3.01", KeyUsage.DERIVE, b"k" * 16)
    store.put_all({"hop": (KeyUsage.MAC, b"h" * 16), "root": (KeyUsage.PUBLIC, b"certificate")})
    again = reopen(disk)
    assert again.names() == ["hop", "imk.k3.01", "root"]
    assert again.get("imk.k3.01", KeyUsage.DERIVE) == b"k" * 16
    assert "hop" in again
    with pytest.raises(KeyStoreError, match="is for derive, not for mac"):
        again.get("imk.k3.01", KeyUsage.MAC)
    with pytest.raises(KeyStoreError, match="no key other"):
        again.get("other", KeyUsage.MAC)


def test_names_are_not_overwritten_by_accident() -> None:
    disk = Files()
    store = new_store(disk)
    store.put("a", KeyUsage.MAC, b"1")
    with pytest.raises(KeyStoreError, match="has already: a"):
        store.put_all({"a": (KeyUsage.MAC, b"2"), "b": (KeyUsage.MAC, b"2")})
    assert reopen(disk).names() == ["a"]
    store.put("a", KeyUsage.MAC, b"2", replace=True)
    assert reopen(disk).get("a", KeyUsage.MAC) == b"2"
    store.delete("a")
    assert reopen(disk).names() == []
    with pytest.raises(KeyStoreError, match="no key a"):
        store.delete("a")


def test_nothing_secret_is_printed_or_stored_in_clear() -> None:
    disk = Files()
    store = new_store(disk)
    store.put("a", KeyUsage.MAC, b"\xaa" * 16)
    shown = repr(store) + repr(store.get("a", KeyUsage.MAC)) + str(vars(store))
    assert "aa" * 4 not in shown.replace("\\x", "")
    assert b"\xaa" * 4 not in disk.content["/keys/store"]
    assert b"aaaa" not in disk.content["/keys/store"]


def test_a_store_opens_only_for_its_owner() -> None:
    disk = Files()
    new_store(disk).put("a", KeyUsage.MAC, b"1")
    for context, key in ((b"issuer", KEY), (b"tsp", SealKey(bytes(32)))):
        with pytest.raises(SealError):
            reopen(disk, context, key)
    with pytest.raises(KeyStoreError, match="exists"):
        new_store(disk)
    with pytest.raises(KeyStoreError, match="missing"):
        KeyStore.open(disk, "/keys/none", KEY, b"tsp", Draws())


@settings(max_examples=20)
@given(st.integers(0, 12))
def test_a_failing_disk_leaves_the_old_or_the_new_store(steps: int) -> None:
    disk = Files()
    store = new_store(disk)
    store.put("old", KeyUsage.MAC, b"1")
    disk.steps_left = steps
    with contextlib.suppress(OSError):
        store.put("new", KeyUsage.MAC, b"2")
    disk.steps_left = 1000
    again = reopen(disk)
    assert again.names() in (["old"], ["new", "old"])
    again.put("later", KeyUsage.MAC, b"3")
    assert "later" in reopen(disk)
