"""Makes one secure element on its own, with its owner's key store where there is none yet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wristlet.crypto import ec
from wristlet.crypto.seal import KeyStore, KeyUsage, SealKey, read_seal_key
from wristlet.env.base import Env, create_file, ensure_dir
from wristlet.se.create import SeIdentity, create
from wristlet.se.profile import Profile, ProfileError, TrustRoot
from wristlet.wire.gp import aids

MODEL = "wristlet-se-1"
OWNER_CONTEXT = b"owner"
OWNER_KEY_NAME = "owner.key"
# Roots of a sandbox that nobody else made: name of the key, identifier that the profile carries.
SANDBOX_TSP_ROOT = ("sandbox.tsp_root", b"SANDBOX TSP")
SANDBOX_TENANT_ROOT = ("sandbox.tenant_root", b"SANDBOX BRAND")
_SEAL_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything lies; `owner_key` seals the owner's store, `seal_key` the element.

    Two keys, because whoever runs an element needs its own and must not get its maker's. The
    rollback counter lies apart from the state, or else it would be put back together with it.
    """

    state: Path
    seal_key: Path
    owner: Path
    owner_key: Path
    counter: Path

    @classmethod
    def of(
        cls,
        state: Path,
        owner: Path,
        seal_key: Path,
        owner_key: Path | None = None,
        counter: Path | None = None,
    ) -> Places:
        """Put owner's key and counter beside the seal key unless told where; raises ValueError."""
        chosen = owner_key or seal_key.with_name(OWNER_KEY_NAME)
        apart = counter_of(state, seal_key, counter)
        for name, path in (("--seal-key", seal_key), ("--owner-key", chosen)):
            if path.absolute().is_relative_to(state.absolute()):
                raise ValueError(
                    f"{name} {path}: lies in the state folder; put it elsewhere, "
                    "so that a copied folder alone does not open"
                )
        return cls(state, seal_key, owner, chosen, apart)


def counter_of(state: Path, seal_key: Path, counter: Path | None = None) -> Path:
    """Return where an element's rollback counter lies: beside the seal key unless told.

    Raises ValueError for a place inside the state folder.
    """
    chosen = counter or seal_key.with_name(f"{state.name}.counter")
    if chosen.absolute().is_relative_to(state.absolute()):
        raise ValueError(
            f"--counter {chosen}: lies in the state folder; put it elsewhere, "
            "so that an older folder put back is noticed"
        )
    return chosen


@dataclass(frozen=True, slots=True)
class Made:
    """A new secure element, and a line for each file that was made on the way."""

    identity: SeIdentity
    notes: tuple[str, ...]


def make(env: Env, places: Places, profile: Path | None = None, *, sandbox: bool = False) -> Made:
    """Make a secure element in its state folder.

    Raises ProfileError without a usable profile, SealError and KeyStoreError for keys that do not
    open, FileExistsError where an element is.
    """
    if profile is None and not sandbox:
        raise ProfileError(
            "--profile: outside the sandbox a profile names the token service's and the brand's "
            "roots; give one, or --sandbox for test roots"
        )
    if env.disk.exists(places.counter) and not env.disk.exists(places.state):
        raise FileExistsError(
            f"--counter {places.counter}: belongs to another element; name a new file, or remove "
            "it if that element is gone"
        )
    chosen = None if profile is None else Profile.from_json(profile.read_bytes())
    notes: list[str] = []
    seal_key = _seal_key(env, places.seal_key, "the secure element's seal key", notes)
    owner = _owner(env, places, notes)
    identity = create(
        env,
        str(places.state),
        seal_key,
        owner,
        chosen or _sandbox_profile(env, owner),
        sandbox=sandbox,
        counter_path=str(places.counter),
    )
    notes.append(f"made the rollback counter: {places.counter} (keep it apart from the state)")
    return Made(identity, tuple(notes))


def _seal_key(env: Env, path: Path, name: str, notes: list[str]) -> SealKey:
    if not env.disk.exists(path):
        ensure_dir(env.disk, path.parent)
        create_file(env.disk, path, env.random.bytes(_SEAL_KEY_BYTES))
        notes.append(f"made {name}: {path} (keep it: without it nothing opens)")
    return read_seal_key(path)


def _owner(env: Env, places: Places, notes: list[str]) -> KeyStore:
    key = _seal_key(env, places.owner_key, "the owner's seal key", notes)
    random_bytes = env.random.bytes
    if env.disk.exists(places.owner):
        return KeyStore.open(env.disk, places.owner, key, OWNER_CONTEXT, random_bytes)
    ensure_dir(env.disk, places.owner.parent)
    store = KeyStore.create(env.disk, places.owner, key, OWNER_CONTEXT, random_bytes)
    notes.append(f"made the owner's key store: {places.owner}")
    return store


def _sandbox_profile(env: Env, owner: KeyStore) -> Profile:
    return Profile(
        model=MODEL,
        tsp_root=_sandbox_root(env, owner, *SANDBOX_TSP_ROOT),
        tenant_root=_sandbox_root(env, owner, *SANDBOX_TENANT_ROOT),
        pin_authority=aids.TSP_DOMAIN,
    )


def _sandbox_root(env: Env, owner: KeyStore, name: str, identifier: bytes) -> TrustRoot:
    """Return a root of the owner's sandbox, made on first use: its elements share their roots."""
    if name not in owner:
        fresh = ec.new_private_key(env.random.bytes)
        owner.put(name, KeyUsage.SIGN, ec.scalar_of(fresh))
    return TrustRoot(identifier, ec.point_of(ec.private_key(owner.get(name, KeyUsage.SIGN))))
