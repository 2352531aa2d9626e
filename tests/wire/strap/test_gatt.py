"""The declaration of the strap's services, the page made from it, and the worked exchanges."""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from support.vectors import load
from wristlet.wire.strap import att, frames, gatt, settings, state, strap_end, time
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.described import jsonable
from wristlet.wire.strap.frames import Data, Hello, Message, MessageKind, Welcome
from wristlet.wire.strap.gatt import PROTECTED, SERVICES, Property
from wristlet.wire.strap.stream import Send

ROOT = Path(__file__).resolve().parents[3]
CASES = load("strap/frames")["cases"]
BOOT = bytes.fromhex(load("strap/frames")["boot"])
ONE_STRAP = [case for case in CASES if case["name"] != "restart"]
EACH = pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])


def test_every_concern_is_one_service_with_frames_in_and_out() -> None:
    assert [service.concern for service in SERVICES if service.concern] == list(Concern)
    for concern in Concern:
        to_strap, from_strap = gatt.to_strap(concern), gatt.from_strap(concern)
        assert to_strap.properties is Property.WRITE_WITHOUT_RESPONSE
        assert from_strap.properties is Property.NOTIFY
        assert to_strap.uuid[4:6] == from_strap.uuid[4:6] == f"{concern:02x}"


def test_every_uuid_is_one_and_is_used_once() -> None:
    every = [service.uuid for service in SERVICES] + [one.uuid for one in gatt.CHARACTERISTICS]
    assert [str(uuid.UUID(one)) for one in every] == every
    assert len(set(every)) == len(every)


def test_nothing_is_open_to_strangers() -> None:
    assert {one.security for one in gatt.CHARACTERISTICS} == {PROTECTED}


def test_handles_leave_room_for_declarations_and_descriptors() -> None:
    assert att.HANDLES[gatt.to_strap(Concern.APDU)] == 3
    assert att.HANDLES[gatt.from_strap(Concern.APDU)] == 5
    assert att.HANDLES[gatt.to_strap(Concern.MESSAGES)] == 9
    assert len(att.BY_HANDLE) == len(gatt.CHARACTERISTICS)


def test_the_page_is_what_the_declaration_says() -> None:
    made = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "gatt_page.py")],
        capture_output=True,
        text=True,
        check=True,
    )
    there = (ROOT / "docs" / "reference" / "gatt.md").read_text(encoding="utf-8")
    assert made.stdout == there, "run `make docs-gatt`"


class Player:
    """Plays a worked exchange: what each end is shown to send has to come out of it."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.size = frames.frame_size(case["mtu"])
        self.strap = strap_end.StrapEnd(BOOT)
        self.steps = list(case["frames"])

    def frames_from(self, sender: str) -> list[bytes]:
        return [bytes.fromhex(s["frame"]) for s in self.steps if s.get("from") == sender]


@EACH
def test_worked_exchanges_are_frames_that_fit(case: dict[str, Any]) -> None:
    player = Player(case)
    for sender in ("phone", "strap"):
        for raw in player.frames_from(sender):
            assert len(raw) <= player.size
            frame = frames.parse(raw)
            assert frame.encode() == raw
            assert not isinstance(frame, Hello) or sender == "phone"
            assert not isinstance(frame, Welcome) or sender == "strap"


@pytest.mark.parametrize("case", ONE_STRAP, ids=[case["name"] for case in ONE_STRAP])
def test_a_strap_answers_worked_exchanges_byte_for_byte(case: dict[str, Any]) -> None:
    """What the phone sends goes in; what the strap sends comes out, in its order."""
    player = Player(case)
    strap, now = strap_end.connected(player.strap, player.size), 0
    expected = player.frames_from("strap")
    out: list[bytes] = []
    waiting = [step for step in case["frames"] if "frame" in step or "connection" in step["note"]]
    for step in waiting:
        if "frame" not in step:
            strap = strap_end.connected(strap_end.disconnected(strap), player.size)
            continue
        if step["from"] == "strap":
            if len(out) < len(expected) and not _is_sent(out, step):
                strap, more = _finish(strap, step, now)
                out += more
            continue
        if "lost on the way" in step["note"]:
            continue
        now += 1
        strap, effects = strap_end.receive(strap, bytes.fromhex(step["frame"]), now)
        out += [effect.frame for effect in effects if isinstance(effect, Send)]
    assert out == expected


def _is_sent(out: list[bytes], step: dict[str, Any]) -> bool:
    return bytes.fromhex(step["frame"]) in out


def _finish(
    strap: strap_end.StrapEnd, step: dict[str, Any], now: int
) -> tuple[strap_end.StrapEnd, list[bytes]]:
    """Carry out what runs, with the answer that the exchange shows, or tell the news it shows."""
    frame = frames.parse(bytes.fromhex(step["frame"]))
    assert isinstance(frame, Data)
    shown = frames.parse_message(frame.payload, strap.epoch)
    if shown.kind is MessageKind.NEWS:
        after, effects = strap_end.news(strap, shown.body, now)
    else:
        request = strap_end.Execute(strap.epoch, strap.last_id, b"")
        after, effects = strap_end.answered(
            strap, request, Message(shown.kind, shown.id, shown.body), now
        )
    return after, [effect.frame for effect in effects if isinstance(effect, Send)]


BODY = load("strap/body")["messages"]
FAMILIES = {
    family.title: family
    for module in (state, time, settings)
    for name in ("REQUESTS", "ANSWERS", "NEWS")
    if (family := getattr(module, name, None)) is not None
}


@pytest.mark.parametrize("known", BODY, ids=[known["name"] for known in BODY])
def test_known_messages_read_as_their_values_and_write_back(
    known: dict[str, Any],
) -> None:
    family, raw = FAMILIES[known["family"]], bytes.fromhex(known["hex"])
    message = family.decode(raw)
    assert type(message).__name__ == known["type"]
    assert jsonable(message) == known["value"]
    assert family.encode(message) == raw


def test_known_messages_are_laid_out_by_hand() -> None:
    """Read without the codec, byte by byte."""
    by_name = {known["name"]: bytes.fromhex(known["hex"]) for known in BODY}
    assert by_name["what is the state?"] == b"\x01\x01"
    assert by_name["taps after the third"] == b"\x01\x02" + b"\x01\x01\x03"
    assert by_name["buzz for ten seconds"] == b"\x01\x03" + b"\x01\x02\x27\x10"
    assert by_name["where is the phone?"] == b"\x01\x82" + b"\x01\x01\x01"
    berlin = by_name["Berlin, before summer time"]
    assert berlin[:2] == b"\x01\x02"
    assert berlin[2:10] == b"\x01\x06" + (1_767_225_600_000).to_bytes(6, "big")
    assert berlin[10:14] == b"\x02\x02" + (2 * 3600).to_bytes(2, "big")
    assert berlin.endswith(b"\x05\x0dEurope/Berlin")
    assert {known["family"] for known in BODY} == set(FAMILIES)
