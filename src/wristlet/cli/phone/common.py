"""What all phone commands share: where the state is, which strap, secrets, and how they end."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, TypeVar

import typer

from wristlet.cli.output import Exit, as_json, data, fail, note

if TYPE_CHECKING:
    from wristlet.companion.core import Companion
    from wristlet.companion.outcome import Outcome
    from wristlet.companion.phone import Phone
    from wristlet.companion.store import StrapState
    from wristlet.companion.texts import Language
    from wristlet.crypto.seal import SealKey
    from wristlet.env.base import Env
    from wristlet.links.strap_link import StrapLink
    from wristlet.wire.strap.time import Zone

State = Annotated[
    Path, typer.Option(envvar="WRISTLET_PHONE", help="The phone's state folder; made if missing.")
]
SealKeyFile = Annotated[
    Path | None,
    typer.Option(
        envvar="WRISTLET_PHONE_KEY",
        help="Its seal key file; STATE.key beside the folder unless given, made if missing.",
        show_default=False,
    ),
]
StrapName = Annotated[
    str,
    typer.Option(
        "--strap", help="Name or id of the strap, when there are several.", show_default=False
    ),
]
SecretsFile = Annotated[
    Path | None,
    typer.Option("--secrets", help="Read what is secret from this file.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Lang = Annotated[Literal["en", "ja"], typer.Option("--lang", help="Language of the sentences.")]
T = TypeVar("T")

CardName = Annotated[str, typer.Argument(metavar="CARD", help="Card id, or its last four digits.")]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a phone's state is."""

    state: Path
    seal_key: Path | None
    lang: Language = "en"
    waits: bool = False
    """Nobody is asked: what the wearer must do is waited for."""


@dataclass(frozen=True, slots=True)
class AtPhone:
    """What a command that needs no strap works with."""

    env: Env
    phone: Phone
    place: Place

    @asynccontextmanager
    async def link(self, url: str) -> AsyncIterator[StrapLink]:
        """Reach a strap while the block runs; a new Bluetooth bond is confirmed by the wearer."""
        from wristlet.companion.folder import bonds_of
        from wristlet.links.strap_open import opened_strap

        folder, key = self.place.state, open_key(self.env, self.place)
        async with opened_strap(
            self.env, url, lambda: bonds_of(self.env, folder, key), self._compare
        ) as opened:
            yield opened

    async def _compare(self, digits: str) -> bool:
        """Ask whether the strap shows these digits, too; the strap itself asks for its button."""
        note(f"Bluetooth: the strap shows {digits}? Then press its button.")
        if self.place.waits:
            return True
        return typer.confirm("Do they fit?", err=True)


@dataclass(frozen=True, slots=True)
class AtStrap:
    """What a command on one strap works with."""

    base: AtPhone
    companion: Companion
    strap: StrapState

    @property
    def phone(self) -> Phone:
        """The phone with all its straps."""
        return self.base.phone


def on_phone(place: Place, work: Callable[[AtPhone], Awaitable[T]]) -> T:
    """Run `work` with the signed-in phone; errors end the command with what to do next."""
    import asyncio

    from wristlet.companion.folder import locked_store, signed_in
    from wristlet.env.real import real_env

    env = real_env()

    async def run() -> T:
        with locked_store(env, place.state, open_key(env, place)) as store:
            async with signed_in(env, store, language=place.lang) as phone:
                return await work(AtPhone(env, phone, place))

    with telling():
        return asyncio.run(run())


def on_state(place: Place, work: Callable[[], Awaitable[T]]) -> T:
    """Run `work` on the state folder alone, with nobody else in it."""
    import asyncio

    from wristlet.companion.folder import locked_store
    from wristlet.env.real import real_env

    env = real_env()

    async def run() -> T:
        with locked_store(env, place.state, open_key(env, place)):
            return await work()

    with telling():
        return asyncio.run(run())


def zone_here(env: Env) -> Zone:
    """Return the zone of this machine; when it changes next is not known here."""
    from datetime import datetime

    from wristlet.wire.strap.time import Zone

    here = datetime.fromtimestamp(env.clock.now_ms() / 1000).astimezone()
    offset = here.utcoffset()
    return Zone(offset_s=int(offset.total_seconds()) if offset else 0)


def on_strap(place: Place, strap: str, work: Callable[[AtStrap], Awaitable[T]]) -> T:
    """Run `work` with one of the phone's straps, over the link that pairing kept."""

    async def reach(at: AtPhone) -> T:
        chosen = at.phone.strap(strap)
        if not chosen.link:
            fail("strap: no way to it is known; pair it again with --link", Exit.NOT_FOUND)
        async with at.link(chosen.link) as link:
            return await work(AtStrap(at, at.phone.at(chosen, link), chosen))

    return on_phone(place, reach)


def open_key(env: Env, place: Place) -> SealKey:
    """Read the seal key, or make one; it never lies inside the state folder."""
    from wristlet.crypto.seal import read_seal_key
    from wristlet.env.base import create_file

    path = place.seal_key or place.state.with_name(place.state.name + ".key")
    if place.state.resolve() in path.resolve().parents:
        fail("--seal-key: it would lie in the state folder; put it elsewhere", Exit.USAGE)
    if not path.exists():
        if (place.state / "phone.sealed").exists():
            fail(f"--seal-key: {path} is not there; name the key of this state", Exit.NOT_FOUND)
        create_file(env.disk, path, env.random.bytes(32))
    return read_seal_key(path)


@contextmanager
def telling() -> Iterator[None]:
    """End a command with one line and the right exit code for what the companion raised."""
    from wristlet.cli.output import ending
    from wristlet.companion.errors import CompanionError
    from wristlet.companion.strap_client import StrapConfused
    from wristlet.links.strap_link import StrapRefused

    with ending("phone"):
        try:
            yield
        except (CompanionError, StrapConfused, StrapRefused) as error:
            fail(str(error), code_of(error))


def code_of(error: BaseException | None) -> Exit:
    """Return the exit code of what the companion raised; the first row that fits counts."""
    from wristlet.companion import errors
    from wristlet.companion.folder import PhoneInUse, SignedOut

    rows: tuple[tuple[type[BaseException], Exit], ...] = (
        (errors.ServerUnreachable, Exit.NETWORK),
        (errors.StrapUnreachable, Exit.NETWORK),
        (errors.StrapUntrusted, Exit.AUTH),
        (errors.PinWrong, Exit.AUTH),
        (errors.PinBlocked, Exit.AUTH),
        (errors.CodeRefused, Exit.AUTH),
        (SignedOut, Exit.AUTH),
        (PhoneInUse, Exit.CONFLICT),
        (errors.PinRequired, Exit.CONFLICT),
        (errors.CardRefused, Exit.CONFLICT),
    )
    if isinstance(error, errors.InputError):
        return Exit.NOT_FOUND if error.field in ("strap", "card") else Exit.USAGE
    if isinstance(error, errors.ServerRefused):
        known = {"credentials_unknown": Exit.AUTH, "object_not_found": Exit.NOT_FOUND}
        return known.get(error.code, Exit.CONFLICT)
    return next((code for kind, code in rows if isinstance(error, kind)), Exit.FAILURE)


def tell(outcome: Outcome[Any], said: str, *, json: bool) -> None:
    """Print an outcome and end: 0 done, 8 kept for later, the error's code when not possible."""
    view = {
        "ending": str(outcome.ending),
        "reason": outcome.reason,
        "next_step": outcome.next_step,
        "queue_id": outcome.queue_id,
    }
    if json:
        as_json(view)
    if outcome.is_done:
        if not json:
            data(said)
        return
    text = f"{outcome.reason.rstrip('.')}; {outcome.next_step}".rstrip("; ")
    if outcome.queue_id or str(outcome.ending) == "queued":
        note(f"{text} (waits as {outcome.queue_id})" if outcome.queue_id else text)
        raise typer.Exit(Exit.PARTIAL)
    _not_possible(text, outcome.error)


def _not_possible(text: str, error: BaseException | None) -> NoReturn:
    fail(text, code_of(error) if error is not None else Exit.CONFLICT)


class Secrets:
    """What must not stand on a command line: from a file, from stdin line by line, or asked for."""

    def __init__(self, path: Path | None) -> None:
        self._lines: list[str] | None = None
        if path is not None:
            try:
                self._lines = path.read_text(encoding="utf-8").splitlines()
            except OSError:
                fail(f"--secrets: {path} cannot be read; name a file", Exit.NOT_FOUND)
        elif not sys.stdin.isatty():
            self._lines = None if sys.stdin.closed else sys.stdin.read().splitlines()

    def next(self, what: str, *, hidden: bool = True) -> str:
        """Return the next one; ends with usage when there is none."""
        if self._lines is None:
            return str(typer.prompt(what, hide_input=hidden, err=True))
        if not self._lines:
            fail(f"{what}: nothing left to read; give one line for each", Exit.USAGE)
        return self._lines.pop(0).strip()
