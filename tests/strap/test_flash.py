"""Flash cells: programmed once, erased whole, dead after a failed change."""

from __future__ import annotations

import pytest

from wristlet.env.sim import SimEnv
from wristlet.strap.flash import DiskFlash, FlashError


def flash() -> tuple[SimEnv, DiskFlash]:
    env = SimEnv(0)
    return env, DiskFlash.create(env.disk, "/flash", 3, sector_bytes=512)


def test_a_new_flash_is_erased_and_keeps_what_is_written() -> None:
    env, chip = flash()
    assert chip.read(0, 1536) == b"\xff" * 1536
    chip.program(600, b"abc")
    again = DiskFlash.create(env.disk, "/flash", 3, sector_bytes=512)
    assert again.read(599, 5) == b"\xffabc\xff"
    assert (again.sectors, again.sector_bytes) == (3, 512)


def test_no_byte_is_programmed_twice_without_an_erase() -> None:
    _, chip = flash()
    chip.program(10, b"x")
    with pytest.raises(FlashError, match="twice"):
        chip.program(9, b"yz")
    chip.erase(0)
    chip.program(9, b"yz")
    assert chip.read(9, 2) == b"yz"


def test_an_erase_leaves_its_neighbours() -> None:
    _, chip = flash()
    for address in (511, 512, 1023, 1024):
        chip.program(address, b"\x00")
    chip.erase(1)
    assert [chip.read(address, 1) for address in (511, 512, 1023, 1024)] == [
        b"\x00", b"\xff", b"\xff", b"\x00",
    ]  # fmt: skip


def test_writes_stay_in_one_sector_and_sectors_exist() -> None:
    _, chip = flash()
    with pytest.raises(FlashError, match="one sector"):
        chip.program(510, b"abc")
    with pytest.raises(FlashError, match="sector must be"):
        chip.erase(3)


def test_every_change_is_synced() -> None:
    env, chip = flash()
    env.disk.trace.clear()
    chip.program(0, b"a")
    chip.erase(0)
    assert [step.name for step in env.disk.trace] == ["pwrite", "datasync"] * 2


def test_after_a_failed_change_nothing_is_believed() -> None:
    env, chip = flash()
    env.disk.fail_at(2, OSError(5, "I/O error"))
    with pytest.raises(FlashError, match="restart"):
        chip.program(0, b"a")
    with pytest.raises(FlashError, match="earlier"):
        chip.read(0, 1)


def test_a_file_of_another_size_is_refused() -> None:
    env, _ = flash()
    env.disk.truncate("/flash", 1000)
    with pytest.raises(FlashError, match="whole sectors"):
        DiskFlash(env.disk, "/flash", 512)
