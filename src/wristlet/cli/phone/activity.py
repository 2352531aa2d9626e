"""`wristlet phone activity`: what the strap recorded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from wristlet.cli.output import Exit, as_json, data, fail, table
from wristlet.cli.phone.common import JsonOption, Place, SealKeyFile, State, on_state

if TYPE_CHECKING:
    from wristlet.companion.activity.store import ActivityStore
    from wristlet.companion.activity.summary import DaySummary
    from wristlet.model.movement import Profile

app = typer.Typer(help="What the strap recorded.", no_args_is_help=True)

Height = Annotated[int, typer.Option(help="The wearer's height in cm.")]
Weight = Annotated[float, typer.Option(help="Weight in kg.")]
Age = Annotated[int, typer.Option(help="Age in years.")]
SexOption = Annotated[Literal["female", "male"], typer.Option(help="For the energy equations.")]
First = Annotated[
    str, typer.Option("--from", help="First day, YYYY-MM-DD; a week ago unless given.")
]
Days = Annotated[int, typer.Option(min=1, max=366, help="How many days.")]


@app.command("show")
def show(
    state: State,
    first: First = "",
    days: Days = 7,
    height_cm: Height = 170,
    weight_kg: Weight = 70.0,
    age_years: Age = 40,
    sex: SexOption = "female",
    seal_key: SealKeyFile = None,
    json: JsonOption = False,
) -> None:
    """Show steps, distance, energy, sleep and heart rate day by day, from what was synced.

    Example: wristlet phone activity show --state phone --days 3
    """
    from wristlet.companion.activity.summary import span_of, summarise_day

    start, profile = _first(first, days), _profile(height_cm, weight_kg, age_years, sex)

    async def work(log: ActivityStore) -> list[DaySummary]:
        minutes = await log.minutes(*span_of(start, days))
        each = [start + timedelta(days=offset) for offset in range(days)]
        return [summarise_day(minutes, one, profile) for one in each]

    rows = [_row(one) for one in _on_log(Place(state, seal_key), work)]
    if json:
        as_json(rows)
        return
    columns = tuple(rows[0])
    table(columns, [tuple(str(value) for value in row.values()) for row in rows])


def _row(one: DaySummary) -> dict[str, Any]:
    return {
        "day": one.day.isoformat(),
        "steps": one.steps,
        "km": round(one.distance_m / 1000, 2),
        "kcal": round(one.kcal),
        "active min": round(one.active_minutes),
        "sleep min": round(one.asleep_minutes),
        "worn min": round(one.worn_minutes),
        "heart": f"{one.heart_mean_bpm:.0f}" if one.heart_max_bpm else "",
    }


@app.command("export")
def export(
    state: State,
    file: Annotated[Path, typer.Argument(help="Where to write.")],
    kind: Annotated[
        Literal["csv", "json", "fit"], typer.Option("--format", help="fit needs wristlet[fit].")
    ] = "csv",
    first: First = "",
    days: Days = 7,
    height_cm: Height = 170,
    weight_kg: Weight = 70.0,
    age_years: Age = 40,
    sex: SexOption = "female",
    seal_key: SealKeyFile = None,
) -> None:
    """Write what was synced into a file, minute by minute.

    Example: wristlet phone activity export week.csv --state phone
    """
    if file.exists():
        fail(f"{file}: it exists; name a new file", Exit.CONFLICT)
    start, profile = _first(first, days), _profile(height_cm, weight_kg, age_years, sex)

    async def work(log: ActivityStore) -> bytes:
        return await _exported(log, kind, start, days, profile)

    content = _on_log(Place(state, seal_key), work)
    file.write_bytes(content)
    data(f"{file}: {len(content)} bytes")


async def _exported(
    log: ActivityStore, kind: str, start: date, days: int, profile: Profile
) -> bytes:
    from wristlet.companion.activity.export import to_csv, to_json
    from wristlet.companion.activity.fit import FitMissing, monitoring_fit
    from wristlet.companion.activity.summary import span_of, summarise_day

    minutes = await log.minutes(*span_of(start, days))
    if kind == "csv":
        return to_csv(minutes, profile).encode()
    if kind == "json":
        each = [start + timedelta(days=offset) for offset in range(days)]
        summed = [summarise_day(minutes, one, profile) for one in each]
        return to_json(minutes, summed, await log.gaps(), profile).encode()
    try:
        return monitoring_fit(minutes, profile)
    except FitMissing as error:
        fail(str(error), Exit.FAILURE)


def _on_log(place: Place, work: Callable[[ActivityStore], Awaitable[Any]]) -> Any:
    async def open_log() -> Any:
        from wristlet.companion.concerns import opened_activity

        async with opened_activity(place.state) as log:
            return await work(log)

    return on_state(place, open_log)


def _first(text: str, days: int) -> date:
    if not text:
        return datetime.now().astimezone().date() - timedelta(days=days - 1)
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail("--from: write YYYY-MM-DD", Exit.USAGE)


def _profile(height_cm: int, weight_kg: float, age_years: int, sex: str) -> Profile:
    from wristlet.model.movement import Profile, Sex

    try:
        return Profile(height_cm, weight_kg, age_years, Sex(sex))
    except ValueError as error:
        fail(str(error), Exit.USAGE)
