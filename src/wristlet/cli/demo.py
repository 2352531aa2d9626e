"""`wristlet demo`: the whole chain, started, shown step by step, and ended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wristlet.cli.output import Exit, as_json, fail, note

if TYPE_CHECKING:
    from rich.console import Console

    from wristlet.lab.demo import DemoResult
    from wristlet.lab.runner import StepResult
    from wristlet.lab.steps import NamedStep


def demo(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the state in this new folder.", show_default=False)
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Show the page, and stay up until Ctrl-C.")
    ] = False,
    port: Annotated[int, typer.Option(help="The page's port; 0 takes a free one.")] = 0,
) -> None:
    """Run the whole chain on this machine: pair, add cards, tap, cut, lose, find, scan.

    Example: wristlet demo --serve
    """
    import asyncio

    from wristlet.lab import launcher

    launcher.prepare()
    from wristlet.lab.demo import DemoOptions, run_demo

    if keep is not None and keep.exists():
        fail(f"--keep: {keep} exists already; name a new folder", Exit.CONFLICT)
    screen = _Screen(quiet=json)
    options = DemoOptions(keep, serve, port)
    try:
        result = asyncio.run(
            run_demo(options, [screen], on_page=screen.page, on_finished=screen.finished)
        )
    except launcher.PartFailed as error:
        fail(f"demo: {error}")
    if json:
        as_json(result.as_dict())
    raise typer.Exit(Exit.OK if result.ok else Exit.FAILURE)


class _Screen:
    """Shows steps on the terminal; silent for `--json`."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._console = _console()

    def began(self, step: NamedStep) -> None:
        """A step begins."""
        if not self._quiet and self._console.is_terminal:
            self._console.print(f"[dim]… {step.id:<15}         …  {step.wire}[/dim]", end="\r")

    def ended(self, result: StepResult) -> None:
        """A step has ended: name, time, what happened, what crossed which wire."""
        if self._quiet:
            return
        mark, style = ("✓", "green") if result.ok else ("✗", "bold red")
        head = (
            f"[{style}]{mark} {result.id:<15}[/{style}][dim]{result.ms:>7} ms  {result.wire}[/dim]"
        )
        self._console.print(head, highlight=False)
        self._console.print(f"  {_plain(result.text)}", highlight=False)

    def page(self, url: str) -> None:
        """The page is up."""
        note(f"page  {url}   (Ctrl-C ends everything)")

    def finished(self, result: DemoResult) -> None:
        """All steps are done: the table."""
        if self._quiet:
            return
        from rich.table import Table

        table = Table(title="wristlet demo", title_style="bold", title_justify="left")
        table.add_column("step")
        table.add_column("result")
        table.add_column("ms", justify="right")
        table.add_column("what happened", overflow="fold")
        for step in result.steps:
            mark = "[green]ok[/green]" if step.ok else "[red]failed[/red]"
            table.add_row(step.id, mark, str(step.ms), _plain(step.text))
        self._console.print(table)


def _console() -> Console:
    from rich.console import Console

    return Console(soft_wrap=False)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
