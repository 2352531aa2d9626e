"""One wearer's phone with all its straps: every operation ends in an `Outcome`, never in a shrug.

What needs the server and may wait is kept in order and handed in later, and says so. What needs
the strap or cannot wait says why it is not possible now, and what to do.
"""

from __future__ import annotations

from functools import partial

from wristlet.companion import phones
from wristlet.companion.core import Companion
from wristlet.companion.errors import CompanionError, InputError, ServerUnreachable
from wristlet.companion.inputs import read_name
from wristlet.companion.lease import LeasePolicy
from wristlet.companion.outbox import Flushed, Outbox
from wristlet.companion.outcome import Outcome, outcome_of
from wristlet.companion.phones import Asking
from wristlet.companion.queue import Kind, Pending, Refused
from wristlet.companion.server import call
from wristlet.companion.store import PhoneStore, StrapState
from wristlet.companion.texts import Language
from wristlet.companion.trust import Roots
from wristlet.env.base import Env
from wristlet.links.strap_link import StrapLink
from wristlet.links.wallet_client import WalletClient
from wristlet.model.wallet_messages import Card, Device, DeviceList


class Phone:
    """The straps of one phone, and what can be asked for without any of them."""

    def __init__(
        self,
        env: Env,
        store: PhoneStore,
        wallet: WalletClient,
        roots: Roots,
        *,
        policy: LeasePolicy | None = None,
        language: Language = "en",
    ) -> None:
        self._env = env
        self._store = store
        self._wallet = wallet
        self._roots = roots
        self._policy = policy or LeasePolicy()
        self.outbox = Outbox(env, store, wallet, language)

    # ------------------------------------------------------------------ straps

    @property
    def straps(self) -> tuple[StrapState, ...]:
        """The straps that know this phone, in the order in which they were paired."""
        return self._store.state.straps

    def strap(self, name: str = "") -> StrapState:
        """Find a strap by name, id or the beginning of either; without one there must be one.

        Raises InputError that lists what there is.
        """
        straps = self.straps
        if not name:
            found = list(straps)
        else:
            exact = [one for one in straps if name in (one.device_id, one.name)]
            low = name.casefold()
            found = exact or [one for one in straps if one.name.casefold().startswith(low)]
        if len(found) == 1:
            return found[0]
        if not straps:
            raise InputError("strap", "none is paired with this phone; pair it first")
        names = ", ".join(one.name for one in straps)
        what = "choose one" if not name else "several have this name" if found else "none is called"
        raise InputError("strap", f"{what}; there are: {names}")

    def at(self, strap: StrapState, link: StrapLink) -> Companion:
        """Return the companion for one of the straps, over a link to it."""
        return self._companion(link, strap.device_id)

    def beside(self, link: StrapLink) -> Companion:
        """Return a companion for a strap that this phone does not know yet: to pair or to join."""
        return self._companion(link, "")

    def _companion(self, link: StrapLink, device_id: str) -> Companion:
        companion = Companion(
            self._env,
            self._store,
            self._wallet,
            link,
            card_data_root_der=self._roots.card_data_root_der,
            maker_root_der=self._roots.maker_root_der,
            policy=self._policy,
        )
        companion.tools.device_id = device_id
        return companion

    async def devices(self) -> list[Device]:
        """List all straps of the wearer at the server, also those that other phones paired."""
        found: list[Device] = []
        after: str | None = None
        while True:
            page = await call(self._env, partial(self._page, after))
            found += page.data
            if not page.has_more:
                break
            after = page.next_cursor
        for device in found:
            if device.id in {one.device_id for one in self.straps}:
                is_lost = device.state == "lost"
                self._store.change_strap(device.id, name=device.name, is_lost=is_lost)
        return found

    async def _page(self, after: str | None, _key: str) -> DeviceList:
        return await self._wallet.devices(after)

    async def any_strap(self, name: str = "") -> str:
        """Find any strap of the wearer by name or id and return its id, also one that this phone
        never met; asks the server only when this phone does not know it. Raises InputError.
        """
        known = {one.device_id: one for one in self.straps}
        if name in known or (name and name in {one.name for one in self.straps}):
            return self.strap(name).device_id
        try:
            devices = await self.devices()
        except ServerUnreachable:
            return self.strap(name).device_id
        found = [one for one in devices if not name or name in (one.id, one.name)]
        if len(found) == 1:
            return found[0].id
        names = ", ".join(one.name for one in devices) or "none yet"
        what = "several are called so, use the id" if found else "none is called so"
        raise InputError("strap", f"{what}; there are: {names}")

    async def device(self, device_id: str) -> Device:
        """Fetch any strap of the wearer from the server."""
        return await call(self._env, lambda _: self._wallet.device(device_id))

    async def ask_to_join(self, device_id: str) -> Asking:
        """Ask to come onto a strap that the wearer uses with another phone; show the code there."""
        device = await self.device(device_id)
        return await phones.ask(self._env, self._store, self._wallet, device)

    @property
    def name(self) -> str:
        """What this phone is called on the straps' lists."""
        return self._store.state.name

    @property
    def currency(self) -> str:
        """The currency in which the brand's locks count amounts."""
        build = self._store.state.build
        return build.currency if build else "JPY"

    # ------------------------------------------------------------------ cards

    def card(self, reference: str, strap: StrapState) -> Card:
        """Find a card of a strap by id or last four digits (of card or device number).

        Raises InputError that lists what there is.
        """
        living = [one for one in strap.cards if one.state not in ("deleted", "declined")]
        found = [one for one in strap.cards if one.id == reference] or [
            one for one in living if reference in (one.card_last4, one.token_last4)
        ]
        if len(found) == 1:
            return found[0]
        names = ", ".join(f"{one.issuer_name} •{one.card_last4}" for one in living) or "none yet"
        what = "several have these digits, use the id" if found else "there is no such card"
        raise InputError("card", f"{what}; on this strap: {names}")

    async def suspend(self, card: Card) -> Outcome[Card]:
        """Pause a card, now or as soon as the server answers."""
        return await self.outbox.ask(Kind.SUSPEND, card.device_id, card.id)

    async def resume(self, card: Card) -> Outcome[Card]:
        """Lift the wearer's own pause, now or as soon as the server answers."""
        return await self.outbox.ask(Kind.RESUME, card.device_id, card.id)

    async def remove(self, card: Card) -> Outcome[Card]:
        """Remove a card, now or as soon as the server answers."""
        return await self.outbox.ask(Kind.REMOVE, card.device_id, card.id)

    async def switch(self, companion: Companion, card: Card) -> Outcome[None]:
        """Make a card the main one; needs the strap, never the server."""
        return await outcome_of(companion.select_card(card.id))

    async def add_card(
        self, companion: Companion, number: str, expiry: str, security_code: str
    ) -> Outcome[Card]:
        """Add a card; needs strap and server: the bank decides now, and nothing typed is kept."""
        return await outcome_of(companion.add_card(number, expiry, security_code))

    async def renew(self, companion: Companion, card: Card) -> Outcome[Card]:
        """Load a successor of a card; needs strap and server."""
        return await outcome_of(companion.renew(card.id))

    # ------------------------------------------------------------------ a strap as a whole

    async def lost(self, device_id: str) -> Outcome[Device]:
        """Report a strap lost in one call, also one that never knew this phone."""
        return await self.outbox.ask(Kind.LOST, device_id)

    async def found(self, device_id: str) -> Outcome[Device]:
        """Report it found: what the loss suspended is resumed."""
        return await self.outbox.ask(Kind.FOUND, device_id)

    async def rename(self, strap: StrapState, name: str) -> Outcome[Device]:
        """Give a strap another name: here at once, at the server as soon as it answers."""
        typed = read_name(name)
        if any(one.name == typed for one in self.straps if one.device_id != strap.device_id):
            raise InputError("name", "another strap has it; choose a different one")
        self._store.change_strap(strap.device_id, name=typed)
        return await self.outbox.ask(Kind.RENAME, strap.device_id, value=typed)

    async def verify_pin(self, companion: Companion, pin: str) -> Outcome[None]:
        """Unlock; needs the strap, the server hears of it when it can."""

        async def unlock() -> None:
            await companion.verify_pin(pin)

        return await outcome_of(unlock())

    # ------------------------------------------------------------------ what waits

    @property
    def waiting(self) -> tuple[Pending, ...]:
        """What waits for the server, oldest first."""
        return self.outbox.waiting

    @property
    def refused(self) -> tuple[Refused, ...]:
        """What the server turned down after all, until `outbox.seen`."""
        return self.outbox.refused

    async def hand_in(self) -> Flushed:
        """Hand in what waits, without any strap near."""
        return await self.outbox.flush()

    def cancel(self, request_id: str) -> Outcome[None]:
        """Call back what waits; not possible once the server may have it."""
        return self.outbox.cancel(request_id)

    async def forget(self, strap: StrapState) -> None:
        """Stop using a strap on this phone; its cards stay on it, other phones go on.

        Raises CompanionError while requests for it wait, so that a reported loss is not dropped.
        """
        await self.outbox.flush()
        if any(one.device_id == strap.device_id for one in self.waiting):
            raise CompanionError(
                "strap: requests for it wait for the server; hand them in or cancel them first"
            )
        self._store.forget_strap(strap.device_id)
