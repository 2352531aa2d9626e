"""`wristlet strap`: the strap's own processor as a process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from wristlet.cli.output import Exit, ending, fail, need, note

app = typer.Typer(help="The strap: firmware, radio, button.", no_args_is_help=True)


@app.command("run")
def run_strap(
    sockets: Annotated[
        Path, typer.Option(help="Folder with the secure element's wired.sock; ours go there too.")
    ],
    state: Annotated[
        Path | None,
        typer.Option(
            help="Folder for bonds; without it they last for this run.", show_default=False
        ),
    ] = None,
    link: Annotated[
        Literal["auto", "ble", "socket"],
        typer.Option(help="ble: Bluetooth LE; socket: the same bytes without a radio."),
    ] = "auto",
    hci: Annotated[
        str,
        typer.Option(help="A real Bluetooth controller, as usb:0 or serial:/dev/ttyACM0."),
    ] = "",
    name: Annotated[str, typer.Option(help="The name it is advertised under.")] = "wristlet",
) -> None:
    """Run the strap's firmware in front of its secure element until SIGTERM.

    Example: wristlet strap run --sockets sandbox/sockets --link ble
    """
    from wristlet.links.process import run
    from wristlet.links.strap_open import has_bluetooth
    from wristlet.strap.serve import StrapSettings, serve

    need(sockets, "folder of sockets", "name the one of se run")
    if hci and link == "socket":
        fail("--hci: a controller needs Bluetooth; leave --link socket out", Exit.USAGE)
    chosen = link
    if link == "auto":
        chosen = "ble" if hci or has_bluetooth() else "socket"
    if chosen == "socket":
        note("no Bluetooth: the strap's GATT bytes go over a socket, unencrypted")
    with ending("strap"):
        run(serve(StrapSettings(sockets, state, chosen, hci, name)))
