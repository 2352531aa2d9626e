"""Values of messages that are declared as fields: made from their declarations."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from wristlet.wire.errors import EncodeError
from wristlet.wire.strap import fields
from wristlet.wire.strap.fields import Family
from wristlet.wire.strap.time import Sint


def values_of(structure: type[Any]) -> st.SearchStrategy[Any]:
    """Any value of a structure that its own rules allow."""
    made = {field.name: _of_field(field) for field in fields.fields_of(structure)}
    return st.fixed_dictionaries(made).map(lambda given: _built(structure, given)).filter(_is_made)


def messages_of(family: Family[Any]) -> st.SearchStrategy[Any]:
    """Any message of a family."""
    return st.one_of(*(values_of(structure) for structure in family.members.values()))


_REFUSED = object()


def _built(structure: type[Any], given: dict[str, Any]) -> Any:
    try:
        return structure(**given)
    except EncodeError:
        return _REFUSED


def _is_made(value: Any) -> bool:
    return value is not _REFUSED


def _of_field(field: fields.Field) -> st.SearchStrategy[Any]:
    values = _of_kind(field.wire.kind)
    return values if field.is_required else st.just(field.default) | values


def _of_kind(kind: Any) -> st.SearchStrategy[Any]:
    match kind:
        case fields.Uint(maximum, minimum):
            return st.sampled_from((minimum, maximum)) | st.integers(minimum, maximum)
        case Sint(bound):
            return st.sampled_from((-bound, -1, 0, bound)) | st.integers(-bound, bound)
        case fields.Flag():
            return st.just(True)
        case fields.Text(bytes_max, bytes_min):
            return st.text(min_size=bytes_min, max_size=bytes_max // 4).filter(
                lambda text: bytes_min <= len(text.encode("utf-8", "replace"))
            )
        case fields.Signs(count, is_digits):
            letters = "0123456789" if is_digits else "ABCXYZ"
            return st.text(letters, min_size=count, max_size=count)
        case fields.Raw(bytes_min, bytes_max):
            return st.binary(min_size=bytes_min, max_size=bytes_max)
        case fields.Choice(names):
            return st.sampled_from(list(names))
        case fields.Part(structure):
            return values_of(structure)
        case fields.Many(inner, count_max):
            return st.lists(_of_kind(inner), max_size=min(count_max, 4)).map(tuple)
    raise TypeError(f"no values are known for {kind!r}")
