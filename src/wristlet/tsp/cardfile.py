"""Tokens as the authorisation path needs them: opened, keys derived, the latest ones kept."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wristlet.crypto import cryptogram
from wristlet.crypto.tdes import TdesKey
from wristlet.model.token import ResultClass
from wristlet.tsp.checks import VERDICTS, Domain
from wristlet.tsp.programs import BIN_DIGITS, PRODUCTS
from wristlet.tsp.repository import Repository
from wristlet.tsp.vault import DPAN, FPAN
from wristlet.wire.iso8583 import private
from wristlet.wire.iso8583.private import TokenData
from wristlet.wire.masked import SecretDigits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wristlet.tsp.context import Context
    from wristlet.tsp.records import TapRow


@dataclass(frozen=True, slots=True)
class TokenCard:
    """One token, opened: nothing in it changes during the token's life."""

    row: TapRow
    domain: Domain
    fpan: SecretDigits
    master_key: TdesKey = field(repr=False)
    vouchers: Mapping[str, bytes] = field(repr=False)
    """Field 48 of a valid tap's request, by what the secure element says of the cardholder."""


class CardFile:
    """Finds tokens by number; the most recently used stay in memory, found by blind index only."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._kept: OrderedDict[bytes, TokenCard] = OrderedDict()
        self._limits = {
            program.token_bin: program.no_cvm_sum_max_minor for program in context.config.programs
        }

    async def find(self, number: str) -> TokenCard | None:
        """Return the token with this number, in whatever state; None if there is none."""
        plain = number.reveal() if isinstance(number, SecretDigits) else number
        index = self._context.vault.index(DPAN, plain)
        kept = self._kept.get(index)
        if kept is not None:
            self._kept.move_to_end(index)
            return kept
        row = await self._context.database.read(
            lambda connection: Repository(connection).tap(index)
        )
        if row is None:
            return None
        card = self._open(row, plain)
        self._kept[index] = card
        if len(self._kept) > self._context.config.card_keys_cached:
            self._kept.popitem(last=False)
        return card

    def _open(self, row: TapRow, dpan: str) -> TokenCard:
        product = PRODUCTS[row.product]
        imk = self._context.keys.issuer_keys(product, row.key_index)
        derive = cryptogram.VERSIONS[product.cvn].master_key
        fpan = self._context.vault.open(FPAN, row.card_id, row.fpan_sealed)
        return TokenCard(
            row=row,
            vouchers={verdict: _voucher(row, verdict) for verdict in VERDICTS},
            domain=Domain(
                cvn=product.cvn,
                key_index=row.key_index,
                instance_aid=row.instance_aid,
                registered_aid=product.registered_aid,
                psn=row.psn,
                expiry_yymm=row.expiry_yymm,
                no_cvm_sum_max_minor=self._limits.get(dpan[:BIN_DIGITS], 0),
            ),
            fpan=SecretDigits(fpan.decode("ascii")),
            master_key=TdesKey(derive(imk.ac, dpan, row.psn)),
        )


def _voucher(row: TapRow, verdict: str) -> bytes:
    return private.encode(
        TokenData(
            token_reference=row.token_reference,
            requestor_id=row.requestor_id,
            par=row.par,
            dpan_last4=row.dpan_last4,
            result_class=ResultClass.VALID.value,
            lease_verdict=verdict,
        )
    )
