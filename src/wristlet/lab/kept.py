"""What a kept sandbox tells those who come later: the brand's build file for a phone, where the
parts listen, and how to sign a wearer in.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from wristlet.companion.store import Build
from wristlet.crypto.seal import KeyUsage
from wristlet.env.base import Env, replace_file
from wristlet.env.real import real_env
from wristlet.lab import setup
from wristlet.lab.signin import open_session

BRAND_FILE, PLACES_FILE = "brand.json", "sandbox.json"
API_KEY: Final = "wallet.api_key"


@dataclass(frozen=True, slots=True)
class Places:
    """Where the parts of a running sandbox are, and whose straps are on it."""

    wallet_url: str
    wearer_id: str
    strap_link: str
    strap_control: str
    contactless: str


def build_of(sandbox: setup.Sandbox, wallet_url: str) -> Build:
    """Return what the sandbox's brand builds into its app."""
    return Build(
        brand=setup.BRAND,
        wallet_url=wallet_url,
        card_data_root=sandbox.tsp.card_data_root_der.hex(),
        maker_root=sandbox.maker_root_der.hex(),
    )


def write(env: Env, sandbox: setup.Sandbox, places: Places) -> None:
    """Write both files and keep the brand's API key, sealed, for `wristlet test sign-in`."""
    root = sandbox.paths.root
    build = asdict(build_of(sandbox, places.wallet_url))
    for name, content in ((BRAND_FILE, build), (PLACES_FILE, asdict(places))):
        replace_file(env.disk, root / name, json.dumps(content, indent=2).encode() + b"\n")
    owner = setup.open_store(env, sandbox.paths, "owner")
    owner.put(API_KEY, KeyUsage.PUBLIC, sandbox.api_key.encode(), replace=True)


def read(root: Path) -> Places:
    """Read where a kept sandbox's parts are; FileNotFoundError where none was kept."""
    return Places(**json.loads((root / PLACES_FILE).read_bytes()))


async def new_session(root: Path) -> str:
    """Open one more session for the sandbox's wearer, as another phone needs one."""
    places = read(root)
    owner = setup.open_store(real_env(), setup.Paths(root), "owner")
    api_key = bytes(owner.get(API_KEY, KeyUsage.PUBLIC)).decode()
    opened = await open_session(api_key, places.wallet_url, wearer_id=places.wearer_id)
    return opened.token
