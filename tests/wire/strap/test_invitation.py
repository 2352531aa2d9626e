"""The QR code's address and the typed code: known answers, kind reading, clear refusals."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.vectors import load
from wristlet.wire import crockford
from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.strap import invitation
from wristlet.wire.strap.invitation import Invitation

KNOWN = load("phone/invitation")["cases"]
SE_ID, NONCE = bytes(range(16)), bytes(range(8))


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known["code"])
def test_known_answers(known: dict[str, str]) -> None:
    se_id, nonce = bytes.fromhex(known["se_id"]), bytes.fromhex(known["nonce"])
    invited = Invitation.of(se_id, nonce)
    assert invited.device.hex() == known["device"]
    assert invited.url(known["host"]) == known["url"]
    assert invited.code() == known["code"]
    assert Invitation.parse(known["url"]) == invited
    assert invitation.read_code(known["code"]) == invitation.code_bytes(invited.device, nonce)


def test_the_code_depends_on_both() -> None:
    code = Invitation.of(SE_ID, NONCE).code()
    assert Invitation.of(bytes(16), NONCE).code() != code
    assert Invitation.of(SE_ID, bytes(8)).code() != code


@given(st.binary(min_size=5, max_size=5))
def test_a_code_is_read_kindly(raw: bytes) -> None:
    text = crockford.encode(raw)
    kind = text.lower().replace("1", "l").replace("0", "o")
    assert invitation.read_code(f" {kind[:4]}-{kind[4:]} ") == raw


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (Invitation.parse, invitation.read_code):
        with suppress(DecodeError):
            read(text)


GOOD = Invitation.of(SE_ID, NONCE).url("pay.example")


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (GOOD.replace("https", "http"), "no pairing code"),
        (GOOD.replace("/p#", "/q#"), "no pairing code"),
        (GOOD.replace("v=1", "v=2"), "another version"),
        (GOOD.replace("v=1&", ""), "another version"),
        (GOOD[:-1], "13 characters belong here, 12 came"),
        (GOOD[:-1] + "U", "a character that no code has"),
        (GOOD.partition("#")[0], "another version"),
        (GOOD + "A" * 600, "too long"),
    ],
)
def test_what_is_wrong_is_said(bad: str, says: str) -> None:
    with pytest.raises(DecodeError, match=says):
        Invitation.parse(bad)


@pytest.mark.parametrize("host", ["", "a/b", "a#b", "a b", "me@host"])
def test_a_host_is_a_name(host: str) -> None:
    with pytest.raises(EncodeError, match="host"):
        Invitation.of(SE_ID, NONCE).url(host)


def test_lengths_are_checked() -> None:
    with pytest.raises(EncodeError, match="10 bytes"):
        Invitation(b"short", NONCE).url("pay.example")
