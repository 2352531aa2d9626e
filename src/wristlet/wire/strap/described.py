"""The reference page of declared messages, and their values as plain data for vectors."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum, IntFlag
from typing import Any

from wristlet.wire.strap.fields import Choice, Family, Field, Flags, Kind, Many, Part, fields_of


def jsonable(value: Any) -> Any:
    """Return a message as JSON values: bytes as hex, names of enums, structures as maps."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: jsonable(getattr(value, field.name)) for field in fields_of(type(value))
        }
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, IntFlag):
        return [member.name for member in type(value) if member in value]
    if isinstance(value, IntEnum):
        return value.name
    if isinstance(value, tuple):
        return [jsonable(item) for item in value]
    return value


def tables(families: Sequence[Family[Any]]) -> str:
    """Return Markdown tables of all messages of some families with their parts and names."""
    structures = [s for family in families for s in family.members.values()]
    parts = list(_reached(structures, Part))
    names = list(_reached([*structures, *parts], Choice, Flags))
    lines: list[str] = []
    for family in families:
        lines += _family(family)
    lines += ["## Structures inside fields", ""]
    for part in parts:
        lines += [f"### {part.__name__}", "", _doc(part), "", *_rows(part), ""]
    lines += ["## Names and numbers", ""]
    for enum in names:
        lines += [f"### {enum.__name__}", "", _doc(enum), "", "| number | name |", "|---|---|"]
        lines += [f"| {member.value:02X} | {member.name} |" for member in enum]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _family(family: Family[Any]) -> Iterator[str]:
    yield f"## {family.title[0].upper()}{family.title[1:]}s"
    yield ""
    for kind, structure in family.members.items():
        yield f"### {kind:02X} {structure.__name__}"
        yield ""
        yield _doc(structure)
        yield ""
        if fields_of(structure):
            yield from _rows(structure)
            yield ""


def _rows(structure: type[Any]) -> Iterator[str]:
    yield "| tag | field | value | left out means | meaning |"
    yield "|---|---|---|---|---|"
    for field in fields_of(structure):
        title, text = field.wire.kind.title.replace("|", "\\|"), field.wire.text
        yield f"| {field.wire.tag:02X} | {field.name} | {title} | {_default(field)} | {text} |"


def _default(field: Field) -> str:
    if field.is_required:
        return "never left out"
    value = jsonable(field.default)
    if value is None or value in ("", []):
        return "empty"
    if isinstance(value, list):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _doc(thing: type[Any]) -> str:
    return " ".join((thing.__doc__ or "").split())


def _reached(structures: Iterable[type[Any]], *kinds: type[Any]) -> Iterator[type[Any]]:
    """Yield the structures or enums that fields lead to, each once, in order."""
    seen: list[type[Any]] = []
    queue = list(structures)
    while queue:
        for field in fields_of(queue.pop(0)):
            kind: Kind = field.wire.kind
            kind = kind.kind if isinstance(kind, Many) else kind
            if isinstance(kind, Part) and Part in kinds and kind.structure not in seen:
                queue.append(kind.structure)
            target = kind.structure if isinstance(kind, Part) else getattr(kind, "names", None)
            if isinstance(kind, kinds) and target is not None and target not in seen:
                seen.append(target)
                yield target
