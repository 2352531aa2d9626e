"""PIN resets and further phones: the wearer proves identity, a script carries the order out.

The server passes questions and answers on; it has no part in the decision. Only a receipt says
that the strap has done it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from sqlite3 import Connection
from typing import cast

import msgspec

from wristlet.env.base import Env
from wristlet.model import tsp_messages as tsp
from wristlet.wallet.commits.repository import CommitRow
from wristlet.wallet.context import Actor, load_queries
from wristlet.wallet.devices.repository import DeviceRow
from wristlet.wallet.errors import refuse
from wristlet.wallet.events import repository as events
from wristlet.wallet.remote import TokenServiceAnswerError

PIN_RESET, FURTHER_PHONE = "pin_reset", "further_phone"
PROOF_NEEDED, ORDERED, DONE, ENDED = "proof_needed", "ordered", "done", "ended"

_ORDERED_EVENTS = {PIN_RESET: "pin.reset_ordered", FURTHER_PHONE: "device.phone_ordered"}
_DONE_EVENTS = {PIN_RESET: "pin.reset", FURTHER_PHONE: "device.phone_enrolled"}
_RESULTS = frozenset({"sent", "success", "incorrect_code", "expired_code", "tries_exceeded"})
_TRIES_LIMIT = 99


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order to a strap; `reference` is the token service's name of it, `answer` its JSON."""

    tenant_id: str
    order_id: str
    device_id: str
    wearer_id: str
    kind: str
    reference: str
    phone_hash: str
    state: str
    script_number: int
    answer: str
    created_ms: int

    @property
    def asked(self) -> tsp.DeviceOrder:
        """What the token service said when it began."""
        return msgspec.json.decode(self.answer, type=tsp.DeviceOrder)


_SQL = load_queries(__file__, "orders", OrderRow=OrderRow)


def insert(connection: Connection, row: OrderRow) -> None:
    """Store an order; one of the same kind that waited for its proof has ended."""
    for other in still_open(connection, row.tenant_id, row.device_id):
        if (other.kind, other.state) == (row.kind, PROOF_NEEDED):
            _update(connection, replace(other, state=ENDED))
    _SQL.insert_order(connection, **asdict(row))


def require(connection: Connection, actor: Actor, device_id: str, order_id: str) -> OrderRow:
    """Return an order that the actor may see."""
    row = _SQL.find_order(
        connection,
        tenant_id=actor.tenant_id,
        wearer_id=actor.wearer_id,
        device_id=device_id,
        order_id=order_id,
    )
    if row is None:
        raise refuse("object_not_found", "order_id")
    return cast(OrderRow, row)


def still_open(connection: Connection, tenant_id: str, device_id: str) -> list[OrderRow]:
    """Return a strap's orders that are not done or ended, oldest first."""
    return list(_SQL.open_orders(connection, tenant_id=tenant_id, device_id=device_id))


def answered(
    connection: Connection,
    env: Env,
    device: DeviceRow,
    row: OrderRow,
    answer: tsp.DeviceOrderResult,
) -> None:
    """Store how a step of the proof went; raises TokenServiceAnswerError if it cannot be right."""
    if answer.result not in _RESULTS or not 0 <= answer.tries_left <= _TRIES_LIMIT:
        raise TokenServiceAnswerError("result")
    if answer.order.order_id != row.reference or answer.order.se_id != device.se_id:
        raise TokenServiceAnswerError("order")
    if answer.result != "success":
        return
    number = row.script_number if answer.script is None else answer.script.number
    state = DONE if answer.order.state == DONE else ORDERED
    _update(connection, replace(row, state=state, script_number=number))
    _tell(connection, env, device, row, _ORDERED_EVENTS[row.kind])


def end(connection: Connection, row: OrderRow) -> None:
    """Note that an order came to nothing."""
    _update(connection, replace(row, state=ENDED))


def committed(connection: Connection, env: Env, device: DeviceRow, commit: CommitRow) -> None:
    """Note what a script's receipt says of orders: the one it carried out is done."""
    for row in still_open(connection, device.tenant_id, device.device_id):
        own = row.state == ORDERED and commit.kind == row.kind
        if own and commit.script_number >= row.script_number:
            _update(connection, replace(row, state=DONE))
            _tell(connection, env, device, row, _DONE_EVENTS[row.kind])


def _update(connection: Connection, row: OrderRow) -> None:
    _SQL.update_order(
        connection,
        tenant_id=row.tenant_id,
        order_id=row.order_id,
        state=row.state,
        script_number=row.script_number,
    )


def _tell(connection: Connection, env: Env, device: DeviceRow, row: OrderRow, type_: str) -> None:
    data: dict[str, events.Value] = {"order_id": row.order_id, "kind": row.kind}
    event = events.NewEvent(type_, device.wearer_id, device.device_id, None, data)
    events.append(connection, env, device.tenant_id, event)
