"""The maker's profile: the choices that are fixed when a secure element is made."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

_POINT_SIZE = 65


class ProfileError(ValueError):
    """A profile cannot be used; the text names the field and what it must be."""


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """A root key that certifies the outside ends of a domain's SCP11 channel.

    `id` is the certification authority identifier (1 to 16 bytes), `point` the uncompressed
    P-256 point (65 bytes).
    """

    id: bytes
    point: bytes


@dataclass(frozen=True, slots=True)
class LeaseLimits:
    """Hard limits of one unlock lease: taps and amount in minor units."""

    taps: int = 20
    amount_minor: int = 50_000


@dataclass(frozen=True, slots=True)
class Profile:
    """Choices of the maker.

    `crs` is "strap" (exactly one active card, switching by phone channel or strap button) or
    "open" (contactless registry as chips have it, for outside tools). `pin_authority` is the AID
    of the domain that may order a PIN reset or a further phone.
    """

    model: str
    tsp_root: TrustRoot
    tenant_root: TrustRoot
    pin_authority: bytes
    crs: str = "strap"
    strap_switch: bool = True
    pin_min: int = 4
    pin_max: int = 6
    lease: LeaseLimits = field(default_factory=LeaseLimits)
    max_instances: int = 16

    def __post_init__(self) -> None:
        if not self.model or len(self.model) > 64:
            raise ProfileError("profile field model: needs a name of 1 to 64 characters")
        if self.crs not in {"strap", "open"}:
            raise ProfileError('profile field crs: must be "strap" or "open"')
        if not 4 <= self.pin_min <= self.pin_max <= 12:
            raise ProfileError(
                "profile fields pin_min, pin_max: need 4 <= pin_min <= pin_max <= 12"
            )
        if not 5 <= len(self.pin_authority) <= 16:
            raise ProfileError("profile field pin_authority: must be an AID of 5 to 16 bytes")
        if not 1 <= self.max_instances <= 64:
            raise ProfileError("profile field max_instances: must be between 1 and 64")
        if not 1 <= self.lease.taps <= 255:
            raise ProfileError("profile field lease.taps: must be between 1 and 255")
        if not 0 <= self.lease.amount_minor <= 0xFFFF_FFFF:
            raise ProfileError("profile field lease.amount_minor: must fit 4 bytes")
        for name, root in (("tsp_root", self.tsp_root), ("tenant_root", self.tenant_root)):
            if not 1 <= len(root.id) <= 16:
                raise ProfileError(f"profile field {name}.id: must be 1 to 16 bytes of hex")
            if len(root.point) != _POINT_SIZE or root.point[0] != 4:
                raise ProfileError(
                    f"profile field {name}.point: must be an uncompressed P-256 point, 65 bytes"
                )

    @property
    def open_crs(self) -> bool:
        """Several instances may be active at once and the registry answers in plain."""
        return self.crs == "open"

    def to_json(self) -> str:
        """Text form; `from_json` gives back an equal profile."""
        return json.dumps(
            {
                "model": self.model,
                "tsp_root": _root_json(self.tsp_root),
                "tenant_root": _root_json(self.tenant_root),
                "crs": self.crs,
                "strap_switch": self.strap_switch,
                "pin_authority": self.pin_authority.hex().upper(),
                "pin_min": self.pin_min,
                "pin_max": self.pin_max,
                "lease": {"taps": self.lease.taps, "amount_minor": self.lease.amount_minor},
                "max_instances": self.max_instances,
            },
            indent=2,
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Profile:
        """Read the text form; raises `ProfileError` naming the field."""
        try:
            data = json.loads(text)
        except ValueError as error:
            raise ProfileError("profile: is not JSON; write it with `to_json`") from error
        if not isinstance(data, dict):
            raise ProfileError("profile: must be a JSON object")
        unknown = set(data) - _FIELDS
        if unknown:
            raise ProfileError(f"profile field {min(unknown)}: is not known; remove it")
        optional = {name: data[name] for name in _OPTIONAL if name in data}
        for name, value in optional.items():
            if type(value) is not _OPTIONAL[name]:
                raise ProfileError(f"profile field {name}: must be {_OPTIONAL[name].__name__}")
        if "lease" in data:
            optional["lease"] = _lease(data["lease"])
        return cls(
            model=_text(data, "model"),
            tsp_root=_root(data, "tsp_root"),
            tenant_root=_root(data, "tenant_root"),
            pin_authority=_hex(data, "pin_authority", "pin_authority"),
            **optional,
        )


_OPTIONAL: dict[str, type] = {
    "crs": str,
    "strap_switch": bool,
    "pin_min": int,
    "pin_max": int,
    "max_instances": int,
}
_FIELDS = {"model", "tsp_root", "tenant_root", "pin_authority", "lease", *_OPTIONAL}


def _root_json(root: TrustRoot) -> dict[str, str]:
    return {"id": root.id.hex().upper(), "point": root.point.hex().upper()}


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str):
        raise ProfileError(f"profile field {name}: is missing or not a text")
    return value


def _hex(data: dict[str, Any], name: str, path: str) -> bytes:
    value = data.get(name)
    if not isinstance(value, str):
        raise ProfileError(f"profile field {path}: is missing or not a hex text")
    try:
        return bytes.fromhex(value)
    except ValueError as error:
        raise ProfileError(f"profile field {path}: is not hex") from error


def _root(data: dict[str, Any], name: str) -> TrustRoot:
    value = data.get(name)
    if not isinstance(value, dict):
        raise ProfileError(f"profile field {name}: must be an object with id and point")
    return TrustRoot(_hex(value, "id", f"{name}.id"), _hex(value, "point", f"{name}.point"))


def _lease(value: Any) -> LeaseLimits:
    if not isinstance(value, dict) or set(value) - {"taps", "amount_minor"}:
        raise ProfileError("profile field lease: must be an object with taps and amount_minor")
    for name, number in value.items():
        if type(number) is not int:
            raise ProfileError(f"profile field lease.{name}: must be a whole number")
    return LeaseLimits(**value)
