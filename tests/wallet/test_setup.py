"""Tenants, phone certificates and the wallet's state on disk."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.wallet_city import City, Person
from wristlet.crypto import ec, gpcert
from wristlet.crypto.seal import KeyUsage
from wristlet.model.wallet_messages import CertifyPhone, ChangeReason
from wristlet.wire.gp.certs import USAGE_KEY_AGREEMENT, Certificate

WALLET = Path(__file__).parents[2] / "src" / "wristlet" / "wallet"
POINT = ec.point_of(ec.private_key(bytes(31) + b"\x07"))


async def test_phone_certificate_is_the_tenants(hana: Person, city: City) -> None:
    device = await hana.pair()
    answer = await hana.client.certify_phone(device.id, CertifyPhone(POINT.hex()))
    certificate = Certificate.parse(bytes.fromhex(answer.certificate))
    root_id, root_point = city.phone_roots[0]
    gpcert.verify(certificate, root_id, root_point, USAGE_KEY_AGREEMENT)
    assert certificate.point == POINT
    today = datetime.fromtimestamp(city.clock.now_ms() / 1000, UTC).strftime("%Y%m%d")
    assert certificate.is_valid_on(today)
    other_id, other_point = city.phone_roots[1]
    assert other_id != root_id
    assert other_point != root_point


async def test_same_phone_gets_the_same_certificate(hana: Person) -> None:
    device = await hana.pair()
    request = CertifyPhone(POINT.hex())
    first = await hana.client.certify_phone(device.id, request)
    assert await hana.client.certify_phone(device.id, request) == first
    events = (await hana.client.events(limit=100)).data
    assert [event.type for event in events].count("device.phone_certified") == 1


async def test_no_phone_is_certified_for_a_lost_strap(hana: Person, city: City) -> None:
    device = await hana.pair()
    await hana.client.mark_lost(device.id, ChangeReason())
    answer = await city.raw(
        "POST", f"/v1/devices/{device.id}/phones", hana.token, json={"public_point": POINT.hex()}
    )
    assert answer.json()["error"]["code"] == "device_lost"


async def test_private_root_is_in_the_sealed_store_only(city: City) -> None:
    name = next(name for name in city.context.keys.names() if name.startswith("tenant."))
    scalar = bytes(city.context.keys.get(name, KeyUsage.SIGN))
    for file in city.directory.iterdir():
        content = file.read_bytes()
        assert scalar not in content
        assert scalar.hex().encode() not in content


STATEMENT = re.compile(r"-- name: (\w+).*?\n(.*?);", re.DOTALL)
# These are asked before the tenant is known: by the hash of a token of 256 random bits.
BY_HASH = {"tenant_of_key", "find_session"}
# Notifications are the whole server's: they name tokens and elements, then the tenant is found.
OF_THE_SERVER = {"card_of_token", "devices_of_element", "taken", "put_taken"}


def statements() -> list[tuple[str, str]]:
    texts = [file.read_text() for file in sorted(WALLET.rglob("sql/*.sql"))]
    found = (match for text in texts for match in STATEMENT.finditer(text))
    return [(match.group(1), match.group(2)) for match in found]


@pytest.mark.parametrize(("name", "sql"), statements())
def test_every_statement_names_the_tenant(name: str, sql: str) -> None:
    if name in BY_HASH | OF_THE_SERVER:
        return
    assert ":tenant_id" in sql
    if "INSERT INTO" not in sql:
        assert re.search(r"WHERE\s+tenant_id = :tenant_id\b", sql), name


@pytest.mark.slow
def test_process_starts_serves_and_stops(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from wristlet.crypto.seal import SealKey\n"
        "from wristlet.env.real import real_env\n"
        "from wristlet.links.process import run\n"
        "from wristlet.wallet.serve import Settings, serve\n"
        "settings = Settings('127.0.0.1:0', Path(sys.argv[1]), 'http://127.0.0.1:1', 'token')\n"
        "run(serve(real_env(), settings, SealKey(bytes(32))))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(WALLET.parents[1])}
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["ready"] == "wallet"
        assert ready["http"].startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
