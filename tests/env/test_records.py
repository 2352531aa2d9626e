"""Typed records and drafts."""

from __future__ import annotations

import errno
from dataclasses import dataclass

import pytest

from wristlet.env.durable_map import DurableMap, DurableMapError
from wristlet.env.records import Records
from wristlet.env.sim import MemoryDisk


@dataclass(frozen=True)
class Point:
    x: int
    y: int = 0


TYPES = {"point": Point, "name": str}


def opened(disk: MemoryDisk) -> Records:
    return Records(DurableMap(disk, "/map"), TYPES)


def test_a_draft_shows_what_will_be_and_commits_whole() -> None:
    disk = MemoryDisk()
    records = opened(disk)
    draft = records.draft()
    draft.put("point/1", Point(1))
    draft.put("name/1", "one")
    assert draft.get("point/1", Point) == Point(1)
    assert draft.all("point", Point) == {"point/1": Point(1)}
    assert records.get("point/1", Point) is None
    draft.commit()
    again = opened(disk)
    assert again.all("point", Point) == {"point/1": Point(1)}
    assert again.get("name/1", str) == "one"


def test_removing() -> None:
    disk = MemoryDisk()
    records = opened(disk)
    records.commit({"point/1": Point(1), "point/2": Point(2)})
    draft = records.draft()
    draft.put("point/1", None)
    draft.put("point/9", None)
    assert draft.get("point/1", Point) is None
    assert draft.all("point", Point) == {"point/2": Point(2)}
    draft.commit()
    assert opened(disk).all("point", Point) == {"point/2": Point(2)}


def test_a_commit_that_fails_changes_nothing() -> None:
    disk = MemoryDisk()
    records = opened(disk)
    records.commit({"point/1": Point(1)})
    disk.fail_at(1, OSError(errno.ENOSPC, "full"))
    with pytest.raises(OSError, match="full"):
        records.commit({"point/1": Point(2)})
    assert records.get("point/1", Point) == Point(1)


def test_a_key_holds_one_type() -> None:
    records = opened(MemoryDisk())
    with pytest.raises(TypeError, match="point/1 holds no str"):
        records.get("point/1", str)
    with pytest.raises(TypeError, match="name holds no Point"):
        records.all("name", Point)


def test_records_of_another_version_are_named() -> None:
    disk = MemoryDisk()
    DurableMap(disk, "/map").change({"line/1": b"\x01"})
    with pytest.raises(DurableMapError, match="line/1 was written by another version"):
        opened(disk)
