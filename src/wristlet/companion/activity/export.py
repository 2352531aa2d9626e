"""The wearer's minutes as CSV and JSON: everything that is kept, and what was lost."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from wristlet.companion.activity.store import Gap, StoredMinute
from wristlet.companion.activity.summary import DaySummary
from wristlet.model.movement import Profile, effort

COLUMNS: Final = (
    "start", "utc_s", "zone_min", "seconds", "kind", "worn", "asleep", "steps", "cadence",
    "distance_m", "kcal", "heart_bpm", "count", "log", "record",
)  # fmt: skip


def to_csv(minutes: Sequence[StoredMinute], profile: Profile) -> str:
    """Write one line per minute; times carry the wearer's zone at the time."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(_row(stored, profile) for stored in minutes)
    return out.getvalue()


def to_json(
    minutes: Sequence[StoredMinute],
    days: Sequence[DaySummary],
    gaps: Sequence[Gap],
    profile: Profile,
) -> str:
    """Write minutes, days and gaps as one object; absent values are null."""
    document = {
        "profile": asdict(profile),
        "days": [_day(day) for day in days],
        "gaps": [_gap(gap) for gap in gaps],
        "minutes": [_row(stored, profile) for stored in minutes],
    }
    return json.dumps(document, ensure_ascii=False, indent=1)


def wall_time(utc_s: int, zone_min: int) -> str:
    """Return a moment as ISO 8601 with the wearer's offset."""
    zone = timezone(timedelta(minutes=zone_min))
    return datetime.fromtimestamp(utc_s, tz=UTC).astimezone(zone).isoformat()


def _row(stored: StoredMinute, profile: Profile) -> dict[str, Any]:
    minute = stored.minute
    done = effort(profile, minute)
    return {
        "start": wall_time(stored.utc_s, stored.zone_min),
        "utc_s": stored.utc_s,
        "zone_min": stored.zone_min,
        "seconds": minute.seconds,
        "kind": minute.kind.name.lower() if minute.worn else None,
        "worn": int(minute.worn),
        "asleep": int(minute.asleep),
        "steps": minute.steps,
        "cadence": round(minute.steps * 60 / minute.moving_s) if minute.moving_s else None,
        "distance_m": round(done.distance_m, 1),
        "kcal": round(done.kcal, 2),
        "heart_bpm": minute.heart_bpm or None,
        "count": minute.count,
        "log": stored.log_id.hex(),
        "record": stored.record,
    }


def _day(day: DaySummary) -> dict[str, Any]:
    return {
        "day": day.day.isoformat(),
        "recorded_minutes": round(day.recorded_minutes, 1),
        "worn_minutes": round(day.worn_minutes, 1),
        "steps": day.steps,
        "distance_m": round(day.distance_m),
        "kcal": round(day.kcal),
        "active_kcal": round(day.active_kcal),
        "active_minutes": round(day.active_minutes, 1),
        "asleep_minutes": round(day.asleep_minutes, 1),
        "heart_min_bpm": day.heart_min_bpm or None,
        "heart_mean_bpm": round(day.heart_mean_bpm, 1) or None,
        "heart_max_bpm": day.heart_max_bpm or None,
        "kind_minutes": {
            kind.name.lower(): round(minutes, 1) for kind, minutes in day.kind_minutes.items()
        },
    }


def _gap(gap: Gap) -> dict[str, Any]:
    before = None
    if gap.utc_s is not None and gap.zone_min is not None:
        before = wall_time(gap.utc_s, gap.zone_min)
    return {
        "log": gap.log_id.hex(),
        "first": gap.first,
        "end": gap.end,
        "records": gap.end - gap.first,
        "before": before,
    }
