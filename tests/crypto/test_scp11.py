"""SCP11 a, b, c: our two roles, yubikit's client against our card, refusals."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from yubikit.core.smartcard import scp as yubikit

from wristlet.crypto import ec, scp11
from wristlet.crypto.channel import CardChannel, HostChannel
from wristlet.crypto.errors import ChannelError
from wristlet.crypto.scp11 import HostHandshake, Variant
from wristlet.wire.apdu import Command, Response

CARD = ec.private_key(b"\x01" * 32)
CARD_EPHEMERAL = ec.private_key(b"\x02" * 32)
HOST = ec.private_key(b"\x03" * 32)
HOST_EPHEMERAL = ec.private_key(b"\x04" * 32)
STRANGER = ec.private_key(b"\x05" * 32)

variants = pytest.mark.parametrize("variant", list(Variant), ids=lambda v: str(v.name))


def handshake(variant: Variant) -> HostHandshake:
    identity = None if variant is Variant.B else HOST
    return HostHandshake(variant, CARD.public_key(), HOST_EPHEMERAL, identity)


def card_answers(
    variant: Variant, request: bytes, card: ec.PrivateKey = CARD, host: ec.PrivateKey = HOST
) -> tuple[bytes, CardChannel]:
    return scp11.card_open(
        variant,
        request,
        card,
        host=None if variant is Variant.B else host.public_key(),
        ephemeral=None if variant is Variant.C else CARD_EPHEMERAL,
    )


def assert_they_talk(host: HostChannel, card: CardChannel) -> None:
    for size in (0, 1, 200):
        plain = Command(0x80, 0xE2, 0, size, bytes(size))
        assert card.unwrap(host.wrap(plain)) == plain
        assert host.unwrap(card.wrap(Response(bytes(size), 0x9000))).data == bytes(size)
    assert host.dek == card.dek


@variants
def test_both_roles_meet(variant: Variant) -> None:
    host = handshake(variant)
    answer, card = card_answers(variant, host.request)
    assert_they_talk(host.finish(answer), card)


def test_variant_c_needs_no_card_to_be_opened() -> None:
    request, host = scp11.host_open_c(HOST, CARD.public_key(), HOST_EPHEMERAL)
    answer, card = card_answers(Variant.C, request)
    assert answer[:3] == bytes.fromhex("5f4941")
    assert answer[3:68] == ec.point_of(CARD)
    assert_they_talk(host, card)
    again, _ = card_answers(Variant.C, request)
    assert again == answer


def test_the_control_reference_is_that_of_the_standard() -> None:
    expected = {"A": "9002110195013c800188810110", "B": "9002110095013c800188810110",
                "C": "9002110395013c800188810110"}  # fmt: skip
    for variant in Variant:
        assert scp11.control_reference(variant).hex() == "a60d" + expected[variant.name]


def oce_certificate() -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "host")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.public_key(HOST.public_key())
    builder = builder.not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
    return builder.not_valid_after(datetime(2036, 1, 1, tzinfo=UTC)).sign(HOST, SHA256())


@variants
@settings(max_examples=10)
@given(data=st.binary(max_size=200), response=st.binary(max_size=300))
def test_yubikit_as_host(variant: Variant, data: bytes, response: bytes) -> None:
    seen: list[tuple[int, ...]] = []
    opened: list[CardChannel] = []

    def send(cla: int, ins: int, p1: int, p2: int, body: bytes) -> bytes:
        seen.append((cla, ins, p1, p2))
        if ins == yubikit.INS_PERFORM_SECURITY_OPERATION:
            return b""
        answer, card = card_answers(variant, bytes(body))
        opened.append(card)
        return answer

    params = yubikit.Scp11KeyParams(
        yubikit.KeyRef(variant, 1),
        CARD.public_key(),
        *(() if variant is Variant.B else (yubikit.KeyRef(0x10, 1), HOST, [oce_certificate()])),
    )
    state = yubikit.ScpState.scp11_init(send, params)
    assert seen[-1][3] == variant
    card = opened[0]
    body = state.encrypt(data)
    head = bytes((0x84, 0xE2, 0x00, 0x00, len(body) + 8))
    command = Command.parse(head + body + state.mac(head + body))
    assert card.unwrap(command).data == data
    wrapped = card.wrap(Response(response, 0x9000))
    plain = state.unmac(wrapped.data, wrapped.sw)
    assert (state.decrypt(plain) if plain else b"") == response


@variants
def test_every_flipped_bit_of_the_request_gives_no_session(variant: Variant) -> None:
    """The card refuses it, or its receipt shows the host that something was changed."""
    host = handshake(variant)
    for bit in range(0, len(host.request) * 8, 3):
        changed = bytearray(host.request)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            answer, _ = card_answers(variant, bytes(changed))
        except ChannelError:
            continue
        with pytest.raises(ChannelError):
            host.finish(answer)


@variants
def test_every_flipped_bit_of_the_answer_is_refused(variant: Variant) -> None:
    host = handshake(variant)
    answer, _ = card_answers(variant, host.request)
    for bit in range(len(answer) * 8):
        changed = bytearray(answer)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ChannelError):
            host.finish(bytes(changed))
    for cut in (answer[:-1], answer + b"\0", b"", answer[:68]):
        with pytest.raises(ChannelError):
            host.finish(cut)


@pytest.mark.parametrize("end", [b"", b"\x00", bytes(4)])
@variants
def test_requests_of_another_shape_are_refused(variant: Variant, end: bytes) -> None:
    request = handshake(variant).request
    other = next(v for v in Variant if v is not variant)
    shapes = [request[: -1 - len(end)], request + end + b"\x01", scp11.control_reference(variant)]
    for shape in [*shapes, b"", handshake(other).request]:
        with pytest.raises(ChannelError):
            card_answers(variant, shape)


@variants
def test_strangers_are_found_out(variant: Variant) -> None:
    host = handshake(variant)
    answer, _ = card_answers(variant, host.request, card=STRANGER)
    with pytest.raises(ChannelError):
        host.finish(answer)
    if variant is not Variant.B:
        answer, _ = card_answers(variant, host.request, host=STRANGER)
        with pytest.raises(ChannelError):
            host.finish(answer)


def test_a_script_made_for_another_card_fails_at_its_first_command() -> None:
    request, host = scp11.host_open_c(HOST, STRANGER.public_key(), HOST_EPHEMERAL)
    _, card = card_answers(Variant.C, request)
    with pytest.raises(ChannelError):
        card.unwrap(host.wrap(Command(0x80, 0xE2, 0, 0, b"data")))


def test_keys_that_a_variant_lacks_are_refused() -> None:
    public = CARD.public_key()
    with pytest.raises(ValueError, match="SCP11"):
        HostHandshake(Variant.A, public, HOST_EPHEMERAL)
    with pytest.raises(ValueError, match="SCP11"):
        HostHandshake(Variant.B, public, HOST_EPHEMERAL, HOST)
    request = handshake(Variant.A).request
    for variant, host, ephemeral in (
        (Variant.A, None, CARD_EPHEMERAL),
        (Variant.A, HOST.public_key(), None),
        (Variant.B, HOST.public_key(), CARD_EPHEMERAL),
        (Variant.C, HOST.public_key(), CARD_EPHEMERAL),
    ):
        with pytest.raises(ValueError, match="SCP11"):
            scp11.card_open(variant, request, CARD, host=host, ephemeral=ephemeral)
