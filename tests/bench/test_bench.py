"""Every bench runs and gives sane numbers; nothing is asserted on time."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NAMES = (
    "tap, volatile store, K3",
    "tap, volatile store, K2",
    "the same, no context kept, K3",
    "the same, no context kept, K2",
    "tap, sealed store, K3",
    "tap, sealed store, K2",
    "authorisation over TCP, 64 in flight",
    "authorisation over TCP, 1 in flight",
    "provisioning, one at a time",
    "memory of an idle secure element, of 100",
    "memory of an idle strap, of 100",
    "relay over Bluetooth, 255 bytes each way",
    "relay over Bluetooth, 30,000 bytes each way",
    "a card over Bluetooth: link, of all",
    "a card over Bluetooth: strap, of all",
    "a card over Bluetooth: secure element, of all",
    "a card over Bluetooth: server, of all",
    "a card over Bluetooth: phone, of all",
    "ISO 8583 encode, against pyiso8583",
    "ISO 8583 decode, against pyiso8583",
    "BER-TLV of field 55",
    "SCP wrap and unwrap, 200 bytes",
    "days of samples at 25 Hz, recorded",
)


def bench(*options: str) -> subprocess.CompletedProcess[str]:
    """Run the benches as `make bench` does."""
    return subprocess.run(
        [sys.executable, "-m", "bench", "--quick", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


@pytest.mark.slow
def test_every_bench_runs() -> None:
    document = json.loads(bench("--json").stdout)
    results: list[dict[str, Any]] = document["results"]
    assert tuple(result["name"] for result in results) == NAMES
    for result in results:
        figures = [result[name] for name in ("ours", "limit", "ratio")]
        assert all(math.isfinite(figure) and figure > 0 for figure in figures), result
        assert (result["met"] is None) == (result["sense"] == "information")
        assert 0 < result["quiet_rounds"] <= result["rounds"]
    assert document["quick"] is True
    assert set(document["machine"]) == {"cpu", "cpus", "system", "python"}


@pytest.mark.slow
def test_one_bench_as_a_table() -> None:
    lines = bench("--only", "codec").stdout.splitlines()
    assert lines[0].split()[:4] == ["bench", "ours", "limit", "ratio"]
    first = NAMES.index("ISO 8583 encode, against pyiso8583")
    assert [line[:44].rstrip() for line in lines[1:]] == list(NAMES[first : first + 4])
