"""Identification and verification: is this card the applicant's, and how can that be proved."""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from wristlet.crypto import ec, jwe
from wristlet.crypto.errors import EnvelopeError
from wristlet.crypto.seal import KeyStore, KeyUsage
from wristlet.env.base import Env
from wristlet.env.database import Database
from wristlet.issuer import repository
from wristlet.issuer.repository import Account, IdvCase
from wristlet.issuer.setup import KEY_CODES, KEY_IDV, KEY_INDEX, STATUS_OPEN, keyed
from wristlet.model.ids import RANDOM_SIZE, new_id
from wristlet.model.issuer_messages import (
    CodeSent,
    CodeVerified,
    IdvDecision,
    IdvRequest,
    ProveHolder,
    SendCode,
    VerifyCode,
)
from wristlet.model.testcards import OTP_EXPIRED, OTP_RIGHT, Outcome
from wristlet.model.tsp_messages import VerificationMethod
from wristlet.wire.masked import SecretDigits

CODE_LIFE_MS: Final = 600_000
CODE_TRIES: Final = 3
CODES_PER_CASE: Final = 5
CODE_DIGITS: Final = 6
WRONG_DATA_A_DAY: Final = 5
WRONG_CODES_A_DAY: Final = 10
PROOFS_A_DAY: Final = 10
DATA, CODE, PROOF = "data", "code", "proof"
DAY_MS: Final = 86_400_000

GREEN, YELLOW, RED = "green", "yellow", "red"
SMS: Final = VerificationMethod("sms", "text_to_cardholder_number", "•••• 4417")
BANK_APP: Final = VerificationMethod("app", "cardholder_to_use_mobile_app", "your bank's app")
METHODS: Final = {method.id: method for method in (SMS, BANK_APP)}

SUCCESS, INCORRECT, EXPIRED, EXCEEDED = (
    "success",
    "incorrect_code",
    "expired_code",
    "tries_exceeded",
)


class IdvError(Exception):
    """The case or the card data are not usable; `code` names why, `param` the field."""

    def __init__(self, code: str, param: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.param = param


@dataclass(frozen=True, slots=True)
class CardData:
    """What the applicant typed, opened from the JWE; never printed."""

    pan: str
    expiry_yymm: str
    security_code: str

    def __repr__(self) -> str:
        return "CardData(<masked>)"


@dataclass(frozen=True, slots=True)
class OneTimeCode:
    """A code on its way to the cardholder of an account."""

    account_id: str
    method: VerificationMethod
    code: SecretDigits


Deliver: TypeAlias = Callable[[OneTimeCode], Awaitable[None]]


async def no_delivery(code: OneTimeCode) -> None:
    """Refuse to deliver: the bank has no way to reach its cardholders."""
    del code
    raise IdvError("delivery_unavailable", "method_id", "the bank cannot send codes; try later")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the bank thinks of a card: decision, reason, methods to prove it."""

    decision: str
    reason: str
    methods: tuple[VerificationMethod, ...] = ()


UNKNOWN_CARD: Final = Judgement(RED, "the bank does not know this card")
WRONG_CODE: Final = Judgement(RED, "security code does not match")
WRONG_EXPIRY: Final = Judgement(RED, "expiry date does not match")
TOO_MANY_WRONG: Final = Judgement(RED, "too many wrong attempts; try again tomorrow")
NOT_OPEN: Final = Judgement(RED, "the card cannot be used")
KNOWN: Final = Judgement(GREEN, "known cardholder")
HOLDER: Final = Judgement(YELLOW, "identity to be confirmed", (SMS,))
# A card that is fine; its methods are given when somebody else asks for proof.
STEP_UP_BY_OTHERS: Final = Judgement(GREEN, "known cardholder", (SMS,))
JUDGEMENTS: Final = {
    Outcome.YELLOW_SMS: Judgement(YELLOW, "identity to be confirmed", (SMS,)),
    Outcome.YELLOW_APP: Judgement(YELLOW, "identity to be confirmed", (BANK_APP, SMS)),
    Outcome.RED_ISSUER: Judgement(RED, "the bank does not allow this card in a wallet"),
    Outcome.CVC_MISMATCH: WRONG_CODE,
    Outcome.EXPIRY_MISMATCH: WRONG_EXPIRY,
}
# Lost and expired test cards can be added, so that their payments can be seen to be declined.
_PLAYED_OUT_AT_THE_TERMINAL: Final = (Outcome.LOST.value, Outcome.EXPIRED.value)


def judge(
    account: Account | None, *, code_fits: bool, expiry_yymm: str, recommendation: str
) -> Judgement:
    """Decide on a card. `recommendation` is the wallet's: yellow asks for ways to prove."""
    if account is None:
        return UNKNOWN_CARD
    if not code_fits:
        return WRONG_CODE
    if expiry_yymm != account.expiry_yymm:
        return WRONG_EXPIRY
    played_out = account.idv_outcome in _PLAYED_OUT_AT_THE_TERMINAL
    if account.status != STATUS_OPEN and not played_out:
        return NOT_OPEN
    fine = STEP_UP_BY_OTHERS if recommendation == YELLOW else KNOWN
    return JUDGEMENTS.get(Outcome(account.idv_outcome), fine)


class IdvService:
    """Decides on cards, sends and checks codes.

    In the sandbox the code is the documented one and nothing is sent; else it is drawn at random
    and handed to `deliver`.
    """

    def __init__(
        self,
        env: Env,
        database: Database,
        store: KeyStore,
        *,
        sandbox: bool,
        deliver: Deliver = no_delivery,
    ) -> None:
        self._env = env
        self._database = database
        self._sandbox = sandbox
        self._deliver = deliver
        self._index_key = store.get(KEY_INDEX, KeyUsage.MAC)
        self._code_key = store.get(KEY_CODES, KeyUsage.MAC)
        self._private = ec.private_key(store.get(KEY_IDV, KeyUsage.AGREE))

    async def decide(self, request: IdvRequest) -> IdvDecision:
        """Decide green, yellow or red for the card in the JWE; raises IdvError."""
        card = self._open_card(request.card_jwe)
        recommendation = request.wallet_recommendation
        return await self._database.write(lambda c: self._decide(c, card, recommendation))

    async def prove_holder(self, request: ProveHolder) -> IdvDecision:
        """Name the ways in which a digitised card's holder can prove identity; raises IdvError.

        Whatever is known of the card, a code is asked for: that the card is fine is no proof of who
        asks. So many cases a day and no more, as each can send codes.
        """
        number = self._open_number(request.card_jwe)
        return await self._database.write(lambda c: self._prove(c, number))

    async def send_code(self, request: SendCode) -> CodeSent:
        """Send a one-time code by one of the offered methods; raises IdvError.

        A new code makes the one before it useless.
        """
        expires_ms = self._env.clock.now_ms() + CODE_LIFE_MS
        code = self._new_code()
        account_id = await self._database.write(
            lambda c: self._put_code(c, request, code, expires_ms)
        )
        if not self._sandbox:
            method = METHODS[request.method_id]
            await self._deliver(OneTimeCode(account_id, method, SecretDigits(code)))
        return CodeSent(request.idv_id, expires_ms, CODE_TRIES)

    async def verify_code(self, request: VerifyCode) -> CodeVerified:
        """Check a code: single use, three tries, ten minutes; raises IdvError.

        The task that it counted for gets the same answer again.
        """
        code = self._open_code(request.code_jwe)
        return await self._database.write(lambda c: self._verify(c, request, code))

    def _decide(
        self, connection: sqlite3.Connection, card: CardData, recommendation: str
    ) -> IdvDecision:
        account = repository.account_by_index(connection, keyed(self._index_key, card.pan))
        code_mac = keyed(self._code_key, card.security_code)
        known_mac = "" if account is None else account.security_code_mac
        code_fits = hmac.compare_digest(code_mac, known_mac)
        judgement = judge(
            account,
            code_fits=code_fits,
            expiry_yymm=card.expiry_yymm,
            recommendation=recommendation,
        )
        if account is not None:
            wrong = not code_fits or card.expiry_yymm != account.expiry_yymm
            if self._guesses(connection, account.account_id, DATA) >= WRONG_DATA_A_DAY:
                judgement = TOO_MANY_WRONG
            elif wrong:
                self._count_guess(connection, account.account_id, DATA)
        idv_id = self._add_case(connection, account, judgement)
        bank = "" if account is None else account.bank
        return IdvDecision(
            idv_id, judgement.decision, judgement.reason, bank, list(judgement.methods)
        )

    def _prove(self, connection: sqlite3.Connection, number: str) -> IdvDecision:
        account = repository.account_by_index(connection, keyed(self._index_key, number))
        judgement = UNKNOWN_CARD
        if account is not None:
            outcome = Outcome(account.idv_outcome)
            judgement = JUDGEMENTS.get(outcome, HOLDER)
            if account.status != STATUS_OPEN:
                judgement = NOT_OPEN
            elif self._guesses(connection, account.account_id, PROOF) >= PROOFS_A_DAY:
                judgement = TOO_MANY_WRONG
            else:
                self._count_guess(connection, account.account_id, PROOF)
        idv_id = self._add_case(connection, account, judgement)
        bank = "" if account is None else account.bank
        methods = list(judgement.methods)
        return IdvDecision(idv_id, judgement.decision, judgement.reason, bank, methods)

    def _add_case(
        self, connection: sqlite3.Connection, account: Account | None, judgement: Judgement
    ) -> str:
        idv_id = new_id("idv", self._env.clock.now_ms(), self._env.random.bytes(RANDOM_SIZE))
        repository.run(
            connection,
            "idv_case_add",
            idv_id=idv_id,
            account_id="" if account is None else account.account_id,
            decision=judgement.decision,
            methods=",".join(method.id for method in judgement.methods),
        )
        return idv_id

    def _guesses(self, connection: sqlite3.Connection, account_id: str, kind: str) -> int:
        """Count the wrong data or codes of a day; from a limit on nothing more is compared.

        A security code has three digits and a one-time code six: who may try for ever finds both.
        """
        since_ms = self._env.clock.now_ms() - DAY_MS
        repository.run(connection, "idv_failure_forget", account_id=account_id, since_ms=since_ms)
        day = {"account_id": account_id, "kind": kind, "since_ms": since_ms}
        return repository.number(connection, "idv_failure_count", **day)

    def _count_guess(self, connection: sqlite3.Connection, account_id: str, kind: str) -> None:
        now_ms = self._env.clock.now_ms()
        guess = {"account_id": account_id, "kind": kind, "now_ms": now_ms}
        repository.run(connection, "idv_failure_add", **guess)

    def _new_code(self) -> str:
        if self._sandbox:
            return OTP_RIGHT
        # 64 bits over a million: the bias is below 1 in 10^13.
        drawn = int.from_bytes(self._env.random.bytes(8), "big")
        return f"{drawn % 10**CODE_DIGITS:0{CODE_DIGITS}d}"

    def _put_code(
        self, connection: sqlite3.Connection, request: SendCode, code: str, expires_ms: int
    ) -> str:
        case = _open_case(connection, request.idv_id)
        if request.method_id not in case.methods.split(",") or not case.methods:
            raise IdvError("unknown_method", "method_id", "not one that was offered; choose again")
        if case.used:
            raise IdvError("already_verified", "idv_id", "the card is verified; no code is needed")
        if case.codes_sent >= CODES_PER_CASE:
            raise IdvError("too_many_codes", "idv_id", "no more codes; start again with the card")
        repository.run(
            connection,
            "idv_code_set",
            idv_id=request.idv_id,
            code_mac=self._code_mac(request.idv_id, code),
            expires_ms=expires_ms,
            tries_left=CODE_TRIES,
        )
        return case.account_id

    def _verify(
        self, connection: sqlite3.Connection, request: VerifyCode, code: str
    ) -> CodeVerified:
        idv_id = request.idv_id
        case = _open_case(connection, idv_id)
        if not case.code_mac:
            raise IdvError("no_code_sent", "code_jwe", "none was sent yet; choose a method first")
        fits = hmac.compare_digest(self._code_mac(idv_id, code), case.code_mac)
        if case.used:
            again = fits and request.task_id and request.task_id == case.used_for
            return CodeVerified(SUCCESS, case.tries_left) if again else CodeVerified(EXPIRED, 0)
        too_many = self._guesses(connection, case.account_id, CODE) >= WRONG_CODES_A_DAY
        if case.tries_left <= 0 or too_many:
            return CodeVerified(EXCEEDED, 0)
        repository.run(connection, "idv_try_use", idv_id=idv_id)
        left = case.tries_left - 1
        if self._is_expired(case, code):
            return CodeVerified(EXPIRED, left)
        if not fits:
            self._count_guess(connection, case.account_id, CODE)
            return CodeVerified(INCORRECT if left else EXCEEDED, left)
        repository.run(connection, "idv_case_use", idv_id=idv_id, used_for=request.task_id)
        return CodeVerified(SUCCESS, left)

    def _is_expired(self, case: IdvCase, code: str) -> bool:
        played = self._sandbox and code == OTP_EXPIRED
        return played or case.expires_ms <= self._env.clock.now_ms()

    def _code_mac(self, idv_id: str, code: str) -> str:
        return keyed(self._code_key, f"{idv_id}:{code}")

    def _open_card(self, token: str) -> CardData:
        try:
            plain = jwe.decrypt(token, self._private)
            card = msgspec.json.decode(plain, type=CardData)
        except (EnvelopeError, msgspec.DecodeError):
            # The library's text may quote what the applicant typed.
            raise _bad_envelope("card_jwe") from None
        if not all(_is_digits(part) for part in (card.pan, card.expiry_yymm, card.security_code)):
            raise _bad_envelope("card_jwe")
        return card

    def _open_number(self, token: str) -> str:
        try:
            plain = jwe.decrypt(token, self._private)
            number = msgspec.json.decode(plain, type=dict[str, str]).get("pan", "")
        except (EnvelopeError, msgspec.DecodeError):
            raise _bad_envelope("card_jwe") from None
        if not _is_digits(number):
            raise _bad_envelope("card_jwe")
        return number

    def _open_code(self, token: str) -> str:
        try:
            plain = jwe.decrypt(token, self._private)
            code = msgspec.json.decode(plain, type=dict[str, str]).get("code", "")
        except (EnvelopeError, msgspec.DecodeError):
            raise _bad_envelope("code_jwe") from None
        if not _is_digits(code):
            raise _bad_envelope("code_jwe")
        return code


def _open_case(connection: sqlite3.Connection, idv_id: str) -> IdvCase:
    case = repository.idv_case(connection, idv_id)
    if case is None or case.decision == RED:
        raise IdvError("unknown_case", "idv_id", "no such open case; check the card again")
    return case


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _bad_envelope(param: str) -> IdvError:
    return IdvError("bad_envelope", param, "must be digits under a JWE for the bank's current key")
