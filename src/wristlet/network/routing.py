"""Which host answers for a number: the longest matching prefix wins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

PREFIX_MAX: Final = 11


class RoutingError(ValueError):
    """The routing table is no table of digit prefixes."""


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """Prefix (1 to 11 digits) to the name of a host."""

    routes: Mapping[str, str]

    def __post_init__(self) -> None:
        for prefix, host in self.routes.items():
            is_prefix = prefix.isascii() and prefix.isdecimal() and len(prefix) <= PREFIX_MAX
            if not is_prefix or not host:
                raise RoutingError(
                    f"routes: each key is a prefix of 1 to {PREFIX_MAX} digits, "
                    "each value a host's name; correct the entry and start again"
                )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a table from a JSON object; raises RoutingError."""
        try:
            routes = json.loads(path.read_text("utf-8"))
        except OSError as error:
            raise RoutingError(f"routes {path}: {error.strerror}") from None
        except ValueError:
            raise RoutingError(f"routes {path}: not JSON") from None
        if not isinstance(routes, dict) or not all(isinstance(v, str) for v in routes.values()):
            raise RoutingError(
                f'routes {path}: must be one object of texts such as {{"9998": "tsp"}}'
            )
        return cls(routes)

    def host_for(self, number: str) -> str | None:
        """Return the host that answers for a card number or DPAN, or None."""
        for length in range(min(len(number), PREFIX_MAX), 0, -1):
            host = self.routes.get(number[:length])
            if host is not None:
                return host
        return None
