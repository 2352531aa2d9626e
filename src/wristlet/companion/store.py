"""What the phone keeps: its own key, its session at the wallet, and which card sits in which
instance.

One sealed file under a key from the phone's keystore; no card number, DPAN or PIN ever goes in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from wristlet.crypto.seal import SealKey, open_sealed, seal
from wristlet.env.base import Env, replace_file

CONTEXT = b"wristlet:companion:1"


@dataclass(frozen=True, slots=True)
class PhoneState:
    """The phone's durable state; bytes as hex.

    `cards` maps card id to instance AID; `lease_report` waits for the server.
    """

    private_scalar: str
    device_id: str = ""
    se_id: str = ""
    certificate: str = ""
    domain_point: str = ""
    cards: dict[str, str] | None = None
    lease_report: str = ""

    def __repr__(self) -> str:
        return f"PhoneState(device_id={self.device_id!r}, se_id={self.se_id!r})"


class PhoneStore:
    """Reads and durably replaces the phone's state."""

    def __init__(self, env: Env, path: str, key: SealKey) -> None:
        self._env = env
        self._path = path
        self._key = key
        self.state = self._load()

    def update(self, **changes: str | dict[str, str]) -> PhoneState:
        """Change fields of the state and make it durable."""
        self.state = replace(self.state, **changes)  # type: ignore[arg-type]  # names and types are PhoneState's
        self._save()
        return self.state

    def _load(self) -> PhoneState:
        if self._env.disk.exists(self._path):
            blob = self._env.disk.read(self._path)
            return msgspec.json.decode(open_sealed(self._key, blob, CONTEXT), type=PhoneState)
        scalar = self._env.random.bytes(32)
        self.state = PhoneState(private_scalar=scalar.hex(), cards={})
        self._save()
        return self.state

    def _save(self) -> None:
        nonce = self._env.random.bytes(12)
        blob = seal(self._key, msgspec.json.encode(self.state), CONTEXT, nonce)
        replace_file(self._env.disk, self._path, blob)
