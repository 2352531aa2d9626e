"""The scan sees every encoding of every kind of secret, and nothing that is not there."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from wristlet.lab.canary import (
    CanarySecret,
    Kind,
    count_seen,
    needles,
    scan_bytes,
    scan_memory,
    scan_tree,
    seed_leaks,
)

NUMBER = CanarySecret("card", Kind.NUMBER, b"9999010012345674")
KEY = CanarySecret("key", Kind.KEY, bytes(range(100, 116)))
PIN = CanarySecret("pin", Kind.PIN, b"4826")
SECRETS = (NUMBER, KEY, PIN)


def test_every_seeded_leak_is_found(tmp_path: Path) -> None:
    seeds = seed_leaks(tmp_path, SECRETS)
    assert len(seeds) > 30
    assert count_seen(seeds, needles(SECRETS)) == len(seeds)


def test_a_control_that_was_never_used_is_not_found(tmp_path: Path) -> None:
    seed_leaks(tmp_path, SECRETS)
    control = needles((CanarySecret("control", Kind.NUMBER, b"9999030098765438"),))
    assert scan_tree(tmp_path, control)[2] == []


@given(before=st.binary(max_size=70), after=st.binary(max_size=70), which=st.integers(0, 10**6))
def test_a_secret_is_found_between_any_bytes(before: bytes, after: bytes, which: int) -> None:
    wanted = needles(SECRETS)
    needle = wanted[which % len(wanted)]
    hits = scan_bytes(before + needle.pattern + after, wanted, "here")
    assert needle.secret in {hit.secret for hit in hits}


@given(prefix=st.binary(max_size=5), suffix=st.binary(max_size=5))
def test_base64_is_found_at_every_offset(prefix: bytes, suffix: bytes) -> None:
    import base64

    for secret in (NUMBER, KEY):
        text = base64.b64encode(prefix + secret.value + suffix)
        assert scan_bytes(text, needles((secret,)), "here")


@given(left=st.sampled_from("0123456789ABCDEF"), right=st.sampled_from("0123456789ABCDEF"))
def test_packed_digits_are_found_in_both_nibble_phases(left: str, right: str) -> None:
    shifted = bytes.fromhex(left + NUMBER.value.decode() + right)
    assert scan_bytes(shifted, needles((NUMBER,)), "here")


def test_a_bare_pin_is_no_hit() -> None:
    assert scan_bytes(b"4826" + bytes.fromhex("4826"), needles((PIN,)), "here") == []


def test_compressed_leaks_are_found() -> None:
    hidden = b"noise" + gzip.compress(b"x" * 50 + NUMBER.value) + b"noise"
    assert scan_bytes(hidden, needles((NUMBER,)), "here")


def test_memory_of_this_process_holds_what_it_holds() -> None:
    fresh = os.urandom(16)
    held = CanarySecret("held", Kind.KEY, fresh)
    size, hits = scan_memory(os.getpid(), needles((held,)))
    assert size > 1_000_000
    assert any(hit.encoding == "raw" for hit in hits)
