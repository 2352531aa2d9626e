"""`wristlet test`: the sandbox's numbers and codes."""

from __future__ import annotations

from typing import Annotated

import typer

from wristlet.cli.output import as_json, note, table

app = typer.Typer(help="Sandbox test data.", no_args_is_help=True)


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
