"""Looks for known secrets in every artefact and in a process's memory, in all usual encodings.

Card numbers, DPANs, keys and PIN blocks of a run are known to the lab. None may appear in clear
in any file that a part leaves behind, nor in the wallet's memory. Seeded leaks prove that the
scan sees; values that were never used (the A/A control) must never be found.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

CHUNK_BYTES = 8 * 1024 * 1024
UNTOUCHED = bytes(64 * 1024)
MAX_INFLATED_BYTES = 64 * 1024 * 1024


class Kind(StrEnum):
    """What a secret is, which decides how it may be written."""

    NUMBER = "number"
    KEY = "key"
    PIN = "pin"


@dataclass(frozen=True, slots=True)
class CanarySecret:
    """A secret of this run: `label` is printed, `value` never (digits for numbers and PINs, raw
    bytes for keys).
    """

    label: str
    kind: Kind
    value: bytes

    def __repr__(self) -> str:
        return f"CanarySecret({self.label!r}, {self.kind})"


@dataclass(frozen=True, slots=True)
class Hit:
    """A secret was found: where, which one, in which encoding, at which offset."""

    place: str
    secret: str
    encoding: str
    offset: int


@dataclass(frozen=True, slots=True)
class Needle:
    """One encoding of one secret."""

    pattern: bytes
    secret: str
    encoding: str

    def __repr__(self) -> str:
        return f"Needle({self.secret!r}, {self.encoding!r})"


def needles(secrets: Iterable[CanarySecret]) -> tuple[Needle, ...]:
    """Return every pattern to look for; the same bytes are looked for once."""
    makers = {Kind.NUMBER: _number_forms, Kind.KEY: _key_forms, Kind.PIN: _pin_forms}
    seen: dict[bytes, Needle] = {}
    for secret in secrets:
        for encoding, pattern in makers[secret.kind](secret.value):
            seen.setdefault(pattern, Needle(pattern, secret.label, encoding))
    return tuple(seen.values())


def _number_forms(value: bytes) -> Iterator[tuple[str, bytes]]:
    text = value.decode("ascii")
    groups = re.findall("....", text)
    integer = int(text)
    yield "ascii", value
    yield "spaced", " ".join(groups).encode()
    yield "dashed", "-".join(groups).encode()
    yield "reversed", value[::-1]
    yield "utf-16-le", text.encode("utf-16-le")
    yield "utf-16-be", text.encode("utf-16-be")
    yield "hex of ascii", value.hex().encode()
    yield "packed bcd", bytes.fromhex(text)
    # The other nibble phase: the number's inner digits, whatever stands in the outer half bytes.
    yield "packed bcd, shifted", bytes.fromhex(text[1:-1])
    yield "integer, big-endian", integer.to_bytes(8, "big")
    yield "integer, little-endian", integer.to_bytes(8, "little")
    yield from _base64_forms("base64 of ascii", value)
    yield from _base64_forms("base64 of bcd", bytes.fromhex(text))
    for name in ("md5", "sha1", "sha256"):
        digest = hashlib.new(name, value, usedforsecurity=False).digest()
        yield f"unkeyed {name}", digest
        yield f"unkeyed {name}, hex", digest.hex().encode()


def _key_forms(value: bytes) -> Iterator[tuple[str, bytes]]:
    yield "raw", value
    yield "hex", value.hex().encode()
    yield "hex, upper case", value.hex().upper().encode()
    yield from _base64_forms("base64", value)


def _pin_forms(value: bytes) -> Iterator[tuple[str, bytes]]:
    """A PIN only as PIN block (ISO 9564 format 2) and inside a plaintext VERIFY: bare digits hit
    by chance.
    """
    digits = value.decode("ascii")
    block = bytes.fromhex(f"2{len(digits):x}{digits}".ljust(16, "f"))
    yield "pin block", block
    yield "pin block, hex", block.hex().encode()
    yield "pin block, hex upper case", block.hex().upper().encode()
    yield "plaintext verify", bytes.fromhex("0020008008") + block


def _base64_forms(name: str, value: bytes) -> Iterator[tuple[str, bytes]]:
    """The three ways in which base64 writes the same bytes, by their offset; edges are cut off."""
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + value).rstrip(b"=")
        inner = encoded[(0, 2, 3)[offset] : len(encoded) - (1 if (offset + len(value)) % 3 else 0)]
        yield f"{name}, offset {offset}", inner
        url_safe = inner.translate(bytes.maketrans(b"+/", b"-_"))
        yield f"{name}, url-safe, offset {offset}", url_safe


def scan_bytes(data: bytes, wanted: Sequence[Needle], place: str) -> list[Hit]:
    """Find every needle in `data`, once each, also inside compressed runs."""
    hits = _find(data, wanted, place)
    for offset, inner in _inflated(data):
        hits += _find(inner, wanted, f"{place} (inflated at {offset})")
    return hits


def _find(data: bytes, wanted: Sequence[Needle], place: str) -> list[Hit]:
    hits = []
    for needle in wanted:
        offset = data.find(needle.pattern)
        if offset >= 0:
            hits.append(Hit(place, needle.secret, needle.encoding, offset))
    return hits


_STREAMS = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]", re.DOTALL)


def _inflated(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield what gzip and zlib streams in `data` unpack to."""
    for match in _STREAMS.finditer(data):
        start = match.start()
        wbits = 31 if data[start] == 0x1F else 15
        try:
            inner = zlib.decompressobj(wbits).decompress(data[start:], MAX_INFLATED_BYTES)
        except zlib.error:
            continue
        if len(inner) >= 8:
            yield start, inner


def scan_file(path: Path, wanted: Sequence[Needle]) -> tuple[int, list[Hit]]:
    """Scan one file; returns its size in bytes and what was found."""
    data = path.read_bytes()
    return len(data), scan_bytes(data, wanted, str(path))


def scan_tree(root: Path, wanted: Sequence[Needle]) -> tuple[int, int, list[Hit]]:
    """Scan every regular file below `root`; returns files, bytes and hits."""
    files, size = 0, 0
    hits: list[Hit] = []
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            read, found = scan_file(path, wanted)
            files, size, hits = files + 1, size + read, hits + found
    return files, size, hits


def scan_memory(pid: int, wanted: Sequence[Needle]) -> tuple[int, list[Hit]]:
    """Scan the writable memory of a running process (root or the same user); returns bytes and
    hits.
    """
    overlap = max((len(needle.pattern) for needle in wanted), default=1)
    total, hits = 0, []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for start, end in _writable_regions(pid):
            for offset in range(start, end, CHUNK_BYTES):
                data = _read_memory(
                    memory.fileno(), offset, min(CHUNK_BYTES + overlap, end - offset)
                )
                total += min(len(data), CHUNK_BYTES)
                for run in _written(data):
                    hits += _find(run, wanted, f"memory of process {pid}")
    return total, hits


def _written(data: bytes) -> Iterator[bytes]:
    """Yield what stands between blocks that were never written: most of a process's stacks."""
    start = 0
    for offset in range(0, len(data), len(UNTOUCHED)):
        if data.startswith(UNTOUCHED, offset):
            if offset > start:
                yield data[start:offset]
            start = offset + len(UNTOUCHED)
    if start < len(data):
        yield data[start:]


def _writable_regions(pid: int) -> Iterator[tuple[int, int]]:
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        bounds, flags = line.split()[:2]
        if flags.startswith("rw"):
            start, _, end = bounds.partition("-")
            yield int(start, 16), int(end, 16)


def _read_memory(descriptor: int, offset: int, size: int) -> bytes:
    try:
        return os.pread(descriptor, size, offset)
    except OSError:
        return b""


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What a whole scan came to; clean means nothing leaked, every seed was seen and no control
    was.
    """

    artefacts: int
    bytes: int
    hits: tuple[Hit, ...]
    seeded: int
    seeded_found: int
    control_hits: int

    @property
    def clean(self) -> bool:
        """Tell whether the run may pass."""
        return not self.hits and self.seeded == self.seeded_found and self.control_hits == 0


def seed_leaks(directory: Path, secrets: Sequence[CanarySecret]) -> list[tuple[Path, str]]:
    """Write one file for each secret and encoding, plain and compressed; returns paths with their
    secret.
    """
    seeds: list[tuple[Path, str]] = []
    for number, needle in enumerate(needles(secrets)):
        noise = hashlib.sha256(number.to_bytes(4, "big")).digest()
        leaked = noise + needle.pattern + noise
        path = directory / f"leak-{number:04d}.bin"
        path.write_bytes(leaked if number % 3 else gzip.compress(leaked))
        seeds.append((path, needle.secret))
    return seeds


def count_seen(seeds: Sequence[tuple[Path, str]], wanted: Sequence[Needle]) -> int:
    """Count the seeded leaks that the scan finds."""
    return sum(
        any(hit.secret == secret for hit in scan_file(path, wanted)[1]) for path, secret in seeds
    )
