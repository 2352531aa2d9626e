"""SCP03: recorded sessions in both roles, yubikit as the other end, handshake refusals."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yubikit.core.smartcard import scp as yubikit

from support.vectors import load
from wristlet.crypto import scp03
from wristlet.crypto.channel import LEVELS
from wristlet.crypto.errors import ChannelError
from wristlet.crypto.scp03 import CardHandshake, InitializeUpdateAnswer, StaticKeys
from wristlet.wire.apdu import Command, Response
from wristlet.wire.masked import Secret

SESSIONS = load("scp03")["sessions"]
STATIC = StaticKeys(Secret(b"\x40" * 16), Secret(b"\x41" * 16), Secret(b"\x42" * 16))
HOST_CHALLENGE = bytes(range(8))
AID = bytes.fromhex("a000000151000000")

recorded = pytest.mark.parametrize("session", SESSIONS, ids=lambda session: str(session["name"]))


def static_of(session: dict[str, Any]) -> StaticKeys:
    return StaticKeys(*(Secret(bytes.fromhex(session["keys"][n])) for n in ("enc", "mac", "dek")))


def challenge_of(session: dict[str, Any]) -> bytes:
    return Command.parse(bytes.fromhex(session["init_update"])).data


def initialize(sequence: int = 7) -> tuple[bytes, CardHandshake]:
    return scp03.card_initialize(STATIC, HOST_CHALLENGE, sequence=sequence, aid=AID, key_version=1)


@recorded
def test_recorded_host(session: dict[str, Any]) -> None:
    expected = Command.parse(bytes.fromhex(session["ext_auth"]))
    answer = bytes.fromhex(session["init_update_rsp"])
    static = static_of(session)
    command, channel = scp03.host_open(static, challenge_of(session), answer, expected.p1)
    assert command.encode() == expected.encode()
    for row in session["wrapped"]:
        plain = Command.parse(bytes.fromhex(row["command"]))
        assert channel.wrap(plain).encode().hex() == row["wrapped"]
        if "response" in row:
            response = Response(bytes.fromhex(row["wrapped_response"]), 0x9000)
            assert channel.unwrap(response).data.hex() == row["response"]


@recorded
def test_recorded_card(session: dict[str, Any]) -> None:
    expected = bytes.fromhex(session["init_update_rsp"])
    answer, handshake = scp03.card_initialize(
        static_of(session),
        challenge_of(session),
        sequence=int.from_bytes(expected[29:], "big"),
        aid=bytes.fromhex(session["aid"]),
        key_version=session["kvn"],
    )
    assert answer.hex() == expected.hex()
    channel = handshake.authenticate(Command.parse(bytes.fromhex(session["ext_auth"])))
    for row in session["wrapped"]:
        wrapped = Command.parse(bytes.fromhex(row["wrapped"]))
        assert channel.unwrap(wrapped).encode().hex() == row["command"]
        response = Response(bytes.fromhex(row.get("response", "")), 0x9000)
        wrapped_response = channel.wrap(response).data
        if "response" in row:
            assert wrapped_response.hex() == row["wrapped_response"]


@settings(max_examples=30)
@given(st.lists(st.tuples(st.binary(max_size=200), st.binary(max_size=400)), max_size=6))
def test_yubikit_as_host(exchanges: list[tuple[bytes, bytes]]) -> None:
    """Its client encrypts also an empty field, which must open to nothing."""
    answer, handshake = initialize()
    keys = yubikit.StaticKeys(STATIC.enc, STATIC.mac, STATIC.dek)
    state, cryptogram = yubikit.ScpState.scp03_init(
        lambda *_: answer, yubikit.Scp03KeyParams(keys=keys), host_challenge=HOST_CHALLENGE
    )
    header = bytes.fromhex("8482330010")
    mac = state.mac(header + cryptogram)
    channel = handshake.authenticate(Command.parse(header + cryptogram + mac))
    for data, response_data in exchanges:
        body = state.encrypt(data)
        head = bytes((0x84, 0xE2, 0x00, 0x00, len(body) + 8))
        command = Command.parse(head + body + state.mac(head + body))
        assert channel.unwrap(command) == Command(0x80, 0xE2, 0x00, 0x00, data)
        response = channel.wrap(Response(response_data, 0x9000))
        plain = state.unmac(response.data, response.sw)
        assert (state.decrypt(plain) if plain else b"") == response_data


@pytest.mark.parametrize("level", sorted(LEVELS))
@pytest.mark.parametrize("size", [16, 24, 32])
def test_both_roles_meet(level: int, size: int) -> None:
    static = StaticKeys(*(Secret(bytes((n,)) * size) for n in range(3)))
    answer, handshake = scp03.card_initialize(
        static, HOST_CHALLENGE, sequence=1, aid=AID, key_version=0x30
    )
    command, host = scp03.host_open(static, HOST_CHALLENGE, answer, level)
    card = handshake.authenticate(command)
    assert card.level == level
    plain = Command(0x80, 0xF2, 0x40, 0x00, b"4F00", 256)
    assert card.unwrap(host.wrap(plain)) == plain
    assert host.unwrap(card.wrap(Response(b"answer", 0x9000))) == Response(b"answer", 0x9000)
    assert host.dek == card.dek == static.dek


def test_the_answer_is_read_and_written() -> None:
    data, _ = initialize(sequence=0x010203)
    parsed = InitializeUpdateAnswer.parse(data)
    assert (parsed.key_version, parsed.i_parameter) == (1, 0x70)
    assert parsed.sequence == bytes((1, 2, 3))
    assert parsed.challenge == scp03.card_challenge(STATIC.enc, parsed.sequence, AID)
    assert parsed.encode() == data
    assert InitializeUpdateAnswer.parse(data[:29]).sequence == b""


@pytest.mark.parametrize("size", [0, 28, 30, 31, 33])
def test_answers_of_other_lengths_are_refused(size: int) -> None:
    with pytest.raises(ChannelError):
        scp03.host_open(STATIC, HOST_CHALLENGE, (b"\x03" * 33)[:size], 0x33)


def test_another_protocol_is_refused() -> None:
    data = bytearray(initialize()[0])
    data[11] = 0x02
    with pytest.raises(ChannelError):
        scp03.host_open(STATIC, HOST_CHALLENGE, bytes(data), 0x33)


@pytest.mark.parametrize("bit", range(13 * 8, 29 * 8))
def test_host_refuses_a_card_that_errs_in_one_bit(bit: int) -> None:
    data = bytearray(initialize()[0])
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ChannelError):
        scp03.host_open(STATIC, HOST_CHALLENGE, bytes(data), 0x33)


@pytest.mark.parametrize("level", [0x00, 0x02, 0x10, 0x20, 0x23, 0x31, 0x30, 0x83])
def test_other_levels_are_refused(level: int) -> None:
    answer, handshake = initialize()
    with pytest.raises(ChannelError):
        scp03.host_open(STATIC, HOST_CHALLENGE, answer, level)
    with pytest.raises(ChannelError):
        handshake.authenticate(Command(0x84, 0x82, level, 0, bytes(16)))


def test_card_refuses_every_flipped_bit_and_gives_no_second_try() -> None:
    command, _ = scp03.host_open(STATIC, HOST_CHALLENGE, initialize()[0], 0x33)
    raw = command.encode()
    for bit in range(len(raw) * 8):
        if bit in {0, 1}:  # the logical channel is outside the MAC
            continue
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        _, handshake = initialize()
        try:
            mutant = Command.parse(bytes(changed))
        except ValueError:
            continue
        with pytest.raises(ChannelError):
            handshake.authenticate(mutant)
        with pytest.raises(ChannelError):
            handshake.authenticate(command)
        with pytest.raises(ChannelError):
            assert handshake.cryptogram


def test_a_session_opens_once() -> None:
    answer, handshake = initialize()
    command, _ = scp03.host_open(STATIC, HOST_CHALLENGE, answer, 0x33)
    handshake.authenticate(command)
    with pytest.raises(ChannelError):
        handshake.authenticate(command)


def test_sessions_differ_by_sequence_and_aid() -> None:
    challenges = {
        scp03.card_challenge(STATIC.enc, sequence.to_bytes(3, "big"), aid)
        for sequence in range(50)
        for aid in (AID, AID[:-1])
    }
    assert len(challenges) == 100


def test_static_keys_differ_by_card_and_use() -> None:
    keys = [scp03.derive_static_keys(bytes(16), bytes((n,)) * 16) for n in range(3)]
    assert len({key for k in keys for key in (k.enc, k.mac, k.dek)}) == 9
    assert scp03.derive_static_keys(bytes(32), bytes(16)).enc != keys[0].enc
    assert len(scp03.derive_static_keys(bytes(32), bytes(16)).dek) == 32


def test_no_key_is_printed() -> None:
    assert "@" not in repr(STATIC)
    assert repr(STATIC).count("<secret 16 bytes>") == 3
    with pytest.raises(ValueError, match="SCP03 key mac"):
        StaticKeys(Secret(bytes(16)), Secret(bytes(15)), Secret(bytes(16)))


@pytest.mark.parametrize("sizes", [(7, 8), (8, 7), (16, 8), (8, 16)])
def test_challenges_have_eight_bytes(sizes: tuple[int, int]) -> None:
    with pytest.raises(ChannelError):
        CardHandshake(STATIC, bytes(sizes[0]), bytes(sizes[1]))
