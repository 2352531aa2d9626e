"""What the bank does about its cards at the token service: reissues them, suspends and resumes
tokens.

A reissued card's account stays: its old number leads there through the new one. The token service
is told until it knows; asking again finishes what was begun.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from dataclasses import dataclass
from typing import Final

from wristlet.crypto import ec, jwe, x509chain
from wristlet.crypto.errors import CertificateError
from wristlet.crypto.seal import NONCE_BYTES, KeyStore, KeyUsage, SealKey, open_sealed, seal
from wristlet.crypto.x509chain import Use
from wristlet.env.base import Env
from wristlet.env.database import Database
from wristlet.issuer import repository
from wristlet.issuer.repository import Account, Reissue
from wristlet.issuer.setup import KEY_INDEX, KEY_NUMBERS, TSP_CARD_ROOT, keyed
from wristlet.links.tsp_client import TspClient
from wristlet.model.ids import RANDOM_SIZE, new_id
from wristlet.model.pan import Pan
from wristlet.model.testcards import BANKS, OUTCOMES, SERIAL_DIGITS, TEST_CARDS
from wristlet.model.tsp_messages import (
    CardKey,
    CardReissueCounted,
    CardReissued,
    LifecycleAnswer,
    LifecycleRequest,
)

VERBS: Final = ("suspend", "resume", "delete")
BY_ISSUER: Final = "issuer"


class CardholderError(Exception):
    """The bank cannot do this; `code` names why, `param` the field, `status` is HTTP's."""

    def __init__(self, status: int, code: str, param: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param


@dataclass(frozen=True, slots=True)
class ReissueCard:
    """Replaces an account's card: always a new date (YYMM), with `new_number` a new number too."""

    expiry_yymm: str
    new_number: bool = True


@dataclass(frozen=True, slots=True)
class CardReplaced:
    """The account's card now, and how many tokens of the old one are being renewed."""

    account_id: str
    card_last4: str
    expiry_yymm: str
    tokens: int


@dataclass(frozen=True, slots=True)
class TokenOrder:
    """Why the bank changes a token."""

    reason: str = ""


class CardholderService:
    """Talks to the token service as the issuer; raises RemoteError where that must be there."""

    def __init__(
        self, env: Env, database: Database, store: KeyStore, tsp: TspClient | None
    ) -> None:
        self._env = env
        self._database = database
        self._store = store
        self._tsp = tsp
        self._index_key = store.get(KEY_INDEX, KeyUsage.MAC)
        self._numbers = SealKey(store.get(KEY_NUMBERS, KeyUsage.ENCRYPT))

    async def change_token(
        self, token_reference: str, verb: str, request: TokenOrder
    ) -> LifecycleAnswer:
        """Suspend, resume or delete a token as the issuer, which undoes only what it did itself."""
        client = self._client()
        order = LifecycleRequest(self._new_id("task"), BY_ISSUER, request.reason)
        calls = {"suspend": client.suspend, "resume": client.resume, "delete": client.delete}
        return await calls[verb](token_reference, order)

    async def reissue(self, account_id: str, request: ReissueCard) -> CardReplaced:
        """Replace an account's card and tell the token service; raises CardholderError.

        If that does not answer, ask again: what was begun is finished, nothing is done twice.
        """
        client = self._client()
        _check_expiry(request.expiry_yymm)
        number, serial = self._env.random, 10**SERIAL_DIGITS
        drawn = [int.from_bytes(number.bytes(8), "big") % serial for _ in range(8)]
        begun = await self._database.write(lambda c: self._begin(c, account_id, request, drawn))
        old, new = begun
        key = await client.card_key()
        counted: CardReissueCounted = await client.card_reissued(
            CardReissued(
                self._new_id("task"), self._sealed_for_tsp(key, old), self._sealed_for_tsp(key, new)
            )
        )
        await self._database.write(
            lambda c: repository.run(c, "reissue_told", old_index=self._index(old.number))
        )
        return CardReplaced(account_id, new.number.last4, new.expiry_yymm, counted.tokens)

    def _begin(
        self,
        connection: sqlite3.Connection,
        account_id: str,
        request: ReissueCard,
        drawn: list[int],
    ) -> tuple[_Card, _Card]:
        """Write the new card down, or take the reissue that the token service does not know yet."""
        waiting = repository.open_reissue(connection, account_id)
        if waiting is not None:
            old = _Card(self._number(connection, waiting.old_index), waiting.expiry_yymm)
            return old, _Card(self._opened(waiting), waiting.expiry_yymm)
        index = repository.text(connection, "account_pan_index", account_id=account_id)
        account = None if index is None else repository.account_by_index(connection, index)
        if account is None or index is None:
            raise CardholderError(404, "account_unknown", "account_id", "there is no such account")
        old = _Card(self._number(connection, index), account.expiry_yymm)
        new = _Card(old.number, request.expiry_yymm)
        if request.new_number:
            new = _Card(self._free_number(connection, account, drawn), request.expiry_yymm)
            self._add(connection, account, old, new)
        repository.run(
            connection,
            "account_reissue",
            account_id=account_id,
            pan_index=self._index(new.number),
            card_last4=new.number.last4,
            expiry_yymm=new.expiry_yymm,
        )
        return old, new

    def _add(
        self, connection: sqlite3.Connection, account: Account, old: _Card, new: _Card
    ) -> None:
        index = self._index(new.number)
        nonce = self._env.random.bytes(NONCE_BYTES)
        plain = new.number.reveal().encode("ascii")
        repository.run(
            connection,
            "reissue_add",
            old_index=self._index(old.number),
            new_index=index,
            account_id=account.account_id,
            number_sealed=seal(self._numbers, plain, index.encode(), nonce),
            expiry_yymm=new.expiry_yymm,
            created_ms=self._env.clock.now_ms(),
        )

    def _free_number(
        self, connection: sqlite3.Connection, account: Account, drawn: list[int]
    ) -> Pan:
        """Return a number of the same bank and outcome that nobody has."""
        bank = next(bank for bank in BANKS if bank.name == account.bank)
        kinds = {outcome.value: digits for digits, (outcome, _) in OUTCOMES.items()}
        for serial in drawn:
            digits = f"{bank.card_bin}{kinds[account.idv_outcome]}{serial:0{SERIAL_DIGITS}d}"
            number = Pan.complete(digits)
            if repository.account_by_index(connection, self._index(number)) is None:
                return number
        raise CardholderError(503, "no_free_number", "account_id", "no free number; ask again")

    def _number(self, connection: sqlite3.Connection, index: str) -> Pan:
        """Return the number under an index: of a reissue from its seal, else of a test card."""
        sealed = repository.sealed_number(connection, index)
        if sealed is not None:
            return Pan(bytes(open_sealed(self._numbers, sealed, index.encode())).decode("ascii"))
        for card in TEST_CARDS:
            if self._index(card.number) == index:
                return card.number
        raise CardholderError(409, "number_unknown", "account_id", "the card's number is not kept")

    def _opened(self, reissue: Reissue) -> Pan:
        context = reissue.new_index.encode()
        plain = open_sealed(self._numbers, reissue.number_sealed, context)
        return Pan(bytes(plain).decode("ascii"))

    def _index(self, number: Pan) -> str:
        return keyed(self._index_key, number.reveal())

    def _sealed_for_tsp(self, key: CardKey, card: _Card) -> str:
        """Encrypt a card for the token service, once its key's chain leads to the pinned root."""
        root = bytes(self._store.get(TSP_CARD_ROOT, KeyUsage.PUBLIC))
        chain = [base64.b64decode(one) for one in reversed(key.x5c)]
        if chain[:1] == [root]:
            del chain[0]
        try:
            leaf = x509chain.verify_chain(root, chain, Use.AGREE, self._env.clock.now_ms())
        except CertificateError:
            message = "the token service's key does not lead to the pinned root; nothing was sent"
            raise CardholderError(502, "key_untrusted", "account_id", message) from None
        fields = {"pan": card.number.reveal(), "expiry_yymm": card.expiry_yymm}
        return jwe.encrypt(json.dumps(fields).encode(), ec.public_key(leaf.point), key.kid)

    def _client(self) -> TspClient:
        if self._tsp is None:
            message = "the bank was started without a token service; give it one"
            raise CardholderError(503, "token_service_missing", "account_id", message)
        return self._tsp

    def _new_id(self, prefix: str) -> str:
        now_ms = self._env.clock.now_ms()
        return new_id(prefix, now_ms, self._env.random.bytes(RANDOM_SIZE))


@dataclass(frozen=True, slots=True)
class _Card:
    """A number with its date."""

    number: Pan
    expiry_yymm: str


def _check_expiry(text: str) -> None:
    whole = len(text) == 4 and text.isascii() and text.isdecimal()
    if not whole or not 1 <= int(text[2:]) <= 12:
        raise CardholderError(422, "expiry_invalid", "expiry_yymm", "must be year and month, YYMM")
