"""What the wearer asked for while the server was away, in order, until it is settled.

Pure: a queue goes in, a queue comes out; `outbox` keeps it on disk and hands it in. Each request
has one idempotency key for its whole life, so that a lost answer does nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import Final

REFUSED_KEPT: Final = 16


@unique
class Kind(StrEnum):
    """What can wait."""

    SUSPEND = "suspend"
    RESUME = "resume"
    REMOVE = "remove"
    LOST = "lost"
    FOUND = "found"
    RENAME = "rename"
    REVOKE_PHONE = "revoke_phone"
    ACTIVE_CARD = "active_card"
    LEASE_REPORT = "lease_report"
    PIN_STATEMENT = "pin_statement"


REPORTS: Final = frozenset({Kind.ACTIVE_CARD, Kind.LEASE_REPORT, Kind.PIN_STATEMENT})
"""What the phone tells by itself: nobody asked for it, so nobody need hear of a refusal."""

LAST_COUNTS: Final = frozenset({Kind.ACTIVE_CARD, Kind.RENAME, Kind.PIN_STATEMENT})
"""Of several only the last one matters."""


@dataclass(frozen=True, slots=True)
class Pending:
    """One request that waits; `subject` is a card or phone, `value` a name or a signed report.

    `is_sent` means that the server may have it already: then it can no longer be called back.
    """

    id: str
    key: str
    kind: Kind
    device_id: str
    subject: str = ""
    value: str = ""
    asked_ms: int = 0
    is_sent: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that the server turned down for good, kept until the wearer has seen it."""

    id: str
    kind: Kind
    device_id: str
    subject: str
    reason: str


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits, oldest first, and what was turned down."""

    waiting: tuple[Pending, ...] = ()
    refused: tuple[Refused, ...] = ()
    last_number: int = 0


def add(queue: Queue, request: Pending) -> tuple[Queue, Pending]:
    """Put a request at the end, under the next id; return both.

    An older one of which only the last counts makes way, unless it may have been sent.
    """
    number = queue.last_number + 1
    numbered = replace(request, id=f"q{number}")
    kept = tuple(one for one in queue.waiting if not _makes_way(one, numbered))
    return replace(queue, waiting=(*kept, numbered), last_number=number), numbered


def _makes_way(old: Pending, new: Pending) -> bool:
    same = (old.kind, old.device_id) == (new.kind, new.device_id)
    return same and new.kind in LAST_COUNTS and not old.is_sent


def find(queue: Queue, request_id: str) -> Pending | None:
    """Return a request that waits."""
    return next((one for one in queue.waiting if one.id == request_id), None)


def mark_sent(queue: Queue, request_id: str) -> Queue:
    """Note that the server may have a request from now on."""
    waiting = tuple(
        replace(one, is_sent=True) if one.id == request_id else one for one in queue.waiting
    )
    return replace(queue, waiting=waiting)


def settle(queue: Queue, request_id: str) -> Queue:
    """Take out what is done."""
    return replace(queue, waiting=tuple(one for one in queue.waiting if one.id != request_id))


def refuse(queue: Queue, request_id: str, reason: str) -> Queue:
    """Take out what the server turned down, and remember what the wearer should hear of."""
    request = find(queue, request_id)
    settled = settle(queue, request_id)
    if request is None or request.kind in REPORTS:
        return settled
    note = Refused(request.id, request.kind, request.device_id, request.subject, reason)
    return replace(settled, refused=(*settled.refused, note)[-REFUSED_KEPT:])


def cancel(queue: Queue, request_id: str) -> tuple[Queue, bool]:
    """Call a request back; False when there is none, or when the server may have it already."""
    request = find(queue, request_id)
    if request is None or request.is_sent:
        return queue, False
    return settle(queue, request_id), True


def seen(queue: Queue) -> Queue:
    """Forget the refusals, which the wearer has read."""
    return replace(queue, refused=())
