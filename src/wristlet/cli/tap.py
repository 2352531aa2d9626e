"""`wristlet tap`: hold a card on any channel to a terminal of one's own."""

from __future__ import annotations

from typing import Annotated

import typer

from wristlet.cli.output import Exit, as_json, data, fail, note


def tap(
    amount: Annotated[int, typer.Option(help="Amount in minor units, for example 480.")],
    url: Annotated[
        str, typer.Option(help="The card's channel: unix:PATH, tcp:HOST:PORT or pcsc:READER.")
    ],
    currency: Annotated[str, typer.Option(help="ISO 4217 code.")] = "JPY",
    trace: Annotated[bool, typer.Option("--trace", help="Show every APDU on stderr.")] = False,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show numbers in the trace; sandbox cards only.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run one tap up to the terminal's decision and show what would go to the acquirer.

    Ends with 0 for a tap that goes online, 7 for any other outcome.
    Example: wristlet tap --url unix:/tmp/se/contactless.sock --amount 480 --trace
    """
    import asyncio

    from wristlet.lab.single_tap import single_tap
    from wristlet.links.channel import LinkLost
    from wristlet.model.money import CurrencyError
    from wristlet.pos.kernel.outcome import OutcomeKind

    try:
        outcome = asyncio.run(single_tap(url, amount, currency, note if trace else None, reveal))
    except (ValueError, CurrencyError) as error:
        fail(str(error), Exit.USAGE)
    except (LinkLost, OSError, LookupError) as error:
        fail(f"link: {error}; is the secure element running?", Exit.NETWORK)
    view = {
        "outcome": str(outcome.kind),
        "display": str(outcome.display),
        "reason": outcome.reason,
        "kernel": outcome.kernel,
        "aid": outcome.aid.hex().upper(),
        "cvm": str(outcome.cvm),
    }
    if json:
        as_json(view)
    else:
        for name, value in view.items():
            data(f"{name:<8} {value}")
    online = outcome.kind is OutcomeKind.ONLINE_REQUEST
    raise typer.Exit(Exit.OK if online else Exit.EXPECTATION)
