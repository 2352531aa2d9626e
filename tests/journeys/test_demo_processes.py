"""The demo as a user runs it: processes, JSON, exit code, nothing left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wristlet.lab.steps import STEPS

pytestmark = pytest.mark.slow


def children_of(session: int) -> list[str]:
    """Name the processes that still carry a demo's mark in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if f"WRISTLET_TEST_RUN={session}".encode() in environment.split(b"\0"):
                found.append(entry.name)
    return found


def run_demo(*options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "WRISTLET_TEST_RUN": str(os.getpid())}
    return subprocess.run(
        [sys.executable, "-m", "wristlet", "demo", *options],
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_the_demo_ends_well_and_leaves_nothing_behind(tmp_path: Path) -> None:
    ran = run_demo("--json", "--keep", str(tmp_path / "state"))
    result = json.loads(ran.stdout)
    assert ran.returncode == 0, ran.stderr
    assert result["ok"] is True
    assert [step["id"] for step in result["steps"]] == [step.id for step in STEPS]
    assert set(result["steps"][0]) == {"id", "ok", "ms"}
    scan = result["scan"]
    assert set(scan) == {"artefacts", "bytes", "hits", "seeded", "seeded_found"}
    assert scan["hits"] == 0
    assert scan["seeded"] == scan["seeded_found"] > 100
    assert children_of(os.getpid()) == []
    traced = (tmp_path / "state" / "traces" / "se.jsonl").read_text().splitlines()
    assert {json.loads(line)["link"] for line in traced} == {"wired", "contactless"}
    logs = tmp_path / "state" / "logs"
    assert {log.stem for log in logs.iterdir()} >= {"tsp", "wallet", "issuer", "se", "strap"}
    assert {log.name: log.read_text() for log in logs.iterdir() if log.stat().st_size} == {}


def test_a_folder_that_exists_is_not_touched(tmp_path: Path) -> None:
    ran = run_demo("--keep", str(tmp_path))
    assert ran.returncode == 5
    assert "name a new folder" in ran.stderr
    assert list(tmp_path.iterdir()) == []
