"""Making a secure element: its keys are born inside, its owner certifies them.

maker root -> batch -> CASD of this SE -> attestation key, key of each domain
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from wristlet.crypto import ec
from wristlet.crypto.scp03 import StaticKeys, derive_static_keys
from wristlet.crypto.seal import KeyUsage
from wristlet.crypto.x509chain import Issuer, Subject, Use
from wristlet.env.base import ensure_dir
from wristlet.se import keyset, supplementary
from wristlet.se.applets.base import Instance
from wristlet.se.card import ID_KEY, LIFE_KEY, PROFILE_KEY, SANDBOX_KEY, Card
from wristlet.se.context import EVENT_KEY, SECRET_KEY
from wristlet.se.domains import BATCH_KEY, CASD_KEY
from wristlet.se.keyset import Kid, SdKey, domain_key
from wristlet.se.registry import NO_PRIORITY, REGISTRY_KEY
from wristlet.se.registry import encode as encode_registry
from wristlet.se.store import SealedStore, Store
from wristlet.wire.gp import aids
from wristlet.wire.gp.keys import KeyType
from wristlet.wire.gp.lifecycle import ApplicationState, CardState, ContactlessState
from wristlet.wire.gp.privileges import Privileges
from wristlet.wire.masked import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wristlet.crypto.seal import KeyStore, SealKey
    from wristlet.env.base import Env
    from wristlet.se.catalog import Catalog
    from wristlet.se.profile import Profile

ROOT, ROOT_CERT = "maker.root", "maker.root.cert"
BATCH, BATCH_CERT = "maker.batch", "maker.batch.cert"
ISD_MASTER: Final = "isd.master"
ISD_KEY_VERSION: Final = 0x30
ATTESTATION_KEY_VERSION: Final = 0x01
SE_ID_SIZE: Final = 16
_MASTER_SIZE: Final = 16
_SECRET_SIZE: Final = 32
_ISD_PRIVILEGES: Final = (
    Privileges.SECURITY_DOMAIN
    | Privileges.CARD_LOCK
    | Privileges.CARD_TERMINATE
    | Privileges.AUTHORIZED_MANAGEMENT
    | Privileges.GLOBAL_DELETE
    | Privileges.GLOBAL_LOCK
    | Privileges.GLOBAL_REGISTRY
)
_APPLETS: Final = (
    (aids.PPSE, aids.ISD),
    (aids.CRS, aids.CARDHOLDER_DOMAIN),
    (aids.CARDHOLDER_APPLET, aids.CARDHOLDER_DOMAIN),
)


@dataclass(frozen=True, slots=True)
class SeIdentity:
    """What its owner knows of a secure element; `attestation_chain` is DER, batch to leaf."""

    se_id: bytes
    model: str
    attestation_chain: tuple[bytes, ...]
    domain_points: dict[bytes, bytes]
    """Static public point (65 bytes) of each domain with an SCP11 key, by AID."""


def create(
    env: Env,
    directory: str,
    seal_key: SealKey,
    owner: KeyStore,
    profile: Profile,
    *,
    sandbox: bool = False,
    counter_path: str | None = None,
) -> SeIdentity:
    """Make a secure element in a directory; FileExistsError if one is there."""
    ensure_dir(env.disk, directory)
    state, identity = new_state(env, owner, profile, sandbox=sandbox)
    SealedStore.create(env, directory, seal_key, state, counter_path=counter_path)
    return identity


def create_volatile(
    env: Env, owner: KeyStore, profile: Profile, *, sandbox: bool = False
) -> tuple[Store, SeIdentity]:
    """Make a secure element in memory only, for fleets and benches."""
    state, identity = new_state(env, owner, profile, sandbox=sandbox)
    return Store(state), identity


def fleet(
    env: Env,
    owner: KeyStore,
    profile: Profile,
    count: int,
    *,
    catalog: Catalog | None = None,
    sandbox: bool = False,
) -> Iterator[tuple[Card, SeIdentity]]:
    """Make many volatile cards for one process.

    They share code, profile, certificates above their own and the names of their state, so that
    an idle one costs a few KiB and no file, thread or task.
    """
    for _ in range(count):
        store, identity = create_volatile(env, owner, profile, sandbox=sandbox)
        yield Card(env, store, catalog, sandbox=sandbox), identity


def maker_keys(env: Env, owner: KeyStore) -> None:
    """Make the maker's root and batch keys with their certificates, unless they exist."""
    if BATCH_CERT in owner:
        return
    validity = supplementary.lifetime(env.clock.now_ms())
    random_bytes = env.random.bytes
    root_key, batch_key = (ec.new_private_key(random_bytes) for _ in range(2))
    root = Issuer.root(
        root_key, "wristlet maker root", validity, supplementary.new_serial(random_bytes)
    )
    batch = root.authority(
        batch_key, Subject("wristlet batch"), validity, supplementary.new_serial(random_bytes)
    )
    owner.put_all(
        {
            ROOT: (KeyUsage.SIGN, ec.scalar_of(root_key)),
            ROOT_CERT: (KeyUsage.PUBLIC, root.certificate),
            BATCH: (KeyUsage.SIGN, ec.scalar_of(batch_key)),
            BATCH_CERT: (KeyUsage.PUBLIC, batch.certificate),
        }
    )


def isd_keys(env: Env, owner: KeyStore, se_id: bytes, *, sandbox: bool) -> StaticKeys:
    """Return the issuer keys of one SE: derived from the owner's master, in the sandbox 40..4F."""
    if sandbox:
        return StaticKeys(*(Secret(SANDBOX_KEY) for _ in range(3)))
    if ISD_MASTER not in owner:
        owner.put(ISD_MASTER, KeyUsage.DERIVE, env.random.bytes(_MASTER_SIZE))
    return derive_static_keys(owner.get(ISD_MASTER, KeyUsage.DERIVE), se_id)


def new_state(
    env: Env, owner: KeyStore, profile: Profile, *, sandbox: bool
) -> tuple[dict[str, bytes], SeIdentity]:
    """Return the first state of a new secure element and its identity."""
    maker_keys(env, owner)
    random_bytes, now_ms = env.random.bytes, env.clock.now_ms()
    validity = supplementary.lifetime(now_ms)
    se_id = random_bytes(SE_ID_SIZE)
    batch = _batch(
        bytes(owner.get(BATCH, KeyUsage.SIGN)), bytes(owner.get(BATCH_CERT, KeyUsage.PUBLIC))
    )
    casd_key, attestation = (ec.new_private_key(random_bytes) for _ in range(2))
    subject = Subject.casd(se_id, profile.model)
    serial = supplementary.new_serial
    casd = batch.authority(casd_key, subject, validity, serial(random_bytes))
    leaf = casd.leaf(
        Subject.attestation(se_id, profile.model),
        ec.point_of(attestation),
        Use.SIGN,
        validity,
        serial(random_bytes),
    )
    isd = isd_keys(env, owner, se_id, sandbox=sandbox)
    state = _fixed_entries(random_bytes, se_id, _profile_text(profile))
    state[BATCH_KEY] = batch.certificate
    state[CASD_KEY] = casd.certificate
    state[supplementary.CASD_SCALAR_KEY] = bytes(ec.scalar_of(casd_key))
    state[domain_key(aids.ISD, "keys")] = keyset.encode(_isd_keyset(isd, attestation))
    state[domain_key(aids.ISD, f"cert/{Kid.ATTESTATION:02X}{ATTESTATION_KEY_VERSION:02X}")] = leaf
    points: dict[bytes, bytes] = {}
    for aid in (aids.TSP_DOMAIN, aids.CARDHOLDER_DOMAIN):
        made = supplementary.make_keys(aid, profile, se_id, casd, random_bytes, now_ms)
        state.update(made)
        points[aid] = _point(made[domain_key(aid, "keys")])
    chain = (batch.certificate, casd.certificate, leaf)
    return state, SeIdentity(se_id, profile.model, chain, points)


def _point(blob: bytes) -> bytes:
    """The pair's private scalar stands first in a fresh key set."""
    return ec.point_of(ec.private_key(blob[4:36]))


@lru_cache(maxsize=8)
def _batch(scalar: bytes, certificate: bytes) -> Issuer:
    return Issuer(ec.private_key(scalar), certificate)


@lru_cache(maxsize=8)
def _profile_text(profile: Profile) -> bytes:
    """One shared object per profile: a fleet's cards do not each hold their own."""
    return profile.to_json().encode()


def _isd_keyset(keys: StaticKeys, attestation: ec.PrivateKey) -> tuple[SdKey, ...]:
    values = ((Kid.ENC, keys.enc), (Kid.MAC, keys.mac), (Kid.DEK, keys.dek))
    scp03 = [SdKey(kid, ISD_KEY_VERSION, KeyType.AES, bytes(value)) for kid, value in values]
    scalar = bytes(ec.scalar_of(attestation))
    return (
        *scp03,
        SdKey(Kid.ATTESTATION, ATTESTATION_KEY_VERSION, KeyType.EC_PRIVATE, scalar),
    )


def _fixed_entries(
    random_bytes: Callable[[int], bytes], se_id: bytes, profile: bytes
) -> dict[str, bytes]:
    return {
        ID_KEY: se_id,
        PROFILE_KEY: profile,
        LIFE_KEY: bytes((CardState.SECURED,)),
        EVENT_KEY: bytes(4),
        SECRET_KEY: random_bytes(_SECRET_SIZE),
        REGISTRY_KEY: _first_registry(),
    }


@lru_cache(maxsize=1)
def _first_registry() -> bytes:
    off = ContactlessState.DEACTIVATED
    issuer = Instance(
        aids.ISD, aids.ISD, aids.ISD, CardState.SECURED, off, NO_PRIORITY, _ISD_PRIVILEGES.encode()
    )
    domains = [supplementary.entry(aid) for aid in (aids.TSP_DOMAIN, aids.CARDHOLDER_DOMAIN)]
    applets = [
        Instance(aid, aid, domain, ApplicationState.SELECTABLE, off, NO_PRIORITY)
        for aid, domain in _APPLETS
    ]
    return encode_registry(0, [issuer, *domains, *applets])
