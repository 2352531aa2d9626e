"""A token comes to be: recorded with its number, its instance and the script for its card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wristlet.model.tsp_messages import ScriptPackage, VerificationMethod
from wristlet.tsp import lifecycle, perso
from wristlet.tsp.atc import AtcWindow
from wristlet.tsp.lifecycle import TokenLife
from wristlet.tsp.minting import PSN, Mint
from wristlet.tsp.records import TokenRow, methods_to_text
from wristlet.tsp.scripts import Purpose
from wristlet.tsp.unit import Unit
from wristlet.wire.gp import aids

DRAWS_MAX: Final = 8
_ATC_WINDOW_EMPTY: Final = AtcWindow().encode()


class DpanTaken(Exception):
    """The drawn token number was given out before: draw another."""


@dataclass(frozen=True, slots=True)
class Parents:
    """Whom a token is for and where: requestor, element, the identity check, what it replaces."""

    requestor_id: str
    se_id: str
    idv_id: str
    methods: list[VerificationMethod]
    step_up: bool
    replaces: str | None = None


def bear(unit: Unit, drawn: Mint, parents: Parents) -> tuple[TokenRow, ScriptPackage]:
    """Record a token that was approved and write its script; raises DpanTaken."""
    rows = unit.rows
    if rows.dpan_taken(drawn.dpan_index):
        raise DpanTaken
    registered = drawn.program.product.registered_aid
    index = rows.next_counter(parents.se_id, f"instance:{registered.hex()}")
    life = lifecycle.approve(TokenLife(), step_up=parents.step_up)
    token = _row(drawn, parents, life, aids.instance_aid(registered, index))
    rows.run(
        "card_put",
        card_id=drawn.card_id,
        fpan_sealed=drawn.fpan_sealed,
        expiry_sealed=drawn.expiry_sealed,
        par=drawn.par,
        created_ms=unit.now_ms,
    )
    rows.add_token(
        token,
        dpan_index=drawn.dpan_index,
        dpan_sealed=drawn.dpan_sealed,
        psn=PSN,
        key_index=drawn.key_index,
        atc_window=_ATC_WINDOW_EMPTY,
        created_ms=unit.now_ms,
    )
    content = perso.dgis(drawn.personalisation(token.instance_aid), drawn.keys)
    return token, unit.script(token, Purpose.PERSONALISE, content)


def _row(drawn: Mint, parents: Parents, life: TokenLife, instance_aid: bytes) -> TokenRow:
    program = drawn.program
    return TokenRow(
        token_reference=drawn.token_reference,
        requestor_id=parents.requestor_id,
        card_id=drawn.card_id,
        se_id=parents.se_id,
        dpan_last4=drawn.dpan.last4,
        expiry_yymm=drawn.expiry_yymm,
        product=program.product.name,
        instance_aid=instance_aid,
        card_last4=drawn.card_last4,
        issuer_name=program.issuer_name,
        card_name=program.card_name,
        card_art=program.card_art,
        idv_id=parents.idv_id,
        methods=methods_to_text([] if life.verified else parents.methods),
        state=life.state.value,
        suspended_by="",
        personalised=int(life.personalised),
        verified=int(life.verified),
        ordered=life.wanted.value,
        replaces=parents.replaces,
    )
