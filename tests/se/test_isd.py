"""Issuer domain: what its keys can do, and that they never take the wearer's cards over."""

from __future__ import annotations

import pytest

from support import se_cards
from support.se_cards import (
    SANDBOX_KEYS,
    HostSession,
    Rig,
    instance,
    open_scp03,
    open_scp11a,
    run,
    sealed,
    select,
    send,
    volatile,
)
from wristlet.crypto import ec
from wristlet.crypto.errors import ChannelError
from wristlet.crypto.kcv import aes_kcv
from wristlet.crypto.scp03 import StaticKeys
from wristlet.crypto.sd_dek import encrypt_key
from wristlet.crypto.seal import KeyUsage
from wristlet.crypto.x509chain import Use, split, verify_se_chain
from wristlet.env.sim import SimEnv
from wristlet.se import supplementary
from wristlet.se.applets.base import Interface
from wristlet.se.card import Card, Port
from wristlet.se.create import create_volatile, isd_keys
from wristlet.wire.apdu import Command
from wristlet.wire.gp import aids, commands
from wristlet.wire.gp.install import InstallForInstall
from wristlet.wire.gp.keys import KeyBlock, KeyType, PutKey, parse_key_information
from wristlet.wire.gp.lifecycle import CardState
from wristlet.wire.gp.registry import StatusQuery, parse_entries
from wristlet.wire.masked import Secret
from wristlet.wire.sw import SW


@pytest.fixture
def rig() -> Rig:
    made = volatile()
    made.enrol_phone()
    made.set_pin()
    run(made.wired, made.perso_script(1).script.apdus)
    run(made.wired, made.perso_script(2, 2).script.apdus)
    return made


def opens(port: Port, *, keys: StaticKeys, aid: bytes = aids.ISD) -> bool:
    """Tell whether these keys open a session."""
    try:
        session = open_scp03(port, keys=keys, aid=aid)
    except ChannelError:
        return False
    return session.channel.alive


def aes_blocks(session: HostSession, keys: StaticKeys, *, amendment: bool) -> tuple[KeyBlock, ...]:
    return tuple(
        KeyBlock(
            KeyType.AES,
            encrypt_key(session.channel.dek, key),
            aes_kcv(key),
            clear_length=len(key) if amendment else None,
        )
        for key in (keys.enc, keys.mac, keys.dek)
    )


NEW_KEYS = StaticKeys(*(Secret(bytes([start] * 16)) for start in (1, 2, 3)))


@pytest.mark.parametrize("amendment", [True, False])
def test_put_key_takes_both_aes_forms(rig: Rig, amendment: bool) -> None:
    session = open_scp03(rig.wired)
    fields = PutKey(0x31, aes_blocks(session, NEW_KEYS, amendment=amendment))
    answer = session.send(commands.put_key(fields, 1, replaced_kvn=0x30))
    assert (answer.sw, answer.data) == (SW.OK, fields.answer())
    again = open_scp03(rig.wired, keys=NEW_KEYS)
    infos = parse_key_information(again.send(commands.get_data(0xE0)).data)
    assert {info.kvn for info in infos if info.kid < 4} == {0x31}


def test_put_key_refusals(rig: Rig) -> None:
    before = rig.card.store.get(f"sd/{aids.ISD.hex().upper()}/keys")

    def attempt(build: object, kid: int, replaced: int = 0) -> int:
        session = open_scp03(rig.wired)
        assert callable(build)
        fields = build(session)
        return session.send(commands.put_key(fields, kid, replaced_kvn=replaced)).sw

    def blocks(session: HostSession) -> tuple[KeyBlock, ...]:
        return aes_blocks(session, NEW_KEYS, amendment=True)

    def bad_kcv(session: HostSession) -> PutKey:
        good = blocks(session)
        wrong = KeyBlock(KeyType.AES, good[0].value, b"\1\2\3", good[0].clear_length)
        return PutKey(0x31, (wrong, *good[1:]))

    assert attempt(bad_kcv, 1) == SW.KEY_CHECK_VALUE_WRONG
    assert attempt(lambda s: PutKey(0x30, blocks(s)), 1) == SW.WRONG_DATA  # taken
    assert attempt(lambda s: PutKey(0x31, blocks(s)), 1, 0x22) == SW.REFERENCED_DATA_NOT_FOUND
    assert attempt(lambda s: PutKey(0x31, blocks(s)[:1]), 1) == SW.WRONG_P1_P2
    assert attempt(lambda s: PutKey(0x31, blocks(s)), 2) == SW.WRONG_P1_P2
    private = PutKey(1, (KeyBlock(KeyType.EC_PRIVATE, bytes(32), curve=0),))
    assert attempt(lambda _: private, 0x11) == SW.ALGORITHM_NOT_SUPPORTED
    assert rig.card.store.get(f"sd/{aids.ISD.hex().upper()}/keys") == before


def test_get_status_scopes_and_filters(rig: Rig) -> None:
    session = open_scp03(rig.wired)
    card = parse_entries(session.send(commands.get_status(0x80)).data)
    assert [(entry.aid, entry.life_cycle) for entry in card] == [(aids.ISD, CardState.SECURED)]
    everything = parse_entries(session.send(commands.get_status(0x40)).data)
    assert {entry.aid for entry in everything} >= {aids.PPSE, aids.CRS, instance(1), instance(2)}
    query = StatusQuery(aids.KERNEL_3, (0x4F, 0x9F70))
    some = session.send(commands.get_status(0x40, query))
    assert [entry.aid for entry in parse_entries(some.data)] == [instance(1), instance(2)]
    assert b"\xc5" not in some.data
    files = parse_entries(session.send(commands.get_status(0x10)).data)
    assert aids.PAYMENT_PACKAGE in {entry.aid for entry in files}
    assert session.send(commands.get_status(0x20)).sw == SW.OK
    nothing = session.send(commands.get_status(0x40, StatusQuery(b"\xa0\xff")))
    assert nothing.sw == SW.REFERENCED_DATA_NOT_FOUND


def payment_left(rig: Rig) -> list[bytes]:
    left = [entry.aid for entry in rig.card.registry.payment()]
    assert {key.split("/")[1] for key in rig.card.store.keys("inst/")} == {
        aid.hex().upper() for aid in left
    }
    return left


def test_issuer_can_delete_one_card(rig: Rig) -> None:
    session = open_scp03(rig.wired)
    assert session.send(commands.delete(instance(1))).sw == SW.OK
    assert payment_left(rig) == [instance(2)]
    assert session.send(commands.delete(instance(1))).sw == SW.REFERENCED_DATA_NOT_FOUND


@pytest.mark.parametrize(
    "command",
    [
        commands.delete(aids.CARDHOLDER_APPLET),
        commands.delete(aids.CARDHOLDER_DOMAIN, related=True),
        commands.delete(aids.TSP_DOMAIN, related=True),
    ],
)
def test_taking_the_protection_away_empties_the_strap(rig: Rig, command: Command) -> None:
    session = open_scp03(rig.wired)
    assert session.send(command).sw == SW.OK
    assert not payment_left(rig)


def test_it_is_emptied_in_the_same_durable_write() -> None:
    rig = sealed()
    rig.enrol_phone()
    rig.set_pin()
    run(rig.wired, rig.perso_script(1).script.apdus)
    session = open_scp03(rig.wired)
    rig.disk.trace.clear()
    assert session.send(commands.delete(aids.CARDHOLDER_APPLET)).sw == SW.OK
    steps = [step.name for step in rig.disk.trace if step.path.endswith("state")]
    assert steps == ["pwrite", "datasync"]


def test_a_reinstalled_cardholder_applet_knows_nothing(rig: Rig) -> None:
    session = open_scp03(rig.wired)
    session.send(commands.delete(aids.CARDHOLDER_APPLET))
    fields = InstallForInstall(
        aids.CARDHOLDER_APPLET, aids.CARDHOLDER_APPLET, aids.CARDHOLDER_APPLET
    )
    assert session.send(commands.install_for_install(fields)).sw == SW.OK
    assert not rig.card.store.keys("pin/")
    assert not rig.card.store.keys("phones/")
    assert open_scp11a(rig) == SW.AUTHENTICATION_FAILED


def new_root(rig: Rig, session: HostSession) -> int:
    point = ec.point_of(ec.private_key(bytes(31) + b"\x44"))
    fields = PutKey(0x02, (KeyBlock(KeyType.EC_PUBLIC, point, curve=0),))
    return session.send(commands.put_key(fields, 0x10, replaced_kvn=0x01)).sw


def test_issuer_replacing_the_tenant_root_empties_the_strap(rig: Rig) -> None:
    session = open_scp03(rig.wired, aid=aids.CARDHOLDER_DOMAIN)
    assert new_root(rig, session) == SW.OK
    assert not payment_left(rig)
    assert open_scp11a(rig) == SW.WRONG_DATA  # the old root's certificate


def test_another_domains_authority_is_no_concern_of_the_cards(rig: Rig) -> None:
    session = open_scp03(rig.wired)
    fields = InstallForInstall(supplementary.PACKAGE_AID, supplementary.MODULE_AID, aids.OEM_DOMAIN)
    assert session.send(commands.install_for_install(fields)).sw == SW.OK
    session = open_scp03(rig.wired, aid=aids.OEM_DOMAIN)
    point = ec.point_of(ec.private_key(bytes(31) + b"\x44"))
    authority = PutKey(0x01, (KeyBlock(KeyType.EC_PUBLIC, point, curve=0),))
    assert session.send(commands.put_key(authority, 0x10)).sw == SW.OK
    assert len(payment_left(rig)) == 2


def test_a_phone_replacing_the_tenant_root_keeps_the_cards(rig: Rig) -> None:
    session = open_scp11a(rig, aids.CARDHOLDER_DOMAIN)
    assert isinstance(session, HostSession)
    assert new_root(rig, session) == SW.OK
    assert len(payment_left(rig)) == 2
    naming = Command(0x80, 0xE2, 0x90, 0, bytes.fromhex("A60A4204AABBCCDD83021002"))
    assert session.send(naming).sw == SW.OK


def test_issuer_has_no_way_into_the_tsp_domain_or_the_applets(rig: Rig) -> None:
    for aid in (aids.TSP_DOMAIN, aids.CARDHOLDER_APPLET, aids.CRS):
        select(rig.wired, aid)
        assert send(rig.wired, commands.initialize_update(bytes(8))).sw != SW.OK
    session = open_scp03(rig.wired)
    for aid in (instance(9), aids.PAYMENT_MODULE_K3):
        fields = InstallForInstall(aids.PAYMENT_PACKAGE, aids.PAYMENT_MODULE_K3, aid)
        refused = session.send(commands.install_for_install(fields))
        assert refused.sw == SW.CONDITIONS_NOT_SATISFIED


def test_a_session_of_another_domain_manages_nothing(rig: Rig) -> None:
    session = open_scp03(rig.wired, aid=aids.CARDHOLDER_DOMAIN)
    answer = session.send(commands.delete(instance(1)))
    assert answer.sw == SW.INSTRUCTION_NOT_SUPPORTED
    assert len(payment_left(rig)) == 2


def test_a_domain_added_later_is_certified_on_the_card(rig: Rig) -> None:
    session = open_scp03(rig.wired)
    session.send(commands.delete(aids.CARDHOLDER_DOMAIN, related=True))
    fields = InstallForInstall(
        supplementary.PACKAGE_AID, supplementary.MODULE_AID, aids.CARDHOLDER_DOMAIN
    )
    assert session.send(commands.install_for_install(fields)).sw == SW.OK
    select(rig.wired, aids.CARDHOLDER_DOMAIN)
    chain = split(send(rig.wired, commands.get_certificates(0x11, 1)).data)
    root = bytes(rig.owner.get("maker.root.cert", KeyUsage.PUBLIC))
    leaf = verify_se_chain(root, chain, Use.AGREE, rig.env.clock.now_ms())
    assert leaf.point != rig.identity.domain_points[aids.CARDHOLDER_DOMAIN]
    assert leaf.subject.se_id == rig.identity.se_id


def test_a_domain_of_the_oem_gets_its_own_keys(rig: Rig) -> None:
    session = open_scp03(rig.wired)
    fields = InstallForInstall(supplementary.PACKAGE_AID, supplementary.MODULE_AID, aids.OEM_DOMAIN)
    assert session.send(commands.install_for_install(fields)).sw == SW.OK
    session = open_scp03(rig.wired, aid=aids.OEM_DOMAIN)
    keys = PutKey(0x01, aes_blocks(session, NEW_KEYS, amendment=True))
    assert session.send(commands.put_key(keys, 1)).sw == SW.OK
    assert opens(rig.wired, aid=aids.OEM_DOMAIN, keys=NEW_KEYS)


def test_the_number_outlives_the_domain(rig: Rig) -> None:
    session = open_scp03(rig.wired)
    session.send(commands.delete(aids.TSP_DOMAIN, related=True))
    fields = InstallForInstall(supplementary.PACKAGE_AID, supplementary.MODULE_AID, aids.TSP_DOMAIN)
    assert session.send(commands.install_for_install(fields)).sw == SW.OK
    select(rig.wired, aids.TSP_DOMAIN)
    chain = split(send(rig.wired, commands.get_certificates(0x15, 1)).data)
    root = bytes(rig.owner.get("maker.root.cert", KeyUsage.PUBLIC))
    leaf = verify_se_chain(root, chain, Use.AGREE, rig.env.clock.now_ms())
    rig.identity.domain_points[aids.TSP_DOMAIN] = leaf.point
    old = run(rig.wired, rig.perso_script(2, 5).script.apdus)
    assert old[-1].sw == SW.CONDITIONS_NOT_SATISFIED
    assert run(rig.wired, rig.perso_script(3, 5).script.apdus)[-1].sw == SW.OK


def test_locking_the_card_and_an_application(rig: Rig) -> None:
    session = open_scp03(rig.wired)
    rig.card.registry.activate(instance(1))
    rig.card.store.flush()
    assert session.send(commands.set_status(0x40, 0x80, instance(1))).sw == SW.OK
    assert select(rig.contactless, instance(1)).sw == SW.NOT_FOUND
    assert session.send(commands.set_status(0x40, 0x0F, instance(1))).sw == SW.OK
    assert select(rig.contactless, instance(1)).sw == SW.OK
    assert session.send(commands.set_status(0x80, CardState.CARD_LOCKED, aids.ISD)).sw == SW.OK
    rig.contactless.reset()
    assert select(rig.contactless, instance(1)).sw == SW.NOT_FOUND
    assert select(rig.wired, aids.CARDHOLDER_APPLET).sw == SW.NOT_FOUND
    session = open_scp03(rig.wired)
    assert session.send(commands.set_status(0x80, CardState.SECURED, aids.ISD)).sw == SW.OK
    assert select(rig.contactless, instance(1)).sw == SW.OK


@pytest.mark.parametrize(
    "lock",
    [
        commands.set_status(0x40, 0x80, instance(1)),
        commands.set_status(0x80, CardState.CARD_LOCKED, aids.ISD),
    ],
)
def test_a_lock_ends_what_was_selected_before(rig: Rig, lock: Command) -> None:
    rig.card.registry.activate(instance(1))
    rig.card.store.flush()
    assert select(rig.contactless, instance(1)).sw == SW.OK
    anything = Command(0x80, 0xCA, 0x9F, 0x36, le=256)
    assert send(rig.contactless, anything).sw == SW.INSTRUCTION_NOT_SUPPORTED  # the stand-in
    assert open_scp03(rig.wired).send(lock).sw == SW.OK
    assert send(rig.contactless, anything).sw == SW.CONDITIONS_NOT_SATISFIED


def test_a_terminated_card_stays_so(rig: Rig) -> None:
    session = open_scp03(rig.wired)
    assert session.send(commands.set_status(0x80, CardState.TERMINATED, aids.ISD)).sw == SW.OK
    session = open_scp03(rig.wired)
    keys = PutKey(0x31, aes_blocks(session, NEW_KEYS, amendment=True))
    for command in (
        commands.set_status(0x80, CardState.SECURED, aids.ISD),
        commands.delete(instance(1)),
        commands.put_key(keys, 1),
    ):
        assert session.send(command).sw == SW.CONDITIONS_NOT_SATISFIED
    assert send(rig.wired, commands.get_data(0x45)).sw != SW.OK  # ends the session
    assert send(rig.wired, commands.get_data(0x45)).sw == SW.OK


def test_keys_of_the_owner_are_derived_by_identity() -> None:
    env = SimEnv(5)
    owner = se_cards.owner_store(env)
    cards = [create_volatile(env, owner, se_cards.profile()) for _ in range(2)]
    keys = [isd_keys(env, owner, identity.se_id, sandbox=False) for _, identity in cards]
    assert keys[0].enc != keys[1].enc
    for (store, _), own in zip(cards, keys, strict=True):
        card = Card(env, store, se_cards.CATALOG)
        port = card.port(Interface.WIRED)
        assert opens(port, keys=own)
        assert not opens(port, keys=SANDBOX_KEYS)


def test_delete_keys(rig: Rig) -> None:
    session = open_scp03(rig.wired)
    assert session.send(commands.delete_key(kvn=0x30)).sw == SW.CONDITIONS_NOT_SATISFIED
    assert session.send(commands.delete_key(kid=0x7E)).sw == SW.CONDITIONS_NOT_SATISFIED
    fields = PutKey(0x31, aes_blocks(session, NEW_KEYS, amendment=True))
    assert session.send(commands.put_key(fields, 1)).sw == SW.OK
    assert session.send(commands.delete_key(kvn=0x30)).sw == SW.OK
    assert opens(rig.wired, keys=NEW_KEYS)
