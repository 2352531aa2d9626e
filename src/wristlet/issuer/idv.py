"""Identification and verification: is this card the applicant's, and how can that be proved."""

from __future__ import annotations

import hmac
import sqlite3
from dataclasses import dataclass

import msgspec

from wristlet.crypto import ec, jwe
from wristlet.crypto.errors import EnvelopeError
from wristlet.crypto.seal import KeyStore, KeyUsage
from wristlet.env.base import Env
from wristlet.env.database import Database
from wristlet.issuer.repository import queries
from wristlet.issuer.setup import KEY_CODES, KEY_IDV, KEY_INDEX, keyed
from wristlet.model.ids import new_id
from wristlet.model.issuer_messages import CodeSent, CodeVerified, IdvDecision
from wristlet.model.testcards import OTP_EXPIRED, OTP_RIGHT
from wristlet.model.tsp_messages import VerificationMethod

CODE_LIFE_MS, CODE_TRIES = 600_000, 3
SMS = VerificationMethod("sms", "text_to_cardholder_number", "•••• 4417")
BANK_APP = VerificationMethod("app", "cardholder_to_use_mobile_app", "your bank's app")
# What each account's seeded outcome answers: decision, reason, methods.
DECISIONS: dict[str, tuple[str, str, tuple[VerificationMethod, ...]]] = {
    "yellow_sms": ("yellow", "identity to be confirmed", (SMS,)),
    "yellow_app": ("yellow", "identity to be confirmed", (BANK_APP, SMS)),
    "red_issuer": ("red", "the bank does not allow this card in a wallet", ()),
}
GREEN: tuple[str, str, tuple[VerificationMethod, ...]] = ("green", "known cardholder", ())


class IdvError(Exception):
    """The case or the card data are not usable; `code` names why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class CardData:
    """What the applicant typed, opened from the JWE; never printed."""

    pan: str
    expiry_yymm: str
    security_code: str

    def __repr__(self) -> str:
        return "CardData(<masked>)"


class IdvService:
    """Decides on cards and checks codes. In the sandbox the code is always the documented one."""

    def __init__(self, env: Env, database: Database, store: KeyStore) -> None:
        self._env = env
        self._database = database
        self._index_key = store.get(KEY_INDEX, KeyUsage.MAC)
        self._code_key = store.get(KEY_CODES, KeyUsage.MAC)
        self._private = ec.private_key(store.get(KEY_IDV, KeyUsage.AGREE))

    async def decide(self, card_jwe: str) -> IdvDecision:
        """Decide green, yellow or red for the card in the JWE; raises IdvError."""
        card = self._open_card(card_jwe)
        return await self._database.write(lambda connection: self._decide(connection, card))

    def _decide(self, connection: sqlite3.Connection, card: CardData) -> IdvDecision:
        idv_id = new_id("idv", self._env.clock.now_ms(), self._env.random.bytes(10))
        index = keyed(self._index_key, card.pan)
        row = queries().account_by_index(connection, pan_index=index)
        if row is None:
            return IdvDecision(idv_id, "red", "the bank does not know this card", "")
        decision, reason, methods = self._judge(row, card)
        queries().add_idv_case(
            connection, idv_id=idv_id, account_id=row["account_id"], decision=decision
        )
        return IdvDecision(idv_id, decision, reason, row["bank"], list(methods))

    def _judge(
        self, row: sqlite3.Row, card: CardData
    ) -> tuple[str, str, tuple[VerificationMethod, ...]]:
        outcome: str = row["idv_outcome"]
        code = keyed(self._code_key, card.security_code)
        if outcome == "cvc_mismatch" or not hmac.compare_digest(code, row["security_code_mac"]):
            return "red", "security code does not match", ()
        if outcome == "expiry_mismatch" or card.expiry_yymm != row["expiry_yymm"]:
            return "red", "expiry date does not match", ()
        return DECISIONS.get(outcome, GREEN)

    async def send_code(self, idv_id: str, method_id: str) -> CodeSent:
        """Send a one-time code by one of the offered methods; raises IdvError."""
        expires_ms = self._env.clock.now_ms() + CODE_LIFE_MS

        def write(connection: sqlite3.Connection) -> None:
            self._case(connection, idv_id)
            if method_id not in (SMS.id, BANK_APP.id):
                raise IdvError("unknown_method", "method_id: not one that was offered; choose again")
            queries().set_code(
                connection,
                idv_id=idv_id,
                code_mac=keyed(self._code_key, f"{idv_id}:{OTP_RIGHT}"),
                method_id=method_id,
                expires_ms=expires_ms,
                tries_left=CODE_TRIES,
            )

        await self._database.write(write)
        return CodeSent(idv_id, expires_ms)

    async def verify_code(self, idv_id: str, code_jwe: str) -> CodeVerified:
        """Check a code: single use, three tries, ten minutes; raises IdvError."""
        code = self._open_code(code_jwe)
        return await self._database.write(lambda connection: self._verify(connection, idv_id, code))

    def _verify(self, connection: sqlite3.Connection, idv_id: str, code: str) -> CodeVerified:
        case = self._case(connection, idv_id)
        if not case["code_mac"]:
            raise IdvError("no_code_sent", "code: none was sent yet; choose a method first")
        if case["used"] or case["tries_left"] <= 0:
            return CodeVerified("tries_exceeded", 0)
        queries().use_try(connection, idv_id=idv_id)
        left = case["tries_left"] - 1
        if case["expires_ms"] < self._env.clock.now_ms() or code == OTP_EXPIRED:
            return CodeVerified("expired_code", left)
        given = keyed(self._code_key, f"{idv_id}:{code}")
        if not hmac.compare_digest(given, case["code_mac"]):
            return CodeVerified("incorrect_code" if left else "tries_exceeded", left)
        queries().mark_used(connection, idv_id=idv_id)
        return CodeVerified("success", left)

    def _case(self, connection: sqlite3.Connection, idv_id: str) -> sqlite3.Row:
        case: sqlite3.Row | None = queries().idv_case(connection, idv_id=idv_id)
        if case is None or case["decision"] == "red":
            raise IdvError("unknown_case", "idv_id: no such open case; check the card again")
        return case

    def _open_card(self, token: str) -> CardData:
        try:
            return msgspec.json.decode(jwe.decrypt(token, self._private), type=CardData)
        except (EnvelopeError, msgspec.DecodeError) as error:
            raise IdvError("bad_envelope", "card_jwe: cannot be opened with the bank's key") from error

    def _open_code(self, token: str) -> str:
        try:
            fields = msgspec.json.decode(jwe.decrypt(token, self._private), type=dict[str, str])
            return fields["code"]
        except (EnvelopeError, msgspec.DecodeError, KeyError) as error:
            raise IdvError("bad_envelope", "code_jwe: cannot be opened with the bank's key") from error
