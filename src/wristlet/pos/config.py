"""What a terminal is and may do: its limits by kernel and the capabilities it claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wristlet.crypto.rsa import RsaPublicKey
from wristlet.model.money import numeric_code
from wristlet.wire.gp import aids

_MINUTES_OFFSET_MAX = 14 * 60
_TEXT_SIZES = {"terminal_id": 8, "merchant_id": 15, "serial_number": 8}


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one kernel in minor units of the terminal's currency (EMV Contactless Book B,
    Pre-Processing).

    A tap above `cvm_minor` needs the cardholder verified, above `contactless_minor` it is not
    done at all, above `floor_minor` it goes online; the sandbox floor of 0 sends every tap
    online.
    """

    cvm_minor: int = 10_000
    contactless_minor: int = 1_000_000
    floor_minor: int = 0


@dataclass(frozen=True, slots=True)
class TerminalConfig:
    """One terminal. `ca_keys` maps (RID, index) to scheme keys for offline data authentication.

    `terminal_type` 21 is an attended terminal of a merchant that only approves online (EMV 4.3
    Book 4, Terminal Type). `utc_offset_minutes` is where local time stands against UTC.
    ValueError names a field that cannot be.
    """

    terminal_id: str = "WRIST001"
    merchant_id: str = "WRISTLETSHOP001"
    merchant_name: str = "WRISTLET COFFEE"
    city: str = "TOKYO"
    country_alpha: str = "JP"
    country_numeric: str = "392"
    currency: str = "JPY"
    utc_offset_minutes: int = 9 * 60
    limits: Mapping[int, Limits] = field(default_factory=lambda: {2: Limits(), 3: Limits()})
    ca_keys: Mapping[tuple[bytes, int], RsaPublicKey] = field(default_factory=dict)
    terminal_type: str = "21"
    serial_number: str = "WRIST001"

    def __post_init__(self) -> None:
        for name, size in _TEXT_SIZES.items():
            text = getattr(self, name)
            if not text.isascii() or not text.isprintable() or not 1 <= len(text) <= size:
                raise ValueError(f"{name}: 1 to {size} ASCII characters are needed")
        for name in ("merchant_name", "city", "country_alpha"):
            text = getattr(self, name)
            if not text.isascii() or not text.isprintable():
                raise ValueError(f"{name}: ASCII characters are needed")
        if abs(self.utc_offset_minutes) > _MINUTES_OFFSET_MAX:
            raise ValueError("utc_offset_minutes: at most 14 hours either way")
        numeric_code(self.currency)

    @property
    def kernels(self) -> Mapping[bytes, int]:
        """Registered AIDs this terminal accepts, each with its kernel."""
        return {aids.KERNEL_3: 3, aids.KERNEL_2: 2}

    @property
    def currency_numeric(self) -> str:
        """The three digits of the terminal's own currency."""
        return numeric_code(self.currency)

    @property
    def capabilities(self) -> bytes:
        """Terminal capabilities 9F33: no contact or stripe reader; no CVM besides the device's
        own; DDA and CDA where scheme keys are there (EMV 4.3 Book 4, Terminal Capabilities).
        """
        return bytes.fromhex("000848" if self.ca_keys else "000800")
