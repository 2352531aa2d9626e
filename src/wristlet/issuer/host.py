"""The bank's authorisation host: requests and reversals from the switch."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from wristlet.crypto.seal import KeyStore, KeyUsage
from wristlet.env.base import Env
from wristlet.env.database import Database, DatabaseOverloadedError
from wristlet.issuer import booking
from wristlet.issuer.authorize import RequestView
from wristlet.issuer.booking import Request, Reversal
from wristlet.issuer.setup import KEY_INDEX, KeyedHash
from wristlet.model.money import CurrencyError, alpha_code
from wristlet.model.token import ResultClass
from wristlet.wire import ber
from wristlet.wire.emv import tags
from wristlet.wire.errors import DecodeError
from wristlet.wire.iso8583 import private
from wristlet.wire.iso8583.message import TRACE, Message, reply, reversed_trace
from wristlet.wire.masked import SecretDigits

FORMAT_ERROR: Final = "30"
NOT_SUPPORTED: Final = "12"
UNABLE_NOW: Final = "91"

REQUESTS: Final = ("0100", "0101")
REVERSALS: Final = ("0400", "0401", "0420", "0421")
LEASE_USED: Final = "used"

DAY_MS: Final = 86_400_000

_CVM_METHOD: Final = 0x3F
_CVM_ON_DEVICE: Final = 0x01
_CTQ_DEVICE_CVM: Final = 0x80
_REPLACEMENT_AMOUNTS: Final = 95
_ID_SIZE: Final = 3


# A token's taps carry the same field 48 again and again.
_token_data = lru_cache(4_096)(private.decode)


@lru_cache(2)
def _year_and_month(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_MS / 1000, UTC).strftime("%y%m")


class IssuerHost:
    """Answers the switch; every answer that moved money is durable before it is given."""

    def __init__(self, env: Env, database: Database, store: KeyStore) -> None:
        self._env = env
        self._database = database
        self._index_of = KeyedHash(store.get(KEY_INDEX, KeyUsage.MAC)).of

    async def handle(self, message: Message) -> Message:
        """Answer one request or reversal.

        30 for one that cannot be read, 91 when too many are waiting: neither is booked.
        """
        try:
            if message.mti in REQUESTS:
                return await self._authorise(message)
            if message.mti in REVERSALS:
                return await self._reverse(message)
        except (DecodeError, CurrencyError):
            return reply(message, {39: FORMAT_ERROR})
        except DatabaseOverloadedError:
            return reply(message, {39: UNABLE_NOW})
        return reply(message, {39: NOT_SUPPORTED})

    async def _authorise(self, message: Message) -> Message:
        request = self._read_request(message)
        answer = await self._database.write(lambda connection: booking.book(connection, request))
        if answer.authorisation_id:
            return reply(message, {38: answer.authorisation_id, 39: answer.code})
        return reply(message, {39: answer.code})

    async def _reverse(self, message: Message) -> Message:
        if _REPLACEMENT_AMOUNTS in message.fields:
            return reply(message, {39: NOT_SUPPORTED})
        reversal = self._read_reversal(message)
        code = await self._database.write(lambda connection: booking.undo(connection, reversal))
        return reply(message, {39: code})

    def _read_request(self, message: Message) -> Request:
        sent, stan, acquirer, reference, amount, currency = message.texts(*TRACE, 4, 49)
        now_ms = self._env.clock.now_ms()
        token = _token_data(message.binary(48))
        view = RequestView(
            amount_minor=int(amount),
            currency=alpha_code(currency),
            today_yymm=_year_and_month(now_ms // DAY_MS),
            token_checked=token.result_class == ResultClass.VALID.value,
            terminal_says_verified=says_verified(message.binary(55)),
            lease_used=token.lease_verdict == LEASE_USED,
        )
        return Request(
            trace=f"{sent}|{stan}|{acquirer}|{reference}",
            pan_index=self._index(message),
            view=view,
            acquirer=acquirer,
            token_reference=token.token_reference,
            merchant=message.text(43) if 43 in message.fields else "",
            authorisation_id=self._env.random.bytes(_ID_SIZE).hex().upper(),
            now_ms=now_ms,
        )

    def _read_reversal(self, message: Message) -> Reversal:
        text = message.text
        return Reversal(
            trace="|".join(reversed_trace(message)),
            pan_index=self._index(message),
            amount_minor=int(text(4)),
            currency=alpha_code(text(49)),
            acquirer=text(32),
            now_ms=self._env.clock.now_ms(),
        )

    def _index(self, message: Message) -> str:
        number = message.text(2)
        plain = number.reveal() if isinstance(number, SecretDigits) else number
        return self._index_of(plain)


def says_verified(chip: bytes) -> bool:
    """Tell whether a terminal's chip data claim that the device verified the cardholder.

    Kernel 2 says it in the CVM results, kernel 3 there or in the CTQ. Raises DecodeError.
    """
    said = ber.collect(chip)
    results = said.get(tags.CVM_RESULTS_9F34)
    if results and results[0] & _CVM_METHOD == _CVM_ON_DEVICE:
        return True
    ctq = said.get(tags.CTQ_9F6C)
    return ctq is not None and len(ctq) > 1 and bool(ctq[1] & _CTQ_DEVICE_CVM)
