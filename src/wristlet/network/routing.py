"""Which host answers for a number: the longest matching prefix wins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


class RoutingError(ValueError):
    """The routing table is no table of digit prefixes."""


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """Prefix (1 to 11 digits) to the name of a host."""

    routes: Mapping[str, str]

    def __post_init__(self) -> None:
        for prefix, host in self.routes.items():
            if not prefix.isdigit() or not 1 <= len(prefix) <= 11 or not host:
                raise RoutingError("routes: each key is a prefix of 1 to 11 digits, each value a host name")

    def host_for(self, number: str) -> str | None:
        """Return the host that answers for a card number or DPAN, or None."""
        for length in range(min(len(number), 11), 0, -1):
            host = self.routes.get(number[:length])
            if host is not None:
                return host
        return None
