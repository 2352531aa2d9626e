"""Supplementary security domains: their keys are born on the card and certified by its CASD."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wristlet.crypto import ec
from wristlet.crypto.x509chain import Issuer, Subject, Use, Validity
from wristlet.se import keyset
from wristlet.se.applets.base import CardError, Instance
from wristlet.se.keyset import Kid, SdKey, domain_key
from wristlet.se.registry import NO_PRIORITY
from wristlet.wire.gp import aids
from wristlet.wire.gp.keys import KeyType
from wristlet.wire.gp.lifecycle import ContactlessState, DomainState
from wristlet.wire.gp.privileges import Privileges
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from collections.abc import Callable

    from wristlet.se.context import AppContext
    from wristlet.se.profile import Profile, TrustRoot

PACKAGE_AID: Final = bytes.fromhex("A0000001515350")
MODULE_AID: Final = bytes.fromhex("A000000151535041")
CASD_SCALAR_KEY: Final = "sys/casd"
CASD_CERTIFICATE_KEY: Final = "sys/cert/casd"
KEY_VERSION: Final = 0x01
DAY_MS: Final = 24 * 3_600_000
YEAR_MS: Final = 365 * DAY_MS
LIFETIME_YEARS: Final = 20
_SERIAL_SIZE: Final = 8


def new_serial(random_bytes: Callable[[int], bytes]) -> int:
    """Draw a positive certificate serial number."""
    return int.from_bytes(random_bytes(_SERIAL_SIZE), "big") >> 1 | 1


def lifetime(now_ms: int) -> Validity:
    """Dates of a certificate made now: a day of grace before, twenty years after."""
    return Validity(now_ms - DAY_MS, now_ms + LIFETIME_YEARS * YEAR_MS)


def entry(aid: bytes) -> Instance:
    """Registry entry of a domain under the issuer domain."""
    return Instance(
        aid,
        MODULE_AID,
        aids.ISD,
        DomainState.PERSONALIZED,
        ContactlessState.DEACTIVATED,
        NO_PRIORITY,
        Privileges.SECURITY_DOMAIN.encode(),
    )


def channel_of(aid: bytes, profile: Profile) -> tuple[Kid, TrustRoot] | None:
    """Return which SCP11 variant a domain opens and to whom; the maker's profile fixes it."""
    if aid == aids.TSP_DOMAIN:
        return Kid.SCP11C, profile.tsp_root
    if aid == aids.CARDHOLDER_DOMAIN:
        return Kid.SCP11A, profile.tenant_root
    return None


def make_keys(
    aid: bytes,
    profile: Profile,
    se_id: bytes,
    casd: Issuer,
    random_bytes: Callable[[int], bytes],
    now_ms: int,
) -> dict[str, bytes]:
    """Make a domain's key pair and certificate; gives the store entries."""
    found = channel_of(aid, profile)
    if found is None:
        return {}
    kid, root = found
    key = ec.new_private_key(random_bytes)
    subject = Subject.domain(se_id, profile.model, aid)
    serial = new_serial(random_bytes)
    leaf = casd.leaf(subject, ec.point_of(key), Use.AGREE, lifetime(now_ms), serial)
    held = (
        SdKey(kid, KEY_VERSION, KeyType.EC_PRIVATE, bytes(ec.scalar_of(key))),
        SdKey(Kid.CA_KLOC, KEY_VERSION, KeyType.EC_PUBLIC, root.point + root.id),
    )
    return {
        domain_key(aid, "keys"): keyset.encode(held),
        domain_key(aid, f"cert/{kid:02X}{KEY_VERSION:02X}"): leaf,
    }


def install(context: AppContext, aid: bytes) -> None:
    """Install a domain; the TSP's and the cardholder's get fresh keys under the profile's roots."""
    context.registry.add(entry(aid))
    scalar, certificate = (
        context.state.get(key) for key in (CASD_SCALAR_KEY, CASD_CERTIFICATE_KEY)
    )
    if scalar is None or certificate is None:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    made = make_keys(
        aid,
        context.profile,
        context.se_id,
        Issuer(ec.private_key(scalar), certificate),
        context.env.random.bytes,
        context.env.clock.now_ms(),
    )
    for name, value in made.items():
        context.state.put(name, value)
