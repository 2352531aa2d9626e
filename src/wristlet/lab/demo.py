"""`wristlet demo`: starts every part, shows each step as it happens, ends with a table."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wristlet.env.real import real_env
from wristlet.lab.bench import Bench
from wristlet.lab.canary import ScanReport
from wristlet.lab.hub import Hub
from wristlet.lab.processes import running_stack
from wristlet.lab.runner import StepResult, Watcher, run_steps
from wristlet.lab.steps import NamedStep
from wristlet.links.trace import Tracer
from wristlet.pos.terminal import Payment


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """How the demo runs: `keep` is where its state stays, `serve` keeps it up with the page."""

    keep: Path | None = None
    serve: bool = False
    port: int = 0


@dataclass(frozen=True, slots=True)
class DemoResult:
    """How the demo ended."""

    steps: Sequence[StepResult]
    scan: ScanReport | None

    @property
    def ok(self) -> bool:
        """Tell whether every step held."""
        return all(step.ok for step in self.steps)

    def as_dict(self) -> dict[str, Any]:
        """Return the result as the documented JSON object."""
        scan = self.scan
        return {
            "ok": self.ok,
            "steps": [{"id": step.id, "ok": step.ok, "ms": step.ms} for step in self.steps],
            "scan": {
                "artefacts": scan.artefacts if scan else 0,
                "bytes": scan.bytes if scan else 0,
                "hits": len(scan.hits) if scan else 0,
                "seeded": scan.seeded if scan else 0,
                "seeded_found": scan.seeded_found if scan else 0,
            },
        }


class HubWatcher:
    """Publishes steps to the page."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def began(self, step: NamedStep) -> None:
        """A step begins."""
        data = {"id": step.id, "state": "running", "ms": 0, "text": "", "wire": step.wire}
        self._hub.publish("step", data)

    def ended(self, result: StepResult) -> None:
        """A step has ended."""
        state = "ok" if result.ok else "failed"
        self._hub.publish("step", {**asdict(result), "state": state})


def _ignore(_: object) -> None:
    """Do nothing with what is told."""


async def run_demo(
    options: DemoOptions,
    watchers: Sequence[Watcher],
    *,
    on_page: Callable[[str], None] = _ignore,
    on_finished: Callable[[DemoResult], None] = _ignore,
) -> DemoResult:
    """Run the demo once; with `serve`, stay up with the page until cancelled."""
    async with AsyncExitStack() as stack:
        root = options.keep
        if root is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="wristlet-demo-"))
            root = Path(folder)
        env, hub = real_env(), Hub()
        (root / "traces").mkdir(parents=True)
        tracer = Tracer(
            env.clock,
            path=root / "traces" / "contactless.jsonl",
            callback=lambda record: hub.publish("trace", asdict(record)),
        )
        stack.callback(tracer.close)
        _, bench = await stack.enter_async_context(running_stack(env, root, tracer=tracer))
        if options.serve:
            url = await stack.enter_async_context(_page(hub, bench, options.port))
            on_page(url)
        steps = await run_steps(bench, [*watchers, HubWatcher(hub)])
        result = DemoResult(steps, bench.scan)
        on_finished(result)
        if options.serve:
            await asyncio.Event().wait()
        return result


@asynccontextmanager
async def _page(hub: Hub, bench: Bench, port: int) -> AsyncIterator[str]:
    """Serve the page on loopback; taps from the page run one at a time."""
    from wristlet.lab.page import create_page, serving_page
    from wristlet.links.process import open_listener

    async def tap(amount_minor: int) -> dict[str, Any]:
        return payment_view(await bench.tap(amount_minor))

    bench.on_payment = lambda payment: hub.publish("payment", payment_view(payment))
    async with serving_page(create_page(hub, tap), open_listener(f"127.0.0.1:{port}")) as url:
        yield url


def payment_view(payment: Payment) -> dict[str, Any]:
    """Return what page and command line show of a payment."""
    return {
        "approved": payment.approved,
        "display": str(payment.display),
        "reason": payment.reason,
        "amount": str(payment.amount),
        "kernel": payment.kernel,
        "response_code": payment.response_code,
        "reference": payment.reference,
    }
