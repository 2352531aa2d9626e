"""The wearer's minutes as FIT files, by the library `fit-tool` (extra `[fit]`).

Two kinds of file: a *monitoring* file with every minute, as trackers keep a day, and an *activity*
file for one bout, as training programs read it. FIT counts the sums of a monitoring file up from
its start, per kind of activity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wristlet.companion.activity.store import StoredMinute
from wristlet.model.movement import Effort, Profile, basal_kcal_per_min, effort
from wristlet.wire.strap.activity_log import Kind

if TYPE_CHECKING:
    from fit_tool.fit_file_builder import FitFileBuilder
    from fit_tool.profile.messages.event_message import EventMessage
    from fit_tool.profile.messages.monitoring_message import MonitoringMessage
    from fit_tool.profile.profile_type import ActivityType, EventType, FileType

EPOCH_S: Final = 631_065_600
"""1989-12-31 00:00 UTC: local times in FIT count from here, unlike the library's other times."""
BOUT_MINUTES_MIN: Final = 10
BOUT_PAUSE_MAX_S: Final = 120
SPORTS: Final = (Kind.WALKING, Kind.RUNNING, Kind.SPORT)


class FitMissing(Exception):
    """The library that writes FIT is not installed."""


@dataclass(frozen=True, slots=True)
class Bout:
    """Minutes of one sport in a row, short pauses included."""

    kind: Kind
    minutes: tuple[StoredMinute, ...]


@dataclass(slots=True)
class _Sums:
    """What one kind of activity came to since the file's start."""

    steps: int = 0
    distance_m: float = 0.0
    active_s: int = 0


def bouts(minutes: Sequence[StoredMinute]) -> list[Bout]:
    """Find the walks, runs and games of at least ten minutes, with pauses of at most two."""
    found: list[Bout] = []
    row: list[StoredMinute] = []
    for stored in minutes:
        if not stored.minute.worn or stored.minute.kind not in SPORTS:
            continue
        if row and not _continues(row[-1], stored):
            found += _bout(row)
            row = []
        row.append(stored)
    return found + _bout(row)


def monitoring_fit(minutes: Sequence[StoredMinute], profile: Profile) -> bytes:
    """Write all minutes into a monitoring file; raises FitMissing, ValueError when there are none.

    Kinds without a name of their own in FIT become `generic`, stillness `sedentary`.
    """
    _library()
    from fit_tool.profile.messages.monitoring_info_message import MonitoringInfoMessage
    from fit_tool.profile.profile_type import ActivityType, FileType

    kinds = {
        Kind.REST: ActivityType.SEDENTARY,
        Kind.WALKING: ActivityType.WALKING,
        Kind.RUNNING: ActivityType.RUNNING,
    }
    builder = _file(FileType.MONITORING_B, minutes)
    first = minutes[0]
    info = MonitoringInfoMessage(local_id=1)
    info.timestamp = first.utc_s * 1000
    info.local_timestamp = first.local_s - EPOCH_S
    info.activity_type = [ActivityType.WALKING, ActivityType.RUNNING]
    info.resting_metabolic_rate = round(basal_kcal_per_min(profile) * 1440)
    builder.add(info)
    sums: dict[ActivityType, _Sums] = {}
    for stored in minutes:
        if stored.minute.worn:
            kind = kinds.get(stored.minute.kind, ActivityType.GENERIC)
            done = effort(profile, stored.minute)
            builder.add(_monitoring(stored, kind, sums.setdefault(kind, _Sums()), done))
    return bytes(builder.build().to_bytes())


def activity_fit(bout: Bout, profile: Profile) -> bytes:
    """Write one bout into an activity file; raises FitMissing."""
    _library()
    from fit_tool.profile.messages.record_message import RecordMessage
    from fit_tool.profile.profile_type import EventType, FileType

    builder = _file(FileType.ACTIVITY, bout.minutes)
    first, last = bout.minutes[0], bout.minutes[-1]
    start_ms, end_ms = first.utc_s * 1000, (last.utc_s + last.minute.seconds) * 1000
    builder.add(_timer(start_ms, EventType.START))
    way = 0.0
    for stored in bout.minutes:
        minute = stored.minute
        way += effort(profile, minute).distance_m
        record = RecordMessage(local_id=2)
        record.timestamp = (stored.utc_s + minute.seconds) * 1000
        record.distance = round(way, 2)
        record.heart_rate = minute.heart_bpm or None
        record.cadence = minute.steps * 30 // minute.moving_s if minute.moving_s else 0
        builder.add(record)
    builder.add(_timer(end_ms, EventType.STOP_ALL))
    _add_sums(builder, bout, profile, (start_ms, end_ms))
    return bytes(builder.build().to_bytes())


def _timer(moment_ms: int, event_type: EventType) -> EventMessage:
    from fit_tool.profile.messages.event_message import EventMessage
    from fit_tool.profile.profile_type import Event

    event = EventMessage(local_id=1)
    event.timestamp, event.event, event.event_type = moment_ms, Event.TIMER, event_type
    return event


def _add_sums(
    builder: FitFileBuilder, bout: Bout, profile: Profile, span_ms: tuple[int, int]
) -> None:
    """Add lap, session and activity, which say the same of the whole bout."""
    from fit_tool.profile.messages.activity_message import ActivityMessage
    from fit_tool.profile.messages.lap_message import LapMessage
    from fit_tool.profile.messages.session_message import SessionMessage
    from fit_tool.profile.profile_type import Activity, Event, EventType, Sport

    start_ms, end_ms = span_ms
    efforts = [effort(profile, stored.minute) for stored in bout.minutes]
    sport = {Kind.WALKING: Sport.WALKING, Kind.RUNNING: Sport.RUNNING}.get(bout.kind, Sport.GENERIC)
    for message in (LapMessage(local_id=3), SessionMessage(local_id=4)):
        message.timestamp, message.start_time = end_ms, start_ms
        message.event, message.event_type = Event.LAP, EventType.STOP
        message.sport = sport
        message.total_elapsed_time = (end_ms - start_ms) / 1000
        message.total_timer_time = sum(stored.minute.seconds for stored in bout.minutes)
        message.total_distance = round(sum(done.distance_m for done in efforts), 2)
        message.total_calories = round(sum(done.kcal for done in efforts))
        # FIT's cycles are strides: two steps.
        message.total_cycles = sum(stored.minute.steps for stored in bout.minutes) // 2
        if isinstance(message, SessionMessage):
            message.event, message.num_laps, message.first_lap_index = Event.SESSION, 1, 0
        builder.add(message)
    activity = ActivityMessage(local_id=5)
    activity.timestamp = end_ms
    activity.local_timestamp = end_ms // 1000 + bout.minutes[-1].zone_min * 60 - EPOCH_S
    activity.total_timer_time = sum(stored.minute.seconds for stored in bout.minutes)
    activity.num_sessions, activity.type = 1, Activity.MANUAL
    activity.event, activity.event_type = Event.ACTIVITY, EventType.STOP
    builder.add(activity)


def _monitoring(
    stored: StoredMinute, kind: ActivityType, sums: _Sums, done: Effort
) -> MonitoringMessage:
    from fit_tool.profile.messages.monitoring_message import MonitoringMessage

    minute = stored.minute
    sums.steps += minute.steps
    sums.distance_m += done.distance_m
    sums.active_s += minute.moving_s or minute.seconds
    message = MonitoringMessage(local_id=2 if minute.heart_bpm else 3)
    message.timestamp = (stored.utc_s + minute.seconds) * 1000
    message.activity_type = kind
    message.steps = sums.steps
    message.distance = round(sums.distance_m, 2)
    message.active_time = sums.active_s
    message.active_calories = round(done.active_kcal)
    if minute.heart_bpm:
        message.heart_rate = minute.heart_bpm
    return message


def _file(kind: FileType, minutes: Sequence[StoredMinute]) -> FitFileBuilder:
    """Begin a file of a kind."""
    from fit_tool.fit_file_builder import FitFileBuilder
    from fit_tool.profile.messages.file_id_message import FileIdMessage
    from fit_tool.profile.profile_type import Manufacturer

    if not minutes:
        raise ValueError("FIT export: there are no minutes in this span; choose another one")
    builder = FitFileBuilder(auto_define=True)
    head = FileIdMessage()
    head.type = kind
    head.manufacturer = Manufacturer.DEVELOPMENT.value
    head.product = 0
    head.serial_number = int.from_bytes(minutes[0].log_id[:4], "big") or 1
    head.time_created = (minutes[-1].utc_s + minutes[-1].minute.seconds) * 1000
    builder.add(head)
    return builder


def _continues(last: StoredMinute, stored: StoredMinute) -> bool:
    pause_s = stored.utc_s - last.utc_s - last.minute.seconds
    same = last.minute.kind is stored.minute.kind and last.log_id == stored.log_id
    return same and 0 <= pause_s <= BOUT_PAUSE_MAX_S


def _bout(row: list[StoredMinute]) -> list[Bout]:
    if sum(stored.minute.seconds for stored in row) < BOUT_MINUTES_MIN * 60:
        return []
    return [Bout(row[0].minute.kind, tuple(row))]


def _library() -> None:
    try:
        import fit_tool  # noqa: F401 - only asks whether it is there
    except ImportError as error:
        raise FitMissing(
            "FIT export needs the library fit-tool; install wristlet with its extra: wristlet[fit]"
        ) from error
