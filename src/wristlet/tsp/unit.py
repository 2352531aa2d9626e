"""One change of the token service's records: a transaction that may also write scripts.

A change is a plain function of a `Unit`. When it asks for a script that is not built yet, the
transaction is left, the script is built outside of it (key agreement is slow, the writer is one for
all), and the change runs again from its first line. Numbers are taken inside the transaction, so
that scripts of one secure element are numbered without gaps and in the order of their changes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import msgspec

from wristlet.model.tsp_messages import ScriptPackage
from wristlet.tsp.lifecycle import Wanted
from wristlet.tsp.repository import Repository
from wristlet.tsp.scripts import BuiltScript, Order, Purpose, ScriptWriter

if TYPE_CHECKING:
    from wristlet.env.database import Database
    from wristlet.tsp.records import TokenRow
    from wristlet.wire.dgi import Dgi

T = TypeVar("T")

_RUNS_MAX = 40
"""More scripts than tokens on one secure element never come from one change."""


class ScriptNeeded(Exception):
    """Leaves a transaction to have a script built."""

    def __init__(self, order: Order) -> None:
        super().__init__("a script has to be built")
        self.order = order


@dataclass(frozen=True, slots=True)
class Unit:
    """One run of a change: its queries, its time and the scripts built so far."""

    rows: Repository
    now_ms: int
    domain_aid: bytes
    built: dict[Order, BuiltScript]

    def script(
        self, token: TokenRow, purpose: Purpose, dgis: tuple[Dgi, ...] = ()
    ) -> ScriptPackage:
        """Number, record and return a script for a token's instance; `dgis` personalise it."""
        built = self._built(
            token.se_id,
            purpose,
            dgis,
            product=token.product,
            instance_aid=token.instance_aid,
            initial=token.wanted_by_scripts,
        )
        self._record(built, purpose, token.requestor_id, token.token_reference, token.instance_aid)
        return built.package

    def device_script(
        self, se_id: str, requestor_id: str, purpose: Purpose, dgis: tuple[Dgi, ...]
    ) -> ScriptPackage:
        """Number, record and return a script of orders to an element's cardholder applet."""
        built = self._built(se_id, purpose, dgis)
        self._record(built, purpose, requestor_id, None, b"")
        return built.package

    def _built(
        self,
        se_id: str,
        purpose: Purpose,
        dgis: tuple[Dgi, ...],
        *,
        product: str = "",
        instance_aid: bytes = b"",
        initial: Wanted = Wanted.ACTIVATABLE,
    ) -> BuiltScript:
        device = self.rows.device(se_id)
        if device is None:
            raise LookupError("a script's secure element is not registered")
        number = self.rows.next_counter(se_id, f"script:{self.domain_aid.hex()}")
        order = Order(
            se_id=bytes.fromhex(se_id),
            domain_point=device.domain_point,
            number=number,
            purpose=purpose,
            product=product,
            instance_aid=instance_aid,
            initial=initial,
            dgis=dgis,
        )
        built = self.built.get(order)
        if built is None:
            raise ScriptNeeded(order)
        return built

    def _record(
        self,
        built: BuiltScript,
        purpose: Purpose,
        requestor_id: str,
        token_reference: str | None,
        instance_aid: bytes,
    ) -> None:
        self.rows.run(
            "script_add",
            se_id=built.package.se_id,
            domain_aid=self.domain_aid,
            number=built.package.number,
            requestor_id=requestor_id,
            token_reference=token_reference,
            purpose=purpose.value,
            plain_hash=built.plain_hash,
            instance_aid=instance_aid,
            package=dump(built.package),
            created_ms=self.now_ms,
        )


async def change(
    database: Database, writer: ScriptWriter, now_ms: int, function: Callable[[Unit], T]
) -> T:
    """Run a change to its end in one transaction and return its result once durable."""
    built: dict[Order, BuiltScript] = {}
    for _ in range(_RUNS_MAX):

        def run(connection: sqlite3.Connection) -> T:
            return function(Unit(Repository(connection), now_ms, writer.domain_aid, built))

        try:
            return await database.write(run)
        except ScriptNeeded as needed:
            built[needed.order] = writer.build(needed.order)
    raise RuntimeError("a change asks for ever more scripts")


def dump(answer: object) -> str:
    """Write an answer as JSON, for the row that keeps it."""
    return msgspec.json.encode(answer).decode()


def load(text: str, kind: type[T]) -> T:
    """Read what `dump` wrote."""
    return msgspec.json.decode(text, type=kind)


def canonical(body: object) -> bytes:
    """Return a request in one fixed spelling, to compare it with a repeated one."""
    return json.dumps(msgspec.to_builtins(body), sort_keys=True, separators=(",", ":")).encode()
