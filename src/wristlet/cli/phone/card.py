"""`wristlet phone card`: add, list, choose, pause, resume, remove, renew, move."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wristlet.cli.output import Exit, as_json, data, note, table
from wristlet.cli.phone.common import (
    AtPhone,
    AtStrap,
    CardName,
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
    from wristlet.companion.core import Companion
    from wristlet.companion.explain import CardView
    from wristlet.companion.moving import Moved
    from wristlet.companion.outcome import Outcome
    from wristlet.companion.phone import Phone
    from wristlet.model.wallet_messages import Card

app = typer.Typer(help="The cards on a strap.", no_args_is_help=True)


@app.command("add")
def add(
    state: State,
    strap: StrapName = "",
    accept_terms: Annotated[
        bool, typer.Option("--accept-terms", help="Accept the bank's terms without being asked.")
    ] = False,
    seal_key: SealKeyFile = None,
    secrets: SecretsFile = None,
    json: JsonOption = False,
) -> None:
    """Add a card: number, expiry MM/YY and security code are asked for, and a code if the bank
    wants one.

    Needs strap and server. Example: wristlet phone card add --state phone
    """
    read = Secrets(secrets)
    typed = (read.next("card number"), read.next("expiry MM/YY", hidden=False))
    security_code = read.next("security code")

    async def work(at: AtStrap) -> Card:
        offer = await at.companion.check_card(*typed, security_code)
        note(f"{offer.issuer_name}, {offer.product}: {offer.terms.title}")
        if not accept_terms:
            note(offer.terms.text)
            if not typer.confirm("Accept these terms?", err=True):
                raise typer.Exit(Exit.FAILURE)
        return await _proved(at.companion, await at.companion.add_offered(offer), read)

    _print_card(on_strap(Place(state, seal_key), strap, work), json=json)


async def _proved(companion: Companion, card: Card, read: Secrets) -> Card:
    """Enter the bank's code where the card waits for one."""
    if card.state == "inactive" and card.verification_methods:
        return await _prove(companion, card, read)
    return card


async def _prove(companion: Companion, card: Card, read: Secrets) -> Card:
    method = card.verification_methods[0]
    await companion.send_code(card.id, method.id)
    note(f"{card.issuer_name} sent a code ({method.hint})")
    return await companion.confirm_code(card.id, read.next("code"))


@app.command("code")
def code(
    state: State,
    card: CardName,
    send: Annotated[bool, typer.Option("--send", help="Have a new code sent first.")] = False,
    strap: StrapName = "",
    seal_key: SealKeyFile = None,
    secrets: SecretsFile = None,
    json: JsonOption = False,
) -> None:
    """Enter the bank's code for a card that waits for it.

    Example: wristlet phone card code 0002 --state phone --send
    """
    read = Secrets(secrets)

    async def work(at: AtStrap) -> Card:
        waiting = at.phone.card(card, at.strap)
        if send:
            return await _prove(at.companion, waiting, read)
        return await at.companion.confirm_code(waiting.id, read.next("code"))

    _print_card(on_strap(Place(state, seal_key), strap, work), json=json)


@app.command("list")
def list_cards(
    state: State,
    strap: StrapName = "",
    seal_key: SealKeyFile = None,
    lang: Lang = "en",
    json: JsonOption = False,
) -> None:
    """List the cards as both layers see them, each with one plain sentence; works offline too.

    Example: wristlet phone card list --state phone
    """

    async def work(at: AtStrap) -> tuple[list[CardView], bool]:
        from wristlet.companion.errors import ServerRefused, ServerUnreachable

        try:
            await at.companion.cards()
        except (ServerUnreachable, ServerRefused) as error:
            note(f"shown as last read: {error}")
            return await at.companion.card_views(), False
        return await at.companion.card_views(), True

    views, _ = on_strap(Place(state, seal_key), strap, work)
    shown = [view for view in views if view.card.state not in ("deleted", "declined")]
    if json:
        as_json([{**asdict(view), "sentence": view.explain(lang)} for view in shown])
        return
    columns = ("card", "device no.", "bank", "token", "strap", "how it stands")
    table(columns, [_row(view, lang) for view in shown])


def _row(view: CardView, lang: Any) -> tuple[str, ...]:
    card = view.card
    by = f" ({', '.join(card.suspended_by)})" if card.suspended_by else ""
    se_state = view.se_state if view.is_read_now else f"{view.se_state}?"
    return (
        f"•{card.card_last4}",
        f"•{card.token_last4}" if card.token_last4 else "",
        card.issuer_name,
        f"{card.state}{by}",
        se_state,
        view.explain(lang),
    )


@app.command("use")
def use(
    state: State,
    card: CardName,
    strap: StrapName = "",
    seal_key: SealKeyFile = None,
    lang: Lang = "en",
    json: JsonOption = False,
) -> None:
    """Make a card the main one: needs the strap, never the server.

    Example: wristlet phone card use 0001 --state phone
    """

    async def work(at: AtStrap) -> Outcome[None]:
        return await at.phone.switch(at.companion, at.phone.card(card, at.strap))

    outcome = on_strap(Place(state, seal_key, lang), strap, work)
    tell(outcome, "this card pays now", json=json)


@app.command("suspend")
def suspend(
    state: State,
    card: CardName,
    strap: StrapName = "",
    seal_key: SealKeyFile = None,
    lang: Lang = "en",
    json: JsonOption = False,
) -> None:
    """Pause a card; without the server the pause is kept and handed in later (exit code 8).

    Example: wristlet phone card suspend 0001 --state phone
    """
    outcome = _change(Place(state, seal_key, lang), strap, card, lambda phone: phone.suspend)
    tell(outcome, "paused; your plastic card still works", json=json)


@app.command("resume")
def resume(
    state: State,
    card: CardName,
    strap: StrapName = "",
    seal_key: SealKeyFile = None,
    lang: Lang = "en",
    json: JsonOption = False,
) -> None:
    """Lift your own pause of a card.

    Example: wristlet phone card resume 0001 --state phone
    """
    outcome = _change(Place(state, seal_key, lang), strap, card, lambda phone: phone.resume)
    tell(outcome, "resumed; sync the strap", json=json)


@app.command("remove")
def remove(
    state: State,
    card: CardName,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    strap: StrapName = "",
    seal_key: SealKeyFile = None,
    lang: Lang = "en",
    json: JsonOption = False,
) -> None:
    """Remove a card: it is refused at once and leaves the strap with the next sync.

    Example: wristlet phone card remove 0001 --state phone --yes
    """
    if not yes and not typer.confirm("Remove this card from the strap?", err=True):
        raise typer.Exit(Exit.FAILURE)
    outcome = _change(Place(state, seal_key, lang), strap, card, lambda phone: phone.remove)
    tell(outcome, "removed; sync the strap", json=json)


def _change(
    place: Place,
    strap: str,
    card: str,
    operation: Callable[[Phone], Callable[[Card], Awaitable[Outcome[Card]]]],
) -> Outcome[Card]:
    """Do what needs the server alone, or keep it for later."""

    async def work(at: AtPhone) -> Outcome[Card]:
        return await operation(at.phone)(at.phone.card(card, at.phone.strap(strap)))

    outcome: Outcome[Card] = on_phone(place, work)
    return outcome


@app.command("renew")
def renew(
    state: State,
    card: CardName,
    strap: StrapName = "",
    seal_key: SealKeyFile = None,
    secrets: SecretsFile = None,
    json: JsonOption = False,
) -> None:
    """Load a card anew under a new device number, without typing it; the old one pays until then.

    The bank sends a code. Example: wristlet phone card renew 0001 --state phone
    """

    read = Secrets(secrets)

    async def work(at: AtStrap) -> Card:
        fresh = await at.companion.renew(at.phone.card(card, at.strap).id)
        return await _proved(at.companion, fresh, read)

    _print_card(on_strap(Place(state, seal_key), strap, work), json=json)


@app.command("move")
def move(
    state: State,
    source: Annotated[str, typer.Option("--from", help="The strap the cards are on now.")],
    strap: StrapName = "",
    seal_key: SealKeyFile = None,
    secrets: SecretsFile = None,
    json: JsonOption = False,
) -> None:
    """Put the cards of an old strap onto this one, without typing them; each old one pays until
    its successor does. Each bank sends a code.

    Example: wristlet phone card move --state phone --from "Old strap" --strap "New strap"
    """

    read = Secrets(secrets)

    async def work(at: AtStrap) -> list[Moved]:
        moved = await at.companion.move_cards_from(await at.phone.any_strap(source))
        return [
            replace(one, new=await _proved(at.companion, one.new, read)) if one.new else one
            for one in moved
        ]

    moved = on_strap(Place(state, seal_key), strap, work)
    rows = [
        (
            f"•{one.old.card_last4}",
            one.old.issuer_name,
            one.new.state if one.new else "not moved",
            one.reason,
        )
        for one in moved
    ]
    columns = ("card", "bank", "on this strap", "reason")
    if json:
        as_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        table(columns, rows)
    if any(one.new is None for one in moved):
        raise typer.Exit(Exit.PARTIAL)


def _print_card(card: Card, *, json: bool) -> None:
    from wristlet.companion.explain import explain

    if json:
        as_json(asdict(card))
    else:
        data(f"{card.issuer_name} •{card.card_last4}: {explain(card)}")
