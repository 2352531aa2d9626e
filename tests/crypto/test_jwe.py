"""Encrypted card data: round trips and refusals."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwe as joserfc_jwe
from joserfc.jwk import ECKey

from wristlet.crypto import ec, jwe
from wristlet.crypto.errors import EnvelopeError

KEY = ec.private_key(b"\x11" * 32)
OTHER = ec.private_key(b"\x12" * 32)


def with_header(token: str, **changes: Any) -> str:
    head, rest = token.split(".", 1)
    header = json.loads(urlsafe_b64decode(head + "==")) | changes
    packed = urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    return f"{packed}.{rest}"


@settings(max_examples=20)
@given(st.binary(max_size=300))
def test_what_was_encrypted_comes_back(payload: bytes) -> None:
    token = jwe.encrypt(payload, KEY.public_key(), "card-1")
    assert jwe.kid_of(token) == "card-1"
    assert jwe.decrypt(token, KEY) == payload
    assert jwe.encrypt(payload, KEY.public_key(), "card-1") != token


def test_the_library_opens_it_with_a_key_of_its_own_import() -> None:
    token = jwe.encrypt(b"text", KEY.public_key(), "k")
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem_key = ECKey.import_key(pem)
    opened = joserfc_jwe.decrypt_compact(token, pem_key, ["ECDH-ES", "A256GCM"])
    assert opened.plaintext == b"text"
    assert opened.protected["kid"] == "k"


def test_another_key_is_refused() -> None:
    with pytest.raises(EnvelopeError, match="not for this key"):
        jwe.decrypt(jwe.encrypt(b"text", OTHER.public_key(), "k"), KEY)


@pytest.mark.parametrize(
    "changes",
    [
        {"alg": "ECDH-ES+A128KW"},
        {"alg": "dir"},
        {"enc": "A128GCM"},
        {"zip": "DEF"},
        {"crit": ["exp"]},
        {"kid": 7},
        {"kid": "other"},
        {"epk": None},
        {"epk": {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"}},
        {"epk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}},
        {"epk": {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}},
    ],
    ids=lambda changes: "-".join(f"{k}" for k in changes),
)
def test_other_headers_are_refused(changes: dict[str, Any]) -> None:
    token = jwe.encrypt(b"text", KEY.public_key(), "k")
    with pytest.raises(EnvelopeError):
        jwe.decrypt(with_header(token, **changes), KEY)


@pytest.mark.parametrize("token", ["", "....", "a.b.c.d.e", "e30.a.b.c.d", "é.a.b.c.d", "W10...."])
def test_what_is_no_token_is_refused(token: str) -> None:
    for call in (jwe.kid_of, lambda text: jwe.decrypt(text, KEY)):
        with pytest.raises(EnvelopeError):
            call(token)


def test_headers_beyond_the_four_are_refused() -> None:
    header = {"alg": "ECDH-ES", "enc": "A256GCM", "kid": "k", "apu": "QWxpY2U"}
    key = ECKey.import_key(KEY.public_key())
    token = joserfc_jwe.encrypt_compact(header, b"text", key, ["ECDH-ES", "A256GCM"])
    with pytest.raises(EnvelopeError, match="alg ECDH-ES"):
        jwe.decrypt(token, KEY)


@settings(max_examples=60)
@given(st.data())
def test_any_changed_byte_is_refused(data: st.DataObject) -> None:
    parts = [
        urlsafe_b64decode(p + "==") for p in jwe.encrypt(b"x", KEY.public_key(), "k").split(".")
    ]
    index = data.draw(st.sampled_from([0, 2, 3, 4]))
    changed = bytearray(parts[index])
    bit = data.draw(st.integers(0, len(changed) * 8 - 1))
    changed[bit // 8] ^= 1 << bit % 8
    parts[index] = bytes(changed)
    token = ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    with pytest.raises(EnvelopeError):
        jwe.decrypt(token, KEY)


@settings(max_examples=60)
@given(st.text(max_size=60))
def test_arbitrary_text_is_refused(text: str) -> None:
    with pytest.raises(EnvelopeError):
        jwe.decrypt(text, KEY)
