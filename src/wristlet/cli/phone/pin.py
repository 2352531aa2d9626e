"""`wristlet phone pin`: the PIN and the lock."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from wristlet.cli.output import as_json, data, note
from wristlet.cli.phone.common import (
    AtStrap,
    JsonOption,
    Lang,
    Place,
    SealKeyFile,
    Secrets,
    SecretsFile,
    State,
    StrapName,
    on_strap,
)

if TYPE_CHECKING:
    from wristlet.companion.lease import LeaseStatus
    from wristlet.companion.texts import Language

app = typer.Typer(help="The PIN and the lock.", no_args_is_help=True)


@app.command("set")
def create(
    state: State,
    strap: StrapName = "",
    seal_key: SealKeyFile = None,
    secrets: SecretsFile = None,
) -> None:
    """Make the PIN inside the secure element; before it there can be no card.

    Example: wristlet phone pin set --state phone
    """
    pin = Secrets(secrets).next("new PIN")

    async def work(at: AtStrap) -> None:
        await at.companion.create_pin(pin)

    on_strap(Place(state, seal_key), strap, work)
    data("PIN made; add the first card now")


@app.command("change")
def change(
    state: State,
    strap: StrapName = "",
    seal_key: SealKeyFile = None,
    secrets: SecretsFile = None,
) -> None:
    """Replace the PIN by a new one.

    Example: wristlet phone pin change --state phone
    """
    read = Secrets(secrets)
    old, new = read.next("old PIN"), read.next("new PIN")

    async def work(at: AtStrap) -> None:
        await at.companion.change_pin(old, new)

    on_strap(Place(state, seal_key), strap, work)
    data("PIN changed")


@app.command("unlock")
def unlock(
    state: State,
    strap: StrapName = "",
    seal_key: SealKeyFile = None,
    secrets: SecretsFile = None,
    lang: Lang = "en",
    json: JsonOption = False,
) -> None:
    """Enter the PIN: the strap is unlocked for a number of taps, an amount and some hours.

    Example: wristlet phone pin unlock --state phone
    """
    pin = Secrets(secrets).next("PIN")

    async def work(at: AtStrap) -> _Seen:
        await at.companion.verify_pin(pin)
        return _Seen(await at.companion.lease_status(), at.phone.currency)

    _show(on_strap(Place(state, seal_key), strap, work), lang, json=json)


@app.command("status")
def status(
    state: State,
    strap: StrapName = "",
    seal_key: SealKeyFile = None,
    lang: Lang = "en",
    json: JsonOption = False,
) -> None:
    """Show how long the strap stays unlocked, and what each card allows without PIN.

    Example: wristlet phone pin status --state phone
    """

    async def work(at: AtStrap) -> _Seen:
        lock = await at.companion.lease_status()
        names = {card.id: f"{card.issuer_name} •{card.card_last4}" for card in at.strap.cards}
        free = await at.companion.free_taps()
        lines = {names[one]: left.sentence(lang) for one, left in free.items()}
        return _Seen(lock, at.phone.currency, lines, at.companion.prompt_due(lock))

    seen = on_strap(Place(state, seal_key), strap, work)
    _show(seen, lang, json=json)
    if seen.is_due:
        note("the PIN is due: wristlet phone pin unlock")


@app.command("reset")
def reset(
    state: State,
    strap: StrapName = "",
    card: Annotated[
        str,
        typer.Option(help="Id or last four of the card whose bank asks.", show_default=False),
    ] = "",
    seal_key: SealKeyFile = None,
    secrets: SecretsFile = None,
) -> None:
    """Replace a forgotten or blocked PIN: a card's bank asks for proof, your cards stay.

    Asks for the bank's code, then for the new PIN. Example: wristlet phone pin reset --state phone
    """
    read = Secrets(secrets)

    async def work(at: AtStrap) -> None:
        card_id = at.phone.card(card, at.strap).id if card else None
        order = await at.companion.start_pin_reset(card_id)
        method = order.verification_methods[0]
        order = await at.companion.send_order_code(order, method.id)
        note(f"{order.issuer_name} sent a code ({method.hint}) for the card •{order.card_last4}")
        await at.companion.confirm_order_code(order, read.next("code"))
        await at.companion.create_pin(read.next("new PIN"))

    on_strap(Place(state, seal_key), strap, work)
    data("PIN made anew; your cards stayed")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a look at the lock found."""

    lock: LeaseStatus
    currency: str
    without_pin: dict[str, str] = field(default_factory=dict)
    is_due: bool = False


def _show(seen: _Seen, lang: Language, *, json: bool) -> None:
    lock = seen.lock
    if json:
        as_json({**asdict(lock), "without_pin": seen.without_pin})
        return
    until = ""
    if lock.until_ms is not None:
        until = f"{datetime.fromtimestamp(lock.until_ms / 1000).astimezone():%Y-%m-%d %H:%M}"
    data(lock.sentence(seen.currency, until, lang))
    for name, line in seen.without_pin.items():
        data(f"{name}: {line}")
