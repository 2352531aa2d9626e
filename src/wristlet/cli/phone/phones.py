"""`wristlet phone phones`: several phones for one strap."""

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
    Secrets,
    SecretsFile,
    State,
    StrapName,
    on_phone,
    on_strap,
    tell,
)

if TYPE_CHECKING:
    from wristlet.companion.outcome import Outcome
    from wristlet.companion.phones import Asking, PhoneView

app = typer.Typer(help="Several phones for one strap.", no_args_is_help=True)

Link = Annotated[str, typer.Option(help="The way to the strap: unix:PATH or ble:CONTROLLER.")]
DeviceName = Annotated[
    str, typer.Argument(metavar="[STRAP]", help="Name or id of the strap, when there are several.")
]


@app.command("list")
def list_phones(
    state: State, strap: StrapName = "", seal_key: SealKeyFile = None, json: JsonOption = False
) -> None:
    """List the phones of a strap: what the brand certified, and what the strap itself accepts.

    Example: wristlet phone phones list --state phone
    """

    async def work(at: AtStrap) -> list[PhoneView]:
        return await at.companion.phones()

    views = on_strap(Place(state, seal_key), strap, work)
    if json:
        as_json([asdict(one) for one in views])
        return
    rows = [
        (
            one.name,
            one.certified,
            "yes" if one.is_on_strap else "no",
            "yes" if one.is_this else "",
            one.id,
        )
        for one in views
    ]
    table(("name", "brand", "on strap", "this phone", "id"), rows)


@app.command("ask")
def ask(
    state: State,
    device: DeviceName = "",
    seal_key: SealKeyFile = None,
    json: JsonOption = False,
) -> None:
    """On the new phone: ask to come onto a strap, and show the code to type into an old phone.

    Example: wristlet phone phones ask --state new-phone
    """

    async def work(at: AtPhone) -> Asking:
        return await at.phone.ask_to_join(await at.phone.any_strap(device))

    asking = on_phone(Place(state, seal_key), work)
    if json:
        as_json({"code": asking.code, "phone_id": asking.phone_id, "strap": asking.device.name})
        return
    data(asking.code)
    note(f"type it into a phone that {asking.device.name} knows: wristlet phone phones add CODE")


@app.command("add")
def add(
    state: State,
    code: Annotated[str, typer.Argument(help="The code that the new phone shows.")],
    strap: StrapName = "",
    seal_key: SealKeyFile = None,
    json: JsonOption = False,
) -> None:
    """On the old phone: let the phone that shows this code onto the strap.

    Example: wristlet phone phones add ABCD-EFGH-JKMN --state phone
    """

    async def work(at: AtStrap) -> Any:
        return await at.companion.add_phone(code)

    added = on_strap(Place(state, seal_key), strap, work)
    as_json(asdict(added)) if json else fields({"name": added.name, "id": added.id})


@app.command("join")
def join(
    state: State,
    link: Link,
    device: DeviceName = "",
    alone: Annotated[
        bool,
        typer.Option("--alone", help="Without an old phone: a card's bank asks for proof."),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask; wait until the strap's button was pressed.")
    ] = False,
    seal_key: SealKeyFile = None,
    secrets: SecretsFile = None,
    json: JsonOption = False,
) -> None:
    """On the new phone: begin to use the strap and learn its cards; nothing is typed again.

    Example: wristlet phone phones join --state new-phone --link unix:DIR/sockets/phone.sock
    """
    read = Secrets(secrets) if alone else None

    async def work(at: AtPhone) -> int:

        known = await at.phone.device(await at.phone.any_strap(device))
        async with at.link(link) as opened:
            companion = at.phone.beside(opened)
            if read is not None:
                order = await companion.start_joining_alone(known, at.phone.name)
                method = order.verification_methods[0]
                order = await companion.send_order_code(order, method.id)
                note(f"{order.issuer_name} sent a code ({method.hint})")
                await companion.confirm_order_code(order, read.next("code"))
            return len(await companion.join(known, link=link))

    cards = on_phone(Place(state, seal_key, waits=yes), work)
    as_json({"cards": cards}) if json else data(f"joined; {cards} cards are known")


@app.command("revoke")
def revoke(
    state: State,
    phone_id: Annotated[str, typer.Argument(metavar="PHONE", help="The phone's id.")],
    strap: StrapName = "",
    seal_key: SealKeyFile = None,
    lang: Lang = "en",
    json: JsonOption = False,
) -> None:
    """Take another phone off the strap and at the server.

    Example: wristlet phone phones revoke ID --state phone
    """

    async def work(at: AtStrap) -> Outcome[None]:
        return await at.companion.revoke_phone(phone_id)

    outcome = on_strap(Place(state, seal_key, lang), strap, work)
    tell(outcome, "the other phone can no longer use this strap", json=json)
