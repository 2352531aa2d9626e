"""Several phones for one strap: a further one comes by an old one's channel, any may be removed.

The new phone shows a code that is a piece of its key's hash; whoever types it into the old phone
has compared the key, so a server in between can put no other one in its place.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

from wristlet.companion import pairing
from wristlet.companion.errors import CompanionError, InputError, ServerUnreachable
from wristlet.companion.outcome import Ending, Outcome, done
from wristlet.companion.queue import Kind
from wristlet.companion.server import call
from wristlet.companion.store import PhoneStore
from wristlet.companion.sync import PartReport
from wristlet.companion.texts import say
from wristlet.companion.tools import Tools, reaching_strap
from wristlet.env.base import Env
from wristlet.links.channel import LinkLost
from wristlet.links.strap_link import StrapLink
from wristlet.links.wallet_client import WalletClient
from wristlet.model.wallet_messages import CertifyPhone, Device, Phone
from wristlet.wire import crockford
from wristlet.wire.errors import DecodeError

CODE_BYTES: Final = 7
"""56 bits: nobody finds another key with the same code while two people look at two screens."""
_GROUP: Final = 4
_PHONE_ID: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Asking:
    """This phone asks to come onto a strap; the wearer types `code` into a phone that is on it."""

    device: Device
    phone_id: str
    code: str


def phone_id(point: bytes) -> str:
    """Return what secure element and wallet know a phone by: the SHA-256 of its point, as hex."""
    return hashlib.sha256(point).hexdigest()


def code_of(identity: str) -> str:
    """Return the code of a phone in groups of four."""
    text = crockford.encode(bytes.fromhex(identity)[:CODE_BYTES])
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


async def ask(env: Env, store: PhoneStore, wallet: WalletClient, device: Device) -> Asking:
    """Have this phone's key certified for a strap of the wearer; a phone on it must agree."""
    point = store.public_point()
    request = CertifyPhone(point.hex(), store.state.name)
    await call(env, lambda key: wallet.certify_phone(device.id, request, key=key))
    identity = phone_id(point)
    return Asking(device, identity, code_of(identity))


async def join(tools: Tools, device: Device, *, link: str = "") -> Device:
    """Begin to use a strap that has this phone on its list; nothing secret comes from elsewhere.

    Raises StrapUntrusted for another strap, CompanionError while the strap does not accept it.
    """
    strap = await pairing.attest(tools)
    if not hmac.compare_digest(strap.se_id.hex(), device.se_id):
        raise CompanionError(f"strap: this is not {device.name}; bring the right one near")
    kept, certificate = await pairing.register(tools, strap, device.name)
    with reaching_strap():
        await tools.channel(certificate, strap.domain_point.hex())
    pairing.keep(tools, strap, kept, certificate, link)
    return kept


async def listed(tools: Tools) -> list[Phone]:
    """List the phones that the brand certified for the strap."""
    return (await tools.call(lambda _: tools.wallet.phones(tools.device_id))).data


@dataclass(frozen=True, slots=True)
class PhoneView:
    """A phone as brand and strap see it; `certified` is the brand's word: certified, revoked or
    unknown.
    """

    id: str
    name: str
    certified: str
    is_on_strap: bool
    is_this: bool


async def views(tools: Tools) -> list[PhoneView]:
    """List the phones of the strap; one on the strap's list that the brand never saw shows too.

    Needs strap and server; the strap's list comes through this phone's own channel.
    """
    own = phone_id(tools.public_point())
    with reaching_strap():
        on_strap = await (await tools.open_channel()).phones()
    known = await listed(tools)
    shown = [
        PhoneView(one.id, one.name, one.state, one.id in on_strap, one.id == own) for one in known
    ]
    strangers = [one for one in on_strap if one not in {phone.id for phone in known}]
    return shown + [PhoneView(one, "", "unknown", True, one == own) for one in strangers]


async def add(tools: Tools, typed: str) -> Phone:
    """Let the phone that shows this code onto the strap; raises InputError, StrapUnreachable."""
    wanted = _read(typed)
    for phone in await listed(tools):
        shown = bytes.fromhex(phone.id)[:CODE_BYTES]
        if phone.state != "revoked" and hmac.compare_digest(shown, wanted):
            with reaching_strap():
                channel = await tools.open_channel()
                await channel.enrol(bytes.fromhex(phone.id))
            return phone
    raise InputError("phone code", "no phone asks with it; look at the new phone again")


def _read(typed: str) -> bytes:
    try:
        return crockford.decode(typed, CODE_BYTES, "phone code")
    except DecodeError as error:
        raise InputError("phone code", f"{error}; look at the new phone again") from error


async def revoke(tools: Tools, identity: str) -> Outcome[None]:
    """Take a phone off the strap and at the wallet; what cannot be reached now hears of it later.

    Raises InputError for the phone in hand: it would lock itself out.
    """
    if identity == phone_id(tools.public_point()):
        raise InputError("phone", "this is the phone in your hand; do it from another one")
    if not _PHONE_ID.fullmatch(identity):
        raise InputError("phone", "this is no phone's id; list the phones")
    tools.remember(phones_to_remove=(*tools.state.phones_to_remove, identity))
    request = tools.outbox.put(Kind.REVOKE_PHONE, tools.device_id, identity)
    await tools.outbox.flush()
    try:
        await remove_waiting(tools)
    except LinkLost:
        return Outcome(Ending.QUEUED, reason=say("revoke.strap"), next_step=say("revoke.next"))
    if request.id in {one.id for one in tools.outbox.waiting}:
        return Outcome(Ending.QUEUED, reason=say("revoke.server"), next_step=say("revoke.next"))
    return done(None)


async def remove_waiting(tools: Tools) -> int:
    """Take phones off the strap that were revoked while it was away; raises LinkLost."""
    waiting = tools.state.phones_to_remove
    if not waiting:
        return 0
    channel = await tools.open_channel()
    for identity in waiting:
        await channel.remove(bytes.fromhex(identity))
        left = tuple(one for one in tools.state.phones_to_remove if one != identity)
        tools.remember(phones_to_remove=left)
    return len(waiting)


@dataclass(frozen=True, slots=True)
class Phones:
    """The part of a sync that takes revoked phones off the strap."""

    tools: Tools
    name: str = "phones"

    async def run(self, link: StrapLink) -> PartReport:
        """Remove what waits; raises LinkLost, CompanionError."""
        return PartReport(self.name, done=await remove_waiting(self.tools))


async def end_other_sessions(tools: Tools) -> bool:
    """End the wearer's sessions on every other phone; False while the server is away."""
    try:
        await tools.call(lambda key: tools.wallet.end_other_sessions(key=key))
    except ServerUnreachable:
        return False
    return True
