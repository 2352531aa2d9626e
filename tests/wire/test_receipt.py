"""Signed statements: layouts, labels, strict reading."""

from __future__ import annotations

import dataclasses

import pytest

from wristlet.wire import receipt
from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.gp import aids
from wristlet.wire.receipt import LeaseReport, PinStatement, Receipt, SignedStatement

SE_ID = bytes(range(16))
RECEIPT = Receipt(
    SE_ID, aids.TSP_DOMAIN, 7, b"\x11" * 32, aids.instance_aid(aids.KERNEL_2, 1), 0x80, 9
)
PIN = PinStatement(SE_ID, b"\x22" * 16, pin_set=True, blocked=False, event_counter=10)
LEASE = LeaseReport(SE_ID, 3, 20, 50_000, 11)
SIGNATURE = b"\x33" * 64


def test_receipt_body() -> None:
    assert RECEIPT.body().hex() == (
        SE_ID.hex() + "0a" + aids.TSP_DOMAIN.hex() + "00000007" + "11" * 32
        + "0b" + RECEIPT.instance_aid.hex() + "80" + "00000009"
    )  # fmt: skip


def test_pin_statement_and_lease_report_bodies() -> None:
    assert PIN.body().hex() == SE_ID.hex() + "22" * 16 + "80" + "0000000a"
    assert LEASE.body().hex() == SE_ID.hex() + "0003" + "14" + "0000c350" + "0000000b"


def test_each_kind_is_signed_under_its_own_label() -> None:
    messages = {statement.message() for statement in (RECEIPT, PIN, LEASE)}
    assert {message.split(b":1")[0] for message in messages} == {
        b"wristlet:receipt",
        b"wristlet:pin",
        b"wristlet:lease",
    }
    assert RECEIPT.message() == b"wristlet:receipt:1" + RECEIPT.body()


def test_signed_form() -> None:
    signed = SignedStatement(LEASE.body(), SIGNATURE)
    raw = signed.encode(LEASE.TAG)
    assert raw.hex() == "7f6261" + "df401b" + LEASE.body().hex() + "df4140" + SIGNATURE.hex()
    assert LeaseReport.parse(SignedStatement.parse(raw, LEASE.TAG).body) == LEASE


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        SignedStatement(PIN.body(), SIGNATURE).encode(receipt.TAG_PIN_STATEMENT),
        SignedStatement(LEASE.body(), SIGNATURE).encode(receipt.TAG_LEASE_REPORT) + b"\x00",
        bytes.fromhex("7f6247df4000df4141") + bytes(65),
        bytes.fromhex("7f6249df4000df4140") + bytes(64) + bytes.fromhex("df4200"),
    ],
)
def test_other_kinds_and_surplus_are_refused(raw: bytes) -> None:
    with pytest.raises(DecodeError):
        SignedStatement.parse(raw, receipt.TAG_LEASE_REPORT)


def test_an_unsigned_statement_is_not_written() -> None:
    with pytest.raises(EncodeError):
        SignedStatement(LEASE.body(), b"").encode(LEASE.TAG)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": 2},
        {"script_hash": b""},
        {"instance_aid": b"abcd"},
        {"se_id": b""},
        {"number": -1},
        {"event_counter": 1 << 32},
    ],
)
def test_impossible_receipts_are_not_written(changes: dict[str, object]) -> None:
    with pytest.raises(EncodeError):
        dataclasses.replace(RECEIPT, **changes).body()  # type: ignore[arg-type] # on purpose


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_cut_receipts_are_refused(cut: int) -> None:
    with pytest.raises(DecodeError):
        Receipt.parse(RECEIPT.body()[:-cut])


def test_unknown_states_and_flags_are_refused() -> None:
    body = bytearray(RECEIPT.body())
    body[-5] = 0x02
    with pytest.raises(DecodeError, match="unknown state"):
        Receipt.parse(bytes(body))
    flags = bytearray(PIN.body())
    flags[-5] = 0x01
    with pytest.raises(DecodeError, match="unknown flags"):
        PinStatement.parse(bytes(flags))
