"""Card, terminal and issuer agree, whatever somebody between card and terminal changes (P31).

Every single bit of every command and answer is turned in turn. What still goes online is judged
as the token service judges it: either it is refused there, or all three views are the same.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.issuer_eye import judged, sent
from support.three_views import CASES, agrees, all_edits, field_of, tap

# A tap is long: a fifth of the usual examples for each of a dozen cases.
FEWER = settings(max_examples=settings().max_examples // 5)


def test_undisturbed_taps_are_approved_where_they_should_be() -> None:
    approved = {case for case in CASES if agrees(case)}
    assert approved == {case for case in CASES if "locked 1000" in case or "unlocked" in case}


@pytest.mark.parametrize("case", CASES)
@FEWER
@given(data=st.data())
def test_single_bits(case: str, data: st.DataObject) -> None:
    agrees(case, data.draw(st.sampled_from(all_edits(case))))


@pytest.mark.parametrize("case", CASES)
@FEWER
@given(data=st.data())
def test_pairs_of_bits(case: str, data: st.DataObject) -> None:
    """A little more than single edits: also what only both together could achieve."""
    edit = st.sampled_from(all_edits(case))
    agrees(case, data.draw(edit), data.draw(edit))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_every_single_bit(case: str) -> None:
    outcomes = [agrees(case, edit) for edit in all_edits(case)]
    # Not everything that a tap carries matters: labels, languages, class bits of a status word.
    assert len(outcomes) > 1_000
    assert sum(outcomes) < len(outcomes) / 2


def test_the_judge_would_notice_a_terminal_that_lies() -> None:
    """The property is not empty: another amount, number or verification is seen by the judge."""
    case = next(case for case in CASES if case.startswith("K3 locked 1000"))
    outcome = tap(case)
    _, _, sale, _ = CASES[case]
    field = field_of(case)
    assert not judged(sent(sale, outcome), field).found
    for tag, value in (
        (0x9F02, "000000000999"),
        (0x9F37, "00000000"),
        (0x5F2A, "0392"),
        (0x9F34, "010002"),
        (0x9F6C, "0080"),
        (0x9F27, "00"),
        (0x84, "A0000000041010"),
        (0x5F34, "02"),
        (0x57, "9998000000000033D30122010000000000000F"),
    ):
        lie = replace(outcome, data={**outcome.data, tag: bytes.fromhex(value)})
        assert judged(sent(sale, lie), field).found, f"{tag:X}"
