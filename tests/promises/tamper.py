"""P06, P07: nobody changes the sealed store unnoticed, nor puts an older one back."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from unittest.mock import patch

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from promises.harness import Promise, Weakness, share, stride
from promises.strap_life import state_of
from support import paid_cards
from support.se_cards import DIRECTORY, SEAL_KEY, Rig, sealed
from wristlet.crypto.seal import SealKey, open_sealed
from wristlet.env.memory_disk import MemoryDisk
from wristlet.se import journal
from wristlet.se.journal import StoreCorruptError
from wristlet.se.store import SealedStore
from wristlet.wire.gp import commands

STATE_FILE = f"{DIRECTORY}/state"


def every_change(seed: int, scale: int) -> tuple[int, int]:
    """Flip every bit of a full store's file, cut it, move, remove, double and paste records."""
    content, other = (
        paid_cards.wallet(sealed(seed + number))[0].disk.content()[STATE_FILE] for number in (0, 1)
    )
    trials = failures = int(not opens(content))
    for bit in range(random.Random(seed).randrange(stride(scale)), 8 * len(content), stride(scale)):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        trials += 1
        failures += opens(bytes(changed))
    for changed_file in (*cuts(content, scale), *moved(content), *pasted(content, other)):
        trials += 1
        failures += opens(changed_file)
    return trials, failures


def cuts(content: bytes, scale: int) -> Iterator[bytes]:
    """Yield the file at every shorter length, and somewhat longer."""
    for size in range(0, len(content), stride(scale)):
        yield content[:size]
    for more in (1, 16, 512, 4096):
        yield content + bytes(more)


def moved(content: bytes) -> Iterator[bytes]:
    """Yield the file with records exchanged, left out (but the last) and doubled."""
    spans = records(content)
    for (a, b), (c, d) in itertools.combinations(spans, 2):
        yield content[:a] + content[c:d] + content[b:c] + content[a:b] + content[d:]
    for a, b in spans[:-1]:
        yield content[:a] + content[b:] + bytes(b - a)
    for a, b in spans:
        yield (content[:b] + content[a:b] + content[b:])[: len(content)]


def pasted(content: bytes, other: bytes) -> Iterator[bytes]:
    """Yield the file with records, header or body of another secure element."""
    size = journal.HEADER_SIZE
    yield other[:size] + content[size:]
    yield content[:size] + other[size:]
    for (a, b), (c, d) in itertools.product(records(content), records(other)):
        if b - a == d - c:
            yield content[:a] + other[c:d] + content[b:]


def records(content: bytes) -> list[tuple[int, int]]:
    """Return where each record begins and ends."""
    found, at, sequence = [], journal.HEADER_SIZE, 0
    while size := journal._record_size(content, at, sequence):
        found.append((at, at + size))
        at, sequence = at + size, sequence + 1
    return found


def opens(content: bytes) -> bool:
    """Tell whether a store's file is taken for genuine; breaking down counts as that, too."""
    try:
        header = journal.FileHeader.parse(content)
        journal.scan(content, header, journal.file_cipher(SEAL_KEY, header))
    except StoreCorruptError:
        return False
    except (ValueError, LookupError, OverflowError):
        return True
    return True


class Unauthenticated:
    """AES-GCM as somebody would have it who forgets the tag: counter mode and nothing else."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.encrypt = AESGCM(key).encrypt

    def decrypt(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        """Decrypt what is there."""
        counter = nonce + (2).to_bytes(4, "big")
        return Cipher(AES(self._key), CTR(counter)).decryptor().update(data[: -journal.TAG_SIZE])


def _unauthenticated(seal_key: SealKey, header: journal.FileHeader) -> Unauthenticated:
    return Unauthenticated(open_sealed(seal_key, header.sealed_key, header.context))


# ------------------------------------------------------------------ rollback


def rollback(seed: int, scale: int) -> tuple[int, int]:
    """Put back each earlier state file beside the present counter, after PIN work and power-ups."""
    trials = failures = 0
    for round_number in range(share(10, scale)):
        new = paid_cards.wallet(sealed(seed + round_number))[0]
        files: list[bytes] = []
        for rig in lived(new, random.Random(seed + round_number)):
            present = rig.disk.content()[STATE_FILE]
            for old in files:
                if old != present:
                    trials += 1
                    failures += opens_whole(rig.disk, old)
            if present not in files:
                files.append(present)
            failures += not opens_whole(rig.disk, present)
    return trials, failures


def lived(rig: Rig, chance: random.Random) -> Iterator[Rig]:
    """Yield the card after each thing that its counter notes."""
    for _ in range(6):
        if chance.random() < 0.3:
            rig = paid_cards.reopened(rig)
        else:
            pin = chance.choice((paid_cards.PIN, "805316"))
            paid_cards.phone(rig).send(commands.verify(pin))
        yield rig


def opens_whole(disk: MemoryDisk, content: bytes) -> bool:
    """Tell whether a disk with this state file opens, counter included."""
    copy = disk.copy()
    copy.truncate(STATE_FILE, len(content))
    copy.pwrite(STATE_FILE, 0, content)
    try:
        state_of(copy)
    except StoreCorruptError:
        return False
    return True


PROMISES = (
    Promise(
        "P06",
        "Any change to the sealed store is detected before use",
        "every bit of the file flipped, every length cut, records swapped, removed, doubled, pasted"
        " from another element",
        every_change,
        (
            Weakness(
                "authentication tag not compared",
                lambda: patch.object(journal, "file_cipher", _unauthenticated),
            ),
        ),
        exhaustive=True,
        control_scale=2,
    ),
    Promise(
        "P07",
        "An older state put back is detected",
        "each earlier file beside the present rollback counter, after PIN entries and power-ups",
        rollback,
        (
            Weakness(
                "counter not compared",
                lambda: patch.object(SealedStore, "_check_counter", lambda self: None),
            ),
        ),
        control_scale=10,
    ),
)
