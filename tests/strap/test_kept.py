"""What outlives a flat battery: after a crash at any step there is the old state or the new."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.strap_codecs import values_of
from wristlet.env.sim import MemoryDisk, SimulatedCrash
from wristlet.strap.body import Body
from wristlet.strap.clock import Setting
from wristlet.strap.kept import (
    BODY_FILE,
    KEPT,
    SETTINGS_FILE,
    Kept,
    KeptFiles,
    body_of,
    kept_of,
)
from wristlet.wire.errors import DecodeError
from wristlet.wire.strap.settings import CardEntry, CurrentSettings, Settings, Strength
from wristlet.wire.strap.state import Mode, Tap
from wristlet.wire.strap.time import Zone
from wristlet.wire.tap_report import TapOutcome

OLD = CurrentSettings(3, Settings(cards=(CardEntry(bytes(7), "Aoba Gold", "4242"),)))
NEW = CurrentSettings(4, Settings(vibration=Strength.OFF))
FRESH = Kept(charge_nah=45_000_000)


def test_what_was_saved_is_there_again() -> None:
    disk = MemoryDisk()
    KeptFiles(disk, "strap").save_settings(OLD)
    body = Body(mode=Mode.SLEEP, tap_number=7, taps=(Tap(7, TapOutcome.SENT, 5, bytes(7)),))
    clock = Setting(-500, Zone(3_600, 99, 7_200, "Europe/Berlin"), is_set=True)
    KeptFiles(disk, "strap").save_body(kept_of(body, clock, 12_345))
    again = KeptFiles(disk, "strap")
    assert again.settings() == (OLD, False)
    kept, is_lost = again.body(FRESH)
    assert (kept.charge_nah, kept.clock, is_lost) == (12_345, clock, False)
    assert body_of(kept, 100) == body


def test_a_new_strap_has_defaults() -> None:
    files = KeptFiles(MemoryDisk(), "strap")
    assert files.settings() == (CurrentSettings(0, Settings()), False)
    assert files.body(FRESH) == (FRESH, False)
    assert files.used_bytes() == 0


@pytest.mark.parametrize("name", [SETTINGS_FILE, BODY_FILE])
@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_file_is_noticed_and_not_guessed_at(name: str, damage: str) -> None:
    disk = MemoryDisk()
    files = KeptFiles(disk, "strap")
    files.save_settings(OLD)
    files.save_body(FRESH)
    path = f"strap/{name}"
    if damage == "flip":
        disk.pwrite(path, 4, bytes((disk.read(path)[4] ^ 1,)))
    else:
        disk.truncate(path, 0 if damage == "empty" else disk.size(path) - 1)
    lost = files.settings()[1] if name == SETTINGS_FILE else files.body(Kept())[1]
    assert lost
    assert files.settings()[0] == (CurrentSettings(0, Settings()) if name == SETTINGS_FILE else OLD)


def test_a_crash_at_any_step_leaves_the_old_settings_or_the_new() -> None:
    seen = set()
    for step in range(1, 20):
        disk = MemoryDisk()
        files = KeptFiles(disk, "strap")
        files.save_settings(OLD)
        disk.kill_at(step)
        try:
            files.save_settings(NEW)
        except SimulatedCrash:
            for image in disk.images():
                current, is_lost = KeptFiles(image, "strap").settings()
                assert not is_lost
                assert current in (OLD, NEW)
                seen.add(current.revision)
        else:
            assert KeptFiles(next(disk.images()), "strap").settings() == (NEW, False)
            break
    assert seen == {3, 4}


@given(values_of(Kept))
def test_kept_state_round_trip(kept: Kept) -> None:
    assert KEPT.decode(KEPT.encode(kept)) == kept


@given(st.binary(max_size=80))
def test_any_file_is_read_or_refused(raw: bytes) -> None:
    disk = MemoryDisk()
    files = KeptFiles(disk, "strap")
    disk.create("strap/body")
    disk.pwrite("strap/body", 0, raw)
    kept, is_lost = files.body(FRESH)
    assert kept == FRESH or not is_lost


def test_kept_state_of_another_version_is_refused() -> None:
    raw = bytearray(KEPT.encode(FRESH))
    raw[0] = 9
    with pytest.raises(DecodeError, match="version"):
        KEPT.decode(bytes(raw))
