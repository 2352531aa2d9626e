"""A wallet server turned hostile: it holds the brand's root, relays everything, and still gets
nowhere.
"""

from __future__ import annotations

import base64
import dataclasses
import itertools
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import httpx2
import msgspec
import pytest

from wristlet.companion import commits
from wristlet.companion.errors import CompanionError
from wristlet.companion.phone_channel import PhoneChannel
from wristlet.crypto import ec, gpcert, scp11, x509chain
from wristlet.crypto.seal import KeyUsage
from wristlet.lab import setup
from wristlet.lab.city import City, running_city
from wristlet.links.http import RemoteProblem
from wristlet.links.loopback import LoopbackChannel
from wristlet.links.script_runner import exchange
from wristlet.model.testcards import AOBA, Outcome, find_card
from wristlet.model.wallet_messages import CommitList, CommitProgress, CommitReceipt
from wristlet.se.applets.base import Interface
from wristlet.wallet.tenants.service import phone_root_name
from wristlet.wire.apdu import Command
from wristlet.wire.gp import aids, commands
from wristlet.wire.gp.certs import Certificate
from wristlet.wire.masked import SecretDigits

pytestmark = pytest.mark.slow

PIN = "482615"
SW_OK = 0x9000


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with running_city(tmp_path / "city") as running:
        await running.phone.pair("strap", confirm=running.press)
        await running.phone.create_pin(PIN)
        yield running


def wired(city: City) -> LoopbackChannel:
    """The way that any relay has to the secure element."""
    return LoopbackChannel(city.card.port(Interface.WIRED))


def certificate_for(city: City, key: ec.PrivateKey) -> bytes:
    """What the hostile server can make: it holds the brand's own phone root."""
    env = city.bench.env
    keys = setup.open_store(env, city.sandbox.paths, "wallet")
    root = ec.private_key(keys.get(phone_root_name(city.sandbox.tenant_id), KeyUsage.SIGN))
    genuine = Certificate.parse(bytes.fromhex(phone_certificate(city)))
    forged = Certificate(
        serial=os.urandom(8),
        issuer_id=genuine.issuer_id,
        subject_id=os.urandom(16),
        effective=genuine.effective,
        expires=genuine.expires,
        point=ec.point_of(key),
    )
    return gpcert.issue(root, forged).encode()


def phone_certificate(city: City) -> str:
    state = city.phone.tools.state  # the test looks over the phone's shoulder
    return state.certificate


async def test_it_cannot_open_the_cardholder_channel_with_a_phone_of_its_own(city: City) -> None:
    own = ec.new_private_key(os.urandom)
    domain_point = bytes.fromhex(city.phone.tools.state.domain_point)
    with pytest.raises(CompanionError, match="does not accept this phone"):
        await PhoneChannel.open(
            wired(city),
            private_scalar=ec.scalar_of(own),
            certificate=certificate_for(city, own),
            domain_point=domain_point,
            ephemeral_scalar=os.urandom(32),
        )


async def test_the_same_certificate_opens_it_once_the_phone_is_on_the_list(city: City) -> None:
    """The control: what stops the attack above is the allow-list, not a broken certificate."""
    own = ec.private_key(bytes.fromhex(city.phone.tools.store.state.private_scalar))
    channel = await PhoneChannel.open(
        wired(city),
        private_scalar=ec.scalar_of(own),
        certificate=certificate_for(city, own),
        domain_point=bytes.fromhex(city.phone.tools.state.domain_point),
        ephemeral_scalar=os.urandom(32),
    )
    report, _ = await channel.verify_pin(SecretDigits(PIN))
    assert report.taps_max > 0


async def test_it_cannot_enrol_a_phone_of_its_own(city: City) -> None:
    channel = wired(city)
    own_point = ec.point_of(ec.new_private_key(os.urandom))
    await exchange(channel, commands.select(aids.CARDHOLDER_APPLET).encode())
    for p1, field in ((0x00, own_point), (0x01, os.urandom(32))):
        answer = await exchange(channel, Command(0x80, 0xE0, p1, 0x00, field).encode())
        assert answer.sw != SW_OK
    assert (await city.phone.state()).phones == 1


async def test_it_cannot_reset_the_pin_by_a_script_of_its_own(city: City) -> None:
    """A script needs the token service's key: one signed by the brand's root is refused."""
    channel = wired(city)
    own = ec.new_private_key(os.urandom)
    await exchange(channel, commands.select(aids.TSP_DOMAIN).encode())
    offered = commands.perform_security_operation(certificate_for(city, own), kvn=1, kid=0x10)
    assert (await exchange(channel, offered.encode())).sw != SW_OK
    handshake = scp11.HostHandshake(
        scp11.Variant.C, own.public_key(), ec.new_private_key(os.urandom), own
    )
    opening = commands.mutual_authenticate(handshake.request, kvn=1, kid=scp11.Variant.C)
    assert (await exchange(channel, opening.encode())).sw != SW_OK
    state = await city.phone.state()
    assert (state.pin_set, state.blocked) == (True, False)


async def test_it_cannot_swap_the_token_service_key(city: City) -> None:
    """The phone pins the root: card data are not encrypted for a key that the server made."""
    now_ms = city.bench.env.clock.now_ms()
    validity = x509chain.Validity(now_ms - 86_400_000, now_ms + 86_400_000)
    root_key, leaf_key = ec.new_private_key(os.urandom), ec.new_private_key(os.urandom)
    root = x509chain.Issuer.root(root_key, "wristlet TSP card data root", validity, 1)
    subject = x509chain.Subject("wristlet TSP card data")
    leaf = root.leaf(subject, ec.point_of(leaf_key), x509chain.Use.AGREE, validity, 2)
    forged = {
        "kid": "mine",
        "x5c": [base64.b64encode(one).decode() for one in (leaf, root.certificate)],
    }
    sent: list[bytes] = []
    city.wallet_transport.intercept = _answering("/v1/card-key", forged, sent)
    card = find_card(AOBA, Outcome.GREEN)
    with pytest.raises(CompanionError, match="not the token service's"):
        await city.phone.check_card(card.number.reveal(), "12/30", card.security_code.reveal())
    assert card.number.reveal().encode() not in b"".join(sent)
    assert not any(b"card_jwe" in body for body in sent)


def _answering(
    path: str, forged: Mapping[str, object], sent: list[bytes]
) -> Callable[[httpx2.Request], httpx2.Response | None]:
    def intercept(request: httpx2.Request) -> httpx2.Response | None:
        sent.append(request.content)
        if request.url.path == path:
            return httpx2.Response(200, content=json.dumps(forged).encode(), request=request)
        return None

    return intercept


async def test_a_forged_receipt_moves_nothing(city: City) -> None:
    card = find_card(AOBA, Outcome.GREEN)
    eligible = await city.phone.check_card(
        card.number.reveal(), "12/30", card.security_code.reveal()
    )
    added = await city.phone.accept_terms(eligible)
    wallet = city.phone.tools.wallet
    device_id = city.phone.tools.state.device_id
    forged = CommitReceipt("7f600adf4002aabbdf4100")
    with pytest.raises(RemoteProblem):
        await wallet.submit_receipt(device_id, 1, forged)
    assert (await wallet.card(added.id)).state == "inactive"
    assert len((await wallet.commits(device_id)).data) == 1


async def test_it_cannot_keep_the_phone_busy_with_what_is_done(city: City) -> None:
    """It shows the first script again and again, whatever receipts come in."""
    card = find_card(AOBA, Outcome.GREEN)
    await city.phone.accept_terms(
        await city.phone.check_card(card.number.reveal(), "12/30", card.security_code.reveal())
    )
    wallet, device_id = city.phone.tools.wallet, city.phone.tools.state.device_id
    first = msgspec.to_builtins(await wallet.commits(device_id))
    city.wallet_transport.intercept = _answering(f"/v1/devices/{device_id}/commits", first, [])
    report = await city.phone.sync()
    assert (report.done, report.open) == (1, 1)
    assert "asks again" in report.reason


async def test_it_cannot_keep_the_phone_busy_with_ever_new_entries(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It numbers one script that was run anew and takes its receipt for good each time."""
    monkeypatch.setattr(commits, "COMMITS_PER_SYNC", 20)
    card = find_card(AOBA, Outcome.GREEN)
    await city.phone.accept_terms(
        await city.phone.check_card(card.number.reveal(), "12/30", card.security_code.reveal())
    )
    wallet, device_id = city.phone.tools.wallet, city.phone.tools.state.device_id
    (commit,) = (await wallet.commits(device_id)).data
    await city.phone.sync()
    asked = itertools.count(commit.sequence + 1)

    def intercept(request: httpx2.Request) -> httpx2.Response | None:
        path = request.url.path.removeprefix(f"/v1/devices/{device_id}/commits")
        if path == "":
            entry = dataclasses.replace(commit, sequence=next(asked))
            answer: object = CommitList([entry], has_more=False, next_cursor=None)
        elif path.endswith("/receipt"):
            answer = CommitProgress(1, "acknowledged", 1, 1)
        else:
            return None
        return httpx2.Response(200, content=msgspec.json.encode(answer), request=request)

    city.wallet_transport.intercept = intercept
    assert (await city.phone.sync()).done == 20
