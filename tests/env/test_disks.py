"""What both disks promise; faults and power cuts of the simulated one are in test_memory_disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from wristlet.env.base import (
    REPLACEMENT_SUFFIX,
    Disk,
    Env,
    create_file,
    ensure_dir,
    parent,
    replace_file,
)
from wristlet.env.real import RealDisk, real_env
from wristlet.env.sim import MemoryDisk, SimEnv


@pytest.fixture(params=["real", "memory"])
def disk(request: pytest.FixtureRequest) -> Disk:
    return RealDisk() if request.param == "real" else MemoryDisk()


@pytest.fixture
def root(disk: Disk, tmp_path: Path) -> str:
    if isinstance(disk, MemoryDisk):
        disk.mkdir("/root")
        return "/root"
    return str(tmp_path)


def test_a_file_holds_what_was_written(disk: Disk, root: str) -> None:
    path = f"{root}/a"
    disk.create(path)
    disk.pwrite(path, 0, b"hello")
    disk.pwrite(path, 3, b"LOW")
    disk.pwrite(path, 8, b"!")
    assert disk.read(path) == b"helLOW\0\0!"
    assert disk.read(path, 3) == b"LOW\0\0!"
    assert disk.read(path, 3, 2) == b"LO"
    assert disk.read(path, 7, 100) == b"\0!"
    assert disk.read(path, 100, 5) == b""
    assert disk.size(path) == 9
    disk.truncate(path, 2)
    disk.truncate(path, 4)
    assert disk.read(path) == b"he\0\0"
    disk.write_durably(path, 3, b"lo")
    assert disk.read(path) == b"he\0lo"
    disk.truncate(path, 4)
    disk.truncate(path, 2)
    disk.truncate(path, 4)
    disk.datasync(path)
    disk.sync(path)
    disk.sync_dir(root)
    assert disk.read(path) == b"he\0\0"


def test_names_come_and_go(disk: Disk, root: str) -> None:
    disk.mkdir(f"{root}/d")
    disk.create(f"{root}/d/b")
    disk.create(f"{root}/a")
    disk.pwrite(f"{root}/a", 0, b"a")
    assert disk.listdir(root) == ["a", "d"]
    assert disk.listdir(f"{root}/d") == ["b"]
    disk.rename(f"{root}/a", f"{root}/d/b")
    assert disk.read(f"{root}/d/b") == b"a"
    assert disk.listdir(root) == ["d"]
    disk.rename(f"{root}/d/b", f"{root}/d/b")
    disk.unlink(f"{root}/d/b")
    assert not disk.exists(f"{root}/d/b")
    assert disk.exists(f"{root}/d")
    assert disk.listdir(f"{root}/d") == []


@pytest.mark.parametrize(
    "call",
    [
        lambda disk, path: disk.read(path),
        lambda disk, path: disk.size(path),
        lambda disk, path: disk.pwrite(path, 0, b"x"),
        lambda disk, path: disk.truncate(path, 0),
        lambda disk, path: disk.datasync(path),
        lambda disk, path: disk.sync(path),
        lambda disk, path: disk.sync_dir(path),
        lambda disk, path: disk.unlink(path),
        lambda disk, path: disk.listdir(path),
        lambda disk, path: disk.rename(path, f"{path}2"),
        lambda disk, path: disk.create(f"{path}/x"),
        lambda disk, path: disk.mkdir(f"{path}/x"),
    ],
)
def test_what_is_not_there_is_not_found(
    disk: Disk, root: str, call: Callable[[Disk, str], object]
) -> None:
    with pytest.raises(FileNotFoundError):
        call(disk, f"{root}/missing")


def test_a_taken_name_is_refused(disk: Disk, root: str) -> None:
    disk.create(f"{root}/a")
    disk.mkdir(f"{root}/d")
    for path in ("a", "d"):
        with pytest.raises(FileExistsError):
            disk.create(f"{root}/{path}")
        with pytest.raises(FileExistsError):
            disk.mkdir(f"{root}/{path}")


def test_files_and_directories_are_not_mixed_up(disk: Disk, root: str) -> None:
    disk.create(f"{root}/a")
    disk.mkdir(f"{root}/d")
    for read_it in (disk.read, disk.unlink):
        with pytest.raises(OSError):
            read_it(f"{root}/d")
    with pytest.raises(OSError):
        disk.rename(f"{root}/a", f"{root}/d")
    with pytest.raises(NotADirectoryError):
        disk.sync_dir(f"{root}/a")
    with pytest.raises(NotADirectoryError):
        disk.listdir(f"{root}/a")


def test_a_file_is_replaced_whole(disk: Disk, root: str) -> None:
    path = f"{root}/a"
    replace_file(disk, path, b"long old content")
    replace_file(disk, path, b"new")
    assert disk.read(path) == b"new"
    disk.create(path + REPLACEMENT_SUFFIX)  # as a crash leaves it
    disk.pwrite(path + REPLACEMENT_SUFFIX, 0, b"half a file")
    replace_file(disk, path, b"newer")
    assert disk.read(path) == b"newer"
    assert disk.listdir(root) == ["a"]


def test_a_file_is_made_once(disk: Disk, root: str) -> None:
    create_file(disk, f"{root}/a", b"first")
    with pytest.raises(FileExistsError):
        create_file(disk, f"{root}/a", b"second")
    assert disk.read(f"{root}/a") == b"first"


def test_directories_are_made_with_their_parents(disk: Disk, root: str) -> None:
    ensure_dir(disk, f"{root}/a/b/c")
    ensure_dir(disk, f"{root}/a/b/c")
    ensure_dir(disk, Path(root, "a", "d"))
    assert disk.listdir(f"{root}/a") == ["b", "d"]
    assert parent(f"{root}/a") == root


def test_real_files_are_for_the_owner_only(tmp_path: Path) -> None:
    disk = RealDisk()
    disk.mkdir(tmp_path / "d")
    disk.create(tmp_path / "d" / "a")
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "d" / "a").stat().st_mode & 0o777 == 0o600


def test_a_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, pwrite = RealDisk(), os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: pwrite(fd, data[:3], at))
    disk.create(tmp_path / "a")
    disk.pwrite(tmp_path / "a", 1, b"0123456789")
    assert disk.read(tmp_path / "a") == b"\x000123456789"


async def test_the_real_environment_works() -> None:
    env = real_env()
    assert len(env.random.bytes(16)) == 16
    assert env.random.bytes(16) != env.random.bytes(16)
    before = env.clock.monotonic_us()
    await env.clock.sleep_ms(-1)
    await env.clock.sleep_ms(1)
    assert env.clock.monotonic_us() > before
    assert env.clock.now_ms() > 1_700_000_000_000


def test_the_simulated_environment_is_one_too() -> None:
    assert isinstance(SimEnv(), Env)
