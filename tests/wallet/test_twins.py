"""A brand that happens to have the same ids as another: keys start with the tenant.

The twin's rows differ in everything but their ids and sort first, so that any statement that
forgets the tenant reads or writes the wrong one.
"""

from __future__ import annotations

from sqlite3 import Connection
from typing import Any

from support.fake_tsp import CODE_RIGHT, jwe
from support.wallet_city import City, Person, pin_statement
from wristlet.crypto import ec
from wristlet.model.wallet_messages import (
    ActiveCard,
    AddCard,
    CertifyPhone,
    ChangeReason,
    CommitReport,
    FinishVerification,
    StartVerification,
)
from wristlet.wire.gp.certs import Certificate

TWIN = "tnt_0"
TABLES = ("tenants", "wearers", "devices", "phones", "eligibilities", "cards", "commits", "events")
DIFFERENT: dict[str, Any] = {
    "name": "twin",
    "phone_root_id": "00" * 16,
    "event_last": 7000,
    "se_id": "99" * 16,
    "state": "deleted",
    "commits_last": 900,
    "certificate": "twin",
    "answer": "{}",
    "expires_ms": 1,
    "suspended_by": "issuer",
    "se_state": "selected",
    "token_reference": "tok-twin",
    "script_number": 5000,
    "kind": "twin",
    "apdus": "00",
    "type": "twin.seen",
}
NO_REASON = ChangeReason()
POINT = ec.point_of(ec.private_key(bytes(31) + b"\x07")).hex()


def clone(connection: Connection, tenant_id: str) -> None:
    """Copy every row of a tenant to the twin, changed in all that is no id."""
    for table in TABLES:
        cursor = connection.execute(f"SELECT * FROM {table} WHERE tenant_id = ?", (tenant_id,))
        names = [column[0] for column in cursor.description]
        for index, row in enumerate(cursor.fetchall()):
            values = {**dict(zip(names, row, strict=True)), "tenant_id": TWIN}
            values |= {name: value for name, value in DIFFERENT.items() if name in values}
            if table == "commits":
                values["script_number"] += index
            if table == "devices":
                values["se_id"] = dict(zip(names, row, strict=True))["se_id"]
            # A row number below all others: a scan of the table meets the twin first, too.
            marks = ", ".join("?" * (len(names) + 1))
            columns = ", ".join(("rowid", *names))
            statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"
            connection.execute(statement, (index - 1000, *values.values()))


def twins_rows(connection: Connection) -> dict[str, list[Any]]:
    return {
        table: connection.execute(
            f"SELECT * FROM {table} WHERE tenant_id = ? ORDER BY 1, 2, 3", (TWIN,)
        ).fetchall()
        for table in TABLES
    }


async def test_twin_is_neither_read_nor_written(city: City, hana: Person) -> None:
    device = await hana.pair()
    certified = await hana.client.certify_phone(device.id, CertifyPhone(POINT))
    first = await hana.active(device)
    second = await hana.add(device, "require_additional_authentication")
    offer = await hana.offer(device)
    tenant_id = await city.context.database.read(
        lambda c: c.execute("SELECT tenant_id FROM cards").fetchone()[0]
    )
    await city.context.database.write(lambda c: clone(c, tenant_id))
    # The twin has used the offer that is still open here.
    used = "UPDATE cards SET eligibility_id = ? WHERE tenant_id = ? AND card_id = ?"
    await city.context.database.write(lambda c: c.execute(used, (offer, TWIN, first.id)))
    before = await city.context.database.read(twins_rows)

    assert await hana.pair() == await hana.client.device(device.id)
    assert await hana.client.certify_phone(device.id, CertifyPhone(POINT)) == certified
    other = CertifyPhone(ec.point_of(ec.private_key(bytes(31) + b"\x08")).hex())
    fresh = Certificate.parse(
        bytes.fromhex((await hana.client.certify_phone(device.id, other)).certificate)
    )
    assert fresh.issuer_id == city.phone_roots[0][0]
    (commit,) = (await hana.client.commits(device.id)).data
    assert commit.kind == "personalise"
    reported = await hana.client.report_commit(device.id, 2, CommitReport(1, "cut"))
    assert (reported.state, reported.commits_last) == ("reported", 2)
    done = await hana.run_next(device, state=0x80)
    assert (done.state, done.commits_acknowledged) == ("acknowledged", 2)
    await hana.client.start_verification(second.id, StartVerification("sms-1"))
    await hana.client.confirm_verification(second.id, FinishVerification(jwe(CODE_RIGHT)))
    city.tsp.decision = "approved"
    request = AddCard(offer, True, pin_statement(device.se_id))
    third = await hana.client.add_card(request)
    assert await hana.client.add_card(request) == third
    await hana.client.report_active_card(device.id, ActiveCard(first.id))
    await hana.client.suspend_card(first.id, NO_REASON)
    await hana.client.resume_card(first.id, NO_REASON)
    await hana.client.mark_lost(device.id, NO_REASON)
    await hana.client.mark_found(device.id, NO_REASON)
    await hana.client.delete_card(first.id, NO_REASON)

    assert await city.context.database.read(twins_rows) == before
    office = city.client(city.keys[0])
    events = (await office.events(limit=100)).data
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert events == (await hana.client.events(limit=100)).data
    assert "twin" not in str(events)
    cards = (await office.cards()).data
    assert [card.state for card in cards] == ["deleted", "active", "inactive"]


async def test_same_encrypted_card_of_twins_is_two_questions(city: City, hana: Person) -> None:
    device = await hana.pair()
    offer = await hana.offer(device)
    await city.context.database.write(
        lambda c: clone(c, c.execute("SELECT tenant_id FROM eligibilities").fetchone()[0])
    )
    task = jwe(f"c2VjcmV0{city.clock.now_ms()}")
    again = await city.raw(
        "POST",
        "/v1/cards/eligibility",
        hana.token,
        json={"device_id": device.id, "card_jwe": task},
    )
    assert again.json()["id"] == offer
    assert again.json()["issuer_name"] == "Aoba Bank"
