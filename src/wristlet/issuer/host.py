"""The bank's authorisation host: 0100 and reversals from the switch, one durable transaction each."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from wristlet.crypto.seal import KeyStore, KeyUsage
from wristlet.env.base import Env
from wristlet.env.database import Database
from wristlet.issuer import ledger
from wristlet.issuer.authorize import AccountView, Decision, RequestView, decide
from wristlet.issuer.repository import queries
from wristlet.issuer.setup import KEY_INDEX, keyed
from wristlet.model.ids import new_id
from wristlet.model.money import alpha_code
from wristlet.wire import ber
from wristlet.wire.emv import tags
from wristlet.wire.errors import DecodeError
from wristlet.wire.iso8583 import private
from wristlet.wire.iso8583.message import Message, reply, trace_key
from wristlet.wire.masked import SecretDigits

FORMAT_ERROR, APPROVED = "30", "00"
CVM_ON_DEVICE = 0x01
NEEDED = (2, 4, 7, 11, 32, 37, 49)


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the bank books it; the number is already a keyed index."""

    trace: str
    pan_index: str
    view: RequestView
    acquirer: str
    token_reference: str
    merchant: str


class IssuerHost:
    """Answers the switch."""

    def __init__(self, env: Env, database: Database, store: KeyStore) -> None:
        self._env = env
        self._database = database
        self._index_key = store.get(KEY_INDEX, KeyUsage.MAC)

    async def handle(self, message: Message) -> Message:
        """Answer one 0100, 0400 or 0420; 30 for a message that cannot be booked."""
        if message.mti in ("0400", "0420"):
            return await self._reverse(message)
        if message.mti != "0100" or not set(NEEDED).issubset(message.fields):
            return reply(message, {39: FORMAT_ERROR})
        try:
            request = self._read(message)
        except (DecodeError, LookupError, ValueError):
            return reply(message, {39: FORMAT_ERROR})
        code, authorisation_id = await self._database.write(lambda c: self._book(c, request))
        answer: dict[int, str | bytes] = {39: code}
        if code == APPROVED:
            answer[38] = authorisation_id
        return reply(message, answer)

    def _read(self, message: Message) -> Request:
        fields = message.fields
        data = private.decode(_bytes(message, 48))
        chip = ber.collect(_bytes(message, 55))
        cvm_results = chip.get(tags.CVM_RESULTS_9F34, b"\x00")
        today = datetime.fromtimestamp(self._env.clock.now_ms() / 1000, UTC)
        view = RequestView(
            amount_minor=int(str(fields[4])),
            currency=alpha_code(str(fields[49])),
            today_yymm=today.strftime("%y%m"),
            token_checked=data.result_class == "valid",
            terminal_says_verified=cvm_results[0] == CVM_ON_DEVICE,
            lease_used=data.lease_verdict == "used",
        )
        return Request(
            trace=_trace(message),
            pan_index=self._index_of(message),
            view=view,
            acquirer=str(fields[32]),
            token_reference=data.token_reference,
            merchant=str(fields.get(43, "")),
        )

    def _index_of(self, message: Message) -> str:
        number = message.fields[2]
        plain = number.reveal() if isinstance(number, SecretDigits) else str(number)
        return keyed(self._index_key, plain)

    def _book(self, connection: sqlite3.Connection, request: Request) -> tuple[str, str]:
        """Decide and write in one transaction; a repeat gets the stored answer."""
        known = queries().authorisation(connection, trace_key=request.trace)
        if known is not None:
            return known["response_code"], known["authorisation_id"]
        row = queries().account_by_index(connection, pan_index=request.pan_index)
        decision = decide(self._account(connection, row), request.view)
        account_id = row["account_id"] if row is not None else ""
        authorisation_id = self._env.random.bytes(3).hex().upper()
        now_ms = self._env.clock.now_ms()
        if decision.approved:
            postings = _hold(account_id, request)
            entry_id = new_id("ent", now_ms, self._env.random.bytes(10))
            ledger.post(connection, entry_id, "authorisation", request.trace, now_ms, postings)
        self._remember(connection, request, account_id, decision, authorisation_id, now_ms)
        return decision.code, authorisation_id

    def _account(
        self, connection: sqlite3.Connection, row: sqlite3.Row | None
    ) -> AccountView | None:
        if row is None:
            return None
        held = ledger.balance(connection, ledger.cardholder(row["account_id"]), row["currency"])
        return AccountView(
            status=row["status"],
            expiry_yymm=row["expiry_yymm"],
            currency=row["currency"],
            limit_minor=row["limit_minor"],
            balance_minor=held,
        )

    def _remember(
        self,
        connection: sqlite3.Connection,
        request: Request,
        account_id: str,
        decision: Decision,
        authorisation_id: str,
        now_ms: int,
    ) -> None:
        queries().add_authorisation(
            connection,
            trace_key=request.trace,
            account_id=account_id,
            amount_minor=request.view.amount_minor,
            currency=request.view.currency,
            response_code=decision.code,
            reason=decision.reason,
            authorisation_id=authorisation_id,
            token_reference=request.token_reference,
            merchant=request.merchant,
            reversed=0,
            created_ms=now_ms,
        )

    async def _reverse(self, message: Message) -> Message:
        """Undo an approved request once; unknown, declined and undone ones are answered 00 as well."""
        if not {7, 11, 32, 37, 90}.issubset(message.fields):
            return reply(message, {39: FORMAT_ERROR})
        trace = original_trace(message)
        await self._database.write(lambda connection: self._undo(connection, trace))
        return reply(message, {39: APPROVED})

    def _undo(self, connection: sqlite3.Connection, trace: str) -> None:
        known = queries().authorisation(connection, trace_key=trace)
        if known is None:
            self._refuse_later(connection, trace)
            return
        if known["reversed"] or known["response_code"] != APPROVED:
            return
        acquirer = trace.split("|")[2]
        amount, currency = known["amount_minor"], known["currency"]
        now_ms = self._env.clock.now_ms()
        ledger.post(
            connection,
            new_id("ent", now_ms, self._env.random.bytes(10)),
            "reversal",
            trace,
            now_ms,
            (
                ledger.Posting(ledger.authorised(acquirer), -amount, currency),
                ledger.Posting(ledger.cardholder(known["account_id"]), amount, currency),
            ),
        )
        queries().mark_reversed(connection, trace_key=trace)

    def _refuse_later(self, connection: sqlite3.Connection, trace: str) -> None:
        """A reversal can overtake its request: remember it, so that the request is then declined."""
        queries().add_authorisation(
            connection,
            trace_key=trace,
            account_id="",
            amount_minor=0,
            currency="",
            response_code="05",
            reason="reversed before it arrived",
            authorisation_id="",
            token_reference="",
            merchant="",
            reversed=1,
            created_ms=self._env.clock.now_ms(),
        )


def _hold(account_id: str, request: Request) -> tuple[ledger.Posting, ledger.Posting]:
    amount, currency = request.view.amount_minor, request.view.currency
    return (
        ledger.Posting(ledger.cardholder(account_id), -amount, currency),
        ledger.Posting(ledger.authorised(request.acquirer), amount, currency),
    )


def _trace(message: Message) -> str:
    return "|".join(str(part) for part in trace_key(message))


def original_trace(message: Message) -> str:
    """Return the trace key of the request that a reversal names in DE 90 (DE 37 is the same)."""
    original = str(message.fields[90])
    stan, sent = original[4:10], original[10:20]
    return f"{sent}|{stan}|{message.fields[32]}|{message.fields[37]}"


def _bytes(message: Message, number: int) -> bytes:
    value = message.fields[number]
    if not isinstance(value, bytes):
        raise DecodeError(f"DE {number}: binary data expected")
    return value
