"""Secure messaging: any change to the traffic is refused and ends the session."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from wristlet.crypto.channel import LEVELS, CardChannel, HostChannel, SessionKeys
from wristlet.crypto.errors import ChannelError
from wristlet.wire.apdu import Command, Response, chain
from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.masked import Secret

KEYS = SessionKeys(*(Secret(bytes((n,)) * 16) for n in range(4)))
R_LEVELS = sorted(level for level in LEVELS if level & 0x10)
CHANNEL_BITS = {0, 1}

levels = st.sampled_from(sorted(LEVELS))
commands = st.builds(
    Command,
    st.sampled_from([0x00, 0x80]),
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 255),
    st.binary(max_size=230),
    st.none() | st.just(256),
    st.just(False),
)
statuses = st.sampled_from([0x9000, 0x6283, 0x63C2])


def pair(level: int) -> tuple[HostChannel, CardChannel]:
    return HostChannel(KEYS, level), CardChannel(KEYS, level)


def flipped(raw: bytes, bit: int) -> bytes:
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def assert_card_dead(card: CardChannel, next_wrapped: Command) -> None:
    assert not card.alive
    assert card.level == 0
    for call in (
        lambda: card.unwrap(next_wrapped),
        lambda: card.wrap(Response(b"", 0x9000)),
        lambda: card.dek,
    ):
        with pytest.raises(ChannelError):
            call()


@settings(max_examples=60)
@given(levels, st.lists(st.tuples(commands, st.binary(max_size=300), statuses), max_size=8))
def test_sessions_carry_what_was_sent(
    level: int, exchanges: list[tuple[Command, bytes, int]]
) -> None:
    host, card = pair(level)
    for command, data, sw in exchanges:
        assert card.unwrap(host.wrap(command)) == command
        assert host.unwrap(card.wrap(Response(data, sw))) == Response(data, sw)


@settings(max_examples=200)
@given(levels, commands, st.data())
def test_a_flipped_bit_is_refused_and_ends_the_session(
    level: int, command: Command, data: st.DataObject
) -> None:
    host, card = pair(level)
    raw = host.wrap(command.replace(le=None)).encode()
    bit = data.draw(st.integers(0, len(raw) * 8 - 1).filter(lambda b: b not in CHANNEL_BITS))
    try:
        mutant = Command.parse(flipped(raw, bit))
    except DecodeError:
        return
    # A changed Lc may leave the last byte of the MAC as Le: still the MAC is cut.
    with pytest.raises(ChannelError):
        card.unwrap(mutant)
    assert_card_dead(card, host.wrap(command))


@pytest.mark.parametrize("level", sorted(LEVELS))
def test_every_bit_of_one_command(level: int) -> None:
    plain = Command(0x80, 0xE2, 0x11, 0x00, b"some personal data")
    raw = HostChannel(KEYS, level).wrap(plain).encode()
    refused = 0
    for bit in range(len(raw) * 8):
        if bit in CHANNEL_BITS:
            continue
        card = CardChannel(KEYS, level)
        with pytest.raises((ChannelError, DecodeError)):
            card.unwrap(Command.parse(flipped(raw, bit)))
        refused += 1
    assert refused == len(raw) * 8 - len(CHANNEL_BITS)


@settings(max_examples=100)
@given(levels, commands, st.binary(max_size=80), st.integers(1, 30))
def test_cut_and_extended_commands_are_refused(
    level: int, command: Command, more: bytes, cut: int
) -> None:
    host, _ = pair(level)
    wrapped = host.wrap(command)
    assume(len(wrapped.data) + len(more) <= 255)
    mutants = [wrapped.replace(data=wrapped.data[:-cut]), wrapped.replace(data=more)]
    if more:
        mutants += [
            wrapped.replace(data=wrapped.data + more),
            wrapped.replace(data=more + wrapped.data),
        ]
    for mutant in mutants:
        assume(mutant.data != wrapped.data)
        _, card = pair(level)
        with pytest.raises(ChannelError):
            card.unwrap(mutant)
        assert_card_dead(card, host.wrap(command))


@settings(max_examples=40)
@given(levels, st.lists(commands, min_size=2, max_size=4, unique=True))
def test_repeated_dropped_and_reordered_commands_are_refused(
    level: int, plain: list[Command]
) -> None:
    host, _ = pair(level)
    wrapped = [host.wrap(command) for command in plain]
    for order in ([0, 0], [1], [1, 0]):
        _, card = pair(level)
        for index in order[:-1]:
            if index == 0:
                card.unwrap(wrapped[index])
            else:
                with pytest.raises(ChannelError):
                    card.unwrap(wrapped[index])
        with pytest.raises(ChannelError):
            card.unwrap(wrapped[order[-1]])
        assert not card.alive


@pytest.mark.parametrize("opened", sorted(LEVELS))
@pytest.mark.parametrize("sent", sorted(LEVELS))
def test_the_level_never_changes(opened: int, sent: int) -> None:
    """With the same MAC keys a lower level could only show as other bytes of data."""
    host, card = HostChannel(KEYS, sent), CardChannel(KEYS, opened)
    command = Command(0x80, 0xE2, 0, 0, b"data of a command")
    if opened & 0x02 == sent & 0x02:
        assert card.unwrap(host.wrap(command)) == command
    elif opened & 0x02:
        with pytest.raises(ChannelError):
            card.unwrap(host.wrap(command))
        assert not card.alive


@pytest.mark.parametrize("cla", [0x00, 0x80, 0x88, 0x8C, 0xC4, 0xC0])
def test_commands_outside_secure_messaging_end_the_session(cla: int) -> None:
    host, card = pair(0x33)
    wrapped = host.wrap(Command(0x80, 0xE2, 0, 0, b"data"))
    with pytest.raises(ChannelError):
        card.unwrap(wrapped.replace(cla=cla))
    assert_card_dead(card, wrapped)


@pytest.mark.parametrize("channel", [0, 1, 3, 4, 19])
def test_the_logical_channel_is_outside_the_mac(channel: int) -> None:
    host, card = pair(0x33)
    plain = Command(0x80, 0xE2, 0, 0, b"data").with_channel(channel)
    wrapped = host.wrap(plain)
    assert wrapped.is_secured
    assert wrapped.channel == channel
    assert card.unwrap(wrapped) == plain


@pytest.mark.parametrize("level", R_LEVELS)
def test_every_changed_bit_of_a_response_is_refused(level: int) -> None:
    for bit in range((16 + 8 + 2) * 8):
        host, card = pair(level)
        card.unwrap(host.wrap(Command(0x80, 0xCA, 0, 0x66)))
        raw = card.wrap(Response(b"answer of card", 0x9000)).encode()
        if bit >= len(raw) * 8:
            continue
        response = Response.parse(flipped(raw, bit))
        with pytest.raises(ChannelError):
            host.unwrap(response)
        assert not host.alive
        with pytest.raises(ChannelError):
            host.wrap(Command(0x80, 0xCA, 0, 0x66))


@pytest.mark.parametrize("level", R_LEVELS)
def test_cut_missing_and_doubled_response_macs_are_refused(level: int) -> None:
    for change in (lambda d: d[:-1], lambda d: b"", lambda d: d + d, lambda d: d[:7]):
        host, card = pair(level)
        card.unwrap(host.wrap(Command(0x80, 0xCA, 0, 0x66)))
        response = card.wrap(Response(b"answer", 0x9000))
        with pytest.raises(ChannelError):
            host.unwrap(Response(change(response.data), response.sw))


@pytest.mark.parametrize("level", R_LEVELS)
def test_warnings_carry_a_mac_and_errors_none(level: int) -> None:
    host, card = pair(level)
    for sw, protected in ((0x9000, 8), (0x6283, 8), (0x63C1, 8), (0x6A88, 0), (0x6985, 0)):
        card.unwrap(host.wrap(Command(0x80, 0xCA, 0, 0x66)))
        response = card.wrap(Response(b"", sw))
        assert len(response.data) == protected
        assert host.unwrap(response) == Response(b"", sw)
    card.unwrap(host.wrap(Command(0x80, 0xCA, 0, 0x66)))
    assert card.wrap(Response(b"never shown", 0x6A88)) == Response(b"", 0x6A88)


def test_data_with_an_error_status_is_refused() -> None:
    host, _ = pair(0x33)
    host.wrap(Command(0x80, 0xCA, 0, 0x66))
    with pytest.raises(ChannelError):
        host.unwrap(Response(b"forged", 0x6A88))


def test_a_response_is_opened_and_protected_once() -> None:
    host, card = pair(0x33)
    command = Command(0x80, 0xCA, 0, 0x66)
    card.unwrap(host.wrap(command))
    response = card.wrap(Response(b"answer", 0x9000))
    host.unwrap(response)
    with pytest.raises(ChannelError):
        host.unwrap(response)
    with pytest.raises(ChannelError):
        card.wrap(Response(b"answer", 0x9000))
    assert not host.alive
    assert not card.alive


def test_a_command_without_data_still_moves_the_counter() -> None:
    command, data = Command(0x80, 0xCA, 0, 0x66), Command(0x80, 0xE2, 0, 0, b"data")
    one, other = HostChannel(KEYS, 0x03), HostChannel(KEYS, 0x03)
    assert len(one.wrap(command).data) == 8
    first, second = other.wrap(data), one.wrap(data)
    assert first.data[:16] != second.data[:16]


@pytest.mark.parametrize(("level", "longest"), [(0x01, 247), (0x03, 239), (0x33, 239)])
def test_short_commands_do_not_grow_beyond_their_form(level: int, longest: int) -> None:
    host, card = pair(level)
    command = Command(0x80, 0xE2, 0, 0, bytes(longest + 1))
    with pytest.raises(EncodeError, match="set extended"):
        host.wrap(command)
    fits = command.replace(data=bytes(longest))
    assert card.unwrap(host.wrap(fits)) == fits
    extended = command.replace(extended=True)
    assert card.unwrap(Command.parse(host.wrap(extended).encode())) == extended


def test_the_length_form_is_under_the_mac() -> None:
    host, card = pair(0x33)
    wrapped = host.wrap(Command(0x80, 0xE2, 0, 0, b"data"))
    with pytest.raises(ChannelError):
        card.unwrap(wrapped.replace(extended=True))


def test_a_long_command_may_come_chained() -> None:
    host, card = pair(0x33)
    plain = Command(0x80, 0xE2, 0, 0, bytes(900), extended=True)
    parts = chain(host.wrap(plain))
    assert len(parts) == 4
    whole = parts[-1].replace(data=b"".join(part.data for part in parts))
    assert card.unwrap(whole) == plain.replace(extended=False)


def test_commands_may_be_wrapped_ahead() -> None:
    host, card = pair(0x33)
    plain = [Command(0x80, 0xE2, 0, n, bytes(n)) for n in range(5)]
    for command, wrapped in zip(plain, [host.wrap(c) for c in plain], strict=True):
        assert card.unwrap(wrapped) == command
        card.wrap(Response(b"", 0x9000))


def test_padding_must_be_there() -> None:
    """A host that knows the MAC key but sends unpadded data is refused like any other flaw."""
    mac_only = HostChannel(KEYS, 0x01)
    for data in (bytes(16), bytes(15), b"\x01" * 32):
        card = CardChannel(KEYS, 0x03)
        with pytest.raises(ChannelError):
            card.unwrap(mac_only.wrap(Command(0x80, 0xE2, 0, 0, data)))
        mac_only = HostChannel(KEYS, 0x01)


@pytest.mark.parametrize(
    ("padded", "plain"),
    [
        (b"\x80" + bytes(15), b""),
        (b"data\x80" + bytes(11), b"data"),
        (b"\x80" + bytes(31), None),
        (bytes(16), None),
        (b"\x01" * 16, None),
    ],
)
def test_padding_stays_within_one_block(padded: bytes, plain: bytes | None) -> None:
    """An encrypted empty field opens to nothing; a whole block of zeros is no padding."""
    ecb = Cipher(AES(KEYS.enc), ECB()).encryptor()
    vector = ecb.update((1).to_bytes(16, "big"))
    data = Cipher(AES(KEYS.enc), CBC(vector)).encryptor().update(padded)
    wrapped = HostChannel(KEYS, 0x01).wrap(Command(0x80, 0xE2, 0, 0, data))
    card = CardChannel(KEYS, 0x03)
    if plain is None:
        with pytest.raises(ChannelError):
            card.unwrap(wrapped)
        assert not card.alive
    else:
        assert card.unwrap(wrapped).data == plain


@pytest.mark.parametrize("make", [HostChannel, CardChannel])
def test_closed_and_impossible_channels(
    make: Callable[..., HostChannel | CardChannel],
) -> None:
    channel = make(KEYS, 0x33)
    assert "level 33" in repr(channel)
    assert channel.dek == KEYS.dek
    channel.close()
    assert not channel.alive
    assert "closed" in repr(channel)
    for level, start in ((0x00, bytes(16)), (0x31, bytes(16)), (0x33, bytes(15))):
        with pytest.raises(ChannelError):
            make(KEYS, level, start)


def test_every_refusal_reads_the_same() -> None:
    with pytest.raises(ChannelError) as caught:
        CardChannel(KEYS, 0x33).unwrap(Command(0x84, 0xE2, 0, 0, bytes(8)))
    assert str(caught.value) == ChannelError.TEXT
    assert caught.value.args == (ChannelError.TEXT,)
