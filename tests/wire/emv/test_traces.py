"""Recorded taps of test cards, read and written by our codecs."""

from __future__ import annotations

from typing import Any

import pytest

from support.vectors import load
from wristlet.wire import ber
from wristlet.wire.apdu import Command, Response
from wristlet.wire.emv import afl, commands, dol, tags, track2
from wristlet.wire.emv.bits import Aip, Auc, CvmResult, CvmResults, Tvr
from wristlet.wire.emv.iad import AcType
from wristlet.wire.gp import aids

TRACES: dict[str, Any] = {row["name"]: row["apdus"] for row in load("emv_traces")["rows"]}
CHIP = "contactless-mastercard"
EXCHANGES = [
    pytest.param(*map(bytes.fromhex, pair), id=f"{name}-{number}")
    for name, apdus in TRACES.items()
    for number, pair in enumerate(apdus)
]


def answer(number: int) -> bytes:
    return Response.parse(bytes.fromhex(TRACES[CHIP][number][1])).data


@pytest.mark.parametrize(("command", "response"), EXCHANGES)
def test_every_apdu_reads_and_writes_the_same(command: bytes, response: bytes) -> None:
    assert Command.parse(command).encode() == command
    read = Response.parse(response)
    assert read.ok
    assert read.encode() == response


@pytest.mark.parametrize(("command", "response"), EXCHANGES)
def test_every_answer_is_one_template_of_known_tags(command: bytes, response: bytes) -> None:
    data = Response.parse(response).data
    assert ber.parse(data)[0].encode() == data
    # Mag-stripe mode of kernel 2, which nothing here speaks, and one maker's own.
    foreign = {0x56, 0xDF4F, *range(0x9F60, 0x9F69)}
    assert set(ber.collect(data)) - set(tags.TAGS) <= foreign


def test_our_commands_are_those_of_the_recorded_reader() -> None:
    cdol_data = Command.parse(bytes.fromhex(TRACES[CHIP][-1][0])).data
    ours = [
        commands.select(aids.KERNEL_2),
        commands.get_processing_options(),
        commands.read_record(2, 1),
        commands.read_record(3, 1),
        commands.read_record(4, 1),
        commands.read_record(4, 2),
        commands.generate_ac(commands.reference_control(AcType.TC, cda=True), cdol_data),
    ]
    recorded = [pair[0] for pair in TRACES[CHIP]]
    sent = [command.encode().hex() for command in ours]
    assert sent == recorded


def test_locator_names_the_records_that_were_read() -> None:
    locator = ber.require(answer(1), 0x77, tags.AFL_94)
    assert afl.encode(afl.parse(locator)) == locator
    assert [(entry.sfi, entry.first, entry.last) for entry in afl.parse(locator)] == [
        (1, 1, 1),
        (2, 1, 1),
        (3, 1, 2),
        (4, 1, 2),
    ]
    signed = [flag for entry in afl.parse(locator) for _, flag in entry.records()]
    assert signed == [False, True, False, False, False, False]


def test_data_of_generate_ac_follow_the_cards_list() -> None:
    record = ber.collect(answer(2))
    sent = Command.parse(bytes.fromhex(TRACES[CHIP][-1][0])).data
    values = dol.split(record[tags.CDOL1_8C], sent)
    assert dol.size(record[tags.CDOL1_8C]) == len(sent) == 43
    assert dol.build(record[tags.CDOL1_8C], values) == sent
    assert values[tags.AMOUNT_AUTHORISED_9F02].hex() == "000000010001"
    assert values[tags.TRANSACTION_DATE_9A].hex() == "120315"
    assert CvmResults.parse(values[tags.CVM_RESULTS_9F34]).result in set(CvmResult)
    assert Tvr.decode(values[tags.TVR_95]).encode() == values[tags.TVR_95]


def test_track_2_agrees_with_number_and_expiry() -> None:
    record = ber.collect(answer(2))
    track = track2.parse(record[tags.TRACK_2_57])
    assert track.pan.reveal() == record[tags.PAN_5A].hex()
    assert track.expiry_yymm == record[tags.APPLICATION_EXPIRATION_DATE_5F24].hex()[:4]
    assert track.encode() == record[tags.TRACK_2_57]


def test_profile_and_usage() -> None:
    profile = Aip.decode(ber.require(answer(1), 0x77, tags.AIP_82))
    usage = Auc.decode(ber.collect(answer(2))[tags.APPLICATION_USAGE_CONTROL_9F07])
    assert Aip.CDA in profile
    assert Aip.ON_DEVICE_CVM not in profile
    assert Auc.NOT_ATM | Auc.INTERNATIONAL_GOODS in usage
