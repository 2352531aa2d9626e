"""Values of the activity log to try codecs and stores on."""

from __future__ import annotations

from hypothesis import strategies as st

from wristlet.wire.strap import activity_log as log
from wristlet.wire.strap.activity import AskExtent, Extent, Page, ReadLog

LONG = st.integers(0, 0xFFFFFFFF)


@st.composite
def minutes(draw: st.DrawFn) -> log.Minute:
    seconds = draw(st.just(60) | st.integers(1, 60))
    return log.Minute(
        steps=draw(st.just(0) | st.integers(0, log.STEPS_MAX)),
        moving_s=draw(st.just(0) | st.integers(0, seconds)),
        count=draw(st.just(0) | st.integers(0, log.COUNT_MAX)),
        heart_bpm=draw(st.just(0) | st.integers(0, log.HEART_MAX)),
        kind=draw(st.sampled_from(log.Kind)),
        worn=draw(st.booleans()),
        asleep=draw(st.booleans()),
        seconds=seconds,
    )


ANCHORS = st.builds(log.Anchor, LONG, st.integers(-log.ZONE_MAX_MIN, log.ZONE_MAX_MIN))
RECORDS = st.one_of(
    minutes(),
    st.builds(log.Skipped, st.integers(1, log.TICK_MAX)),
    ANCHORS,
    st.builds(log.Boot, LONG),
)
BLOCKS = st.lists(RECORDS, max_size=12).map(tuple)


@st.composite
def positions(draw: st.DrawFn) -> log.Position:
    tick_s = draw(LONG)
    anchor = draw(st.none() | ANCHORS)
    anchor_tick_s = draw(st.integers(0, tick_s)) if anchor else 0
    return log.Position(draw(LONG), tick_s, anchor_tick_s, anchor)


@st.composite
def pages(draw: st.DrawFn) -> Page:
    records = draw(BLOCKS)
    oldest = draw(st.integers(0, 1 << 31))
    first = oldest + draw(st.integers(0, 1000))
    end = first + len(records) + draw(st.integers(0, 1000))
    extent = Extent(draw(st.binary(min_size=8, max_size=8)), oldest, end)
    return Page(extent, first, draw(positions()), records)


EXTENTS = pages().map(lambda page: page.extent)
REQUESTS = st.builds(ReadLog, LONG, st.integers(64, 4096)) | st.builds(AskExtent)
