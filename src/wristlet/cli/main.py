"""The `wristlet` command."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from wristlet import __version__
from wristlet.cli import decode, demo, phone, se, serve, strap, tap, testdata
from wristlet.cli.output import EXIT_CODES, Exit, note

app = typer.Typer(
    name="wristlet",
    help="A wearable payment platform on one machine: cards, secure element, terminal, bank.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("tap")(tap.tap)
app.add_typer(phone.app, name="phone")
app.add_typer(se.app, name="se")
app.add_typer(strap.app, name="strap")
app.add_typer(serve.app, name="serve")
app.add_typer(decode.app, name="decode")
app.add_typer(testdata.app, name="test")


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"wristlet {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """A wearable payment platform on one machine: cards, secure element, terminal, bank."""


def main() -> None:
    """Run the command line; Ctrl-C ends with 130."""
    try:
        app()
    except KeyboardInterrupt:
        note("interrupted")
        sys.exit(Exit.INTERRUPTED)


if __name__ == "__main__":
    main()
