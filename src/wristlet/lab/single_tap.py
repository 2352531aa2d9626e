"""One tap of a card on any channel, up to the terminal's own decision."""

from __future__ import annotations

from collections.abc import Callable

from wristlet.env.real import real_env
from wristlet.links.channel import ApduChannel
from wristlet.links.iso8583_peer import HostUnavailable
from wristlet.links.open import open_channel
from wristlet.links.trace import Tracer, TraceRecord, TracingChannel
from wristlet.model.money import Money
from wristlet.pos.config import TerminalConfig
from wristlet.pos.kernel.entry import run_tap
from wristlet.pos.kernel.outcome import TapOutcome
from wristlet.pos.terminal import Terminal, drive
from wristlet.wire.iso8583.message import Message


class NoAcquirer:
    """Stands where an acquirer would: a single tap ends before it."""

    async def request(self, message: Message, timeout_ms: int = 10_000) -> Message:
        """Refuse every request."""
        raise HostUnavailable("a single tap has no acquirer")


async def single_tap(
    url: str,
    amount_minor: int,
    currency: str,
    show: Callable[[str], None] | None,
    reveal: bool,
) -> TapOutcome:
    """Tap once; `show` gets each trace record as text. Raises LinkLost, ValueError, LookupError."""
    env, config = real_env(), TerminalConfig(currency=currency)
    sale = Terminal(env, config, NoAcquirer()).new_sale(Money(amount_minor, currency))
    opened = await open_channel(url)
    channel: ApduChannel = opened
    if show is not None:
        tracer = Tracer(env.clock, callback=lambda one: show(_line(one)), reveal=reveal)
        channel = TracingChannel(opened, tracer, "contactless", "tap")
    try:
        return await drive(run_tap(config, sale), channel)
    finally:
        await opened.close()


def _line(record: TraceRecord) -> str:
    took = "" if record.dur_us is None else f"  {record.dur_us} us"
    return f"{record.dir} {record.data.upper()} {record.sw or ''}{took}".rstrip()
