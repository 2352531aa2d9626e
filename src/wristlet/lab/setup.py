"""Makes a whole sandbox in one folder: keys of every part, a brand, a profile, a secure element.

Each part gets a folder of its own and a seal key outside of it, so that a copied folder alone
does not open.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from wristlet.crypto.seal import KeyStore, KeyUsage, SealKey
from wristlet.env.base import Env, create_file, ensure_dir
from wristlet.env.database import Database, Durability
from wristlet.issuer import setup as issuer_setup
from wristlet.links import hop_keys
from wristlet.se import create as se_create
from wristlet.se.profile import Profile, TrustRoot
from wristlet.tsp import setup as tsp_setup
from wristlet.wallet import setup as wallet_setup
from wristlet.wire.gp import aids

KEY_STORES = ("owner", "tsp", "issuer", "switch", "acquirer", "terminal")
# Which host answers for numbers that begin so: tokens, then cards.
ROUTES = {"9998": "tsp", "9999": "issuer"}
SE_MODEL = "wristlet-se-1"
BRAND = "Aurora Straps"
REQUESTOR = "wallet"
# Entries that are no keys, kept in the sealed stores because they open doors.
TSP_BEARER, TSP_CONFIG, ISSUER_BEARER = "tsp.bearer", "tsp.config", "issuer.bearer"


@dataclass(frozen=True, slots=True)
class Paths:
    """Where a sandbox keeps what."""

    root: Path

    def folder(self, part: str) -> Path:
        """Return a part's own folder."""
        return self.root / part

    def store(self, part: str) -> Path:
        """Return a part's sealed key store."""
        return self.root / part / "keys.sealed"

    def seal_key(self, part: str) -> Path:
        """Return a part's seal key, apart from its folder."""
        return self.root / "seal-keys" / f"{part}.key"

    @property
    def counter(self) -> str:
        """The secure element's rollback counter, apart from its folder."""
        return str(self.root / "seal-keys" / "se.counter")

    @property
    def phone_state(self) -> str:
        """The phone's own sealed file."""
        return str(self.folder("phone") / "phone.sealed")

    @property
    def phone_bonds(self) -> str:
        """The phone's Bluetooth bonds, sealed too."""
        return str(self.folder("phone") / "bonds.sealed")

    def database(self, part: str) -> Path:
        """Return a part's database."""
        return self.root / part / f"{part}.db"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox as made: its places, and what was shown once. Tokens are masked in print."""

    paths: Paths
    tsp: tsp_setup.TspIdentity
    maker_root_der: bytes
    tenant_id: str
    api_key: str
    requestor_token: str
    se_id: bytes

    def __repr__(self) -> str:
        return f"Sandbox({str(self.paths.root)!r}, se_id={self.se_id.hex()})"


def seal_key(env: Env, paths: Paths, part: str) -> SealKey:
    """Return a part's seal key, made on first use."""
    path = paths.seal_key(part)
    if not env.disk.exists(path):
        create_file(env.disk, path, env.random.bytes(32))
    return SealKey.parse(env.disk.read(path))


def new_store(env: Env, paths: Paths, part: str) -> KeyStore:
    """Make a part's folder and its empty key store."""
    ensure_dir(env.disk, paths.folder(part))
    key = seal_key(env, paths, part)
    return KeyStore.create(env.disk, paths.store(part), key, part.encode(), env.random.bytes)


def open_store(env: Env, paths: Paths, part: str) -> KeyStore:
    """Open a part's key store."""
    key = seal_key(env, paths, part)
    return KeyStore.open(env.disk, paths.store(part), key, part.encode(), env.random.bytes)


async def make_sandbox(env: Env, root: Path, durability: Durability = "power") -> Sandbox:
    """Make every part's keys and the secure element; KeyStoreError where a sandbox is."""
    paths = Paths(root)
    ensure_dir(env.disk, root / "seal-keys")
    stores = {part: new_store(env, paths, part) for part in KEY_STORES}
    wallet_key = seal_key(env, paths, "wallet")
    wallet_keys = wallet_setup.open_keys(env, paths.folder("wallet"), wallet_key)
    identity = tsp_setup.create_keys(env, stores["tsp"])
    issuer_setup.create_keys(env, stores["issuer"])
    _share_hop_keys(env, stores)
    issuer_token = issuer_setup.create_tsp_token(env, stores["issuer"])
    stores["tsp"].put(ISSUER_BEARER, KeyUsage.PUBLIC, issuer_token.encode())
    tenant = await _make_tenant(env, paths, wallet_keys, durability)
    requestor_token = f"tr_{env.random.bytes(24).hex()}"
    wallet_keys.put(TSP_BEARER, KeyUsage.PUBLIC, requestor_token.encode())
    profile = Profile(
        model=SE_MODEL,
        tsp_root=TrustRoot(identity.ca_kloc_id, identity.ca_kloc_point),
        tenant_root=TrustRoot(tenant.phone_root_id, tenant.phone_root_point),
        pin_authority=aids.TSP_DOMAIN,
    )
    element = se_create.create(
        env,
        str(paths.folder("se")),
        seal_key(env, paths, "se"),
        stores["owner"],
        profile,
        sandbox=True,
        counter_path=paths.counter,
    )
    ensure_dir(env.disk, paths.folder("phone"))
    maker_root = bytes(stores["owner"].get(se_create.ROOT_CERT, KeyUsage.PUBLIC))
    bank_token = f"tb_{env.random.bytes(24).hex()}"
    issuer_setup.trust_token_service(stores["issuer"], identity.card_data_root_der, bank_token)
    config = {
        "trusted_roots": [maker_root.hex()],
        "requestors": {REQUESTOR: requestor_token},
        "issuers": {"issuer": bank_token},
    }
    stores["tsp"].put(TSP_CONFIG, KeyUsage.PUBLIC, json.dumps(config).encode())
    return Sandbox(
        paths=paths,
        tsp=identity,
        maker_root_der=maker_root,
        tenant_id=tenant.tenant_id,
        api_key=tenant.api_key,
        requestor_token=requestor_token,
        se_id=element.se_id,
    )


def _share_hop_keys(env: Env, stores: dict[str, KeyStore]) -> None:
    """Give both ends of each ISO 8583 link the same MAC key."""
    from_switch = stores["tsp"].get(tsp_setup.HOP_FROM_SWITCH, KeyUsage.MAC)
    to_switch = stores["tsp"].get(tsp_setup.HOP_TO_SWITCH, KeyUsage.MAC)
    stores["switch"].put(hop_keys.name("tsp"), KeyUsage.MAC, from_switch)
    stores["switch"].put(hop_keys.name("from_tsp"), KeyUsage.MAC, to_switch)
    for one, other in (("switch", "issuer"), ("acquirer", "switch"), ("terminal", "acquirer")):
        shared = env.random.bytes(16)
        for holder, peer in ((one, other), (other, one)):
            stores[holder].put(hop_keys.name(peer), KeyUsage.MAC, shared)


async def _make_tenant(
    env: Env, paths: Paths, keys: KeyStore, durability: Durability
) -> wallet_setup.NewTenant:
    database = Database(paths.database("wallet"), wallet_setup.MIGRATIONS, durability)
    await database.open()
    try:
        return await wallet_setup.create_tenant(env, database, keys, BRAND)
    finally:
        await database.close()
