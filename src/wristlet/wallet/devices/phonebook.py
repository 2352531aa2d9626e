"""The phones of a strap: certifying, listing and revoking them.

The secure element's own list decides who may speak to it. What is kept here lets a wearer recognise
phones, and keeps a revoked one from a new certificate.
"""

from __future__ import annotations

import hashlib
from sqlite3 import Connection

from wristlet.model.wallet_messages import (
    CertifyPhone,
    ChangeReason,
    Phone,
    PhoneCertificate,
    PhoneList,
)
from wristlet.wallet import shapes
from wristlet.wallet.context import Actor, Context
from wristlet.wallet.devices import phones, repository
from wristlet.wallet.devices.repository import CERTIFIED, LOST, REVOKED, DeviceRow, PhoneRow
from wristlet.wallet.errors import refuse
from wristlet.wallet.events import repository as events
from wristlet.wallet.tenants import repository as tenants


class Phonebook:
    """Phones by strap; every method refuses what the actor may not see like what is not there."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def certify(
        self, actor: Actor, device_id: str, request: CertifyPhone
    ) -> PhoneCertificate:
        """Certify a phone's key for a strap; the same key gets the same certificate."""
        point = phones.read_point(request.public_point)
        shapes.check_text(request.name, "name", empty=True)

        def record(connection: Connection) -> PhoneRow:
            device = repository.require(connection, actor, device_id)
            if device.state == LOST:
                raise refuse("device_lost", "device_id")
            return self.certified(connection, device, point, request.name)

        return PhoneCertificate((await self._context.database.write(record)).certificate)

    def certified(
        self, connection: Connection, device: DeviceRow, point: bytes, name: str
    ) -> PhoneRow:
        """Return a phone's entry, certified now unless it was before; refuses a revoked one."""
        point_hash = hashlib.sha256(point).hexdigest()
        known = repository.phone(connection, device, point_hash)
        if known is not None and known.state == REVOKED:
            raise refuse("phone_revoked", "public_point")
        tenant = tenants.find(connection, device.tenant_id)
        if known is not None:
            return known
        if tenant is None:
            raise refuse("object_not_found", "device_id")
        row = PhoneRow(
            device_id=device.device_id,
            point_hash=point_hash,
            certificate=phones.issue(self._context, tenant, point).hex(),
            name=name,
            state=CERTIFIED,
            created_ms=self._context.now_ms(),
        )
        repository.insert_phone(connection, device, row)
        self._tell(connection, device, "device.phone_certified", row)
        return row

    async def list(self, actor: Actor, device_id: str) -> PhoneList:
        """Return the phones of a strap, oldest first."""

        def read(connection: Connection) -> list[PhoneRow]:
            return repository.phones(connection, repository.require(connection, actor, device_id))

        rows = await self._context.database.read(read)
        return PhoneList([_view(row) for row in rows], has_more=False, next_cursor=None)

    async def revoke(
        self, actor: Actor, device_id: str, phone_id: str, request: ChangeReason
    ) -> Phone:
        """Mark a phone revoked; that it left the strap's own list an enrolled phone has seen to."""
        shapes.check_text(request.reason, "reason", empty=True)

        def record(connection: Connection) -> PhoneRow:
            device = repository.require(connection, actor, device_id)
            row = repository.phone(connection, device, phone_id)
            if row is None:
                raise refuse("object_not_found", "phone_id")
            if row.state != REVOKED:
                repository.set_phone_state(connection, device, phone_id, REVOKED)
                self._tell(connection, device, "device.phone_revoked", row)
            return repository.phone(connection, device, phone_id) or row

        return _view(await self._context.database.write(record))

    def _tell(self, connection: Connection, device: DeviceRow, type_: str, row: PhoneRow) -> None:
        data: dict[str, events.Value] = {"phone": row.point_hash, "name": row.name}
        event = events.NewEvent(type_, device.wearer_id, device.device_id, None, data)
        events.append(connection, self._context.env, device.tenant_id, event)


def _view(row: PhoneRow) -> Phone:
    return Phone(row.point_hash, row.device_id, row.name, row.state, row.created_ms)
