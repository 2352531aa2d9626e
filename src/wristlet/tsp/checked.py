"""Statements signed by a secure element: opened and verified with the key the TSP registered."""

from __future__ import annotations

from typing import Protocol, Self, TypeVar

from wristlet.crypto import ec
from wristlet.crypto.errors import SignatureError
from wristlet.tsp.errors import TspError, invalid, missing
from wristlet.tsp.records import REGISTERED, Device
from wristlet.tsp.repository import Repository
from wristlet.wire.errors import WireError
from wristlet.wire.receipt import SignedStatement


class _Statement(Protocol):
    @property
    def se_id(self) -> bytes: ...

    def message(self) -> bytes: ...

    @classmethod
    def parse(cls, body: bytes) -> Self: ...


S = TypeVar("S", bound=_Statement)


def open_statement(
    rows: Repository, text: str, kind: type[S], tag: int, param: str
) -> tuple[S, Device]:
    """Parse a hex TLV of a kind of statement and verify its secure element's signature.

    Raises TspError naming `param`: not readable, from an unknown element, or not signed by it.
    """
    try:
        signed = SignedStatement.parse(bytes.fromhex(text), tag)
        statement = kind.parse(signed.body)
    except (WireError, ValueError):
        raise _unreadable(param, tag) from None
    device = trusted_device(rows, statement.se_id.hex(), param)
    try:
        key = ec.public_key(device.attestation_point)
        ec.verify_raw(key, signed.signature, statement.message())
    except SignatureError:
        raise invalid(
            "statement_not_genuine",
            f"{param} was not signed by the secure element it names.",
            param,
            "Read the statement from the secure element again and send it unchanged.",
        ) from None
    return statement, device


def trusted_device(rows: Repository, se_id: str, param: str) -> Device:
    """Return a registered secure element; raises TspError when unknown or blocked."""
    device = rows.device(se_id)
    if device is None:
        raise missing(
            "device_unknown",
            f"{param} names a secure element that is not registered.",
            param,
            "Register it with POST /tsp/v1/devices.",
        )
    if device.state != REGISTERED:
        raise TspError(
            403,
            "permission_error",
            "device_blocked",
            f"{param} names a secure element that is blocked.",
            param,
            "Use another strap; ask the token service's operator.",
        )
    return device


def _unreadable(param: str, tag: int) -> TspError:
    return invalid(
        "statement_unreadable",
        f"{param} is no TLV {tag:04X} in hex.",
        param,
        "Send the secure element's answer to GET DATA, as lower-case hex.",
    )
