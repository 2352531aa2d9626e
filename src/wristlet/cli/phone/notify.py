"""`wristlet phone notify`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from wristlet.cli.output import Exit, as_json, data, note
from wristlet.cli.phone.common import (
    AtPhone,
    JsonOption,
    Place,
    SealKeyFile,
    State,
    StrapName,
    on_phone,
    open_key,
    zone_here,
)


def notify(
    state: State,
    title: Annotated[str, typer.Option(help="The message's title.")],
    body: Annotated[str, typer.Option(help="Its text.")] = "",
    app: Annotated[str, typer.Option(help="The app's id, for its rules.")] = "cli",
    name: Annotated[str, typer.Option(help="What the wearer calls the app.")] = "wristlet",
    level: Annotated[
        Literal["quiet", "normal", "urgent"], typer.Option(help="How pressing it is.")
    ] = "normal",
    key: Annotated[
        str, typer.Option(help="The same key again replaces the message.", show_default=False)
    ] = "",
    strap: StrapName = "",
    seal_key: SealKeyFile = None,
    json: JsonOption = False,
) -> None:
    """Bring a message to the strap; out of reach it is kept and comes with the next sync (8).

    Example: wristlet phone notify --state phone --title "Meiko" --body "Dinner at seven?"
    """

    content = _Content(title, body, app, name, level, key)

    async def work(at: AtPhone) -> tuple[bool, bool, str]:
        return await _bring(at, strap, content)

    accepted, sent, reason = on_phone(Place(state, seal_key), work)
    if json:
        as_json({"accepted": accepted, "sent": sent, "reason": reason})
    elif sent:
        data("on the strap")
    else:
        note(reason)
    if accepted and not sent:
        raise typer.Exit(Exit.PARTIAL)


@dataclass(frozen=True, slots=True)
class _Content:
    """What was typed."""

    title: str
    body: str
    app: str
    name: str
    level: str
    key: str


async def _bring(at: AtPhone, strap: str, content: _Content) -> tuple[bool, bool, str]:
    """Keep a message, then send it; return whether the rules let it, whether it went, and why
    not.
    """
    from wristlet.companion.concerns import MessagesPart, open_messenger
    from wristlet.companion.errors import StrapUnreachable
    from wristlet.companion.messages.content import Notification
    from wristlet.links.channel import LinkLost
    from wristlet.links.strap_link import StrapRefused
    from wristlet.wire.strap.message_choices import Level

    chosen = at.phone.strap(strap)
    folder, sealed = at.place.state, open_key(at.env, at.place)
    messenger = open_messenger(at.env, folder, sealed, chosen.device_id, zone_here(at.env))
    now_ms = at.env.clock.now_ms()
    found = Notification(
        app=content.app,
        key=content.key or at.env.random.bytes(8).hex(),
        time_ms=now_ms,
        name=content.name,
        title=content.title,
        body=content.body,
        level=Level[content.level.upper()],
    )
    if not messenger.notify(found):
        return False, False, "the rules for this app keep it from the strap"
    try:
        async with at.link(chosen.link) as link:
            report = await MessagesPart(messenger).run(link)
    except (LinkLost, StrapUnreachable, StrapRefused) as error:
        return True, False, str(error)
    return True, report.open == 0, ""
