"""`wristlet serve`: one part of the chain as a process; it prints a ready line and ends on
SIGTERM.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from wristlet.cli.output import Exit, ending, fail, need

app = typer.Typer(help="Run one part of the chain as a process.", no_args_is_help=True)

State = Annotated[Path, typer.Option(help="The part's state folder.")]
SealKeyFile = Annotated[
    Path, typer.Option(help="File with the part's seal key; keep it out of the state folder.")
]
Http = Annotated[str, typer.Option(help="HTTP listen address: HOST:PORT or fd:N.")]
Iso = Annotated[str, typer.Option("--iso8583", help="ISO 8583 listen address: HOST:PORT or fd:N.")]
Durable = Annotated[
    Literal["power", "crash", "none"],
    typer.Option(help="power: survives a power cut; crash: survives a kill; none: tests only."),
]
ANY_PORT = "127.0.0.1:0"


@app.command("issuer")
def issuer(
    state: State,
    seal_key: SealKeyFile,
    http: Http = ANY_PORT,
    iso8583: Iso = ANY_PORT,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Test accounts and fixed one-time codes.")
    ] = False,
    tsp: Annotated[
        str | None,
        typer.Option(help="The token service's base URL, to tell it of the bank's cards."),
    ] = None,
    durability: Durable = "power",
) -> None:
    """Run the bank: identity checks over HTTP, authorisations over ISO 8583."""
    _check("issuer", state, seal_key)
    from wristlet.issuer.serve import run_issuer

    with ending("issuer"):
        run_issuer(state, seal_key, http, iso8583, sandbox, durability, tsp)


@app.command("tsp")
def tsp(
    state: State,
    seal_key: SealKeyFile,
    switch: Annotated[str, typer.Option(help="The switch's ISO 8583 address, HOST:PORT.")],
    issuer: Annotated[str, typer.Option(help="The bank's base URL.")],
    notify: Annotated[
        list[str] | None,
        typer.Option(help="Whom to notify, as REQUESTOR=URL; repeat for each."),
    ] = None,
    http: Http = ANY_PORT,
    iso8583: Iso = ANY_PORT,
    durability: Durable = "power",
) -> None:
    """Run the token service: life cycle over HTTP, cryptogram checks over ISO 8583."""
    _check("tsp", state, seal_key)
    from wristlet.crypto.seal import read_seal_key
    from wristlet.env.real import real_env
    from wristlet.links.process import run
    from wristlet.tsp.serve import Settings, serve

    with ending("tsp"):
        told = _named(notify or [], "--notify: write REQUESTOR=URL, each requestor once")
        settings = Settings(state, http, iso8583, switch, issuer, durability, told)
        run(serve(real_env(), settings, read_seal_key(seal_key)))


@app.command("wallet")
def wallet(
    state: State,
    seal_key: SealKeyFile,
    tsp: Annotated[str, typer.Option(help="The token service's base URL.")],
    http: Http = ANY_PORT,
    durability: Durable = "power",
) -> None:
    """Run the wallet server; its bearer token for the token service is in its key store."""
    _check("wallet", state, seal_key)
    from wristlet.crypto.seal import read_seal_key
    from wristlet.env.real import real_env
    from wristlet.links.process import run
    from wristlet.wallet.serve import serve, settings_of

    with ending("wallet"):
        env, key = real_env(), read_seal_key(seal_key)
        settings = settings_of(env, state, key, http, tsp, durability)
        run(serve(env, settings, key))


@app.command("switch")
def switch(
    state: State,
    seal_key: SealKeyFile,
    routes: Annotated[Path, typer.Option(help="JSON file: number prefix to host name.")],
    peer: Annotated[list[str], typer.Option(help="A host as NAME=HOST:PORT; repeat for each.")],
    iso8583: Iso = ANY_PORT,
) -> None:
    """Run the network switch."""
    _check("switch", state, seal_key)
    need(routes, "--routes", "write a JSON object of number prefix to host name")
    from wristlet.network.serve import run_switch

    with ending("switch"):
        peers = _named(peer, "--peer: write NAME=HOST:PORT, each name once")
        run_switch(state, seal_key, iso8583, routes, peers)


@app.command("acquirer")
def acquirer(
    state: State,
    seal_key: SealKeyFile,
    switch: Annotated[str, typer.Option(help="The switch's ISO 8583 address, HOST:PORT.")],
    iso8583: Iso = ANY_PORT,
) -> None:
    """Run the acquirer's host."""
    _check("acquirer", state, seal_key)
    from wristlet.network.serve import run_acquirer

    with ending("acquirer"):
        run_acquirer(state, seal_key, iso8583, switch)


def _named(words: list[str], usage: str) -> dict[str, str]:
    named = dict(word.split("=", 1) for word in words if "=" in word)
    if len(named) != len(words):
        fail(usage, Exit.USAGE)
    return named


def _check(part: str, state: Path, seal_key: Path) -> None:
    """See that there is something to serve before anything is loaded."""
    need(state, f"state of the {part}", "wristlet demo --keep DIR makes a whole sandbox")
    need(seal_key, f"seal key of the {part}", "name the file that was made with the state")
