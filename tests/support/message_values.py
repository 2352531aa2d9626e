"""Values of the strap's message structures, drawn from their declarations."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from wristlet.wire.errors import EncodeError
from wristlet.wire.strap import fields
from wristlet.wire.strap.fields import Family

_MADE: dict[object, st.SearchStrategy[Any]] = {}


def any_of(structure: type[Any]) -> st.SearchStrategy[Any]:
    """Values of a structure that keep the rules between its fields."""
    if structure not in _MADE:
        _MADE[structure] = _any_of(structure)
    return _MADE[structure]


def _any_of(structure: type[Any]) -> st.SearchStrategy[Any]:
    each = {
        field.name: _kind(field.wire.kind)
        if field.is_required
        else st.just(field.default) | _kind(field.wire.kind)
        for field in fields.fields_of(structure)
    }

    def build(values: dict[str, Any]) -> Any:
        try:
            return structure(**values)
        except EncodeError:
            return None

    return st.fixed_dictionaries(each).map(build).filter(lambda value: value is not None)


def any_in(family: Family[Any]) -> st.SearchStrategy[Any]:
    """Messages of a family that fit the size of a message."""
    if family not in _MADE:
        _MADE[family] = _any_in(family)
    return _MADE[family]


def _any_in(family: Family[Any]) -> st.SearchStrategy[Any]:

    def fits(message: Any) -> bool:
        return len(fields.write_fields(message)) + fields.HEAD_BYTES <= fields.MESSAGE_BYTES_MAX

    return st.one_of(*map(any_of, family.members.values())).filter(fits)


def _texts(low: int, high: int) -> st.SearchStrategy[str]:
    signs = st.characters(exclude_categories=["Cs"])
    return st.text(signs, max_size=high).filter(lambda text: low <= len(text.encode()) <= high)


def _kind(kind: fields.Kind) -> st.SearchStrategy[Any]:
    match kind:
        case fields.Uint():
            return st.integers(kind.minimum, kind.maximum)
        case fields.Flag():
            return st.just(True)
        case fields.Text():
            return _texts(kind.bytes_min, min(kind.bytes_max, 80))
        case fields.Signs():
            alphabet = "0123456789" if kind.is_digits else "ABCXYZ"
            return st.text(alphabet, min_size=kind.count, max_size=kind.count)
        case fields.Raw():
            return st.binary(min_size=kind.bytes_min, max_size=kind.bytes_max)
        case fields.Choice():
            return st.sampled_from(kind.names)
        case fields.Flags():
            return st.integers(0, sum(kind.names.__members__.values())).map(kind.names)
        case fields.Part():
            return any_of(kind.structure)
        case fields.Many():
            return st.lists(_kind(kind.kind), max_size=min(kind.count_max, 5)).map(tuple)
        case _:
            raise TypeError(f"no values for {kind}")
