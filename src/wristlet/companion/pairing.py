"""Phone and strap meet: certificates are checked, digits compared, the phone's key enrolled.

Which strap is meant comes from a QR code or a typed code; that it is this one and no neighbour's
is shown by its certificate. A pairing that broke off goes on where it stopped: once the secure
element has this phone on its list, nothing is compared again.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from wristlet.companion import se_client
from wristlet.companion.errors import CompanionError, InputError, StrapUntrusted
from wristlet.companion.store import StrapState
from wristlet.companion.tools import Tools, reaching_strap
from wristlet.crypto import pairing, x509chain
from wristlet.model.wallet_messages import CertifyPhone, Device, PairDevice
from wristlet.wire.errors import DecodeError
from wristlet.wire.gp import aids
from wristlet.wire.strap import invitation
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.invitation import Invitation

Confirm = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Attested:
    """A strap whose secure element proved where it comes from; shown before the wearer agrees."""

    se_id: bytes
    model: str
    chains: se_client.Chains
    domain_point: bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which strap the wearer means: a scanned invitation, or a typed code."""

    scanned: Invitation | None = None
    code: bytes = b""

    @classmethod
    def read(cls, text: str) -> Wanted:
        """Read what was scanned or typed; raises InputError."""
        try:
            if "#" in text or ":" in text:
                return cls(scanned=Invitation.parse(text))
            return cls(code=invitation.read_code(text))
        except DecodeError as error:
            message = f"{error}; scan it again, or hold the strap's button for a new one"
            raise InputError("pairing code", message) from error


async def attest(tools: Tools, wanted: Wanted | None = None) -> Attested:
    """Check the strap's certificates, and that it is the one that was scanned or typed.

    Raises StrapUntrusted, StrapUnreachable, StrapRefused.
    """
    now_ms = tools.env.clock.now_ms()
    with reaching_strap():
        chains = await se_client.read_chains(tools.strap)
        leaf = tools.roots.strap_leaf(chains.attestation, x509chain.Use.SIGN, now_ms)
        domain = tools.roots.strap_leaf(chains.cardholder, x509chain.Use.AGREE, now_ms)
        if not x509chain.is_domain(domain.subject, aids.CARDHOLDER_DOMAIN):
            raise StrapUntrusted("strap: its certificate is for another part; do not use it")
        if domain.subject.se_id != leaf.subject.se_id:
            raise StrapUntrusted("strap: its certificates are of two straps; do not use it")
        if wanted is not None:
            await _check_wanted(tools, wanted, leaf.subject.se_id)
    return Attested(leaf.subject.se_id, leaf.subject.model, chains, domain.point)


async def enrol(
    tools: Tools, strap: Attested, name: str, confirm: Confirm, *, link: str = ""
) -> Device:
    """Compare digits, register the strap, enrol this phone on it and keep it.

    `confirm` gets the six digits; it returns when the wearer has compared them and pressed the
    strap's button. Raises StrapUntrusted, StrapUnreachable, StrapRefused.
    """
    with reaching_strap():
        if (await se_client.read_state(tools.strap)).phones == 0:
            tools.store.change(pairing_se_id=strap.se_id.hex())
            await confirm(await _compare(tools, strap.se_id))
            if (await se_client.read_state(tools.strap)).phones == 0:
                raise StrapUntrusted(
                    "strap: it did not take this phone; press its button and pair again"
                )
    device, certificate = await register(tools, strap, name)
    with reaching_strap():
        # What the strap said in plain proves nothing; its secure element opening to us does.
        channel = await tools.channel(certificate, strap.domain_point.hex())
        is_first = tools.store.state.pairing_se_id == strap.se_id.hex()
        if is_first and (await channel.state()).phones != 1:
            raise StrapUntrusted(
                "strap: another phone got onto it while it was paired; do not use it"
            )
    keep(tools, strap, device, certificate, link)
    return device


async def register(tools: Tools, strap: Attested, name: str) -> tuple[Device, str]:
    """Register the strap at the wallet and have this phone's key certified for it (hex)."""
    chains = strap.chains
    request = PairDevice(name, _base64(chains.attestation), _base64(chains.tsp_domain))
    device = await tools.call(lambda key: tools.wallet.pair_device(request, key=key))
    if not hmac.compare_digest(device.se_id, strap.se_id.hex()):
        raise CompanionError("server: it answered for another strap; tell its operator")
    ours = CertifyPhone(tools.public_point().hex(), tools.store.state.name)
    certified = await tools.call(lambda key: tools.wallet.certify_phone(device.id, ours, key=key))
    return device, certified.certificate


def keep(tools: Tools, strap: Attested, device: Device, certificate: str, link: str) -> None:
    """Keep a strap that opened to this phone; from now on it is the one of these tools."""
    fresh = StrapState(
        device_id=device.id,
        name=device.name,
        se_id=strap.se_id.hex(),
        model=strap.model,
        certificate=certificate,
        domain_point=strap.domain_point.hex(),
        link=link,
        is_lost=device.state == "lost",
    )
    for old in tools.store.state.straps:
        if old.device_id == device.id:
            fresh = replace(
                old,
                name=fresh.name,
                certificate=fresh.certificate,
                domain_point=fresh.domain_point,
                link=link or old.link,
                is_lost=fresh.is_lost,
            )
    tools.store.keep_strap(fresh)
    tools.store.change(pairing_se_id="")
    tools.device_id = device.id


async def _check_wanted(tools: Tools, wanted: Wanted, se_id: bytes) -> None:
    """Refuse a neighbour's strap, and a code that was used or is too old."""
    device = invitation.device_of(se_id)
    nonce = await tools.strap.ask(Concern.PAIRING, invitation.ASK_NAME)
    if wanted.scanned is not None:
        if not hmac.compare_digest(wanted.scanned.device, device):
            raise StrapUntrusted("strap: it is not the one whose code was scanned; move nearer")
        fresh = hmac.compare_digest(wanted.scanned.nonce, nonce)
    else:
        fresh = hmac.compare_digest(wanted.code, invitation.code_bytes(device, nonce))
    if not fresh:
        raise StrapUntrusted(
            "strap: this code is used up, too old or of another strap; hold its button for a new"
            " one"
        )


async def _compare(tools: Tools, se_id: bytes) -> str:
    """Return the digits for the wearer, worked out here: what the link says is not trusted."""
    point, own = tools.public_point(), tools.env.random.bytes(pairing.NONCE_BYTES)
    committed = await tools.strap.pair_offer(point)
    theirs = await tools.strap.pair_reveal(own)
    if not pairing.fits(committed, point, theirs):
        raise StrapUntrusted("strap: it changed its mind while pairing; do not use it")
    return pairing.digits(se_id, point, own, theirs)


def _base64(certificates: list[bytes]) -> list[str]:
    return [b64encode(one).decode("ascii") for one in certificates]
