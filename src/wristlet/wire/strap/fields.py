"""Messages of the strap's wire declared as data: one table gives codec, checks and reference page.

    message  version(1) = 01 | kind(1) | field | field | ...
    field    tag(1) | length(1, or FF and 2 bytes from 255 on) | value

Fields stand in ascending order of their tags; a field with its default value is left out, a list is
the same tag several times. A reader skips a tag from 80 on that it does not know and refuses any
other, so later versions can add both kinds. There is one encoding of each message.

A field is declared as `Annotated[type, Wire(tag, kind, text)]` in a frozen dataclass, and a value
that its kind does not allow has no encoding.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, Final, Generic, Protocol, TypeVar, get_type_hints

from wristlet.wire.errors import DecodeError, EncodeError, WireError
from wristlet.wire.numbers import is_decimal
from wristlet.wire.typing import override

VERSION: Final = 1
HEAD_BYTES: Final = 2
MESSAGE_BYTES_MAX: Final = 8192
SKIPPABLE_FROM: Final = 0x80
_LONG: Final = 0xFF

T = TypeVar("T")


class Kind(Protocol):
    """How one value stands in bytes."""

    @property
    def title(self) -> str:
        """The words for it in the reference page."""
        ...

    def write(self, value: Any) -> bytes:
        """Return the bytes; raises EncodeError."""
        ...

    def read(self, raw: bytes) -> Any:
        """Return the value; raises DecodeError."""
        ...


@dataclass(frozen=True, slots=True)
class Uint:
    """An unsigned integer up to `maximum`, big-endian without leading zeros; zero has no bytes."""

    maximum: int
    minimum: int = 0

    @property
    def title(self) -> str:
        """The words for it in the reference page."""
        return f"integer {self.minimum}..{self.maximum:,}"

    def write(self, value: int) -> bytes:
        """Return the shortest bytes."""
        if not self.minimum <= value <= self.maximum:
            raise EncodeError(f"must be {self.minimum} to {self.maximum}")
        return value.to_bytes((value.bit_length() + 7) // 8, "big")

    def read(self, raw: bytes) -> int:
        """Return the number; a leading zero is refused."""
        value = int.from_bytes(raw, "big")
        if raw[:1] == b"\0":
            raise DecodeError("an integer begins with a zero byte")
        if not self.minimum <= value <= self.maximum:
            raise DecodeError(f"must be {self.minimum} to {self.maximum}")
        return value


U8: Final = Uint(0xFF)
U16: Final = Uint(0xFFFF)
U32: Final = Uint(0xFFFF_FFFF)
TIME_MS: Final = Uint((1 << 48) - 1)
"""Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class Flag:
    """True is the byte 01; false is left out."""

    @property
    def title(self) -> str:
        """The words for it in the reference page."""
        return "flag: 01, or left out"

    def write(self, value: bool) -> bytes:
        """Return 01."""
        if value is not True:
            raise EncodeError("must be true here")
        return b"\x01"

    def read(self, raw: bytes) -> bool:
        """Read 01."""
        if raw != b"\x01":
            raise DecodeError("must be 01")
        return True


@dataclass(frozen=True, slots=True)
class Text:
    """UTF-8 of at most so many bytes; what is longer must be cut before."""

    bytes_max: int
    bytes_min: int = 0

    @property
    def title(self) -> str:
        """The words for it in the reference page."""
        return f"UTF-8, {self.bytes_min} to {self.bytes_max} bytes"

    def write(self, value: str) -> bytes:
        """Return UTF-8."""
        try:
            raw = value.encode()
        except UnicodeEncodeError:
            raise EncodeError("holds half a surrogate pair, which is no text") from None
        if not self.bytes_min <= len(raw) <= self.bytes_max:
            raise EncodeError(
                f"has {len(raw)} bytes of UTF-8, allowed are {self.bytes_min} to {self.bytes_max};"
                " cut it first"
            )
        return raw

    def read(self, raw: bytes) -> str:
        """Read UTF-8."""
        if not self.bytes_min <= len(raw) <= self.bytes_max:
            raise DecodeError(f"must have {self.bytes_min} to {self.bytes_max} bytes")
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise DecodeError("is not UTF-8") from None


@dataclass(frozen=True, slots=True)
class Signs:
    """Exactly `count` digits or capital letters, ASCII."""

    count: int
    is_digits: bool

    @property
    def title(self) -> str:
        """The words for it in the reference page."""
        return f"{self.count} {'digits' if self.is_digits else 'capital letters'}, ASCII"

    def _fits(self, value: str) -> bool:
        right = is_decimal(value) if self.is_digits else value.isalpha() and value.isupper()
        return len(value) == self.count and value.isascii() and right

    def write(self, value: str) -> bytes:
        """Return ASCII."""
        if not self._fits(value):
            raise EncodeError(f"must be {self.title}")
        return value.encode("ascii")

    def read(self, raw: bytes) -> str:
        """Read ASCII."""
        value = raw.decode("latin-1")
        if not self._fits(value):
            raise DecodeError(f"must be {self.title}")
        return value


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes as they are."""

    bytes_min: int
    bytes_max: int

    @property
    def title(self) -> str:
        """The words for it in the reference page."""
        if self.bytes_min == self.bytes_max:
            return f"{self.bytes_max} bytes"
        return f"{self.bytes_min} to {self.bytes_max} bytes"

    def write(self, value: bytes) -> bytes:
        """Return them."""
        if not self.bytes_min <= len(value) <= self.bytes_max:
            raise EncodeError(f"must have {self.title}, has {len(value)}")
        return value

    def read(self, raw: bytes) -> bytes:
        """Return them."""
        if not self.bytes_min <= len(raw) <= self.bytes_max:
            raise DecodeError(f"must have {self.title}, has {len(raw)}")
        return raw


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a list of names, as one byte."""

    names: type[IntEnum]

    @property
    def title(self) -> str:
        """The words for it in the reference page."""
        return f"one byte: {self.names.__name__}"

    def write(self, value: IntEnum) -> bytes:
        """Return the number."""
        return bytes((self.names(value).value,))

    def read(self, raw: bytes) -> IntEnum:
        """Return the name."""
        if len(raw) != 1 or raw[0] not in self.names._value2member_map_:
            raise DecodeError(f"is no {self.names.__name__} that is known here")
        return self.names(raw[0])


@dataclass(frozen=True, slots=True)
class Flags:
    """A set of names, as the bits of one byte."""

    names: type[IntFlag]

    @property
    def title(self) -> str:
        """The words for it in the reference page."""
        return f"bits of one byte: {self.names.__name__}"

    def _all(self) -> int:
        return sum(self.names.__members__.values())

    def write(self, value: IntFlag) -> bytes:
        """Return the bits."""
        if int(value) & ~self._all():
            raise EncodeError(f"has bits that are no {self.names.__name__}")
        return bytes((int(value),))

    def read(self, raw: bytes) -> IntFlag:
        """Return the set."""
        if len(raw) != 1 or raw[0] & ~self._all():
            raise DecodeError(f"has bits that are no {self.names.__name__}")
        return self.names(raw[0])


@dataclass(frozen=True, slots=True)
class Part:
    """A structure inside a field: its fields without a head."""

    structure: type[Any]

    @property
    def title(self) -> str:
        """The words for it in the reference page."""
        return f"structure {self.structure.__name__}"

    def write(self, value: Any) -> bytes:
        """Return its fields."""
        if type(value) is not self.structure:
            raise EncodeError(f"must be a {self.structure.__name__}")
        return write_fields(value)

    def read(self, raw: bytes) -> Any:
        """Read its fields."""
        return read_fields(self.structure, raw)


@dataclass(frozen=True, slots=True)
class Many:
    """The same field up to `count_max` times, as a tuple."""

    kind: Kind
    count_max: int

    @property
    def title(self) -> str:
        """The words for it in the reference page."""
        return f"up to {self.count_max} times: {self.kind.title}"

    def write(self, value: Any) -> bytes:
        """Return one of them."""
        return self.kind.write(value)

    def read(self, raw: bytes) -> Any:
        """Read one of them."""
        return self.kind.read(raw)


@dataclass(frozen=True, slots=True)
class Wire:
    """A field's tag, kind and meaning."""

    tag: int
    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Field:
    """A declared field with its name and default."""

    name: str
    wire: Wire
    default: object

    @property
    def is_required(self) -> bool:
        """Whether it stands in every message."""
        return self.default is dataclasses.MISSING


_LAYOUTS: Final[dict[type[Any], tuple[Field, ...]]] = {}


def fields_of(structure: type[Any]) -> tuple[Field, ...]:
    """Return the declared fields of a structure, by ascending tag; ValueError for a bad table."""
    if structure not in _LAYOUTS:
        _LAYOUTS[structure] = _layout(structure)
    return _LAYOUTS[structure]


def _layout(structure: type[Any]) -> tuple[Field, ...]:
    hints = get_type_hints(structure, include_extras=True)
    found = [
        Field(field.name, hints[field.name].__metadata__[0], field.default)
        for field in dataclasses.fields(structure)
    ]
    ordered = tuple(sorted(found, key=lambda field: field.wire.tag))
    if len({field.wire.tag for field in ordered}) != len(ordered):
        raise ValueError(f"{structure.__name__}: a tag is declared twice")
    return ordered


def write_fields(value: Any) -> bytes:
    """Return the fields of a structure; raises EncodeError naming the field."""
    parts: list[bytes] = []
    for field in fields_of(type(value)):
        kind, content = field.wire.kind, getattr(value, field.name)
        if not field.is_required and content == field.default:
            continue
        items: Sequence[Any] = content if isinstance(kind, Many) else (content,)
        if isinstance(kind, Many) and len(items) > kind.count_max:
            raise EncodeError(f"at most {kind.count_max} are allowed", path=(field.name,))
        for item in items:
            try:
                parts.append(_framed(field.wire.tag, kind.write(item)))
            except WireError as error:
                raise EncodeError(error.message, path=(field.name, *error.path)) from None
    return b"".join(parts)


def _framed(tag: int, raw: bytes) -> bytes:
    if len(raw) < _LONG:
        return bytes((tag, len(raw))) + raw
    return bytes((tag, _LONG)) + len(raw).to_bytes(2, "big") + raw


def read_fields(structure: type[T], raw: bytes, *, offset: int = 0) -> T:
    """Read a structure's fields; raises DecodeError naming the field."""
    declared = {field.wire.tag: field for field in fields_of(structure)}
    values: dict[str, Any] = {}
    last_tag = -1
    for tag, content, at in _split(raw, offset):
        field = declared.get(tag)
        repeats = tag == last_tag and field is not None and isinstance(field.wire.kind, Many)
        if tag < last_tag or (tag == last_tag and not repeats):
            raise DecodeError("its fields are not in ascending order", offset=at)
        last_tag = tag
        if field is None:
            if tag < SKIPPABLE_FROM:
                raise DecodeError(f"field {tag:02X} is not known here; update this end", offset=at)
            continue
        _take(values, field, content, at)
    for field in declared.values():
        if field.name not in values and field.is_required:
            raise DecodeError("is missing", path=(field.name,))
    try:
        return structure(**values)
    except EncodeError as error:  # a rule between fields
        raise DecodeError(error.message, path=error.path) from None


def _take(values: dict[str, Any], field: Field, content: bytes, at: int) -> None:
    kind = field.wire.kind
    try:
        value = kind.read(content)
    except WireError as error:
        path = (field.name, *error.path)
        raise DecodeError(error.message, offset=at, path=path) from None
    if not isinstance(kind, Many):
        if not field.is_required and value == field.default:
            raise DecodeError("its default is left out, not sent", offset=at, path=(field.name,))
        values[field.name] = value
        return
    several = values.get(field.name, ())
    if len(several) == kind.count_max:
        raise DecodeError(f"stands more than {kind.count_max} times", path=(field.name,))
    values[field.name] = (*several, value)


def _split(raw: bytes, offset: int) -> Iterator[tuple[int, bytes, int]]:
    """Yield tag, value and offset of each field."""
    at = 0
    while at < len(raw):
        head, length = at, raw[at + 1] if at + 1 < len(raw) else -1
        at += 2
        if length == _LONG:
            length = int.from_bytes(raw[at : at + 2], "big") if at + 2 <= len(raw) else -1
            if 0 <= length < _LONG:
                raise DecodeError("a short field has a long length", offset=offset + head)
            at += 2
        if length < 0 or at + length > len(raw):
            raise DecodeError("a field is cut off", offset=offset + head)
        yield raw[head], raw[at : at + length], offset + head
        at += length


M = TypeVar("M")


class Family(Generic[M]):
    """The messages that may stand in one place: kind byte to structure."""

    def __init__(self, title: str, members: Mapping[int, type[M]]) -> None:
        self.title = title
        self.members = dict(members)
        self._kinds = {structure: number for number, structure in members.items()}

    @override
    def __repr__(self) -> str:
        return f"Family({self.title!r})"

    def kind_of(self, structure: type[M]) -> int:
        """Return the kind byte of a structure."""
        return self._kinds[structure]

    def encode(self, message: M) -> bytes:
        """Return a message as bytes; raises EncodeError naming the field."""
        kind = self._kinds.get(type(message))
        if kind is None:
            raise EncodeError(f"{type(message).__name__} is no {self.title}")
        try:
            raw = bytes((VERSION, kind)) + write_fields(message)
        except EncodeError as error:
            path = (type(message).__name__.lower(), *error.path)
            raise EncodeError(error.message, path=path) from None
        if len(raw) > MESSAGE_BYTES_MAX:
            raise EncodeError(
                f"has {len(raw)} bytes, a message has at most {MESSAGE_BYTES_MAX}",
                path=(type(message).__name__.lower(),),
            )
        return raw

    def decode(self, raw: bytes) -> M:
        """Read one message of the family; raises DecodeError naming message and field."""
        if len(raw) > MESSAGE_BYTES_MAX:
            raise DecodeError(f"has more than {MESSAGE_BYTES_MAX} bytes", path=(self.title,))
        if len(raw) < HEAD_BYTES:
            raise DecodeError("is cut off", offset=0, path=(self.title,))
        if raw[0] != VERSION:
            message = f"version {raw[0]} is not known here; update the older end"
            raise DecodeError(message, offset=0, path=(self.title,))
        structure = self.members.get(raw[1])
        if structure is None:
            message = f"kind {raw[1]:02X} is not known here; update the older end"
            raise DecodeError(message, offset=1, path=(self.title,))
        try:
            return read_fields(structure, raw[HEAD_BYTES:], offset=HEAD_BYTES)
        except DecodeError as error:
            path = (structure.__name__.lower(), *error.path)
            raise DecodeError(error.message, offset=error.offset, path=path) from None
