"""The messages' declarations: known answers, round trip, one encoding, clear errors, the page."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.message_values import any_in
from support.source import ROOT
from support.vectors import load
from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.strap import messages as m
from wristlet.wire.strap.described import jsonable
from wristlet.wire.strap.fields import Family
from wristlet.wire.strap.message_choices import NO_DAY, Reason, Verdict, Weekdays

FAMILIES: dict[str, Family[Any]] = {"request": m.REQUESTS, "answer": m.ANSWERS, "news": m.NEWS}
EACH = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
SOURCE = bytes.fromhex("0A0B0C0D")
NOTICE = m.Notice("com.example.mail", "Mail", 1_767_225_600_000, "Hi", "Body")


@EACH
@given(st.data())
def test_round_trip(family: Family[Any], data: st.DataObject) -> None:
    message = data.draw(any_in(family))
    assert family.decode(family.encode(message)) == message


@EACH
@given(raw=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(family: Family[Any], raw: bytes) -> None:
    for candidate in (raw, bytes((1,)) + raw):
        try:
            message = family.decode(candidate)
        except DecodeError:
            continue
        assert family.decode(family.encode(message)) == message


@EACH
@given(st.data())
def test_changed_messages_are_read_or_refused(family: Family[Any], data: st.DataObject) -> None:
    raw = bytearray(family.encode(data.draw(any_in(family))))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        message = family.decode(bytes(raw))
    except DecodeError:
        return
    assert family.decode(family.encode(message)) == message


@given(st.data())
def test_what_is_read_has_one_encoding(data: st.DataObject) -> None:
    raw = m.REQUESTS.encode(data.draw(any_in(m.REQUESTS)))
    cut = raw[: data.draw(st.integers(0, len(raw)))]
    try:
        message = m.REQUESTS.decode(cut)
    except DecodeError:
        return
    assert m.REQUESTS.encode(message) == cut


@pytest.mark.parametrize("vector", load("strap/messages")["messages"], ids=lambda v: v["name"])
def test_known_answers(vector: dict[str, Any]) -> None:
    family, raw = FAMILIES[vector["family"]], bytes.fromhex(vector["hex"])
    message = family.decode(raw)
    assert type(message).__name__ == vector["structure"]
    assert jsonable(message) == vector["fields"]
    assert family.encode(message) == raw


def test_every_structure_has_a_known_answer() -> None:
    there = {vector["structure"] for vector in load("strap/messages")["messages"]}
    assert there == {s.__name__ for family in FAMILIES.values() for s in family.members.values()}


@pytest.mark.parametrize("vector", load("strap/messages")["refused"], ids=lambda v: v["name"])
def test_known_refusals(vector: dict[str, Any]) -> None:
    with pytest.raises(DecodeError) as caught:
        FAMILIES[vector["family"]].decode(bytes.fromhex(vector["hex"]))
    assert str(caught.value) == vector["error"]


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (
            lambda: m.Post(SOURCE, 1, 7, m.Notice("a", "n" * 41, 0)),
            "post/notice/name: has 41 bytes of UTF-8, allowed are 0 to 40; cut it first",
        ),
        (
            lambda: m.Post(SOURCE, 1 << 32, 7, NOTICE),
            "post/number: must be 0 to 4294967295",
        ),
        (
            lambda: m.Post(b"abc", 1, 7, NOTICE),
            "post/source: must have 4 bytes, has 3",
        ),
        (
            lambda: m.Post(SOURCE, 1, 7, m.Notice("a", "\ud83d", 0)),
            "post/notice/name: holds half a surrogate pair, which is no text",
        ),
        (
            lambda: m.Rules(SOURCE, 1, apps=(m.AppRule(),) * 65),
            "rules/apps: at most 64 are allowed",
        ),
        (
            lambda: m.Post(
                SOURCE, 1, 7, m.Notice("a", "", 0, payment=m.Payment("", 1, "yen", "", "1234"))
            ),
            "post/notice/payment/currency: must be 3 capital letters, ASCII",
        ),
        (lambda: m.Greeting(b"abcd", 0, 1, 1, 1, 1, 1), "Greeting is no message request"),
    ],
)
def test_what_has_no_encoding_says_which_field_and_why(make: Any, error: str) -> None:
    with pytest.raises(EncodeError) as caught:
        m.REQUESTS.encode(make())
    assert str(caught.value) == error


def test_rules_between_fields() -> None:
    with pytest.raises(EncodeError, match="either weekdays, or the day"):
        m.Alarm(SOURCE, 1, 0, 420, NO_DAY, 0)
    with pytest.raises(EncodeError, match="either weekdays, or the day"):
        m.Alarm(SOURCE, 1, 0, 420, Weekdays.MONDAY, 20_454)
    with pytest.raises(EncodeError, match="a decline has a reason"):
        m.Payment("M", 1, "JPY", "Card", "1234", Verdict.DECLINED)
    with pytest.raises(EncodeError, match="a decline has a reason"):
        m.Payment("M", 1, "JPY", "Card", "1234", Verdict.APPROVED, Reason.FUNDS)


def test_the_largest_message_fits() -> None:
    action = m.Action("é" * 20)
    payment = m.Payment("m" * 64, m.AMOUNT_MAX_MINOR, "JPY", "c" * 40, "1234")
    notice = m.Notice(
        *("a" * 64, "n" * 40, (1 << 48) - 1, "t" * 128, "b" * 1024),
        expires_ms=(1 << 48) - 1,
        actions=(action,) * 4,
        payment=payment,
    )
    post = m.Post(SOURCE, 0xFFFFFFFF, 0xFFFFFFFF, notice, 0xFFFF)
    assert len(m.REQUESTS.encode(post)) < 2_048
    rules = m.Rules(SOURCE, 1, apps=tuple(m.AppRule(f"{i:064}") for i in range(64)))
    assert len(m.REQUESTS.encode(rules)) < 8_192


def test_a_short_post_is_compact() -> None:
    assert len(m.REQUESTS.encode(m.Post(SOURCE, 1, 7, NOTICE))) == 58


def test_a_later_versions_extra_field_is_passed_over() -> None:
    raw = m.REQUESTS.encode(m.Greet(SOURCE))
    assert m.REQUESTS.decode(raw + bytes.fromhex("8003ABCDEF")) == m.Greet(SOURCE)
    with pytest.raises(DecodeError, match="field 7F is not known here; update this end"):
        m.REQUESTS.decode(raw + bytes.fromhex("7F00"))


def test_only_events_are_events() -> None:
    event = m.Dismissed(SOURCE, 1, 7, 1_767_225_600_000)
    assert m.decode_event(m.NEWS.encode(event)) == event
    with pytest.raises(DecodeError, match="finding the phone is no event"):
        m.decode_event(m.NEWS.encode(m.FindPhone(ring=True)))


def test_the_reference_page_is_what_the_declarations_say() -> None:
    script = ROOT / "scripts" / "docs_messages.py"
    spec = importlib.util.spec_from_file_location("docs_messages", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    there = (ROOT / "docs" / "reference" / "messages.md").read_text(encoding="utf-8")
    assert there == module.page(), "run: .venv/bin/python scripts/docs_messages.py"
