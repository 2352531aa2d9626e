"""`wristlet phone strap`: the straps of this phone, lost and found."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wristlet.cli.output import as_json, data, fields, note, table
from wristlet.cli.phone.common import (
    AtPhone,
    AtStrap,
    JsonOption,
    Lang,
    Place,
    SealKeyFile,
    State,
    StrapName,
    on_phone,
    on_strap,
    tell,
)

if TYPE_CHECKING:
    from wristlet.companion.outcome import Outcome
    from wristlet.companion.store import StrapState
    from wristlet.model.wallet_messages import Device

app = typer.Typer(help="The straps of this phone.", no_args_is_help=True)

AnyStrap = Annotated[
    str, typer.Argument(metavar="[STRAP]", help="Name or id of any strap of the wearer.")
]


@app.command("list")
def list_straps(state: State, seal_key: SealKeyFile = None, json: JsonOption = False) -> None:
    """List the wearer's straps, also those that only other phones use.

    Example: wristlet phone strap list --state phone
    """

    async def work(at: AtPhone) -> list[dict[str, Any]]:
        from wristlet.companion.errors import ServerRefused, ServerUnreachable

        try:
            devices = await at.phone.devices()
        except (ServerUnreachable, ServerRefused) as error:
            note(f"shown as last read: {error}")
            return [_kept(one) for one in at.phone.straps]
        known = {one.device_id: one for one in at.phone.straps}
        return [
            _kept(known[one.id]) if one.id in known else _only_elsewhere(one) for one in devices
        ]

    rows = on_phone(Place(state, seal_key), work)
    if json:
        as_json(rows)
        return
    columns = ("name", "model", "state", "this phone", "id")
    table(columns, [tuple(str(row[name]) for name in columns) for row in rows])


def _kept(one: StrapState) -> dict[str, Any]:
    state = "lost" if one.is_lost else "paired"
    return {
        "name": one.name,
        "model": one.model,
        "state": state,
        "this phone": "yes",
        "id": one.device_id,
        "link": one.link,
    }


def _only_elsewhere(one: Device) -> dict[str, Any]:
    return {
        "name": one.name,
        "model": one.model,
        "state": one.state,
        "this phone": "no",
        "id": one.id,
        "link": "",
    }


@app.command("status")
def status(
    state: State, strap: StrapName = "", seal_key: SealKeyFile = None, json: JsonOption = False
) -> None:
    """Ask a strap how it is: battery, worn, face, PIN, lock, phones.

    Example: wristlet phone strap status --state phone
    """

    async def work(at: AtStrap) -> dict[str, Any]:
        from wristlet.companion import strap_client

        body = asdict(await strap_client.read_state(at.companion.strap))
        body["mode"] = body["mode"].name.lower()
        return {"name": at.strap.name, **body, **asdict(await at.companion.state())}

    values = on_strap(Place(state, seal_key), strap, work)
    as_json(values) if json else fields(values)


@app.command("find")
def find(
    state: State,
    seconds: Annotated[int, typer.Option(min=0, max=60, help="How long; 0 stops it.")] = 20,
    strap: StrapName = "",
    seal_key: SealKeyFile = None,
) -> None:
    """Let a strap buzz and blink, to find it.

    Example: wristlet phone strap find --state phone
    """

    async def work(at: AtStrap) -> bool:
        from wristlet.companion import strap_client

        return (await strap_client.find_strap(at.companion.strap, seconds * 1000)).is_finding

    found = on_strap(Place(state, seal_key), strap, work)
    data("it buzzes" if found else "it is quiet")


@app.command("lost")
def lost(
    state: State,
    strap: AnyStrap = "",
    seal_key: SealKeyFile = None,
    lang: Lang = "en",
    json: JsonOption = False,
) -> None:
    """Report a strap lost: every card on it stops at once; any phone of the wearer can do it.

    Example: wristlet phone strap lost "Mika's strap" --state other-phone
    """
    from wristlet.companion.texts import say

    outcome = _lose_or_find(Place(state, seal_key, lang), strap, is_lost=True)
    tell(outcome, say("lost.done", lang), json=json)
    note(say("lost.phone", lang))
    note(say("lost.undo", lang))


@app.command("found")
def found(
    state: State,
    strap: AnyStrap = "",
    seal_key: SealKeyFile = None,
    lang: Lang = "en",
    json: JsonOption = False,
) -> None:
    """Report it found: the cards that the loss stopped are resumed.

    Example: wristlet phone strap found --state phone
    """
    from wristlet.companion.texts import say

    outcome = _lose_or_find(Place(state, seal_key, lang), strap, is_lost=False)
    tell(outcome, say("found.done", lang), json=json)
    note(say("found.pin", lang))


def _lose_or_find(place: Place, strap: str, *, is_lost: bool) -> Outcome[Device]:
    async def work(at: AtPhone) -> Outcome[Device]:
        device_id = await at.phone.any_strap(strap)
        return await (at.phone.lost(device_id) if is_lost else at.phone.found(device_id))

    outcome: Outcome[Device] = on_phone(place, work)
    return outcome


@app.command("rename")
def rename(
    state: State,
    name: Annotated[str, typer.Argument(help="The new name.")],
    strap: StrapName = "",
    seal_key: SealKeyFile = None,
    lang: Lang = "en",
    json: JsonOption = False,
) -> None:
    """Give a strap another name.

    Example: wristlet phone strap rename "Sunday strap" --state phone
    """

    async def work(at: AtPhone) -> Outcome[Device]:
        return await at.phone.rename(at.phone.strap(strap), name)

    tell(on_phone(Place(state, seal_key, lang), work), f"renamed to {name}", json=json)


@app.command("forget")
def forget(state: State, strap: StrapName = "", seal_key: SealKeyFile = None) -> None:
    """Stop using a strap on this phone; its cards stay on it, other phones go on.

    Example: wristlet phone strap forget --state phone --strap "Old strap"
    """

    async def work(at: AtPhone) -> str:
        chosen = at.phone.strap(strap)
        await at.phone.forget(chosen)
        return chosen.name

    data(f"{on_phone(Place(state, seal_key), work)} is no longer used by this phone")
