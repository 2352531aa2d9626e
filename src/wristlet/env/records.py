"""Typed records over a `DurableMap`: structures by key, changed in drafts that commit whole.

The first part of a key, up to its `/`, says the type. A draft reads through to what is there; until
its commit nothing is changed, and a commit that fails changes nothing in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from wristlet.env.durable_map import DurableMap, DurableMapError

R = TypeVar("R")


def kind_of(key: str) -> str:
    """Return the part of a key that says the type."""
    return key.partition("/")[0]


class Records:
    """All records of one map, decoded once."""

    def __init__(self, disk_map: DurableMap, types: Mapping[str, type[Any]]) -> None:
        self._map = disk_map
        self._decoders = {kind: msgspec.msgpack.Decoder(known) for kind, known in types.items()}
        self._types = dict(types)
        self._values: dict[str, dict[str, Any]] = {kind: {} for kind in types}
        for key, raw in disk_map.items():
            try:
                self._values[kind_of(key)][key] = self._decoders[kind_of(key)].decode(raw)
            except (KeyError, ValueError) as error:
                message = f"record {key} was written by another version; move the file away"
                raise DurableMapError(message) from error

    def draft(self) -> Draft:
        """Begin a change."""
        return Draft(self)

    def get(self, key: str, type_: type[R]) -> R | None:
        """Return a record, None without one; TypeError when the key is for another type."""
        if self._types[kind_of(key)] is not type_:
            raise TypeError(f"{key} holds no {type_.__name__}")
        return self._values[kind_of(key)].get(key)

    def all(self, kind: str, type_: type[R]) -> dict[str, R]:
        """Return all records of a kind by key."""
        if self._types[kind] is not type_:
            raise TypeError(f"{kind} holds no {type_.__name__}")
        return dict(self._values[kind])

    def commit(self, changes: Mapping[str, Any]) -> None:
        """Make changes durable (None removes); raises OSError, then nothing has changed."""
        encoded: dict[str, bytes | None] = {}
        for key, value in changes.items():
            if value is not None:
                encoded[key] = msgspec.msgpack.encode(value)
            elif key in self._values[kind_of(key)]:
                encoded[key] = None
        self._map.change(encoded)
        for key, value in changes.items():
            if value is None:
                self._values[kind_of(key)].pop(key, None)
            else:
                self._values[kind_of(key)][key] = value


class Draft:
    """Changes that are not durable yet."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.changes: dict[str, Any] = {}

    def get(self, key: str, type_: type[R]) -> R | None:
        """Return a record as it will be."""
        there = self._records.get(key, type_)
        found: R | None = self.changes.get(key, there)
        return found

    def all(self, kind: str, type_: type[R]) -> dict[str, R]:
        """Return all records of a kind as they will be."""
        merged = self._records.all(kind, type_)
        for key, value in self.changes.items():
            if kind_of(key) != kind:
                continue
            if value is None:
                merged.pop(key, None)
            else:
                merged[key] = value
        return merged

    def put(self, key: str, value: object) -> None:
        """Set a record, or remove it with None."""
        self.changes[key] = value

    def commit(self) -> None:
        """Make everything durable at once; raises OSError, then nothing has changed."""
        self._records.commit(self.changes)
        self.changes = {}
