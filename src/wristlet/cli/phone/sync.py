"""`wristlet phone sync`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from wristlet.cli.output import Exit, as_json, table
from wristlet.cli.phone.common import (
    AtStrap,
    JsonOption,
    Place,
    SealKeyFile,
    State,
    StrapName,
    on_strap,
    open_key,
    zone_here,
)

if TYPE_CHECKING:
    from wristlet.companion.sync import SyncReport


def sync(
    state: State, strap: StrapName = "", seal_key: SealKeyFile = None, json: JsonOption = False
) -> None:
    """Sync every concern of a strap; each goes on where it stopped. Ends with 8 if some are open.

    Example: wristlet phone sync --state phone
    """

    async def work(at: AtStrap) -> SyncReport:
        from wristlet.companion.concerns import strap_parts

        env, place = at.base.env, at.base.place
        store, key = at.companion.tools.store, open_key(env, place)
        where = (env, store, place.state, key, at.strap.device_id)
        async with strap_parts(*where, zone_here(env)) as parts:
            for part in parts:
                at.companion.register(part)
            return await at.companion.sync_all()

    report = on_strap(Place(state, seal_key), strap, work)
    if json:
        as_json([asdict(part) for part in report.parts])
    else:
        rows = [(one.name, str(one.done), str(one.open), one.reason) for one in report.parts]
        table(("part", "done", "open", "reason"), rows)
    if not report.is_whole:
        raise typer.Exit(Exit.PARTIAL)
