"""Traces: what crossed is recorded, numbers and PINs are not, however the answer is cut."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.cards import ScriptedChannel
from wristlet.env.sim import SimEnv
from wristlet.links.channel import LinkLost
from wristlet.links.script_runner import exchange
from wristlet.links.trace import (
    Tracer,
    TraceRecord,
    TracingChannel,
    TracingPort,
    mask_command,
    mask_digits,
    mask_numbers,
)
from wristlet.wire import ber

NUMBER = "9998010000000018"
TRACK = bytes.fromhex(NUMBER + "D30122011234500000")
TAGS_WITH_NUMBERS = [0x57, 0x5A, 0x9F6B, 0x56, 0x9F46]
READ_RECORD = bytes.fromhex("00B2011400")


def traced(
    *answers: bytes | None, reveal: bool = False
) -> tuple[TracingChannel, list[TraceRecord]]:
    records: list[TraceRecord] = []
    tracer = Tracer(SimEnv().clock, callback=records.append, reveal=reveal)
    return TracingChannel(ScriptedChannel(*answers), tracer, "contactless", "tap-1"), records


def text_of(records: list[TraceRecord]) -> str:
    """All data of a direction one behind the other, as somebody would join them."""
    return "".join(record.data for record in records if record.dir == "<")


@pytest.mark.parametrize("tag", TAGS_WITH_NUMBERS)
def test_values_with_numbers_are_blanked(tag: int) -> None:
    raw = ber.build((0x70, ((tag, TRACK), (0x5F24, b"\x30\x12\x31"))))
    masked = ber.build((0x70, ((tag, b"\xff" * len(TRACK)), (0x5F24, b"\x30\x12\x31"))))
    assert mask_numbers(raw) == masked


def test_known_values_are_shown() -> None:
    raw = ber.build((0x77, ((0x9F02, bytes(6)), (0x9F26, bytes(range(8))), (0x9F36, b"\0\1"))))
    assert mask_numbers(raw) == raw


@pytest.mark.parametrize("number", [bytes.fromhex(NUMBER), NUMBER.encode()])
@pytest.mark.parametrize("tag", [0xDF7F, 0xC1])
def test_numbers_under_unknown_tags_are_blanked(tag: int, number: bytes) -> None:
    assert number not in mask_numbers(ber.encode(tag, b"\xab" + number))


def test_data_that_are_no_objects_lose_long_runs_of_digits() -> None:
    assert mask_digits(bytes.fromhex("A1234567B12345678C")).hex() == "a1234567bffffffffc"


def test_filler_and_long_lengths_keep_their_place() -> None:
    raw = b"\x00\x5a\x81\x08" + bytes.fromhex(NUMBER) + b"\x00"
    assert mask_numbers(raw) == b"\x00\x5a\x81\x08" + b"\xff" * 8 + b"\x00"


def test_deep_nesting_is_no_way_out() -> None:
    raw = ber.encode(0x5A, bytes.fromhex(NUMBER))
    for _ in range(200):
        raw = ber.encode(0x70, raw)
    assert bytes.fromhex(NUMBER) not in mask_numbers(raw)


@given(st.binary(max_size=200))
def test_masking_keeps_the_length_and_never_fails(data: bytes) -> None:
    assert len(mask_numbers(data)) == len(mask_digits(data)) == len(data)
    assert len(mask_command(data)) == len(data)


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("80A8000008830612345678901200", "80A8000008830612345678901200"),
        ("80AE80000612345678901200", "80AE80000612345678901200"),
        ("00A4040007A000000003101000", "00A4040007A000000003101000"),
        ("0020008008241234FFFFFFFFFF", "0020008008FFFFFFFFFFFFFFFF"),
        ("80E20000099998010000000018AB", "80E2000009FFFFFFFFFFFFFFFFAB"),
        ("80E20000000009 9998010000000018AB", "80E20000000009 FFFFFFFFFFFFFFFFAB"),
        ("80E200000A5A089998010000000018", "80E200000A5A08FFFFFFFFFFFFFFFF"),
        ("80E20000FF9998010000000018", "80E20000FFFFFFFFFFFFFFFFFF"),
        ("00B2011400", "00B2011400"),
    ],
)
def test_commands_show_what_is_harmless(command: str, shown: str) -> None:
    assert mask_command(bytes.fromhex(command)) == bytes.fromhex(shown)


async def test_both_directions_are_recorded() -> None:
    env, records = SimEnv(), list[TraceRecord]()
    clock = env.clock

    class Slow(ScriptedChannel):
        async def transmit(self, command: bytes) -> bytes:
            clock.advance_us(700)
            return await super().transmit(command)

    tracer = Tracer(clock, callback=records.append)
    channel = TracingChannel(Slow(b"\x9f\x36\x02\x00\x01\x90\x00"), tracer, "contactless", "tap-1")
    assert await channel.transmit(READ_RECORD) == b"\x9f\x36\x02\x00\x01\x90\x00"
    assert records == [
        TraceRecord(0, "tap-1", "contactless", ">", "00b2011400"),
        TraceRecord(700, "tap-1", "contactless", "<", "9f36020001", "9000", 700),
    ]


async def test_lost_reply_and_strange_answer_are_noted() -> None:
    channel, records = traced(None, b"\x90")
    with pytest.raises(LinkLost):
        await channel.transmit(READ_RECORD)
    assert await channel.transmit(READ_RECORD) == b"\x90"
    assert [record.note for record in records if record.dir == "<"] == [
        "no reply",
        "answer without a status word",
    ]


async def test_reveal_shows_everything() -> None:
    raw = ber.encode(0x57, TRACK)
    channel, records = traced(raw + b"\x90\x00", reveal=True)
    await channel.transmit(b"\x00\x20\x00\x80\x02\x12\x34")
    assert [record.data for record in records] == ["00200080021234", raw.hex()]


@given(st.data())
def test_no_cut_of_an_answer_shows_a_number(data: st.DataObject) -> None:
    whole = ber.build((0x70, ((0x57, TRACK), (0x5A, TRACK[:8]), (0x9F36, b"\0\1"))))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=6)))
    edges = [0, *cuts, len(whole)]
    parts = [whole[start:end] for start, end in pairwise(edges)]
    answers = [part + b"\x61\x10" for part in parts[:-1]] + [parts[-1] + b"\x90\x00"]
    channel, records = traced(*answers)
    response = asyncio.run(exchange(channel, READ_RECORD))
    assert response.data == whole
    assert text_of(records) == mask_numbers(whole).hex()
    assert [record.dir for record in records] == [">", "<"] * len(parts)


@pytest.mark.parametrize("cut", range(1, 27))
@pytest.mark.parametrize("ending", ["lost", "other command", "closed"])
async def test_answer_that_breaks_off_shows_few_digits(cut: int, ending: str) -> None:
    whole = ber.build((0x57, TRACK), (0x5A, TRACK[:8]))
    records: list[TraceRecord] = []
    tracer = Tracer(SimEnv().clock, callback=records.append)
    inner = ScriptedChannel(whole[:cut] + b"\x61\x10", None if ending == "lost" else b"\x90\x00")
    channel = TracingChannel(inner, tracer, "wired", "s")
    await channel.transmit(READ_RECORD)
    if ending == "lost":
        with pytest.raises(LinkLost):
            await channel.transmit(bytes.fromhex("00C0000010"))
    elif ending == "other command":
        await channel.transmit(READ_RECORD)
    tracer.close()
    shown = text_of(records)
    assert len(shown) == 2 * cut
    assert not any(NUMBER[at : at + 8] in shown for at in range(len(NUMBER) - 7))


async def test_file_holds_json_lines_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    tracer = Tracer(SimEnv().clock, path=path)
    channel = TracingChannel(ScriptedChannel(b"\x90\x00"), tracer, "wired", "s")
    await channel.transmit(READ_RECORD)
    tracer.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["dir"] for line in lines] == [">", "<"]
    assert set(lines[0]) == {"ts_us", "session", "link", "dir", "data", "sw", "dur_us", "note"}
    assert path.stat().st_mode & 0o077 == 0


class EchoPort:
    """A card interface that answers every command with one object and 9000."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def power_on(self) -> None:
        self.events.append("on")

    def power_off(self) -> None:
        self.events.append("off")

    def reset(self) -> None:
        self.events.append("reset")

    def atr(self) -> bytes:
        return b"\x3b\x00"

    def process(self, command: bytes) -> bytes:
        return ber.encode(0x57, TRACK) + b"\x90\x00"


def test_a_port_is_recorded_by_power_up_and_masked() -> None:
    records: list[TraceRecord] = []
    card = EchoPort()
    port = TracingPort(card, Tracer(SimEnv().clock, callback=records.append), "wired")
    port.power_on()
    answer = port.process(READ_RECORD)
    port.reset()
    port.process(READ_RECORD)
    port.power_off()
    assert answer == ber.encode(0x57, TRACK) + b"\x90\x00"
    assert card.events == ["on", "reset", "off"]
    assert port.atr() == card.atr()
    assert [(one.session, one.dir) for one in records] == [
        ("wired-1", ">"),
        ("wired-1", "<"),
        ("wired-2", ">"),
        ("wired-2", "<"),
    ]
    assert NUMBER not in text_of(records)
