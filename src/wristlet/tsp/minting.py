"""Draws what a new token needs: number, references, keys, sealed values. Records nothing."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wristlet.model.pan import Dpan
from wristlet.tsp import perso
from wristlet.tsp.cards import yymm_of, yymmdd_of
from wristlet.tsp.perso import CardKeys, PersoData
from wristlet.tsp.vault import CARD_EXPIRY, DPAN, FPAN

if TYPE_CHECKING:
    from wristlet.env.base import Random
    from wristlet.tsp.cards import CardData
    from wristlet.tsp.context import Context
    from wristlet.tsp.programs import Program

PSN: Final = "01"
_SERIAL_DIGITS: Final = 9
_PAR_PREFIX: Final = "WRST"
_PAR_BODY: Final = 25


@dataclass(frozen=True, slots=True)
class Mint:
    """A token before it is recorded; numbers are sealed or masked."""

    token_reference: str
    program: Program
    dpan: Dpan
    dpan_index: bytes
    dpan_sealed: bytes
    keys: CardKeys
    expiry_yymm: str
    effective_yymmdd: str
    key_index: int
    card_id: str
    card_last4: str
    fpan_sealed: bytes
    expiry_sealed: bytes
    par: str

    def personalisation(self, instance_aid: bytes) -> PersoData:
        """Return what the card on the secure element is made of."""
        return PersoData(
            product=self.program.product,
            program=self.program,
            dpan=self.dpan,
            psn=PSN,
            expiry_yymm=self.expiry_yymm,
            effective_yymmdd=self.effective_yymmdd,
            key_index=self.key_index,
            instance_aid=instance_aid,
        )


def draw_dpan(token_bin: str, random: Random) -> Dpan:
    """Draw a token number: the bank's token range, nine digits of chance, check digit."""
    # 128 bits modulo 10^9: the most and least likely numbers differ by less than 2^-97.
    serial = int.from_bytes(random.bytes(16), "big") % 10**_SERIAL_DIGITS
    return Dpan.complete(f"{token_bin}{serial:0{_SERIAL_DIGITS}d}")


def draw_par(random: Random) -> str:
    """Draw a payment account reference: 29 characters, the first four name who gave it."""
    body = base64.b32encode(random.bytes(16)).decode().rstrip("=")
    return _PAR_PREFIX + body[:_PAR_BODY]


def mint(context: Context, program: Program, card: CardData) -> Mint:
    """Draw a token for a card; whether its number is free is seen when it is recorded."""
    random, vault = context.env.random, context.vault
    now_ms = context.env.clock.now_ms()
    reference = f"tok_{random.bytes(16).hex()}"
    dpan = draw_dpan(program.token_bin, random)
    number = card.pan.reveal()
    card_id = vault.index(FPAN, number).hex()
    key_index = context.keys.key_index
    imk = context.keys.issuer_keys(program.product, key_index)
    today = yymm_of(now_ms)
    return Mint(
        token_reference=reference,
        program=program,
        dpan=dpan,
        dpan_index=vault.index(DPAN, dpan.reveal()),
        dpan_sealed=vault.seal(DPAN, reference, dpan.reveal().encode()),
        keys=perso.card_keys(program.product, imk, dpan, PSN),
        expiry_yymm=f"{(int(today[:2]) + program.token_years) % 100:02d}{today[2:]}",
        effective_yymmdd=yymmdd_of(now_ms),
        key_index=key_index,
        card_id=card_id,
        card_last4=card.pan.last4,
        fpan_sealed=vault.seal(FPAN, card_id, number.encode()),
        expiry_sealed=vault.seal(CARD_EXPIRY, card_id, card.expiry_yymm.encode()),
        par=draw_par(random),
    )
