"""Exports say what is kept; FIT files are read back by another library than the one that wrote."""

from __future__ import annotations

import csv
import io
import json
import sys
from datetime import UTC, date, datetime
from typing import Any

import pytest

from wristlet.companion.activity import fit
from wristlet.companion.activity.export import to_csv, to_json
from wristlet.companion.activity.store import Gap, StoredMinute
from wristlet.companion.activity.summary import summarise_day
from wristlet.model.movement import Profile, effort
from wristlet.wire.strap.activity_log import Kind, Minute

PROFILE = Profile()
ZONE_MIN = 540
START_S = int(datetime(2026, 3, 4, 5, 0, tzinfo=UTC).timestamp())
DAY = date(2026, 3, 4)
ROW = (
    Minute(heart_bpm=61),
    *[Minute(110, 60, 1200, 95, Kind.WALKING)] * 6,
    Minute(count=200, kind=Kind.ACTIVE),
    *[Minute(120, 60, 1300, 99, Kind.WALKING)] * 5,
    Minute(worn=False),
    *[Minute(160, 60, 5000, 0, Kind.RUNNING)] * 3,
)


def stored(row: tuple[Minute, ...] = ROW) -> list[StoredMinute]:
    return [
        StoredMinute(bytes(range(8)), 100 + at, START_S + 60 * at, ZONE_MIN, minute)
        for at, minute in enumerate(row)
    ]


def read_fit(data: bytes) -> dict[str, list[dict[str, Any]]]:
    """All messages by name, by `fitdecode`, which checks both checksums."""
    import fitdecode

    found: dict[str, list[dict[str, Any]]] = {}
    with fitdecode.FitReader(
        io.BytesIO(data),
        check_crc=fitdecode.CrcCheck.RAISE,
        error_handling=fitdecode.ErrorHandling.RAISE,
    ) as reader:
        for frame in reader:
            if isinstance(frame, fitdecode.FitDataMessage):
                fields = {field.name: field.value for field in frame.fields}
                found.setdefault(frame.name, []).append(fields)
    return found


def test_csv_has_a_line_per_minute_with_the_wearers_time() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(stored(), PROFILE), newline="")))
    assert len(rows) == len(ROW)
    assert rows[0]["start"] == "2026-03-04T14:00:00+09:00"
    assert (rows[1]["kind"], rows[1]["steps"], rows[1]["cadence"]) == ("walking", "110", "110")
    assert (rows[13]["worn"], rows[13]["kind"]) == ("0", "")
    assert rows[0]["record"] == "100"
    assert float(rows[1]["distance_m"]) == round(effort(PROFILE, ROW[1]).distance_m, 1)


def test_json_holds_days_gaps_and_minutes() -> None:
    minutes = stored()
    gaps = [Gap(bytes(8), 5, 9, START_S, ZONE_MIN), Gap(bytes(8), 20, 21, None, None)]
    day = summarise_day(minutes, DAY, PROFILE)
    document = json.loads(to_json(minutes, [day], gaps, PROFILE))
    assert document["profile"] == {
        "height_cm": 170, "weight_kg": 70.0, "age_years": 40, "sex": "female",
    }  # fmt: skip
    assert document["days"][0]["steps"] == day.steps == 660 + 600 + 480
    assert document["days"][0]["kind_minutes"]["walking"] == 11
    assert document["gaps"][0]["records"] == 4
    assert document["gaps"][0]["before"] == "2026-03-04T14:00:00+09:00"
    assert document["gaps"][1]["before"] is None
    assert [row["steps"] for row in document["minutes"]] == [minute.steps for minute in ROW]


def test_a_monitoring_file_is_read_by_another_library() -> None:
    found = read_fit(fit.monitoring_fit(stored(), PROFILE))
    assert found["file_id"][0]["type"] == "monitoring_b"
    local = found["monitoring_info"][0]["local_timestamp"]
    assert local.replace(tzinfo=None) == datetime(2026, 3, 4, 14, 0)  # noqa: DTZ001 - FIT's local time has no zone
    rows = found["monitoring"]
    assert len(rows) == sum(minute.worn for minute in ROW)
    walking = [row for row in rows if row["activity_type"] == "walking"]
    assert [row["steps"] for row in walking][-1] == 660 + 600
    running = [row for row in rows if row["activity_type"] == "running"]
    assert [row["steps"] for row in running] == [160, 320, 480]
    assert walking[0]["heart_rate"] == 95
    assert all("heart_rate" not in row or row["heart_rate"] is None for row in running)
    way = sum(effort(PROFILE, minute).distance_m for minute in ROW if minute.kind is Kind.WALKING)
    assert walking[-1]["distance"] == pytest.approx(way, abs=0.5)
    assert walking[0]["timestamp"] == datetime(2026, 3, 4, 5, 2, tzinfo=UTC)


def test_a_walk_is_found_over_a_short_pause_and_a_short_run_is_none() -> None:
    found = fit.bouts(stored())
    assert [(bout.kind, len(bout.minutes)) for bout in found] == [(Kind.WALKING, 11)]


def test_an_activity_file_is_read_by_another_library() -> None:
    bout = fit.bouts(stored())[0]
    found = read_fit(fit.activity_fit(bout, PROFILE))
    assert found["file_id"][0]["type"] == "activity"
    session = found["session"][0]
    assert (session["sport"], session["num_laps"]) == ("walking", 1)
    assert (session["total_elapsed_time"], session["total_timer_time"]) == (12 * 60, 11 * 60)
    way = sum(effort(PROFILE, one.minute).distance_m for one in bout.minutes)
    assert session["total_distance"] == pytest.approx(way, abs=0.1)
    assert session["start_time"] == datetime(2026, 3, 4, 5, 1, tzinfo=UTC)
    records = found["record"]
    assert len(records) == 11
    assert records[-1]["distance"] == pytest.approx(way, abs=0.1)
    assert (records[0]["cadence"], records[0]["heart_rate"]) == (55, 95)
    assert [event["event_type"] for event in found["event"]] == ["start", "stop_all"]
    assert len(found["lap"]) == len(found["activity"]) == 1
    local = found["activity"][0]["local_timestamp"].replace(tzinfo=None)
    assert local == datetime(2026, 3, 4, 14, 13)  # noqa: DTZ001 - FIT's local time has no zone


def test_nothing_to_export_and_no_library_are_said_plainly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ValueError, match="no minutes"):
        fit.monitoring_fit([], PROFILE)
    monkeypatch.setitem(sys.modules, "fit_tool", None)
    with pytest.raises(fit.FitMissing, match=r"wristlet\[fit\]"):
        fit.monitoring_fit(stored(), PROFILE)
