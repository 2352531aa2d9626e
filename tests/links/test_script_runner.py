"""Scripts run to their end or stop where they are; lost replies are told apart from refusals."""

from __future__ import annotations

import pytest

from support.cards import ScriptedChannel
from wristlet.links.channel import LinkLost
from wristlet.links.script_runner import RunResult, exchange, read_receipt, run_script
from wristlet.wire.apdu import Response
from wristlet.wire.receipt import TAG_RECEIPT, SignedStatement

OK, REFUSED = b"\x90\x00", b"\x69\x85"
COMMANDS = [bytes.fromhex(text) for text in ("00A4040000", "8050000000", "84E2000000")]
GET_RESPONSE = bytes.fromhex("00C00000")
DOMAIN = bytes.fromhex("F0575249534C54545001")


async def test_script_runs_to_its_end() -> None:
    channel, progress = ScriptedChannel(OK, OK, b"\x7f" + OK), list[int]()
    result = await run_script(channel, COMMANDS, on_progress=progress.append)
    assert result == RunResult(completed=True, index=3)
    assert channel.sent == COMMANDS
    assert progress == [1, 2, 3]


@pytest.mark.parametrize("status", [REFUSED, b"\x63\x10", b"\x6c\x08", b"\x61"])
async def test_script_stops_at_the_first_refusal(status: bytes) -> None:
    channel = ScriptedChannel(OK, status)
    result = await run_script(channel, COMMANDS)
    lost = len(status) < 2
    expected = None if lost else int.from_bytes(status, "big")
    assert result == RunResult(completed=False, index=1, sw=expected, lost=lost)
    assert channel.sent == COMMANDS[:2]


async def test_lost_reply_stops_without_a_status() -> None:
    channel = ScriptedChannel(OK, OK, None)
    result = await run_script(channel, COMMANDS)
    assert result == RunResult(completed=False, index=2, sw=None, lost=True)


async def test_lost_part_of_an_answer_is_a_lost_reply() -> None:
    channel = ScriptedChannel(OK, b"\x01\x61\x05", None)
    assert await run_script(channel, COMMANDS) == RunResult(False, 1, None, True)


async def test_empty_script_is_complete() -> None:
    assert await run_script(ScriptedChannel(), []) == RunResult(True, 0)


async def test_answer_in_parts_is_collected() -> None:
    channel = ScriptedChannel(b"\x01\x61\x00", b"\x02\x61\x01", b"\x03" + REFUSED)
    assert await exchange(channel, COMMANDS[0]) == Response(b"\x01\x02\x03", 0x6985)
    assert channel.sent[1:] == [GET_RESPONSE + b"\x00", GET_RESPONSE + b"\x01"]


async def test_script_goes_on_after_an_answer_in_parts() -> None:
    channel = ScriptedChannel(b"\x61\x01", b"\x01" + OK, OK, OK)
    assert (await run_script(channel, COMMANDS)).completed
    assert len(channel.sent) == 4


async def test_endless_answer_ends() -> None:
    channel = ScriptedChannel(*[b"\x00\x61\x00"] * 100)
    response = await exchange(channel, COMMANDS[0])
    assert response.sw == 0x6100
    assert 60 < len(channel.sent) < 100


@pytest.mark.parametrize(
    ("cla", "expected"),
    [(0x00, 0x00), (0x84, 0x00), (0x93, 0x03), (0x42, 0x42), (0xE5, 0x45), (0x0F, 0x03)],
)
async def test_parts_are_asked_for_on_the_commands_channel(cla: int, expected: int) -> None:
    channel = ScriptedChannel(b"\x61\x01", OK)
    await exchange(channel, bytes((cla, 0xCA, 0, 0, 0)))
    assert channel.sent[1][0] == expected


async def test_receipt_is_asked_of_the_domain_by_number() -> None:
    receipt = SignedStatement(b"body", bytes(64)).encode(TAG_RECEIPT)
    channel = ScriptedChannel(OK, receipt + OK)
    assert await read_receipt(channel, DOMAIN, 258) == receipt
    select, ask = channel.sent
    assert select == bytes.fromhex("00A40400") + bytes((len(DOMAIN),)) + DOMAIN + b"\x00"
    assert ask == bytes.fromhex("80CA7F6007DF01040000010200")


@pytest.mark.parametrize(
    "answers", [(REFUSED,), (OK, b"\x6a\x88"), (OK, OK), (OK, b"\x7f\x60\x00" + OK)]
)
async def test_no_receipt_means_never_committed(answers: tuple[bytes, ...]) -> None:
    assert await read_receipt(ScriptedChannel(*answers), DOMAIN, 1) is None


@pytest.mark.parametrize("answers", [(None,), (OK, None)])
async def test_lost_link_is_no_statement_about_the_receipt(
    answers: tuple[bytes | None, ...],
) -> None:
    with pytest.raises(LinkLost):
        await read_receipt(ScriptedChannel(*answers), DOMAIN, 1)
