"""`wristlet phone queue`: what waits for the server."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from wristlet.cli.output import as_json, note, table
from wristlet.cli.phone.common import (
    AtPhone,
    JsonOption,
    Lang,
    Place,
    SealKeyFile,
    State,
    on_phone,
    tell,
)

if TYPE_CHECKING:
    from wristlet.companion.outcome import Outcome

app = typer.Typer(help="What waits for the server.", no_args_is_help=True)


@app.command("list")
def list_waiting(state: State, seal_key: SealKeyFile = None, json: JsonOption = False) -> None:
    """List what waits, and what the server turned down since you last looked.

    Example: wristlet phone queue list --state phone
    """

    async def work(at: AtPhone) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
        waiting = [
            {
                "id": one.id,
                "what": str(one.kind),
                "subject": one.subject or one.device_id,
                "sent": "maybe" if one.is_sent else "no",
            }
            for one in at.phone.waiting
        ]
        refused = [{**asdict(one), "kind": str(one.kind)} for one in at.phone.refused]
        at.phone.outbox.seen()
        return waiting, refused

    waiting, refused = on_phone(Place(state, seal_key), work)
    if json:
        as_json({"waiting": waiting, "refused": refused})
        return
    table(("id", "what", "subject", "sent"), [tuple(row.values()) for row in waiting])
    for row in refused:
        note(f"turned down: {row['kind']} of {row['subject'] or row['device_id']}: {row['reason']}")


@app.command("cancel")
def cancel(
    state: State,
    request: Annotated[str, typer.Argument(metavar="ID", help="The id of queue list.")],
    seal_key: SealKeyFile = None,
    lang: Lang = "en",
    json: JsonOption = False,
) -> None:
    """Call back what was not sent yet.

    Example: wristlet phone queue cancel q3 --state phone
    """

    async def work(at: AtPhone) -> Outcome[None]:
        return at.phone.cancel(request)

    tell(on_phone(Place(state, seal_key, lang), work), "called back", json=json)
