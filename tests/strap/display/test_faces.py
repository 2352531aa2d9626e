"""Signals on each display class: rows that fit, blinks that can be counted, pictures of both."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wristlet.strap.display import cutting, faces
from wristlet.strap.display.faces import NO_FACE, BlinkStep, Frame, LedFace, OledFace
from wristlet.strap.display.render import as_svg, as_text
from wristlet.strap.signals import Colour, Light, Signal

OLED = OledFace()
GREEN_TWICE = Light(Colour.GREEN, 2, 200, 100)
TEXTS = st.text(max_size=60) | st.sampled_from(
    ("珈琲店あおば", "Anna 👨‍👩‍👧🇯🇵", "Café", "\u0301\u0301")
)
SIGNALS = st.builds(
    Signal,
    st.lists(TEXTS, max_size=4).map(tuple),
    st.none() | st.builds(Light, st.sampled_from(Colour), st.integers(0, 40)),
)
FACES = st.sampled_from(
    (OLED, OledFace(9, 1, has_light=False), OledFace(21, 4), LedFace(), NO_FACE)
)


@pytest.mark.parametrize(
    ("lines", "rows"),
    [
        ((), ("", "")),
        (("Kita Blue", "•••• 1881"), ("Kita Blue", "•••• 1881")),
        (("Dinner at eight o'clock tonight",), ("Dinner at eight", "o'clock tonight")),
        (("Boulangerie du Château", "¥1,200"), ("Boulangerie du…", "¥1,200")),
        (("Anna", "Dinner at eight", "tonight?"), ("Anna", "Dinner at eight…")),
        (("珈琲店あおば", "¥480 承認されました"), ("珈琲店あおば", "¥480 承認されま…")),
    ],
)
def test_rows_of_a_two_line_display(lines: tuple[str, ...], rows: tuple[str, ...]) -> None:
    assert faces.frame_of(Signal(lines), OLED).rows == rows


def test_a_light_shows_the_blinks_alone() -> None:
    frame = faces.frame_of(Signal(("secret text",), GREEN_TWICE), LedFace())
    assert frame.rows == ()
    assert frame.blinks == (BlinkStep(Colour.GREEN, 200), BlinkStep(None, 100)) * 2
    assert "secret" not in as_text(frame) + as_svg(frame)


def test_no_face_shows_nothing() -> None:
    frame = faces.frame_of(Signal(("text",), GREEN_TWICE), NO_FACE)
    assert frame.is_dark
    assert as_text(frame) == "(dark)"


def test_a_display_without_light_blinks_not() -> None:
    assert faces.frame_of(Signal((), GREEN_TWICE), OledFace(has_light=False)).blinks == ()


def test_digits_can_be_counted_on_a_light() -> None:
    plan = faces.digits_plan("304")
    pauses = [step for step in plan if step.for_ms == faces.BLINK_PAUSE_MS]
    counts, lit = [], 0
    for step in plan:
        lit += step.colour is not None
        if step in pauses:
            counts.append(lit)
            lit = 0
    assert counts == [3, 10, 4]


def test_a_long_text_scrolls_to_its_end_and_a_short_one_stands() -> None:
    frames = faces.scrolled(Signal(("Boulangerie du Château d'Ivry", "¥480")), OLED)
    assert frames[0].rows == ("Boulangerie du C", "¥480")
    assert frames[-1].rows == ("u Château d'Ivry", "¥480")
    assert len(frames) == 14
    short = Signal(("Dinner at eight o'clock tonight",))
    assert faces.scrolled(short, OLED) == (faces.frame_of(short, OLED),)
    assert len(faces.scrolled(Signal(("long " * 9,)), LedFace())) == 1


def test_a_frame_as_text() -> None:
    frame = faces.frame_of(Signal(("寿司 Bar", "¥480"), GREEN_TWICE), OledFace(10, 2))
    assert as_text(frame).splitlines() == [
        "+----------+",
        "|寿司 Bar  |",
        "|¥480      |",
        "+----------+",
        "green ##.##.",
    ]


def test_a_frame_as_svg_is_well_formed_and_says_what_it_shows() -> None:
    frame = faces.frame_of(Signal(("<Fish & Chips>", "寿司"), Light(Colour.RED, 3)), OLED)
    root = ET.fromstring(as_svg(frame, scale=3))
    space = "{http://www.w3.org/2000/svg}"
    title = root.findtext(f"{space}title")
    assert title == "<Fish & Chips>. 寿司. red light, 3 times"
    places = [(span.text, float(span.get("x", "0"))) for span in root.iter(f"{space}tspan")]
    assert ("<", 10.0) in places
    assert ("司", 30.0) in places  # the second full-width sign: cells 2 and 3
    animate = next(root.iter(f"{space}animate"))
    assert animate.get("dur") == "1200ms"
    assert len(animate.get("values", "").split(";")) == len(animate.get("keyTimes", "").split(";"))
    with pytest.raises(ValueError, match="scale"):
        as_svg(frame, scale=0)


@given(SIGNALS, FACES)
def test_every_signal_fits_every_face(signal: Signal, face: faces.DisplayClass) -> None:
    for frame in (faces.frame_of(signal, face), *faces.scrolled(signal, face)[:4]):
        assert all(cutting.cells(row) <= frame.columns for row in frame.rows)
        assert len(frame.rows) == (face.rows if isinstance(face, OledFace) else 0)
        assert len(frame.blinks) <= 2 * faces.BLINKS_MAX
        ET.fromstring(as_svg(frame))
        lines = as_text(frame).splitlines()
        assert len(lines) == (len(frame.rows) + 2 if frame.columns else 0) + (
            bool(frame.blinks) or not frame.columns
        )


@pytest.mark.parametrize(("columns", "rows"), [(0, 2), (16, 0)])
def test_a_display_has_a_size(columns: int, rows: int) -> None:
    with pytest.raises(ValueError, match="columns and rows"):
        OledFace(columns, rows)


def test_a_dark_frame() -> None:
    assert faces.dark(OLED) == Frame(("", ""), 16)
