"""What a terminal is and may do: its limits by kernel and the capabilities it claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wristlet.crypto.rsa import RsaPublicKey
from wristlet.wire.gp import aids


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one kernel in minor units of the terminal's currency (EMV Contactless Book A,
    limits).

    A tap above `cvm_minor` needs the cardholder verified, above `contactless_minor` it is not
    done at all, above `floor_minor` it goes online; the sandbox floor of 0 sends every tap
    online.
    """

    cvm_minor: int = 10_000
    contactless_minor: int = 1_000_000
    floor_minor: int = 0


@dataclass(frozen=True, slots=True)
class TerminalConfig:
    """One terminal. `ca_keys` maps (RID, index) to scheme keys for offline data authentication."""

    terminal_id: str = "WRIST001"
    merchant_id: str = "WRISTLETSHOP001"
    merchant_name: str = "WRISTLET COFFEE"
    city: str = "TOKYO"
    country_alpha: str = "JP"
    country_numeric: str = "392"
    currency: str = "JPY"
    limits: Mapping[int, Limits] = field(default_factory=lambda: {2: Limits(), 3: Limits()})
    ca_keys: Mapping[tuple[bytes, int], RsaPublicKey] = field(default_factory=dict)
    terminal_type: str = "22"
    # Terminal capabilities 9F33: no contact entry, no-CVM only besides the device's own, ODA by
    # DDA and CDA.
    capabilities: bytes = bytes.fromhex("0008C8")
    serial_number: str = "WRIST001"

    @property
    def kernels(self) -> Mapping[bytes, int]:
        """Registered AIDs this terminal accepts, each with its kernel."""
        return {aids.KERNEL_3: 3, aids.KERNEL_2: 2}
