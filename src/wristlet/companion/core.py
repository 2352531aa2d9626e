"""The companion: what a wearer can do with one strap, in the order in which a wearer does it.

These methods do it now or raise a `CompanionError` that says what to do; `phone.Phone` has the
operations that may wait until the server answers.
"""

from __future__ import annotations

from typing import TypeVar

from wristlet.companion import adding, cards, moving, orders, pairing, phones, pins, se_client
from wristlet.companion.explain import CardView
from wristlet.companion.lease import FreeStatus, LeasePolicy, LeaseStatus
from wristlet.companion.outcome import Outcome
from wristlet.companion.pairing import Confirm, Wanted
from wristlet.companion.queue import Kind
from wristlet.companion.store import PhoneStore
from wristlet.companion.sync import SyncPart, SyncReport, run_parts
from wristlet.companion.sync_parts import OF_SERVER, own_parts
from wristlet.companion.tools import Tools, reaching_strap
from wristlet.companion.trust import Roots
from wristlet.env.base import Env
from wristlet.links.strap_link import StrapLink, StrapStatus
from wristlet.links.wallet_client import WalletClient
from wristlet.model.wallet_messages import Card, Device, DeviceOrder, Eligibility, Phone
from wristlet.wire.receipt import LeaseReport

T = TypeVar("T")


class Companion:
    """One wearer's phone with one strap. The roots are pinned in the build, never taken from the
    wallet. `device_id` says which strap of several; without it, it is the first one. `link` is
    kept with a strap as the way to it.
    """

    def __init__(
        self,
        env: Env,
        store: PhoneStore,
        wallet: WalletClient,
        strap: StrapLink,
        *,
        card_data_root_der: bytes,
        maker_root_der: bytes,
        device_id: str = "",
        policy: LeasePolicy | None = None,
        link: str = "",
    ) -> None:
        known = [one.device_id for one in store.state.straps]
        chosen = device_id or (known[0] if known else "")
        roots = Roots(card_data_root_der, maker_root_der)
        self._tools = Tools(env, store, wallet, strap, roots, chosen)
        self._policy = policy or LeasePolicy()
        self._link = link
        self._parts: list[SyncPart] = []

    @property
    def strap(self) -> StrapLink:
        """The link to the strap; a new one may take its place at any time."""
        return self._tools.strap

    @strap.setter
    def strap(self, link: StrapLink) -> None:
        self._tools.strap = link

    @property
    def tools(self) -> Tools:
        """Store, server, link and roots, for the modules that extend the companion."""
        return self._tools

    # ------------------------------------------------------------------ pairing, phones

    async def pair(self, name: str, confirm: Confirm, *, code: str = "", link: str = "") -> Device:
        """Pair the strap: check its secure element, register it, enrol this phone on it.

        `confirm` gets the six digits; it returns when the wearer has compared them and pressed
        the strap's button. `code` is what was scanned or typed; `link` is kept as the way to the
        strap. Raises InputError, StrapUntrusted, StrapUnreachable, StrapRefused.
        """
        return await self.pair_attested(await self.attest(code), name, confirm, link=link)

    async def attest(self, code: str = "") -> pairing.Attested:
        """Check a strap's certificates, and that it is the one whose code was scanned or typed.

        Show the result before the wearer agrees to `pair_attested`. Raises as `pair`.
        """
        return await pairing.attest(self._tools, Wanted.read(code) if code else None)

    async def pair_attested(
        self, strap: pairing.Attested, name: str, confirm: Confirm, *, link: str = ""
    ) -> Device:
        """Pair a strap that was looked at with `attest`; the rest is as `pair`."""
        return await pairing.enrol(self._tools, strap, name, confirm, link=link or self._link)

    async def join(self, device: Device, *, link: str = "") -> list[Card]:
        """Begin to use a strap that has this phone on its list, and learn its cards."""
        await phones.join(self._tools, device, link=link)
        return await cards.listed(self._tools)

    async def phones(self) -> list[phones.PhoneView]:
        """List the phones of the strap: the brand's view and the secure element's own list."""
        return await phones.views(self._tools)

    async def add_phone(self, code: str) -> Phone:
        """Let the phone that shows this code onto the strap; raises InputError."""
        return await phones.add(self._tools, code)

    async def revoke_phone(self, phone_id: str) -> Outcome[None]:
        """Take another phone off the strap and at the server, now or as soon as they answer."""
        return await phones.revoke(self._tools, phone_id)

    # ------------------------------------------------------------------ PIN and lease

    async def create_pin(self, pin: str) -> None:
        """Make the PIN on the secure element; opens no lease; raises InputError if too common."""
        await pins.create(self._tools, pin)

    async def change_pin(self, old: str, new: str) -> None:
        """Replace the PIN; raises PinWrong, PinBlocked, InputError."""
        await pins.change(self._tools, old, new)

    async def verify_pin(self, pin: str) -> LeaseReport:
        """Prove the wearer: a right PIN opens the lease, whose signed report goes to the TSP, now
        or with the next sync.
        """
        return await pins.verify(self._tools, pin)

    async def state(self) -> se_client.PublicState:
        """Ask the secure element for PIN and lease state (needs no server)."""
        with reaching_strap():
            return await se_client.read_state(self.strap)

    async def strap_status(self) -> StrapStatus:
        """Ask the strap's processor what face and sensors say (needs no server)."""
        with reaching_strap():
            return await self.strap.status()

    async def lease_status(self) -> LeaseStatus:
        """Tell how long the strap stays unlocked: taps, amount and age (needs no server)."""
        return await pins.status(self._tools, self._policy)

    async def free_taps(self) -> dict[str, FreeStatus]:
        """Tell what each card still allows without PIN, by card id (needs no server)."""
        return await pins.free_taps(self._tools, self._policy)

    def prompt_due(self, status: LeaseStatus) -> bool:
        """Tell whether to ask for the PIN now; it was asked then, and is not again for hours."""
        return pins.prompt_due(self._tools, status, self._policy)

    async def start_pin_reset(self, card_id: str | None = None) -> DeviceOrder:
        """Begin to have a forgotten or blocked PIN cleared by a card's bank."""
        return await orders.start_pin_reset(self._tools, card_id)

    async def start_joining_alone(
        self, device: Device, name: str, card_id: str | None = None
    ) -> DeviceOrder:
        """Begin to bring this phone onto a strap whose other phones are gone."""
        return await orders.start_further_phone(self._tools, device.id, name, card_id)

    async def send_order_code(self, order: DeviceOrder, method_id: str) -> DeviceOrder:
        """Have the bank send the code that proves the wearer."""
        return await orders.send_code(self._tools, order, method_id)

    async def confirm_order_code(self, order: DeviceOrder, code: str) -> DeviceOrder:
        """Enter it, and carry the order to the strap; raises CodeRefused."""
        confirmed = await orders.confirm_code(self._tools, order, code)
        await orders.carry_out(self._tools, order.device_id)
        return confirmed

    # ------------------------------------------------------------------ cards

    async def check_card(self, number: str, expiry: str, security_code: str) -> Eligibility:
        """Check a typed card on the phone and then with TSP and issuer; the number leaves only as
        a JWE.
        """
        return await adding.check_card(self._tools, number, expiry, security_code)

    async def add_card(self, number: str, expiry: str, security_code: str) -> Card:
        """Check a card, accept its terms and load it onto the strap; raises CardRefused,
        InputError.

        A card that needs the wearer's identity comes back INACTIVE with `verification_methods`.
        """
        return await self.add_offered(await self.check_card(number, expiry, security_code))

    async def add_offered(self, offer: Eligibility) -> Card:
        """Accept an offer's terms and load the card; raises as `add_card`."""
        card = await self.accept_terms(offer)
        await self.sync()
        return await cards.settled(self._tools, card)

    async def accept_terms(self, eligibility: Eligibility) -> Card:
        """Accept the issuer's terms and digitise; the loading itself happens in the next sync."""
        return await adding.accept_terms(self._tools, eligibility)

    async def send_code(self, card_id: str, method_id: str) -> None:
        """Have the issuer send a one-time code."""
        await adding.send_code(self._tools, card_id, method_id)

    async def confirm_code(self, card_id: str, code: str) -> Card:
        """Enter the code; the card becomes ACTIVE; raises CodeRefused."""
        card = await adding.hand_in_code(self._tools, card_id, code)
        await self.sync()
        return await cards.settled(self._tools, card)

    async def cards(self) -> list[Card]:
        """List the cards of this strap as the server knows them."""
        return await cards.listed(self._tools)

    async def card_views(self) -> list[CardView]:
        """Show the cards as last read, with what the strap itself says now (needs no server)."""
        return await cards.views(self._tools)

    async def select_card(self, card_id: str) -> None:
        """Make a card the active one: on the secure element first, the server hears of it when it
        can.
        """
        await cards.select(self._tools, card_id)

    async def active_card(self) -> bytes | None:
        """Return the instance AID that pays now, as the secure element says."""
        return await cards.active(self._tools)

    async def suspend(self, card_id: str) -> Card:
        """Pause a card: at the TSP at once, on the strap with the next sync."""
        return await self._now(Kind.SUSPEND, card_id, Card)

    async def resume(self, card_id: str) -> Card:
        """Lift the wearer's own pause."""
        return await self._now(Kind.RESUME, card_id, Card)

    async def delete(self, card_id: str) -> Card:
        """Remove a card: refused at the TSP at once, gone from the strap with the next sync."""
        return await self._now(Kind.REMOVE, card_id, Card)

    async def renew(self, card_id: str) -> Card:
        """Load a successor of a card with a new device number; the old one pays until then."""
        fresh = await moving.renew(self._tools, card_id)
        await self.sync()
        return await cards.settled(self._tools, fresh)

    async def move_cards_from(self, old_device_id: str) -> list[moving.Moved]:
        """Put the cards of an old strap onto this one, without retyping; again after a break."""
        ordered = await moving.order_moves(self._tools, old_device_id)
        await self.sync()
        return [await self._moved(one) for one in ordered]

    async def _moved(self, ordered: moving.Moved) -> moving.Moved:
        if ordered.new is None:
            return ordered
        return moving.Moved(ordered.old, await cards.settled(self._tools, ordered.new))

    # ------------------------------------------------------------------ lost, sync

    async def mark_lost(self) -> Device:
        """Report the strap lost: every card on it is suspended at the TSP in one call."""
        return await self._now(Kind.LOST, "", Device)

    async def mark_found(self) -> Device:
        """Report the strap found: what the loss suspended is resumed."""
        return await self._now(Kind.FOUND, "", Device)

    async def _now(self, kind: Kind, subject: str, answer: type[T]) -> T:
        return await self._tools.outbox.now(kind, self._tools.device_id, answer, subject)

    def register(self, part: SyncPart) -> None:
        """Have another concern take part in every sync, in place of one of the same name."""
        self._parts = [one for one in self._parts if one.name != part.name] + [part]

    async def sync_all(self) -> SyncReport:
        """Sync every concern; never raises: each part reports what it did and what is open."""
        parts = (*own_parts(self._tools), *self._parts)
        return await run_parts(parts, self.strap, of_server=OF_SERVER)

    async def sync(self) -> SyncReport:
        """Sync every concern; the strap's orders end in a receipt each, or stay open.

        Raises ServerUnreachable, ServerRefused when the orders could not be asked for.
        """
        report = await self.sync_all()
        if report.failed is not None:
            raise report.failed
        return report
