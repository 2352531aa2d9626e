"""The card around its applets: power, channels, lengths, chains and the transaction."""

from __future__ import annotations

import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support import se_cards
from support.se_cards import CATALOG, Rig, instance, run, sealed, select, send, transmit, volatile
from wristlet.se.applets.base import Interface
from wristlet.se.card import Card, SandboxKeysError
from wristlet.wire.apdu import Command, Response
from wristlet.wire.gp import aids, commands
from wristlet.wire.gp.lifecycle import ContactlessState
from wristlet.wire.sw import SW


def with_cards(rig: Rig, *active: int, count: int = 3) -> Rig:
    """Personalise some instances and activate those named, in the durable state."""
    rig.set_pin()
    for index in range(1, count + 1):
        run(rig.wired, rig.perso_script(index, index).script.apdus)
    for index in active:
        rig.card.registry.set_contactless(instance(index), ContactlessState.ACTIVATED)
    rig.card.store.flush()
    return rig


@pytest.fixture
def rig() -> Rig:
    return with_cards(volatile(), 1)


@pytest.fixture
def open_rig() -> Rig:
    return with_cards(volatile(crs="open"), 1, 2, 3)


# ------------------------------------------------------------------ dispatch table


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("", SW.WRONG_LENGTH),
        ("00", SW.WRONG_LENGTH),
        ("00A40400FF01", SW.WRONG_LENGTH),
        ("FFA4040000", SW.CLASS_NOT_SUPPORTED),
        ("40CA004500", SW.CHANNEL_NOT_SUPPORTED),
        ("01CA004500", SW.CHANNEL_NOT_SUPPORTED),
        ("A0A4000000", SW.CLASS_NOT_SUPPORTED),
        ("08CA004500", SW.SECURE_MESSAGING_NOT_SUPPORTED),
        ("84CA004500", SW.SECURITY_STATUS),
        ("00C0000000", SW.CONDITIONS_NOT_SATISFIED),
        ("00A4040009A0000000031010FFFF", SW.NOT_FOUND),
        ("00A4000000", SW.WRONG_P1_P2),
        ("00A4040C08A000000151000000", SW.WRONG_P1_P2),
        ("00CAFFFE00", SW.REFERENCED_DATA_NOT_FOUND),
        ("80AA000000", SW.INSTRUCTION_NOT_SUPPORTED),
        ("00AA000000", SW.CLASS_NOT_SUPPORTED),
        ("80F28002024F0000", SW.SECURITY_STATUS),
        ("80E40000074F05A000000003", SW.SECURITY_STATUS),
        ("80D8000000", SW.SECURITY_STATUS),
        ("8482330010" + "00" * 16, SW.SECURITY_STATUS),
        ("805000000400000000", SW.WRONG_LENGTH),
        ("80509900080000000000000000", SW.REFERENCED_DATA_NOT_FOUND),
        ("0070000004", SW.OK),
        ("0070800200", SW.WRONG_P1_P2),
        ("0070400000", SW.WRONG_P1_P2),
    ],
)
def test_refusals_of_a_fresh_card(rig: Rig, raw: str, wanted: int) -> None:
    rig.wired.reset()
    assert Response.parse(rig.wired.process(bytes.fromhex(raw))).sw == wanted


@pytest.mark.parametrize(
    "raw",
    [
        "00CA004500",
        "00CA9F7F00",
        "80CA006600",
        "00A4040008A000000151000000",
        "00A4040009A0000001514353520000",
        "00A4040000",
        "00A404000AF0575249534C54545001",
        "00A404000AF0575249534C54434802",
        "80500000080000000000000000",
        "0070000001",
        "80F28002024F0000",
    ],
)
def test_contactless_never_shows_management(rig: Rig, raw: str) -> None:
    command = bytes.fromhex(raw)
    for selected in (None, aids.PPSE, instance(1)):
        rig.contactless.reset()
        if selected is not None:
            assert select(rig.contactless, selected).sw == SW.OK
        answer = Response.parse(rig.contactless.process(command))
        assert answer.sw != SW.OK
        assert not answer.data


# ------------------------------------------------------------------ SELECT


def test_issuer_domain_is_selected_by_default_and_by_no_name(rig: Rig) -> None:
    rig.wired.reset()
    assert send(rig.wired, commands.get_data(0x45)).data[2:] == rig.identity.se_id
    assert send(rig.wired, Command(0, 0xA4, 4, 0, le=256)).sw == SW.OK
    assert select(rig.wired, aids.ISD[:7]).sw == SW.OK
    assert aids.ISD in select(rig.wired, aids.ISD).data


def test_contactless_partial_name_gives_the_active_card_only(rig: Rig) -> None:
    answer = select(rig.contactless, aids.KERNEL_3)
    assert answer.data.endswith(instance(1))
    assert select(rig.contactless, aids.KERNEL_3, next_occurrence=True).sw == SW.NOT_FOUND
    assert select(rig.contactless, instance(2)).sw == SW.NOT_FOUND
    assert select(rig.wired, instance(1)).sw == SW.NOT_FOUND


def test_next_occurrence_walks_the_active_cards_in_order(open_rig: Rig) -> None:
    rig = open_rig
    rig.card.registry.set_priority([instance(2), instance(3)])
    rig.card.store.flush()
    found = [select(rig.contactless, aids.KERNEL_3).data[-11:]]
    while (answer := select(rig.contactless, aids.KERNEL_3, next_occurrence=True)).sw == SW.OK:
        found.append(answer.data[-11:])
    assert found == [instance(2), instance(3), instance(1)]
    assert answer.sw == SW.NOT_FOUND
    # What was selected last stays selected.
    assert send(rig.contactless, Command(0x80, 0x10, 0, 0)).sw == SW.OK


def test_a_failed_select_keeps_the_selection(rig: Rig) -> None:
    select(rig.contactless, instance(1))
    assert select(rig.contactless, b"unknown").sw == SW.NOT_FOUND
    assert send(rig.contactless, Command(0x80, 0x10, 0, 0)).sw == SW.OK


def test_field_off_forgets_selection_and_volatile_priority(rig: Rig) -> None:
    rig.card.registry.set_volatile(instance(2))
    assert select(rig.contactless, aids.KERNEL_3).data.endswith(instance(2))
    rig.contactless.power_off()
    assert send(rig.contactless, Command(0x80, 0x10, 0, 0)).sw == SW.INSTRUCTION_NOT_SUPPORTED
    assert select(rig.contactless, aids.KERNEL_3).data.endswith(instance(1))
    rig.contactless.power_off()
    rig.card.registry.set_volatile(instance(2))
    rig.wired.power_off()
    rig.contactless.power_on()
    rig.contactless.reset()
    assert select(rig.contactless, aids.KERNEL_3).data.endswith(instance(2))
    rig.contactless.power_off()
    assert rig.card.registry.volatile is None


def test_deleted_while_selected(rig: Rig) -> None:
    select(rig.contactless, instance(1))
    draft = rig.draft(9)
    draft.add(commands.delete(instance(1)))
    run(rig.wired, draft.finish().script.apdus)
    assert send(rig.contactless, Command(0x80, 0x10, 0, 0)).sw == SW.CONDITIONS_NOT_SATISFIED


# ------------------------------------------------------------------ logical channels


def test_channels_are_apart(rig: Rig) -> None:
    assert send(rig.wired, commands.open_channel()).data == b"\x01"
    assert send(rig.wired, commands.open_channel()).data == b"\x02"
    select(rig.wired, aids.CRS)
    on_one = commands.select(aids.TSP_DOMAIN).with_channel(1)
    assert send(rig.wired, on_one).sw == SW.OK
    query = commands.get_data(0xE0, cla=0x00)
    assert send(rig.wired, query.with_channel(1)).sw == SW.OK
    assert send(rig.wired, query.with_channel(0)).sw != SW.OK  # the CRS has no keys
    assert send(rig.wired, commands.close_channel(1)).sw == SW.OK
    assert send(rig.wired, query.with_channel(1)).sw == SW.CHANNEL_NOT_SUPPORTED
    assert send(rig.wired, commands.open_channel()).data == b"\x01"
    assert send(rig.wired, commands.open_channel()).data == b"\x03"
    assert send(rig.wired, commands.open_channel()).sw == SW.FUNCTION_NOT_SUPPORTED
    rig.wired.reset()
    assert send(rig.wired, query.with_channel(2)).sw == SW.CHANNEL_NOT_SUPPORTED
    assert send(rig.contactless, commands.open_channel()).sw == SW.CHANNEL_NOT_SUPPORTED


# ------------------------------------------------------------------ lengths and chains


def tiny(rig: Rig) -> Rig:
    select(rig.contactless, instance(1))
    return rig


def raw(rig: Rig, command: Command) -> Response:
    return Response.parse(rig.contactless.process(command.encode()))


def test_get_response_pieces(rig: Rig) -> None:
    tiny(rig)
    answer = raw(rig, Command(0x80, 0x14, 0x02, 0x10, le=256))  # 528 bytes
    assert (len(answer.data), answer.sw) == (256, 0x6100)
    answer = raw(rig, commands.get_response())
    assert (len(answer.data), answer.sw) == (256, 0x6110)
    assert raw(rig, commands.get_response(0x20)).sw == 0x6C10
    answer = raw(rig, commands.get_response(0x08))
    assert (len(answer.data), answer.sw) == (8, 0x6108)
    answer = raw(rig, commands.get_response())
    assert (len(answer.data), answer.sw) == (8, SW.OK)
    assert raw(rig, commands.get_response()).sw == SW.CONDITIONS_NOT_SATISFIED


def test_short_and_missing_le(rig: Rig) -> None:
    tiny(rig)
    answer = raw(rig, Command(0x80, 0x14, 0x00, 0x10, le=4))
    assert (len(answer.data), answer.sw) == (4, 0x610C)
    assert len(raw(rig, Command(0x80, 0x14, 0x00, 0x10)).data) == 16
    assert raw(rig, commands.get_response()).sw == SW.CONDITIONS_NOT_SATISFIED
    long = Command(0x80, 0x14, 0x40, 0x00, le=65536, extended=True)
    assert len(raw(rig, long).data) == 0x4000


def test_another_command_drops_what_waits(rig: Rig) -> None:
    tiny(rig)
    raw(rig, Command(0x80, 0x14, 0x02, 0x00, le=256))
    raw(rig, Command(0x80, 0x10, 0, 0))
    assert raw(rig, commands.get_response()).sw == SW.CONDITIONS_NOT_SATISFIED


def test_chaining(rig: Rig) -> None:
    tiny(rig)
    data = bytes(range(200))
    assert raw(rig, Command(0x90, 0x10, 0, 0, data)).sw == SW.OK
    assert raw(rig, Command(0x90, 0x10, 0, 0, data)).sw == SW.OK
    answer = send(rig.contactless, Command(0x80, 0x10, 0, 0, b"end", le=256))
    assert answer.data == data + data + b"end"
    # Another header in between ends the chain; the command runs by itself.
    raw(rig, Command(0x90, 0x10, 0, 0, data))
    assert send(rig.contactless, Command(0x80, 0x10, 1, 0, b"alone", le=256)).data == b"alone"
    assert send(rig.contactless, Command(0x80, 0x10, 0, 0, b"alone", le=256)).data == b"alone"


def test_a_chain_has_an_end(rig: Rig) -> None:
    tiny(rig)
    part = Command(0x90, 0x10, 0, 0, bytes(255))
    for _ in range(257):
        assert raw(rig, part).sw == SW.OK
    assert raw(rig, part).sw == SW.WRONG_LENGTH
    assert raw(rig, Command(0x80, 0x10, 1, 0)).sw == SW.OK


# ------------------------------------------------------------------ the transaction


def count(rig: Rig) -> int:
    value = rig.card.store.get(f"inst/{instance(1).hex().upper()}/count")
    return value[0] if value else 0


@pytest.mark.parametrize(
    ("ins", "sw", "moved"),
    [
        (0x10, SW.OK, 1),
        (0x11, SW.CONDITIONS_NOT_SATISFIED, 0),
        (0x12, SW.CONDITIONS_NOT_SATISFIED, 1),
        (0x13, SW.NO_PRECISE_DIAGNOSIS, 0),
    ],
)
def test_refusals_undo_what_was_not_flushed(rig: Rig, ins: int, sw: int, moved: int) -> None:
    tiny(rig)
    assert raw(rig, Command(0x80, ins, 0, 0)).sw == sw
    assert count(rig) == moved


def test_one_command_is_one_record() -> None:
    rig = with_cards(sealed(), 1)
    tiny(rig)
    rig.disk.trace.clear()
    assert raw(rig, Command(0x80, 0x10, 0, 0)).sw == SW.OK
    assert [step.name for step in rig.disk.trace] == ["pwrite", "datasync"]
    rig.disk.trace.clear()
    raw(rig, Command(0x80, 0x11, 0, 0))
    assert not rig.disk.trace


def test_an_io_error_mutes_the_card_until_it_is_opened_again() -> None:
    rig = with_cards(sealed(), 1)
    tiny(rig)
    rig.disk.fail_at(2, OSError(5, "io"))
    assert raw(rig, Command(0x80, 0x10, 0, 0)).sw == SW.MEMORY_FAILURE
    for command in (Command(0x80, 0x10, 0, 0), commands.select(aids.PPSE)):
        assert raw(rig, command).sw == SW.MEMORY_FAILURE
    again = rig.reopen()
    assert select(again.contactless, instance(1)).sw == SW.OK


def test_inside_failures_are_logged_without_values(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    tiny(rig)
    raw(rig, Command(0x80, 0x13, 0, 0, b"secret"))
    assert caplog.messages == ["command failed inside the card: ZeroDivisionError"]
    assert caplog.records[0].levelno == logging.ERROR


# ------------------------------------------------------------------ start-up, life cycle


def test_well_known_keys_start_in_the_sandbox_only() -> None:
    rig = sealed()
    with pytest.raises(SandboxKeysError):
        Card.open(rig.env, se_cards.DIRECTORY, se_cards.SEAL_KEY, catalog=CATALOG)
    rig.reopen()


def test_certificates_and_identity(rig: Rig) -> None:
    rig.wired.reset()
    assert len(send(rig.wired, commands.get_data(0x9F7F)).data) == 45
    chain = send(rig.wired, commands.get_certificates(0x7E, 1)).data
    assert chain == b"".join(rig.identity.attestation_chain)
    select(rig.wired, aids.CARDHOLDER_APPLET)
    phone_side = send(rig.wired, commands.get_certificates(0x11, 1)).data
    select(rig.wired, aids.CARDHOLDER_DOMAIN)
    assert send(rig.wired, commands.get_certificates(0x11, 1)).data == phone_side
    assert send(rig.wired, commands.get_certificates(0x15, 1)).sw == SW.REFERENCED_DATA_NOT_FOUND
    assert send(rig.wired, commands.get_certificates(0x11, 9)).sw == SW.REFERENCED_DATA_NOT_FOUND


# ------------------------------------------------------------------ never crashes

COMMANDS = st.one_of(
    st.binary(max_size=300),
    st.builds(
        lambda cla, ins, p1, p2, data, le: Command(cla, ins, p1, p2, data, le).encode(),
        st.sampled_from([0x00, 0x80, 0x84, 0x90, 0x10, 0x01, 0x94]),
        st.sampled_from(
            bytes.fromhex("A4CA50822A88C070E2E4E6F0F2D82024E012A8B2AE10"),
        ),
        st.sampled_from([0x00, 0x01, 0x04, 0x0C, 0x20, 0x40, 0x80, 0x88, 0xBF, 0x7F, 0xFF, 0x9F]),
        st.sampled_from([0x00, 0x01, 0x02, 0x10, 0x11, 0x15, 0x21, 0x60, 0x66, 0x80, 0x90, 0xFF]),
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from(
                [
                    aids.ISD,
                    aids.TSP_DOMAIN,
                    aids.CARDHOLDER_APPLET,
                    aids.CARDHOLDER_DOMAIN,
                    aids.CRS,
                    aids.PPSE,
                    aids.KERNEL_3,
                    instance(1),
                    bytes(8),
                ]
            ),
            st.binary(max_size=20).map(lambda tail: bytes.fromhex("A60483021501") + tail),
        ),
        st.sampled_from([None, 1, 256]),
    ),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.booleans(), COMMANDS), max_size=40))
def test_random_commands_never_break_the_card(script: list[tuple[bool, bytes]]) -> None:
    rig = _fuzzed()
    handler = _Collect()
    logging.getLogger("wristlet.se").addHandler(handler)
    before = _instances(rig)
    try:
        for wired, command in script:
            port = rig.card.port(Interface.WIRED if wired else Interface.CONTACTLESS)
            answer = port.process(command)
            assert len(answer) >= 2
            known = answer[-2] in range(0x61, 0x70) or answer[-2:-1] in {b"\x90", b"\x94"}
            assert known
        assert not handler.records
        assert _instances(rig) == before
    finally:
        logging.getLogger("wristlet.se").removeHandler(handler)
        rig.wired.reset()
        rig.contactless.reset()


class _Collect(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def _instances(rig: Rig) -> list[tuple[bytes, int]]:
    return [(entry.aid, entry.life_cycle) for entry in rig.card.registry.instances()]


_RIGS: list[Rig] = []


def _fuzzed() -> Rig:
    if not _RIGS:
        _RIGS.append(with_cards(volatile(), 1))
    return _RIGS[0]


def test_transmit_helper_follows_61(rig: Rig) -> None:
    tiny(rig)
    assert len(transmit(rig.contactless, bytes.fromhex("8014030000")).data) == 0x300
