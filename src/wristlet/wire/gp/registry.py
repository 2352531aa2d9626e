"""Entries of the card's registry (GET STATUS) and of the contactless registry (CRS).

Source: GPCS 2.3.1, GET STATUS command; GPCS Amendment C, CRS application.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from wristlet.wire import ber, numbers
from wristlet.wire.errors import DecodeError
from wristlet.wire.gp.lifecycle import ContactlessState
from wristlet.wire.gp.privileges import Privileges

TAG_ENTRY: Final = 0xE3
TAG_AID: Final = 0x4F
TAG_LIFE_CYCLE: Final = 0x9F70
TAG_PRIVILEGES: Final = 0xC5
TAG_LOAD_FILE_AID: Final = 0xC4
TAG_DOMAIN_AID: Final = 0xCC
TAG_VERSION: Final = 0xCE
TAG_MODULE_AID: Final = 0x84

TAG_CRS_ENTRY: Final = 0x61
TAG_UPDATE_COUNTER: Final = 0x80
TAG_SELECTION_PRIORITY: Final = 0x81
TAG_TAG_LIST: Final = 0x5C
TAG_FAILED: Final = 0xA1
TAG_CRS_VERSION: Final = 0x9F08
TAG_PROPRIETARY: Final = 0xA5
CRS_VERSION: Final = b"\x01\x00"


@dataclass(frozen=True, slots=True)
class RegistryEntry:
    """One E3 entry: card, application, domain or load file.

    `privileges` is None for load files; `modules` is filled for load files only.
    """

    aid: bytes
    life_cycle: int
    privileges: Privileges | None = None
    load_file_aid: bytes = b""
    domain_aid: bytes = b""
    version: bytes = b""
    modules: tuple[bytes, ...] = ()

    def encode(self) -> bytes:
        """Return the E3 object."""
        items: list[ber.Item] = [
            (TAG_AID, self.aid),
            (TAG_LIFE_CYCLE, numbers.to_bytes(self.life_cycle, 1, "life_cycle")),
        ]
        if self.privileges is not None:
            items.append((TAG_PRIVILEGES, self.privileges.encode()))
        optional = (
            (TAG_LOAD_FILE_AID, self.load_file_aid),
            (TAG_VERSION, self.version),
            (TAG_DOMAIN_AID, self.domain_aid),
        )
        items.extend((tag, value) for tag, value in optional if value)
        items.extend((TAG_MODULE_AID, module) for module in self.modules)
        return ber.build((TAG_ENTRY, items))

    @classmethod
    def parse(cls, value: bytes) -> Self:
        """Read the contents of one E3 object; unknown objects are left out."""
        life_cycle = ber.require(value, TAG_LIFE_CYCLE)
        if len(life_cycle) not in (1, 2):
            raise DecodeError("the life cycle has 1 or 2 bytes", path=("E3", "9F70"))
        privileges = ber.find(value, TAG_PRIVILEGES)
        return cls(
            aid=ber.require(value, TAG_AID),
            life_cycle=life_cycle[0],
            privileges=None if privileges is None else Privileges.decode(privileges),
            load_file_aid=ber.find(value, TAG_LOAD_FILE_AID) or b"",
            domain_aid=ber.find(value, TAG_DOMAIN_AID) or b"",
            version=ber.find(value, TAG_VERSION) or b"",
            modules=tuple(tlv.value for tlv in ber.parse(value) if tlv.tag == TAG_MODULE_AID),
        )


def encode_entries(entries: Iterable[RegistryEntry]) -> bytes:
    """Return the answer to GET STATUS."""
    return b"".join(entry.encode() for entry in entries)


def parse_entries(data: bytes) -> tuple[RegistryEntry, ...]:
    """Read the answer to GET STATUS."""
    return tuple(RegistryEntry.parse(value) for value in _values(data, TAG_ENTRY))


@dataclass(frozen=True, slots=True)
class ContactlessEntry:
    """One 61 entry of the CRS: instance, its life cycle and contactless state.

    `update_counter` (2 bytes) and `priority` (1 byte) are None when not asked for.
    """

    aid: bytes
    life_cycle: int
    state: ContactlessState
    update_counter: int | None = None
    priority: int | None = None

    def encode(self, tags: Iterable[int] | None = None) -> bytes:
        """Return the 61 object, with `tags` only those objects that a tag list asked for."""
        items: list[tuple[int, bytes]] = [
            (TAG_AID, self.aid),
            (TAG_LIFE_CYCLE, self._states()),
        ]
        if self.update_counter is not None:
            items.append(
                (TAG_UPDATE_COUNTER, numbers.to_bytes(self.update_counter, 2, "update_counter"))
            )
        if self.priority is not None:
            items.append((TAG_SELECTION_PRIORITY, numbers.to_bytes(self.priority, 1, "priority")))
        wanted = None if tags is None else frozenset(tags)
        chosen = tuple(item for item in items if wanted is None or item[0] in wanted)
        return ber.build((TAG_CRS_ENTRY, chosen))

    def _states(self) -> bytes:
        return numbers.to_bytes(self.life_cycle, 1, "life_cycle") + bytes((self.state,))

    @classmethod
    def parse(cls, value: bytes) -> Self:
        """Read the contents of one 61 object; unknown objects are left out."""
        states = numbers.sized(ber.require(value, TAG_LIFE_CYCLE), 2, "9F70")
        try:
            state = ContactlessState(states[1])
        except ValueError:
            raise DecodeError("an unknown contactless state", path=("61", "9F70")) from None
        counter = ber.find(value, TAG_UPDATE_COUNTER)
        priority = ber.find(value, TAG_SELECTION_PRIORITY)
        return cls(
            aid=ber.require(value, TAG_AID),
            life_cycle=states[0],
            state=state,
            update_counter=None if counter is None else numbers.from_bytes(counter, 2, "80"),
            priority=None if priority is None else numbers.from_bytes(priority, 1, "81"),
        )


def encode_contactless(entries: Iterable[ContactlessEntry]) -> bytes:
    """Return the answer to the CRS's GET STATUS."""
    return b"".join(entry.encode() for entry in entries)


def parse_contactless(data: bytes) -> tuple[ContactlessEntry, ...]:
    """Read the answer to the CRS's GET STATUS (several answers may be joined first)."""
    return tuple(ContactlessEntry.parse(value) for value in _values(data, TAG_CRS_ENTRY))


@dataclass(frozen=True, slots=True)
class StatusQuery:
    """Search of GET STATUS: AID prefix, wanted tags (None = all) and further criteria as TLV."""

    aid_prefix: bytes = b""
    tags: tuple[int, ...] | None = None
    criteria: tuple[ber.Tlv, ...] = ()

    def encode(self) -> bytes:
        """Return the data field."""
        data = ber.encode(TAG_AID, self.aid_prefix)
        data += b"".join(criterion.encode() for criterion in self.criteria)
        if self.tags is not None:
            data += ber.encode(TAG_TAG_LIST, b"".join(ber.tag_bytes(tag) for tag in self.tags))
        return data

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the data field; `DecodeError` if the AID criterion is missing."""
        prefix = ber.require(data, TAG_AID)
        listed = ber.find(data, TAG_TAG_LIST)
        known = (TAG_AID, TAG_TAG_LIST)
        return cls(
            aid_prefix=prefix,
            tags=None if listed is None else ber.parse_tag_list(listed),
            criteria=tuple(tlv for tlv in ber.parse(data) if tlv.tag not in known),
        )


@dataclass(frozen=True, slots=True)
class CrsInfo:
    """What the CRS says of itself: version (2 bytes) and global update counter."""

    update_counter: int
    version: bytes = CRS_VERSION

    def encode(self) -> bytes:
        """Return the A5 object, the answer to GET DATA and part of the FCI."""
        counter = numbers.to_bytes(self.update_counter, 2, "update_counter")
        items = ((TAG_CRS_VERSION, self.version), (TAG_UPDATE_COUNTER, counter))
        return ber.build((TAG_PROPRIETARY, items))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read an A5 object."""
        counter = ber.require(data, TAG_PROPRIETARY, TAG_UPDATE_COUNTER)
        version = ber.require(data, TAG_PROPRIETARY, TAG_CRS_VERSION)
        return cls(numbers.from_bytes(counter, 2, "80"), numbers.sized(version, 2, "9F08"))


def encode_aids(aids: Iterable[bytes]) -> bytes:
    """Return 4F objects in order, the data field of the CRS's SET STATUS."""
    return b"".join(ber.encode(TAG_AID, aid) for aid in aids)


def parse_aids(data: bytes) -> tuple[bytes, ...]:
    """Read 4F objects in order; anything else is a `DecodeError`."""
    return tuple(_values(data, TAG_AID))


def encode_failed(aids: Iterable[bytes]) -> bytes:
    """Return the A1 object that lists the AIDs which SET STATUS could not process."""
    return ber.encode(TAG_FAILED, encode_aids(aids))


def parse_failed(data: bytes) -> tuple[bytes, ...]:
    """Read the A1 object of a partly done SET STATUS; empty data names none."""
    return parse_aids(ber.require(data, TAG_FAILED)) if data else ()


def _values(data: bytes, tag: int) -> list[bytes]:
    values = []
    for tlv in ber.parse(data):
        if tlv.tag != tag:
            raise DecodeError(f"{tlv.tag:02X} stands where {tag:02X} is expected")
        values.append(tlv.value)
    return values
