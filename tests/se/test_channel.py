"""Secure channels of the card, spoken to by our host and by the client of yubikit."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec as curves
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from yubikit.core import TRANSPORT
from yubikit.core.smartcard import ApduError, SmartCardConnection, SmartCardProtocol
from yubikit.core.smartcard.scp import KeyRef, Scp03KeyParams, Scp11KeyParams
from yubikit.core.smartcard.scp import StaticKeys as YubiKeys
from yubikit.securitydomain import SecurityDomainSession

from support import se_cards
from support.se_cards import (
    PHONE_KEY,
    SANDBOX_KEYS,
    TENANT_ROOT,
    TSP_KEY,
    TSP_ROOT,
    HostSession,
    Rig,
    open_scp03,
    open_scp11a,
    sealed,
    select,
    send,
    transmit,
    volatile,
)
from wristlet.crypto import ec, scp03
from wristlet.se.applets.base import Interface
from wristlet.se.card import Port
from wristlet.wire.apdu import Command
from wristlet.wire.gp import aids, commands
from wristlet.wire.masked import Secret
from wristlet.wire.sw import SW


class Connection(SmartCardConnection):
    """Puts the outside client in front of our card."""

    def __init__(self, port: Port, transport: TRANSPORT = TRANSPORT.USB) -> None:
        self._port = port
        self._transport = transport

    @property
    def transport(self) -> TRANSPORT:
        return self._transport

    def send_and_receive(self, apdu: bytes) -> tuple[bytes, int]:
        answer = self._port.process(bytes(apdu))
        return answer[:-2], int.from_bytes(answer[-2:], "big")


@pytest.fixture
def rig() -> Rig:
    return volatile()


YUBI_KEYS = YubiKeys(*(bytes(key) for key in (SANDBOX_KEYS.enc,) * 3))


# ------------------------------------------------------------------ yubikit


@pytest.mark.parametrize("transport", [TRANSPORT.USB, TRANSPORT.NFC])
def test_yubikit_scp03(rig: Rig, transport: TRANSPORT) -> None:
    session = SecurityDomainSession(Connection(rig.wired, transport))
    session.authenticate(Scp03KeyParams(ref=KeyRef(0, 0x30), keys=YUBI_KEYS))
    protocol = session.protocol
    entries = protocol.send_apdu(0x80, 0xF2, 0x40, 0x02, bytes.fromhex("4F00"))
    assert aids.PPSE in entries
    assert aids.TSP_DOMAIN in entries
    assert protocol.send_apdu(0x80, 0xF2, 0x80, 0x02, bytes.fromhex("4F00"))
    certificates = session.get_certificate_bundle(KeyRef(0x7E, 1))
    assert len(certificates) == 3


def test_yubikit_changes_the_issuer_keys(rig: Rig) -> None:
    session = SecurityDomainSession(Connection(rig.wired))
    session.authenticate(Scp03KeyParams(ref=KeyRef(0, 0), keys=YUBI_KEYS))
    fresh = YubiKeys(bytes(range(16)), bytes(range(16, 32)), bytes(range(32, 48)))
    session.put_key(KeyRef(0x01, 0x31), fresh, replace_kvn=0x30)
    again = SecurityDomainSession(Connection(rig.wired))
    again.authenticate(Scp03KeyParams(ref=KeyRef(0, 0x31), keys=fresh))
    assert again.get_data(0x45)
    gone = Scp03KeyParams(ref=KeyRef(0, 0x30), keys=YUBI_KEYS)
    with pytest.raises(ValueError, match="Incorrect SCP parameters"):
        SecurityDomainSession(Connection(rig.wired)).authenticate(gone)


def certificate(
    name: str, key: Any, issuer: str, issuer_key: Any, *, ca: bool = False
) -> x509.Certificate:
    """An X.509 certificate as off-card entities have them."""
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    usage = dict.fromkeys(
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement"
        " key_cert_sign crl_sign encipher_only decipher_only".split(),
        False,
    )
    usage["key_cert_sign" if ca else "key_agreement"] = True
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now.replace(year=2040))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .sign(issuer_key, SHA256())
    )


def scp11(rig: Rig, domain: bytes, kid: int, key: Any, *chain: x509.Certificate) -> Any:
    """Open SCP11 as the outside client does; gives its protocol object."""
    protocol = SmartCardProtocol(Connection(rig.wired))
    protocol.select(domain)
    point = rig.identity.domain_points[domain]
    params = Scp11KeyParams(KeyRef(kid, 1), ec.public_key(point), KeyRef(0x10, 1), key, list(chain))
    protocol.init_scp(params)
    return protocol


def test_yubikit_scp11a(rig: Rig) -> None:
    rig.enrol_phone()
    leaf = certificate("phone", PHONE_KEY, "tenant", TENANT_ROOT)
    protocol = scp11(rig, aids.CARDHOLDER_DOMAIN, 0x11, PHONE_KEY, leaf)
    assert protocol.send_apdu(0x80, 0xCA, 0x00, 0x45, b"")[2:] == rig.identity.se_id


def test_yubikit_scp11a_by_a_chain(rig: Rig) -> None:
    rig.enrol_phone()
    middle_key = curves.generate_private_key(curves.SECP256R1())
    middle = certificate("middle", middle_key, "tenant", TENANT_ROOT, ca=True)
    leaf = certificate("phone", PHONE_KEY, "middle", middle_key)
    assert scp11(rig, aids.CARDHOLDER_DOMAIN, 0x11, PHONE_KEY, middle, leaf)
    bad = certificate("middle", middle_key, "tenant", TENANT_ROOT)  # no authority
    with pytest.raises(ApduError) as refused:
        scp11(rig, aids.CARDHOLDER_DOMAIN, 0x11, PHONE_KEY, bad, leaf)
    assert refused.value.sw == SW.WRONG_DATA


def test_yubikit_scp11c_and_bundle(rig: Rig) -> None:
    leaf = certificate("tsp", TSP_KEY, "tsp root", TSP_ROOT)
    protocol = scp11(rig, aids.TSP_DOMAIN, 0x15, TSP_KEY, leaf)
    assert protocol.send_apdu(0x80, 0xCA, 0x00, 0x45, b"")[2:] == rig.identity.se_id
    bundle = protocol.send_apdu(0x80, 0xCA, 0xBF, 0x21, bytes.fromhex("A60483021501"))
    assert len(bundle) > 1000
    with pytest.raises(ApduError) as refused:
        protocol.send_apdu(0x80, 0xE2, 0x88, 0x00, bytes.fromhex("DF0200"))
    assert refused.value.sw == SW.SECURITY_STATUS


# ------------------------------------------------------------------ phones


def test_a_phone_needs_the_list_and_the_tenant(rig: Rig) -> None:
    assert open_scp11a(rig) == SW.AUTHENTICATION_FAILED  # nobody is enrolled
    rig.enrol_phone()
    assert isinstance(open_scp11a(rig), HostSession)
    assert isinstance(open_scp11a(rig, aids.CRS), HostSession)
    stranger = ec.private_key(bytes(31) + b"\x66")
    mine = se_cards.oce_certificate(TENANT_ROOT, se_cards.TENANT_ROOT_ID, ec.point_of(stranger))
    assert open_scp11a(rig, key=stranger, certificate=mine) == SW.AUTHENTICATION_FAILED
    theirs = se_cards.oce_certificate(stranger, se_cards.TENANT_ROOT_ID, ec.point_of(PHONE_KEY))
    assert open_scp11a(rig, certificate=theirs) == SW.WRONG_DATA


def test_a_pin_is_made_in_the_phones_channel_only(rig: Rig) -> None:
    rig.enrol_phone()
    assert send(rig.wired, commands.create_pin("274916")).sw == SW.SECURITY_STATUS
    session = open_scp11a(rig)
    assert isinstance(session, HostSession)
    assert session.send(commands.create_pin("274916")).sw == SW.OK
    report = session.send(commands.verify("274916"))
    assert report.sw == SW.OK
    assert report.data[:2] == b"\x7f\x62"
    assert session.send(commands.verify("111999")).sw == 0x63C2
    assert session.send(commands.verify("274916")).sw == SW.OK  # a warning keeps the session


def test_the_certificate_is_needed_each_time(rig: Rig) -> None:
    rig.enrol_phone()
    open_scp11a(rig)
    select(rig.wired, aids.CARDHOLDER_APPLET)
    request = commands.mutual_authenticate(b"\xa6\x00", kvn=1, kid=0x11)
    assert send(rig.wired, request).sw == SW.AUTHENTICATION_FAILED


@pytest.mark.parametrize("data", [b"", b"\xa6\x00", bytes(65), b"\x30\x80"])
def test_mutual_authenticate_has_one_status_word(rig: Rig, data: bytes) -> None:
    rig.enrol_phone()
    pso = commands.perform_security_operation(se_cards.PHONE_CERTIFICATE, kvn=1, kid=0x10)
    for kvn, kid in ((1, 0x11), (2, 0x11), (1, 0x15), (1, 0x10), (0, 0)):
        assert send(rig.wired, pso).sw == SW.OK
        request = commands.mutual_authenticate(data, kvn=kvn, kid=kid)
        assert send(rig.wired, request).sw == SW.AUTHENTICATION_FAILED
        assert not rig.wired._slots[0].secure


@pytest.mark.parametrize("data", [b"", b"\x30", b"\x30\x80" + bytes(60), b"\x7f\x21\x00", bytes(9)])
def test_certificates_have_one_status_word(rig: Rig, data: bytes) -> None:
    select(rig.wired, aids.TSP_DOMAIN)
    for kvn, kid in ((1, 0x10), (0, 0x10), (9, 0x10), (1, 0x15)):
        pso = commands.perform_security_operation(data, kvn=kvn, kid=kid)
        assert send(rig.wired, pso).sw == SW.WRONG_DATA


# ------------------------------------------------------------------ SCP03


@pytest.mark.parametrize("level", [0x01, 0x03, 0x11, 0x13, 0x33])
def test_scp03_at_every_level(rig: Rig, level: int) -> None:
    session = open_scp03(rig.wired, level)
    answer = session.send(commands.get_status(0x40))
    assert answer.sw == SW.OK
    assert aids.PPSE in answer.data
    assert session.send(commands.get_data(0x5A5A)).sw == SW.REFERENCED_DATA_NOT_FOUND
    assert session.send(commands.get_data(0x45)).sw == SW.OK


def test_challenges_follow_the_durable_counter() -> None:
    rig = sealed()
    seen = set()
    for number in range(1, 5):
        select(rig.wired, aids.ISD)
        answer = send(rig.wired, commands.initialize_update(bytes(8))).data
        assert answer[-3:] == number.to_bytes(3, "big")
        assert answer[13:21] == scp03.card_challenge(bytes(SANDBOX_KEYS.enc), answer[-3:], aids.ISD)
        seen.add(answer[13:21])
        rig = rig.reopen(seed=number)
    assert len(seen) == 4


def test_the_counter_is_durable_before_the_challenge_leaves() -> None:
    rig = sealed()
    select(rig.wired, aids.ISD)
    for _ in range(3):
        rig.disk.trace.clear()
        send(rig.wired, commands.initialize_update(bytes(8)))
        assert [step.name for step in rig.disk.trace] == ["pwrite", "datasync"]


def test_the_counter_has_an_end(rig: Rig) -> None:
    key = f"sd/{aids.ISD.hex().upper()}/seq/30"
    rig.card.store.put(key, b"\xff\xff\xfe")
    rig.card.store.flush()
    select(rig.wired, aids.ISD)
    assert send(rig.wired, commands.initialize_update(bytes(8))).sw == SW.OK
    refused = send(rig.wired, commands.initialize_update(bytes(8)))
    assert refused.sw == SW.CONDITIONS_NOT_SATISFIED


def test_external_authenticate_has_one_status_word(rig: Rig) -> None:
    for flaw in range(4):
        select(rig.wired, aids.ISD)
        answer = send(rig.wired, commands.initialize_update(bytes(8)))
        command, _ = scp03.host_open(SANDBOX_KEYS, bytes(8), answer.data, 0x33)
        changed = [
            command.replace(p1=0x00),
            command.replace(p1=0x13),
            command.replace(data=command.data[:-1] + bytes((command.data[-1] ^ 1,))),
            command.replace(data=command.data[:-1]),
        ][flaw]
        assert send(rig.wired, changed).sw == SW.AUTHENTICATION_FAILED
        assert send(rig.wired, command).sw == SW.SECURITY_STATUS  # one try only


def test_wrong_keys_do_not_open(rig: Rig) -> None:
    other = scp03.StaticKeys(*(Secret(bytes(16)) for _ in range(3)))
    select(rig.wired, aids.ISD)
    answer = send(rig.wired, commands.initialize_update(bytes(8)))
    keys = scp03.session_keys(other, bytes(8), answer.data[13:21])
    cryptogram = bytes(scp03.kdf(keys.mac, 1, bytes(8) + answer.data[13:21], 64))
    command = Command(0x84, 0x82, 0x33, 0, cryptogram + bytes(8))
    assert send(rig.wired, command).sw == SW.AUTHENTICATION_FAILED


def mutations(raw: bytes) -> list[bytes]:
    """Every byte changed, the end cut off, bytes appended."""
    found = []
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 0x01
        found.append(bytes(changed))
    body = raw[5:]
    found.append(raw[:4])
    found += [raw[:4] + bytes((size,)) + body[:size] for size in range(1, len(body))]
    found.append(raw[:4] + bytes((len(body) + 1,)) + body + b"\0")
    return found


@pytest.mark.parametrize("level", [0x01, 0x33])
def test_no_changed_command_is_carried_out(rig: Rig, level: int) -> None:
    before = rig.state()
    delete = commands.delete(aids.PPSE).replace(le=None)
    probe = open_scp03(rig.wired, level).channel.wrap(delete).encode()
    for number in range(len(mutations(probe))):
        session = open_scp03(rig.wired, level)
        good = session.channel.wrap(delete).encode()
        bad = mutations(good)[number]
        answer = transmit(rig.wired, bad)
        assert answer.sw != SW.OK or bad[:2] == b"\x84\xe5"
        assert rig.card.registry.get(aids.PPSE) is not None
        if answer.sw == SW.SECURITY_STATUS:
            assert transmit(rig.wired, good).sw == SW.SECURITY_STATUS
    after = rig.state()
    counter = f"sd/{aids.ISD.hex().upper()}/seq/30"
    assert {k: v for k, v in after.items() if k != counter} == before


def test_repeated_reordered_and_foreign_commands(rig: Rig) -> None:
    first = open_scp03(rig.wired)
    one = first.channel.wrap(commands.get_data(0x45)).encode()
    two = first.channel.wrap(commands.get_data(0x42)).encode()
    assert transmit(rig.wired, two).sw == SW.SECURITY_STATUS
    assert transmit(rig.wired, one).sw == SW.SECURITY_STATUS
    second = open_scp03(rig.wired)
    assert transmit(rig.wired, one).sw == SW.SECURITY_STATUS
    assert send(rig.wired, second.channel.wrap(commands.get_data(0x45))).sw == SW.SECURITY_STATUS
    third = open_scp03(rig.wired)
    good = third.channel.wrap(commands.get_data(0x45)).encode()
    assert transmit(rig.wired, good).sw == SW.OK
    assert transmit(rig.wired, good).sw == SW.SECURITY_STATUS


def test_a_plain_command_ends_the_session(rig: Rig) -> None:
    session = open_scp03(rig.wired)
    assert send(rig.wired, commands.get_status(0x80)).sw == SW.SECURITY_STATUS
    secured = session.channel.wrap(commands.get_status(0x80))
    assert send(rig.wired, secured).sw == SW.SECURITY_STATUS
    assert send(rig.wired, commands.get_data(0x45)).sw == SW.OK  # without authority


def test_select_reset_and_another_channel_have_no_part_in_it(rig: Rig) -> None:
    for leave in ("select", "reset", "channel"):
        session = open_scp03(rig.wired)
        command = session.channel.wrap(commands.get_status(0x80))
        if leave == "select":
            select(rig.wired, aids.ISD)
        elif leave == "reset":
            rig.wired.reset()
        else:
            # MANAGE CHANNEL is the card's own and touches no session.
            assert send(rig.wired, commands.open_channel()).sw == SW.OK
            command = command.with_channel(1)
        assert send(rig.wired, command).sw == SW.SECURITY_STATUS


def test_a_session_on_another_logical_channel(rig: Rig) -> None:
    number = send(rig.wired, commands.open_channel()).data[0]

    class Shifted(Port):
        __slots__ = ()

        def process(self, command: bytes) -> bytes:
            shifted = Command.parse(command).with_channel(number).encode()
            return rig.wired.process(shifted)

    session = open_scp03(Shifted(rig.card, Interface.WIRED, b""))
    assert session.send(commands.get_status(0x40)).sw == SW.OK


def test_keys_leave_memory_with_the_session(rig: Rig) -> None:
    open_scp03(rig.wired)
    slot = rig.wired._slots[0]
    held = slot.secure
    assert held is not None
    rig.card.port(Interface.WIRED).power_off()
    assert not rig.wired._slots
    select(rig.wired, aids.ISD)
    assert not rig.wired._slots[0].secure
