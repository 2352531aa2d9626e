"""Signed notes: round trips, another implementation's view, refusals."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws as joserfc_jws
from joserfc.jwk import ECKey

from wristlet.crypto import ec, jws
from wristlet.crypto.errors import SignatureError

KEY = ec.private_key(b"\x21" * 32)
OTHER = ec.private_key(b"\x22" * 32)


@settings(max_examples=20)
@given(st.binary(max_size=300))
def test_what_was_signed_comes_back(payload: bytes) -> None:
    token = jws.sign(payload, KEY, "note-1")
    assert jws.kid_of(token) == "note-1"
    assert jws.verify(token, KEY.public_key()) == payload


def test_another_library_agrees_both_ways() -> None:
    token = jws.sign(b"text", KEY, "k")
    opened = joserfc_jws.deserialize_compact(token, ECKey.import_key(KEY.public_key()), ["ES256"])
    assert opened.payload == b"text"
    header = {"alg": "ES256", "kid": "k"}
    theirs = joserfc_jws.serialize_compact(header, b"theirs", ECKey.import_key(KEY), ["ES256"])
    assert jws.verify(theirs, KEY.public_key()) == b"theirs"


def test_another_key_is_refused() -> None:
    with pytest.raises(SignatureError):
        jws.verify(jws.sign(b"text", KEY, "k"), OTHER.public_key())


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "kid": "k"},
        {"alg": "HS256", "kid": "k"},
        {"alg": "ES256"},
        {"alg": "ES256", "kid": 7},
        {"alg": "ES256", "kid": "k", "crit": ["x"]},
        ["alg", "kid"],
    ],
)
def test_a_note_does_not_choose_how_it_is_checked(header: Any) -> None:
    token = jws.sign(b"text", KEY, "k")
    packed = urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    with pytest.raises(SignatureError):
        jws.verify(f"{packed}.{token.split('.', 1)[1]}", KEY.public_key())


def test_any_changed_character_is_refused() -> None:
    token = jws.sign(b"some payload", KEY, "k")
    for place, sign in enumerate(token):
        for other in ("A", "B", "=", ".", "\n", "\xe9"):
            if other == sign:
                continue
            with pytest.raises(SignatureError):
                jws.verify(token[:place] + other + token[place + 1 :], KEY.public_key())


@settings(max_examples=50)
@given(st.text(max_size=80))
def test_no_text_breaks_it(text: str) -> None:
    for read in (jws.kid_of, lambda token: jws.verify(token, KEY.public_key())):
        with pytest.raises(SignatureError):
            read(text)


def test_raw_signatures_have_a_fixed_size() -> None:
    raw = urlsafe_b64decode(jws.sign(b"", KEY, "k").rpartition(".")[2] + "==")
    assert len(raw) == 64
