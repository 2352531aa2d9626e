"""The companion: what a wearer can do, in the order in which a wearer does it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import msgspec

from wristlet.companion import se_client
from wristlet.companion.commits import CommitLog, SyncReport
from wristlet.companion.errors import (
    CardRefused,
    CodeRefused,
    CompanionError,
    PinRequired,
    StrapUnreachable,
    StrapUntrusted,
)
from wristlet.companion.inputs import CardInput, read_card, read_code, read_pin
from wristlet.companion.phone_channel import PhoneChannel
from wristlet.companion.server import attempt, call, deliver
from wristlet.companion.store import PhoneStore
from wristlet.crypto import ec, jwe, pairing, x509chain
from wristlet.crypto.errors import CertificateError
from wristlet.env.base import Env
from wristlet.links.channel import LinkLost
from wristlet.links.strap_link import StrapLink
from wristlet.links.wallet_client import WalletClient
from wristlet.model.tsp_messages import CardKey
from wristlet.model.wallet_messages import (
    ActiveCard,
    AddCard,
    Card,
    CardList,
    CertifyPhone,
    ChangeReason,
    CheckEligibility,
    Device,
    Eligibility,
    FinishVerification,
    LeaseReportSubmit,
    PairDevice,
    StartVerification,
)
from wristlet.wire.gp import aids
from wristlet.wire.receipt import LeaseReport

T = TypeVar("T")


class Companion:
    """One wearer's phone with one strap. The roots are pinned in the build, never taken from the
    wallet.
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
    ) -> None:
        self._env = env
        self._store = store
        self._wallet = wallet
        self.strap = strap
        self._card_data_root = card_data_root_der
        self._maker_root = maker_root_der

    async def pair(self, name: str, confirm: Callable[[str], Awaitable[None]]) -> Device:
        """Pair the strap: check its secure element, register it, enrol this phone on it.

        `confirm` gets the six digits; it returns when the wearer has compared them and pressed
        the strap's button. Raises StrapUntrusted, StrapUnreachable, StrapRefused.
        """
        with _reaching_strap():
            chains = await se_client.read_chains(self.strap)
            leaf = self._trusted(chains.attestation, x509chain.Use.SIGN)
            domain = self._trusted(chains.cardholder, x509chain.Use.AGREE)
            if not x509chain.is_domain(domain.subject, aids.CARDHOLDER_DOMAIN):
                raise StrapUntrusted("strap: its certificate is for another part; do not use it")
            if domain.subject.se_id != leaf.subject.se_id:
                raise StrapUntrusted("strap: its certificates are of two straps; do not use it")
            await confirm(await self._compare(leaf.subject.se_id))
            state = await se_client.read_state(self.strap)
            if state.phones == 0:
                raise StrapUntrusted(
                    "strap: it did not take this phone; press its button and pair again"
                )
        request = PairDevice(name, _base64(chains.attestation), _base64(chains.tsp_domain))
        device = await self._call(lambda key: self._wallet.pair_device(request, key=key))
        certified = await self._call(
            lambda key: self._wallet.certify_phone(
                device.id, CertifyPhone(self._public_point().hex()), key=key
            )
        )
        with _reaching_strap():
            # What the strap said in plain proves nothing; its secure element opening to us does.
            await self._channel(certified.certificate, domain.point.hex())
        self._store.update(
            device_id=device.id,
            se_id=leaf.subject.se_id.hex(),
            certificate=certified.certificate,
            domain_point=domain.point.hex(),
        )
        return device

    async def _compare(self, se_id: bytes) -> str:
        """Return the digits for the wearer, worked out here: what the link says is not trusted."""
        point, own = self._public_point(), self._env.random.bytes(pairing.NONCE_BYTES)
        committed = await self.strap.pair_offer(point)
        theirs = await self.strap.pair_reveal(own)
        if not pairing.fits(committed, point, theirs):
            raise StrapUntrusted("strap: it changed its mind while pairing; do not use it")
        return pairing.digits(se_id, point, own, theirs)

    async def create_pin(self, pin: str) -> None:
        """Make the PIN on the secure element; opens no lease; raises InputError if too common."""
        with _reaching_strap():
            channel = await self._open_channel()
            await channel.create_pin(read_pin(pin))

    async def change_pin(self, old: str, new: str) -> None:
        """Replace the PIN; raises PinWrong, PinBlocked, InputError."""
        with _reaching_strap():
            channel = await self._open_channel()
            await channel.change_pin(read_pin(old, "old PIN"), read_pin(new, "new PIN"))

    async def verify_pin(self, pin: str) -> LeaseReport:
        """Prove the wearer: a right PIN opens the lease, whose signed report goes to the TSP, now
        or with the next sync.
        """
        with _reaching_strap():
            channel = await self._open_channel()
            report, signed = await channel.verify_pin(read_pin(pin))
        self._store.update(lease_report=signed.hex())
        await self._hand_in_lease()
        return report

    async def _hand_in_lease(self) -> None:
        """Hand the last lease's report in, unless that was done."""
        waiting = self._store.state.lease_report
        if not waiting:
            return
        submitted = self._wallet.submit_lease_report(self._device_id, LeaseReportSubmit(waiting))
        if await deliver(submitted):
            self._store.update(lease_report="")

    async def state(self) -> se_client.PublicState:
        """Ask the secure element for PIN and lease state (needs no server)."""
        with _reaching_strap():
            return await se_client.read_state(self.strap)

    async def check_card(self, number: str, expiry: str, security_code: str) -> Eligibility:
        """Check a typed card on the phone and then with TSP and issuer; the number leaves only as
        a JWE.
        """
        today = datetime.fromtimestamp(self._env.clock.now_ms() / 1000, UTC).strftime("%y%m")
        card = read_card(number, expiry, security_code, today)
        if not (await self.state()).pin_set:
            raise PinRequired
        request = CheckEligibility(self._device_id, await self._seal_for_tsp(_card_payload(card)))
        return await self._call(lambda key: self._wallet.check_eligibility(request, key=key))

    async def add_card(self, number: str, expiry: str, security_code: str) -> Card:
        """Check a card, accept its terms and load it onto the strap; raises CardRefused,
        InputError.

        A card that needs the wearer's identity comes back INACTIVE with `verification_methods`.
        """
        eligibility = await self.check_card(number, expiry, security_code)
        card = await self.accept_terms(eligibility)
        await self.sync()
        return await self._settled(card)

    async def accept_terms(self, eligibility: Eligibility) -> Card:
        """Accept the issuer's terms and digitise; the loading itself happens in the next sync."""
        with _reaching_strap():
            statement = await se_client.pin_statement(
                self.strap, bytes.fromhex(eligibility.challenge)
            )
        request = AddCard(eligibility.id, terms_accepted=True, pin_statement=statement.hex())
        card = await self._call(lambda key: self._wallet.add_card(request, key=key))
        if card.decision == "declined":
            raise CardRefused(card.party, card.reason)
        return card

    async def send_code(self, card_id: str, method_id: str) -> None:
        """Have the issuer send a one-time code."""
        request = StartVerification(method_id)
        await self._call(lambda key: self._wallet.start_verification(card_id, request, key=key))

    async def confirm_code(self, card_id: str, code: str) -> Card:
        """Enter the code; the card becomes ACTIVE; raises CodeRefused."""
        payload = msgspec.json.encode({"code": read_code(code).reveal()})
        request = FinishVerification(await self._seal_for_tsp(payload))
        answer = await self._call(
            lambda idempotency: self._wallet.confirm_verification(card_id, request, key=idempotency)
        )
        if answer.result != "success":
            raise CodeRefused(answer.result, answer.tries_left)
        await self.sync()
        return await self._settled(answer.card)

    async def _settled(self, card: Card) -> Card:
        """Fetch a card after a sync and, when it is the only one, make it the active one."""
        card = await self._call(lambda _: self._wallet.card(card.id))
        if card.instance_aid is None:
            return card
        if card.state == "active" and await self.active_card() is None:
            await self.select_card(card.id)
            card = await self._call(lambda _: self._wallet.card(card.id))
        return card

    async def cards(self) -> list[Card]:
        """List the cards of this strap as the server knows them."""
        found: list[Card] = []
        after: str | None = None
        while True:
            page = await self._call(partial(self._page_of_cards, after))
            found += page.data
            if not page.has_more:
                return found
            after = page.next_cursor

    async def _page_of_cards(self, after: str | None, _key: str) -> CardList:
        return await self._wallet.cards(self._device_id, after)

    async def select_card(self, card_id: str) -> None:
        """Make a card the active one: on the secure element first, the server hears of it when it
        can.
        """
        instance = (self._store.state.cards or {}).get(card_id)
        if instance is None:
            raise CompanionError("card: it is not on this strap; add it first")
        with _reaching_strap():
            channel = await self._open_channel()
            await channel.activate(bytes.fromhex(instance))
        await attempt(self._wallet.report_active_card(self._device_id, ActiveCard(card_id)))

    async def active_card(self) -> bytes | None:
        """Return the instance AID that pays now, as the secure element says."""
        with _reaching_strap():
            return await se_client.active_instance(self.strap)

    async def sync(self) -> SyncReport:
        """Run what waits in the device's commit log, in order; each step ends in a receipt or
        stays open.

        Raises ServerUnreachable, ServerRefused.
        """
        await self._hand_in_lease()
        report = await CommitLog(self._env, self._wallet, self._device_id, self.strap).run()
        if report.done:
            await self._learn_instances()
        return report

    async def _learn_instances(self) -> None:
        """Note where each card sits, for switching without the server."""
        cards = await self.cards()
        live = {card.id: card.instance_aid for card in cards if card.instance_aid is not None}
        if live != self._store.state.cards:
            self._store.update(cards=live)

    async def suspend(self, card_id: str) -> Card:
        """Pause a card: at the TSP at once, on the strap with the next sync."""
        why = ChangeReason("paused by the wearer")
        return await self._call(lambda key: self._wallet.suspend_card(card_id, why, key=key))

    async def resume(self, card_id: str) -> Card:
        """Lift the wearer's own pause."""
        why = ChangeReason("resumed by the wearer")
        return await self._call(lambda key: self._wallet.resume_card(card_id, why, key=key))

    async def delete(self, card_id: str) -> Card:
        """Remove a card: refused at the TSP at once, gone from the strap with the next sync."""
        why = ChangeReason("removed by the wearer")
        return await self._call(lambda key: self._wallet.delete_card(card_id, why, key=key))

    async def mark_lost(self) -> Device:
        """Report the strap lost: every card on it is suspended at the TSP in one call."""
        why = ChangeReason("reported lost")
        return await self._call(lambda key: self._wallet.mark_lost(self._device_id, why, key=key))

    async def mark_found(self) -> Device:
        """Report the strap found: what the loss suspended is resumed."""
        why = ChangeReason("reported found")
        return await self._call(lambda key: self._wallet.mark_found(self._device_id, why, key=key))

    @property
    def _device_id(self) -> str:
        return self._store.state.device_id

    async def _call(self, operation: Callable[[str], Awaitable[T]]) -> T:
        return await call(self._env, operation)

    def _public_point(self) -> bytes:
        return ec.point_of(ec.private_key(bytes.fromhex(self._store.state.private_scalar)))

    async def _open_channel(self) -> PhoneChannel:
        state = self._store.state
        if not state.certificate:
            raise CompanionError("strap: none is paired with this phone; pair it first")
        return await self._channel(state.certificate, state.domain_point)

    async def _channel(self, certificate: str, domain_point: str) -> PhoneChannel:
        return await PhoneChannel.open(
            self.strap,
            private_scalar=bytes.fromhex(self._store.state.private_scalar),
            certificate=bytes.fromhex(certificate),
            domain_point=bytes.fromhex(domain_point),
            ephemeral_scalar=self._env.random.bytes(32),
        )

    def _trusted(self, chain: list[bytes], use: x509chain.Use) -> x509chain.Leaf:
        now_ms = self._env.clock.now_ms()
        try:
            return x509chain.verify_se_chain(self._maker_root, chain, use, now_ms)
        except CertificateError as error:
            message = (
                "strap: its secure element has no valid certificate of the maker; do not use it"
            )
            raise StrapUntrusted(message) from error

    async def _seal_for_tsp(self, payload: bytes) -> str:
        """Encrypt for the TSP's card-data key, once its chain leads to the pinned root."""
        key: CardKey = await self._call(lambda _: self._wallet.card_key())
        now_ms = self._env.clock.now_ms()
        try:
            # RFC 7517 puts the leaf first, the chain check wants it last.
            chain = [b64decode(one) for one in reversed(key.x5c)]
            if chain[:1] == [self._card_data_root]:
                del chain[0]
            leaf = x509chain.verify_chain(self._card_data_root, chain, x509chain.Use.AGREE, now_ms)
            return jwe.encrypt(payload, ec.public_key(leaf.point), key.kid)
        except (CertificateError, ValueError) as error:
            message = (
                "card: the server's encryption key is not the token service's; nothing was sent"
            )
            raise CompanionError(message) from error


def _base64(certificates: list[bytes]) -> list[str]:
    return [b64encode(one).decode("ascii") for one in certificates]


def _card_payload(card: CardInput) -> bytes:
    fields = {
        "pan": card.pan.reveal(),
        "expiry_yymm": card.expiry_yymm,
        "security_code": card.security_code.reveal(),
    }
    return msgspec.json.encode(fields)


class _reaching_strap:  # noqa: N801 - used like a function: `with _reaching_strap():`
    """Turns a lost link into the wearer's words."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and issubclass(kind, LinkLost):
            raise StrapUnreachable
