"""What stands on the face: digits that can be counted, scrolling, the search for the strap."""

from __future__ import annotations

from wristlet.strap.body import Body
from wristlet.strap.display.faces import Frame, LedFace, OledFace, digits_plan
from wristlet.strap.face import SCROLL_AFTER_MS, SCROLL_STEP_MS, Face, rows_to_tell
from wristlet.strap.signals import Colour, Light, Signal, Urgency
from wristlet.strap.words import ENGLISH
from wristlet.wire.strap.state import Mode

LONG = Signal(("Boulangerie du Château", "¥480"), hold_ms=30_000)


def test_a_long_text_stands_and_then_scrolls_to_its_end() -> None:
    face = Face(OledFace())
    face.show(LONG, "", 0)
    seen = [face.frame(Body(), at).rows[0] for at in range(0, 6_000, SCROLL_STEP_MS)]
    still = SCROLL_AFTER_MS // SCROLL_STEP_MS
    assert set(seen[:still]) == {"Boulangerie du…"}
    assert seen[still : still + 2] == ["Boulangerie du C", "oulangerie du Ch"]
    assert seen[-1] == "ngerie du Château"[1:]
    assert face.frame(Body(), 30_000).is_dark


def test_digits_on_a_light_and_only_these() -> None:
    face = Face(LedFace())
    face.show(Signal(("Same?", "304127"), Light(Colour.RED)), "304127", 0)
    assert face.frame(Body(digits="304127"), 1).blinks == digits_plan("304127")
    face.withdraw_digits(2)
    assert face.frame(Body(), 3).is_dark
    face.show(Signal(("Anna", "304127"), Light(Colour.RED)), "", 4)
    assert len(face.frame(Body(), 5).blinks) == 2


def test_a_search_is_on_once() -> None:
    face = Face(OledFace())
    buzz = face.finding(ENGLISH)
    assert buzz is not None
    face.show(buzz, "", 0)
    assert face.finding(ENGLISH) is None
    face.show(Signal(urgency=Urgency.PAYMENT), "", 1)
    assert face.finding(ENGLISH) is None
    face.stop_finding(2)
    assert not face.shown.waiting
    face.stop_finding(3)


def test_a_strap_that_is_shut_down_shows_its_goodbye_alone() -> None:
    face, down = Face(OledFace()), Body(mode=Mode.RESERVE)
    face.show(Signal(("a message",)), "", 0)
    assert face.frame(down, 1).is_dark
    face.show(Signal(("Shutting down",), urgency=Urgency.PAYMENT), "", 2)
    assert face.frame(down, 3).rows[0] == "Shutting down"


def test_rows_are_told_within_their_bytes() -> None:
    tower = "e" + "\u0301" * 19
    frame = Frame(("", tower * 16, "b", "c", "d", "e"), 16)
    told = rows_to_tell(frame)
    assert told[1:] == ("b", "c", "d")
    assert 250 < len(told[0].encode()) <= 256
    assert (tower * 16).startswith(told[0])
