"""What the strap's face is told of the cards: bank and last four, never more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from support.fake_wallet import card
from wristlet.companion.concerns import card_entries
from wristlet.companion.store import StrapState
from wristlet.model.token import SeState
from wristlet.wire.strap.settings import CARD_NAME_BYTES, CARDS_MAX


def strap(*cards: object) -> StrapState:
    return StrapState("dev_1", "strap", "00" * 16, "m", "7f21", "04", cards=tuple(cards))  # type: ignore[arg-type]  # cards of the fake wallet


def test_what_is_on_the_strap_is_named() -> None:
    shown = card_entries(
        strap(
            card("a", issuer_name="Aoba Bank"),
            card("b", se_state=SeState.ABSENT),
            card("c", instance_aid=None),
            card("d", se_state=SeState.SELECTED, issuer_name="Kita Credit", card_last4="0018"),
        )
    )
    assert [(one.name, one.last_four) for one in shown] == [
        ("Aoba Bank", "0001"),
        ("Kita Credit", "0018"),
    ]


@given(st.text(max_size=80))
def test_any_banks_name_fits_a_face(name: str) -> None:
    (entry,) = card_entries(strap(card("a", issuer_name=name)))
    assert 1 <= len(entry.name.encode()) <= CARD_NAME_BYTES


def test_a_number_in_a_name_does_not_reach_the_strap() -> None:
    (entry,) = card_entries(strap(card("a", issuer_name="Bank 9999010000000011")))
    assert entry.name == "Bank"


def test_no_more_than_a_strap_can_name() -> None:
    assert len(card_entries(strap(*(card(str(n)) for n in range(30))))) == CARDS_MAX
