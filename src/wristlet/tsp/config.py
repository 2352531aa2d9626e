"""What an operator decides about a token service; plain data with clear errors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from wristlet.tsp.programs import SANDBOX, Program

_HOUR_MS = 3_600_000
_ATC_MAX = 0xFFFF
MODEL = "wristlet-se-1"


class Role(StrEnum):
    """What a caller of the HTTP side is."""

    REQUESTOR = "requestor"
    ISSUER = "issuer"


@dataclass(frozen=True, slots=True)
class Caller:
    """One bearer token's owner; only the token's SHA-256 is kept."""

    id: str
    role: Role
    token_hash: bytes

    @classmethod
    def of(cls, id: str, token: str, role: Role = Role.REQUESTOR) -> Caller:
        """Make a caller from the token itself."""
        return cls(id, role, token_hash(token))


@dataclass(frozen=True, slots=True)
class TspConfig:
    """Policy of one token service.

    `trusted_roots` are maker roots (X.509, DER); `models` names the secure elements that may hold
    tokens; durations are milliseconds; `issuer_timeout_ms` is the patience with the issuer's host.
    A token gets its successor from the counter `renew_at_atc` on (at FFFF its application blocks),
    and so long before its date.
    """

    trusted_roots: tuple[bytes, ...]
    callers: tuple[Caller, ...]
    models: frozenset[str] = frozenset({MODEL})
    programs: tuple[Program, ...] = SANDBOX
    eligibility_ms: int = _HOUR_MS // 4
    lease_age_max_ms: int = 24 * _HOUR_MS
    tokens_per_device: int = 16
    issuer_timeout_ms: int = 8_000
    card_keys_cached: int = 4_096
    order_ms: int = _HOUR_MS // 4
    renew_at_atc: int = 0xF000
    renew_before_expiry_ms: int = 60 * 24 * _HOUR_MS

    def __post_init__(self) -> None:
        if not self.trusted_roots:
            raise ValueError("trusted_roots: name at least one maker root, or no SE can register")
        if not 0 < self.renew_at_atc <= _ATC_MAX:
            raise ValueError("renew_at_atc: must lie between 1 and FFFF, where the counter ends")
        if len({caller.token_hash for caller in self.callers}) != len(self.callers):
            raise ValueError("callers: two share a bearer token; give each its own")


def token_hash(token: str) -> bytes:
    """Return the SHA-256 of a bearer token: it is random, so that it needs no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def caller_for(callers: Iterable[Caller], token: str) -> Caller | None:
    """Find whose bearer token this is; comparing hashes tells nothing about tokens."""
    wanted = token_hash(token)
    return next((caller for caller in callers if caller.token_hash == wanted), None)
