"""`wristlet phone`: the companion on the command line, with its state in a folder."""

from __future__ import annotations

import typer

from wristlet.cli.phone import activity, card, notify, pair, phones, pin, queue, strap, sync

app = typer.Typer(
    help="The wearer's phone: pair a strap, PIN, cards, sync.",
    no_args_is_help=True,
    epilog=(
        "State and seal key may also come from WRISTLET_PHONE and WRISTLET_PHONE_KEY. What is"
        " secret is asked for, or read line by line from stdin or from the file of --secrets."
    ),
)
app.command("sign-in")(pair.sign_in)
app.command("pair")(pair.pair)
app.command("sync")(sync.sync)
app.command("notify")(notify.notify)
app.add_typer(pin.app, name="pin")
app.add_typer(card.app, name="card")
app.add_typer(strap.app, name="strap")
app.add_typer(phones.app, name="phones")
app.add_typer(activity.app, name="activity")
app.add_typer(queue.app, name="queue")
