"""`wristlet test`: the sandbox's numbers and codes, its sessions, and a hand on its strap."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from wristlet.cli.output import Exit, as_json, data, ending, fail, fields, need, note, table

app = typer.Typer(help="Sandbox test data.", no_args_is_help=True)

Kept = Annotated[Path, typer.Option("--keep", help="The folder that the demo keeps.")]


@app.callback()
def root() -> None:
    """Sandbox test data."""


@app.command("cards")
def cards(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the sandbox's card numbers and what each one does.

    Example: wristlet test cards
    """
    from wristlet.model import testcards

    rows = [
        (
            card.number.reveal(),
            f"{card.expiry_yymm[2:]}/{card.expiry_yymm[:2]}",
            card.security_code.reveal(),
            card.bank.name,
            card.product,
            card.note,
        )
        for card in testcards.TEST_CARDS
    ]
    columns = ("number", "expires", "code", "bank", "product", "what it does")
    if json:
        as_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    table(columns, rows)
    note(
        f"\nOne-time codes: {testcards.OTP_RIGHT} right, {testcards.OTP_WRONG} wrong,"
        f" {testcards.OTP_EXPIRED} expired. None of these numbers belongs to anybody."
    )


@app.command("sign-in")
def sign_in(keep: Kept) -> None:
    """Open a session for the sandbox's wearer, as its brand's backend would; prints the token.

    Example: wristlet test sign-in --keep DIR | wristlet phone sign-in --state phone
    --brand DIR/brand.json
    """
    import asyncio

    from wristlet.links.http import RemoteError

    _need_kept(keep)
    from wristlet.lab.kept import new_session

    with ending("sign-in"):
        try:
            data(asyncio.run(new_session(keep)))
        except RemoteError as error:
            fail(f"sign-in: {error}; is the demo still up?", Exit.NETWORK)


@app.command("touch")
def touch(
    keep: Kept,
    action: Annotated[
        Literal["confirm", "next", "pair", "worn", "off"],
        typer.Argument(help="Press the button (confirm, next), hold it (pair), put on, take off."),
    ],
    svg: Annotated[
        Path | None, typer.Option(help="Write the QR code of pair here.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Do to the sandbox's strap what a hand does; `pair` shows the code on this second screen.

    Example: wristlet test touch pair --keep DIR
    """
    import asyncio

    _need_kept(keep)
    from wristlet.lab import kept, second_screen

    with ending("strap"):
        control = Path(kept.read(keep).strap_control)
        try:
            answer = asyncio.run(second_screen.touch(control, action))
        except OSError as error:
            fail(f"strap: {error}; is the demo still up?", Exit.NETWORK)
        if json:
            as_json(answer)
            return
        fields({name: value for name, value in answer.items() if name != "ok"})
        if "url" in answer:
            _show_qr(answer["url"], svg)


def _show_qr(url: str, svg: Path | None) -> None:
    from wristlet.lab import second_screen

    try:
        if svg is not None:
            svg.write_text(second_screen.qr_svg(url), encoding="utf-8")
        else:
            note(second_screen.qr_terminal(url))
    except second_screen.QrMissing as error:
        note(str(error))


def _need_kept(keep: Path) -> None:
    need(keep / "sandbox.json", "sandbox", "wristlet demo --serve --keep DIR makes one")
