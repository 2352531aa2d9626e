"""A phone whose state is a folder: one process at a time, sealed by a key from elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import httpx2
import msgspec

from wristlet.companion.errors import CompanionError, InputError
from wristlet.companion.lease import LeasePolicy
from wristlet.companion.phone import Phone
from wristlet.companion.store import Build, PhoneStore
from wristlet.companion.texts import Language
from wristlet.companion.trust import Roots
from wristlet.crypto.seal import SealKey
from wristlet.env.base import Env, ensure_dir
from wristlet.links.bonds import BondFile
from wristlet.links.folder_lock import FolderInUse, locked
from wristlet.links.http import HttpClient
from wristlet.links.wallet_client import WalletClient

STATE_FILE: Final = "phone.sealed"
BONDS_FILE: Final = "bonds.sealed"


class PhoneInUse(CompanionError):
    """Another process works with this phone's state."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"phone: another command works with {folder}; wait until it has ended")


class SignedOut(CompanionError):
    """The phone has no session at a wallet server."""

    def __init__(self) -> None:
        super().__init__("phone: it is not signed in; run `wristlet phone sign-in` first")


@contextmanager
def locked_store(env: Env, folder: Path, key: SealKey) -> Iterator[PhoneStore]:
    """Open the folder's state for this process alone; raises PhoneInUse, SealError."""
    ensure_dir(env.disk, folder)
    try:
        with locked(folder):
            yield PhoneStore(env, str(folder / STATE_FILE), key)
    except FolderInUse:
        raise PhoneInUse(folder) from None


def read_build(content: bytes) -> Build:
    """Read a brand's build file (JSON); raises InputError that names the field."""
    try:
        build = msgspec.json.decode(content, type=Build)
    except msgspec.MsgspecError as error:
        # Its text names field and expected type only.
        raise InputError("brand file", f"{error}; compare it with the reference") from None
    LeasePolicy(hours=build.lease_hours)
    for name, certificate in (
        ("card_data_root", build.card_data_root),
        ("maker_root", build.maker_root),
    ):
        try:
            bytes.fromhex(certificate)
        except ValueError:
            raise InputError(f"brand file, {name}", "not hex; write the DER as hex") from None
    return build


@asynccontextmanager
async def signed_in(
    env: Env,
    store: PhoneStore,
    *,
    transport: httpx2.AsyncBaseTransport | None = None,
    language: Language = "en",
) -> AsyncIterator[Phone]:
    """Give the phone of a store with its brand's build and session; raises SignedOut."""
    build, session = store.state.build, store.state.session
    if build is None or not session:
        raise SignedOut
    http = HttpClient(build.wallet_url, session, transport)
    roots = Roots(bytes.fromhex(build.card_data_root), bytes.fromhex(build.maker_root))
    policy = LeasePolicy(hours=build.lease_hours)
    try:
        yield Phone(env, store, WalletClient(http), roots, policy=policy, language=language)
    finally:
        await http.close()


def bonds_of(env: Env, folder: Path, key: SealKey) -> BondFile:
    """Return where this phone keeps its Bluetooth bonds, sealed like the rest."""
    return BondFile(env, str(folder / BONDS_FILE), key)
