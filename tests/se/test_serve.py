"""The secure element as a process: sockets, hardening, one owner at a time, death at any write."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import se_cards, se_crash
from wristlet.env.real import real_env
from wristlet.env.sim import SimEnv
from wristlet.links.apdu_socket import SocketChannel
from wristlet.se.create import create, fleet
from wristlet.wire.gp import aids, commands

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}"}
RUN = (
    "import sys; from pathlib import Path; from wristlet.se.serve import run_se;"
    "run_se(*map(Path, sys.argv[1:4]), sandbox=sys.argv[4] == 'yes')"
)


def made(folder: Path) -> tuple[Path, Path, Path]:
    env = SimEnv(4)
    create(
        real_env(),
        str(folder / "se"),
        se_cards.SEAL_KEY,
        se_cards.owner_store(env),
        se_cards.profile(),
        sandbox=True,
    )
    key = folder / "seal.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    return folder / "se", key, folder / "sockets"


def start(paths: tuple[Path, Path, Path], sandbox: str = "yes") -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *map(str, paths), sandbox],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], tuple[Path, Path, Path]]]:
    paths = made(tmp_path)
    process = start(paths)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert json.loads(line)["ready"] == "se"
    yield process, paths
    process.kill()
    process.communicate()


@pytest.mark.slow
async def test_two_sockets_and_a_clean_stop(
    running: tuple[subprocess.Popen[bytes], tuple[Path, Path, Path]],
) -> None:
    process, (_, _, sockets) = running
    wired = await SocketChannel.open(str(sockets / "wired.sock"))
    contactless = await SocketChannel.open(str(sockets / "contactless.sock"))
    select = commands.select(aids.ISD).encode()
    assert (await wired.transmit(select))[-2:] == b"\x90\x00"
    assert (await contactless.transmit(select))[-2:] == b"\x6a\x82"
    assert await wired.atr() == await contactless.atr()
    for name in ("wired.sock", "contactless.sock"):
        assert stat.S_IMODE((sockets / name).stat().st_mode) == 0o600
    await wired.close()
    await contactless.close()
    process.terminate()
    assert process.wait(20) == 0
    assert not list(sockets.iterdir())


@pytest.mark.slow
def test_a_second_process_and_missing_sandbox_are_refused(
    running: tuple[subprocess.Popen[bytes], tuple[Path, Path, Path]],
) -> None:
    process, paths = running
    second = start(paths)
    _, error = second.communicate(timeout=30)
    assert b"another process serves" in error
    assert second.returncode != 0
    assert process.poll() is None
    process.terminate()
    process.wait(20)
    third = start(paths, sandbox="no")
    _, error = third.communicate(timeout=30)
    assert b"SandboxKeysError" in error


@pytest.mark.slow
def test_no_core_dump_and_not_dumpable() -> None:
    program = (
        "import ctypes, resource; from wristlet.se.serve import harden;"
        "before = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0); harden();"
        "print(before, ctypes.CDLL(None).prctl(3, 0, 0, 0, 0),"
        " resource.getrlimit(resource.RLIMIT_CORE))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, check=True
    )
    assert done.stdout.split(b" ", 1)[1] == b"0 (0, 0)\n"
    assert done.stdout.startswith(b"1 ")


@pytest.mark.slow
def test_killed_at_every_write_of_a_real_process(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", se_crash.__name__, str(tmp_path)],
        env=ENVIRONMENT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    counts = json.loads(done.stdout)
    assert counts["kills"] >= 24
    assert counts["double"] >= counts["kills"] * 4
    assert min(counts["old"], counts["new"]) > 0


def test_a_fleet_shares_what_is_alike() -> None:
    env = SimEnv(1)
    owner = se_cards.owner_store(env)
    made_ = list(fleet(env, owner, se_cards.profile(), 5, catalog=se_cards.CATALOG, sandbox=True))
    assert len({identity.se_id for _, identity in made_}) == 5
    first, second = (card.store.snapshot() for card, _ in made_[:2])
    for key in ("sys/profile", "sys/registry", "sys/cert/batch"):
        assert first[key] is second[key]
    own = {key: value for key, value in first.items() if value is not second[key]}
    assert sum(map(len, own.values())) < 2400
    assert made_[0][0].profile is made_[1][0].profile
