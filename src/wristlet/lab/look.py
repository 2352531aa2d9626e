"""What anybody at the wired interface may see of a running secure element."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wristlet.companion.se_client import PublicState, read_state
from wristlet.links.apdu_socket import SocketChannel
from wristlet.links.channel import ApduChannel
from wristlet.links.script_runner import exchange
from wristlet.wire import ber
from wristlet.wire.apdu import Command
from wristlet.wire.errors import DecodeError
from wristlet.wire.gp import aids, commands
from wristlet.wire.gp.registry import ContactlessEntry, parse_contactless
from wristlet.wire.sw import SW, describe, plural_tries

TAG_SE_ID = 0x45


class NotAnElement(RuntimeError):
    """Whatever answers is no secure element of this kind; the text names the command it refused."""


@dataclass(frozen=True, slots=True)
class SeenCard:
    """One payment instance: AID as hex, kernel, contactless state, place in priority."""

    aid: str
    kernel: int | None
    state: str
    priority: int | None


@dataclass(frozen=True, slots=True)
class Seen:
    """A secure element from outside."""

    se_id: str
    pin: str
    lease: str
    phones: int
    cards: tuple[SeenCard, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)

    def rows(self) -> list[tuple[str, str, str]]:
        """Return the cards as rows of instance, kernel and state."""
        return [(card.aid, str(card.kernel or "-"), card.state) for card in self.cards]


async def look(wired: Path) -> Seen:
    """Read identity, PIN, lease and cards over the wired socket.

    Raises LinkLost or OSError where nothing answers, NotAnElement for a strange answer.
    """
    channel = await SocketChannel.open(str(wired))
    try:
        se_id = await _se_id(channel)
        public = await read_state(channel)
        cards = [_card(entry) for entry in await _contactless(channel)]
    finally:
        await channel.close()
    return Seen(se_id.hex(), _pin(public), _lease(public), public.phones, tuple(cards))


async def _ask(channel: ApduChannel, name: str, command: Command, *fine: int) -> tuple[bytes, int]:
    answer = await exchange(channel, command.encode())
    if answer.sw not in (SW.OK, *fine):
        raise NotAnElement(f"{name} was answered {answer.sw:04X}: {describe(answer.sw)}")
    return answer.data, answer.sw


async def _se_id(channel: ApduChannel) -> bytes:
    await _ask(channel, "SELECT of the issuer domain", commands.select(aids.ISD))
    data, _ = await _ask(channel, "GET DATA 45", commands.get_data(TAG_SE_ID))
    try:
        return ber.find(data, TAG_SE_ID) or data
    except DecodeError:
        return data


async def _contactless(channel: ApduChannel) -> tuple[ContactlessEntry, ...]:
    await _ask(channel, "SELECT of the contactless registry", commands.select(aids.CRS))
    listed, first = b"", True
    none, more = SW.REFERENCED_DATA_NOT_FOUND, SW.MORE_DATA
    while True:
        command = commands.crs_get_status(first=first)
        data, sw = await _ask(channel, "GET STATUS", command, none, more)
        listed, first = listed + data, False
        if sw != more:
            return parse_contactless(listed)


def _card(entry: ContactlessEntry) -> SeenCard:
    state = entry.state.name.lower().replace("_", "-")
    return SeenCard(entry.aid.hex().upper(), aids.kernel_of(entry.aid), state, entry.priority)


def _pin(public: PublicState) -> str:
    if public.blocked:
        return "blocked"
    return f"set, {plural_tries(public.tries_left)} left" if public.pin_set else "not set"


def _lease(public: PublicState) -> str:
    if not public.lease_valid:
        return "none"
    taps = "1 tap" if public.taps_left == 1 else f"{public.taps_left} taps"
    return f"{taps} and {public.amount_left_minor} minor units left"
