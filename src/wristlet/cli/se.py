"""`wristlet se`: make, run, join to PC/SC and look at a secure element."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wristlet.cli.output import (
    Exit,
    as_json,
    data,
    ending,
    fail,
    fields,
    need,
    note,
    read_hex,
    table,
)

app = typer.Typer(help="The secure element.", no_args_is_help=True)

Sockets = Annotated[Path, typer.Option(help="Folder of wired.sock and contactless.sock.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
CounterOption = Annotated[
    Path | None,
    typer.Option(
        help="File of the rollback counter; STATE.counter beside the seal key unless given.",
        show_default=False,
    ),
]
EMV_ATR = "3B80800101"


@app.command("new")
def new(
    state: Annotated[Path, typer.Option(help="Folder to make the secure element in.")],
    owner: Annotated[Path, typer.Option(help="The owner's sealed key store; made if missing.")],
    seal_key: Annotated[Path, typer.Option(help="Its seal key file; made if missing.")],
    owner_key: Annotated[
        Path | None,
        typer.Option(
            help="Seal key file of the owner's store; owner.key beside the other one unless given.",
            show_default=False,
        ),
    ] = None,
    counter: CounterOption = None,
    profile: Annotated[
        Path | None,
        typer.Option(help="Profile as JSON: roots, PIN policy, lease, CRS.", show_default=False),
    ] = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Use the well-known test keys 40..4F.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Make a secure element: its keys are born inside, the owner certifies them.

    Example: wristlet se new --state se --owner owner.keys --seal-key se.key --sandbox
    """
    from wristlet.env.real import real_env
    from wristlet.lab.new_se import Places, make

    if profile is not None:
        need(profile, "profile", "write one, or use --sandbox for test roots")
    with ending("se new"):
        places = Places.of(state, owner, seal_key, owner_key, counter)
        made = make(real_env(), places, profile, sandbox=sandbox)
    for line in made.notes:
        note(line)
    identity = made.identity
    values = {"se_id": identity.se_id.hex(), "model": identity.model, "state": str(state)}
    as_json(values) if json else fields(values)


@app.command("run")
def run(
    state: Annotated[Path, typer.Option(help="Folder of the secure element.")],
    seal_key: Annotated[Path, typer.Option(help="Its seal key file.")],
    sockets: Sockets,
    counter: CounterOption = None,
    trace: Annotated[
        Path | None,
        typer.Option(help="Append every APDU, numbers masked, as JSON lines.", show_default=False),
    ] = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Allow one that has the well-known test keys.")
    ] = False,
) -> None:
    """Run a secure element behind two Unix sockets, wired and contactless.

    Example: wristlet se run --state se --seal-key se.key --sockets /tmp/se --sandbox
    """
    need(state, "secure element", "make one with se new")
    need(seal_key, "seal key", "name the one that se new made")
    from wristlet.lab.new_se import counter_of
    from wristlet.se.serve import SeInUseError, run_se

    with ending("secure element"):
        apart = counter_of(state, seal_key, counter)
        need(apart, "rollback counter", "name the one that se new made, by --counter")
        try:
            run_se(state, seal_key, sockets, sandbox=sandbox, counter_path=apart, trace=trace)
        except SeInUseError as error:
            fail(f"secure element: {error}", Exit.CONFLICT)


@app.command("bridge")
def bridge(
    sockets: Sockets,
    vpcd_wired: Annotated[
        str,
        typer.Option(
            help="vpcd's slot for the wired interface, HOST:PORT, for example 127.0.0.1:35963.",
            show_default=False,
        ),
    ] = "",
    vpcd_contactless: Annotated[
        str,
        typer.Option(
            help="vpcd's slot for the contactless interface, HOST:PORT.", show_default=False
        ),
    ] = "",
    atr: Annotated[str, typer.Option(help="ATR that PC/SC programs see, hex.")] = EMV_ATR,
) -> None:
    """Join a running secure element to PC/SC by vsmartcard's vpcd (two slots).

    Either side may come and go. Example: wristlet se bridge --sockets /tmp/se
    --vpcd-contactless 127.0.0.1:35963
    """
    from wristlet.links.process import run as run_loop
    from wristlet.links.vpcd import join_all

    wanted = {"wired": vpcd_wired, "contactless": vpcd_contactless}
    slots = {name: address for name, address in wanted.items() if address}
    if not slots:
        fail("bridge: name --vpcd-wired or --vpcd-contactless, or both", Exit.USAGE)
    answer_to_reset = read_hex(atr, "--atr")
    with ending("bridge"):
        run_loop(join_all(sockets, slots, answer_to_reset, note))


@app.command("list")
def list_cards(sockets: Sockets, json: JsonOption = False) -> None:
    """List what is on a running secure element: cards with their states, PIN and lease.

    Example: wristlet se list --sockets /tmp/se
    """
    import asyncio

    from wristlet.lab.look import NotAnElement, look

    try:
        seen = asyncio.run(look(sockets / "wired.sock"))
    except NotAnElement as error:
        fail(f"secure element at {sockets}: {error}")
    except OSError:
        fail(f"secure element: none answers at {sockets}; start it with se run", Exit.NETWORK)
    if json:
        as_json(seen.as_dict())
        return
    note(f"secure element {seen.se_id}, PIN {seen.pin}, lease {seen.lease}")
    table(("instance", "kernel", "state"), seen.rows())


@app.command("apdu")
def apdu(
    commands: Annotated[
        list[str],
        typer.Argument(
            metavar="APDU...",
            help="[CLA]INS[P1P2][:DATA][/LE][=SW] in hex; CLA, P1 and P2 are 00 unless given, "
            "= alone expects 9000.",
        ),
    ],
    url: Annotated[str, typer.Option(help="Channel: unix:PATH, tcp:HOST:PORT or pcsc:READER.")],
    json: JsonOption = False,
) -> None:
    """Send APDUs and print status word and data of each; an unexpected status word ends with 7.

    Example: wristlet se apdu --url unix:/tmp/se/wired.sock A40400:A000000151000000= 80CA0066/00=
    """
    import asyncio

    from wristlet.lab.apdu_console import Answer, ApduSyntaxError, Unexpected, send_all

    answers: list[Answer] = []
    refusal = ""

    async def send() -> None:
        async for answer in send_all(url, commands):
            answers.append(answer)
            if not json:
                data(answer.line())

    with ending("se apdu"):
        try:
            asyncio.run(send())
        except ApduSyntaxError as error:
            fail(f"APDU: {error}", Exit.USAGE)
        except Unexpected as error:
            refusal = str(error)
        except (OSError, LookupError) as error:
            fail(f"link: {error}; is the secure element running?", Exit.NETWORK)
    if json:
        as_json([answer.as_dict() for answer in answers])
    if refusal:
        fail(refusal, Exit.EXPECTATION)
