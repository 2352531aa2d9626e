"""The authorisation path: token number in, check, card number out, and the way back.

A refused tap is answered here; only a valid one reaches the issuer. The check's result and the
token's counters are durable in one transaction before anything leaves.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from wristlet.links.iso8583_peer import HostUnavailable
from wristlet.model.token import ResultClass, TokenState
from wristlet.tsp import checks, notices, renewal, responses
from wristlet.tsp.atc import AtcWindow
from wristlet.tsp.cardfile import CardFile, TokenCard
from wristlet.tsp.cards import yymm_of
from wristlet.tsp.checks import Examined, Judgement, Standing, Tap
from wristlet.tsp.records import AuthorizationRow, CountersRow
from wristlet.tsp.repository import Repository
from wristlet.tsp.vault import CARD_EXPIRY
from wristlet.wire import ber
from wristlet.wire.errors import DecodeError
from wristlet.wire.iso8583 import private
from wristlet.wire.iso8583.field import Value
from wristlet.wire.iso8583.message import Message, reply, reversed_trace, trace_key
from wristlet.wire.iso8583.private import TokenData

if TYPE_CHECKING:
    from wristlet.crypto.retail import RetailKey
    from wristlet.links.iso8583_peer import Iso8583Client
    from wristlet.tsp.context import Context

log = logging.getLogger(__name__)

_AUTHORISATIONS: Final = ("0100", "0101")
_REVERSALS: Final = ("0400", "0401", "0420", "0421")
_NOT_FORWARDED: Final = (23, 35, 45, 48, 52, 64, 128)
"""The token's own data and what belongs to one hop; the rest of a request goes on unchanged."""
_NUMBER_TAGS: Final = frozenset({0x57, 0x5A, 0x5F20, 0x5F24, 0x5F34, 0x9F1F, 0x9F20, 0x9F6B})
"""Chip data that name the token's number: the issuer knows its last four digits only."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What the transaction decided; `answered` is the row of a repeat."""

    result: ResultClass
    answered: AuthorizationRow | None
    card_expiry_yymm: str


class Authorizer:
    """Answers the switch; `handle` is the handler of the ISO 8583 server."""

    def __init__(self, context: Context, switch: Iso8583Client) -> None:
        self._context = context
        self._switch = switch
        self._cards = CardFile(context)
        self._expiry = lru_cache(context.config.card_keys_cached)(self._open_expiry)
        self._under_way: dict[tuple[Value | None, ...], asyncio.Future[Message]] = {}

    async def handle(self, message: Message) -> Message:
        """Answer one 0100, 0400 or 0420."""
        if message.mti in _AUTHORISATIONS:
            answer = await self._once(message)
        elif message.mti in _REVERSALS:
            answer = await self._reverse(message)
        else:
            return reply(message, {39: responses.NOT_SUPPORTED})
        self._context.bell.ring()
        return answer

    async def _once(self, message: Message) -> Message:
        """Let a repeat that comes while the first is under way wait for the same answer."""
        try:
            tap = checks.read_tap(message)
        except DecodeError:
            return _refusal(message, ResultClass.FORMAT_ERROR)
        trace = _trace(message)
        key = (trace, message.text(2), message.text(4), message.fields.get(55))
        first = self._under_way.get(key)
        if first is not None:
            return await asyncio.shield(first)
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._under_way[key] = future
        try:
            answer = await self._authorise(message, tap, trace)
        except BaseException as error:
            future.set_exception(error)
            future.exception()  # seen: without a waiter it is no news for the loop
            raise
        finally:
            del self._under_way[key]
        future.set_result(answer)
        return answer

    def _open_expiry(self, card_id: str, sealed: bytes) -> str:
        return self._context.vault.open(CARD_EXPIRY, card_id, sealed).decode("ascii")

    async def _authorise(self, message: Message, tap: Tap, trace: str) -> Message:
        card = await self._cards.find(message.text(2))
        if card is None:
            return _refusal(message, ResultClass.UNKNOWN_TOKEN)
        examined = checks.examine(tap, card.domain, card.master_key)
        outcome = await self._record(message, trace, tap, card, examined)
        if outcome.result is not ResultClass.VALID or examined.session is None:
            return _refusal(message, outcome.result)
        row = outcome.answered
        if row is not None and row.response_code is not None:
            return _answer(message, row.response_code, row.auth_code, row.issuer_data)
        request = _to_issuer(
            message, card, tap.chip or {}, examined.verdict, outcome.card_expiry_yymm
        )
        return await self._ask_issuer(message, request, card, examined, examined.session)

    async def _record(
        self, message: Message, trace: str, tap: Tap, card: TokenCard, examined: Examined
    ) -> _Outcome:
        """Judge and write; what is not genuine changes nothing and only reads."""
        job = _Judging(self._context, self._expiry, message, trace, tap, card, examined)
        database = self._context.database
        outcome = await (database.write(job.run) if examined.genuine else database.read(job.run))
        if ResultClass.ATC_ROLLBACK in job.found:
            log.warning("rollback: token %s is suspended", card.row.token_reference)
        return outcome

    async def _ask_issuer(
        self,
        message: Message,
        request: Message,
        card: TokenCard,
        examined: Examined,
        session: RetailKey,
    ) -> Message:
        """Send the issuer its request, keep what it says, and make the card's answer of it."""
        timeout_ms = self._context.config.issuer_timeout_ms
        try:
            answer = await self._switch.request(request, timeout_ms)
            code = answer.text(39)
        except (HostUnavailable, DecodeError):
            # Unknown to us is unknown to the acquirer: it reverses or repeats.
            return reply(message, {39: responses.ISSUER_UNAVAILABLE})
        if code == responses.ISSUER_UNAVAILABLE:
            return reply(message, {39: code})
        data = responses.issuer_data(card.domain.cvn, session, examined.cryptogram, code)
        auth_code = answer.text(38) if 38 in answer.fields else None
        reference, atc = card.row.token_reference, examined.atc

        def keep(connection: sqlite3.Connection) -> AuthorizationRow | None:
            """Keep the answer; return what was kept before it, if anything was."""
            rows = Repository(connection)
            changed = rows.run(
                "authorization_answer",
                token_reference=reference,
                atc=atc,
                response_code=code,
                auth_code=auth_code,
                issuer_data=data,
            )
            if changed:
                now_ms, by = self._context.env.clock.now_ms(), notices.BY_ISSUER
                notices.answered(rows, card.row, atc, code, by, message, now_ms)
                return None
            kept = rows.authorization(reference, atc)
            if kept is None or kept.response_code is None:
                raise LookupError("an authorisation's record is gone")
            return kept

        kept = await self._context.database.write(keep)
        if kept is None:
            return _answer(message, code, auth_code, data)
        return _answer(message, kept.response_code or "", kept.auth_code, kept.issuer_data)

    async def _reverse(self, message: Message) -> Message:
        """Translate a reversal both ways, whatever the token's state; it frees no counter.

        What the issuer gave back is declined from then on, also to a repeat of the request.
        """
        if not {2, 7, 11}.issubset(message.fields):
            return reply(message, {39: responses.FORMAT_ERROR})
        try:
            original = "|".join(reversed_trace(message))
        except DecodeError:
            return reply(message, {39: responses.FORMAT_ERROR})
        card = await self._cards.find(message.text(2))
        if card is None:
            return reply(message, {39: responses.UNKNOWN_NUMBER})
        request = message.without(*_NOT_FORWARDED, 14, 55).with_fields({2: card.fpan})
        try:
            answer = await self._switch.request(request, self._context.config.issuer_timeout_ms)
            code = answer.text(39)
        except (HostUnavailable, DecodeError):
            return reply(message, {39: responses.ISSUER_UNAVAILABLE})
        if code == responses.APPROVED:

            def undo(connection: sqlite3.Connection) -> None:
                rows, row = Repository(connection), card.row
                rows.run(
                    "authorization_reverse",
                    token_reference=row.token_reference,
                    trace=original,
                    response_code=responses.REVERSED,
                )
                now_ms = self._context.env.clock.now_ms()
                notices.reversed_under(rows, row, original, responses.REVERSED, now_ms)

            await self._context.database.write(undo)
        return reply(message, {39: code})


class _Judging:
    """The transaction of one tap; `found` tells afterwards what was found."""

    def __init__(
        self,
        context: Context,
        expiry: Callable[[str, bytes], str],
        message: Message,
        trace: str,
        tap: Tap,
        card: TokenCard,
        examined: Examined,
    ) -> None:
        self._context = context
        self._expiry = expiry
        self._now_ms = context.env.clock.now_ms()
        self._message = message
        self._trace = trace
        self._tap = tap
        self._card = card
        self._examined = examined
        self.found: frozenset[ResultClass] = frozenset()

    def run(self, connection: sqlite3.Connection) -> _Outcome:
        """Judge the tap against the token as it is now and write what a genuine one changes."""
        rows, examined = Repository(connection), self._examined
        reference = self._card.row.token_reference
        counters = rows.counters(reference)
        if counters is None:
            return _Outcome(ResultClass.UNKNOWN_TOKEN, None, "")
        expiry = self._expiry(self._card.row.card_id, counters.expiry_sealed)
        window = AtcWindow.decode(counters.atc_high, counters.atc_window)
        # What a fresh counter was used for need not be looked up: mark and row are one transaction.
        was_used = examined.genuine and not window.is_fresh(examined.atc)
        earlier = rows.authorization(reference, examined.atc) if was_used else None
        if earlier is not None and self._is_repeat(earlier):
            return _Outcome(self._repeated(earlier, counters), earlier, expiry)
        judgement = self._judge(rows, counters, window, expiry, earlier)
        self.found = judgement.found
        if examined.genuine:
            self._write(rows, counters, judgement)
        return _Outcome(judgement.result, None, expiry)

    @staticmethod
    def _repeated(earlier: AuthorizationRow, counters: CountersRow) -> ResultClass:
        """What is still open goes to the issuer again, unless the token was stopped meanwhile."""
        stopped = checks.STATE_CLASSES.get(TokenState(counters.state))
        is_open = earlier.response_code is None
        return stopped if is_open and stopped is not None else ResultClass(earlier.result)

    def _is_repeat(self, earlier: AuthorizationRow) -> bool:
        return earlier.trace == self._trace and earlier.cryptogram == self._examined.cryptogram

    def _judge(
        self,
        rows: Repository,
        counters: CountersRow,
        window: AtcWindow,
        expiry: str,
        earlier: AuthorizationRow | None,
    ) -> Judgement:
        now_ms = self._now_ms
        standing = Standing(
            state=TokenState(counters.state),
            window=window,
            card_expiry_yymm=expiry,
            earlier=None if earlier is None else earlier.cryptogram,
            lease_opened_ms=self._lease_opened(rows, now_ms),
        )
        return checks.judge(
            self._examined,
            self._card.domain,
            standing,
            now_ms=now_ms,
            now_yymm=yymm_of(now_ms),
            lease_age_max_ms=self._context.config.lease_age_max_ms,
        )

    def _lease_opened(self, rows: Repository, now_ms: int) -> int | None:
        """Return when the tap's lease began; its first genuine cryptogram begins it otherwise."""
        lease = self._examined.lease
        if lease is None or not self._examined.genuine or not (lease.used or lease.valid):
            return None
        se_id, number = self._card.row.se_id, lease.unlock_counter
        opened_ms = rows.lease_opened(se_id, number)
        if opened_ms is None:
            rows.run("lease_add", se_id=se_id, unlock_counter=number, opened_ms=now_ms)
            return now_ms
        return opened_ms

    def _write(self, rows: Repository, counters: CountersRow, judgement: Judgement) -> None:
        reference, examined = self._card.row.token_reference, self._examined
        code, now_ms = responses.RESPONSE_CODES.get(judgement.result), self._now_ms
        rows.run(
            "token_set_atc",
            token_reference=reference,
            atc_high=judgement.window.high,
            atc_window=judgement.window.encode(),
        )
        added = rows.run(
            "authorization_add",
            token_reference=reference,
            atc=examined.atc,
            trace=self._trace,
            cryptogram=examined.cryptogram,
            result=judgement.result.value,
            verdict=examined.verdict,
            amount_minor=self._tap.amount_minor,
            currency=self._tap.currency,
            response_code=code,
            created_ms=now_ms,
        )
        if added and code is not None:
            row, why = self._card.row, judgement.result.value
            notices.answered(rows, row, examined.atc, code, why, self._message, now_ms)
        before, after = counters.atc_high, judgement.window.high
        renewal.counter_moved(rows, self._context.config, reference, before, after, now_ms)
        if ResultClass.ATC_ROLLBACK in judgement.found:
            renewal.suspend_rolled_back(rows, reference, now_ms)


def _trace(message: Message) -> str:
    return "|".join(str(part) for part in trace_key(message))


def _refusal(message: Message, result: ResultClass) -> Message:
    data = private.encode(TokenData(result_class=result.value))
    return reply(message, {39: responses.RESPONSE_CODES[result], 48: data})


def _answer(
    message: Message, code: str, auth_code: str | None, issuer_data: bytes | None
) -> Message:
    fields: dict[int, Value] = {39: code}
    if auth_code is not None:
        fields[38] = auth_code
    if issuer_data is not None:
        fields[55] = issuer_data
    return reply(message, fields)


def _to_issuer(
    message: Message,
    card: TokenCard,
    chip_data: Mapping[int, bytes],
    verdict: str,
    card_expiry_yymm: str,
) -> Message:
    """Return the issuer's 0100: card number and date, token data in 48, no token number."""
    fields = {n: value for n, value in message.fields.items() if n not in _NOT_FORWARDED}
    fields[2], fields[14] = card.fpan, card_expiry_yymm
    fields[48] = card.vouchers[verdict]
    # Rebuilt from the flat list, so that nothing hides inside a template.
    fields[55] = ber.join(chip_data, _NUMBER_TAGS)
    return Message(message.mti, fields)
