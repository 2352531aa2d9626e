"""One sync, many parts: each has its turn, each says how it went."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from wristlet.companion.errors import CompanionError, ServerRefused, ServerUnreachable
from wristlet.companion.sync import ORDERS, PartReport, SyncReport, run_parts
from wristlet.companion.sync_parts import TRANSACTIONS_KEPT, merge
from wristlet.links.channel import LinkLost
from wristlet.links.strap_link import StrapRefused
from wristlet.model.wallet_messages import Transaction

LINK: Any = object()


@dataclass
class Part:
    name: str
    error: Exception | None = None
    seen: list[Any] = field(default_factory=list)

    async def run(self, link: Any) -> PartReport:
        self.seen.append(link)
        if self.error is not None:
            raise self.error
        return PartReport(self.name, done=1)


async def sync(*parts: Part) -> SyncReport:
    return await run_parts(parts, LINK, of_server=frozenset({"requests", ORDERS, "cards"}))


async def test_each_part_gets_the_link_and_reports() -> None:
    parts = (Part("requests"), Part(ORDERS), Part("messages"))
    report = await sync(*parts)
    assert [one.name for one in report.parts] == ["requests", ORDERS, "messages"]
    assert all(part.seen == [LINK] for part in parts)
    assert (report.done, report.open, report.reason, report.is_whole) == (1, 0, "", True)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (LinkLost("lost"), "strap: out of reach"),
        (StrapRefused("the strap's memory is full"), "memory is full"),
        (CompanionError("activity: its file is damaged; export it"), "file is damaged"),
    ],
)
async def test_a_part_that_fails_takes_nothing_from_the_others(
    error: Exception, reason: str
) -> None:
    last = Part("activity")
    report = await sync(Part(ORDERS), Part("messages", error), last)
    assert last.seen
    assert (report.is_whole, report.failed) == (False, None)
    assert reason in report.parts[1].reason


async def test_once_the_server_is_away_its_other_parts_are_left_out() -> None:
    cards, activity = Part("cards"), Part("activity")
    report = await sync(Part(ORDERS, ServerUnreachable()), cards, activity)
    assert (cards.seen, activity.seen) == ([], [LINK])
    assert "does not answer" in report.parts[1].reason
    assert isinstance(report.failed, ServerUnreachable)


async def test_a_refusal_is_not_an_absence() -> None:
    cards = Part("cards")
    report = await sync(Part(ORDERS, ServerRefused("device_lost", "The strap is lost.")), cards)
    assert cards.seen == [LINK]
    assert str(report.failed) == "The strap is lost."


async def test_what_is_no_error_of_ours_is_a_defect() -> None:
    with pytest.raises(ZeroDivisionError):
        await sync(Part(ORDERS), Part("messages", ZeroDivisionError()))


def payment(number: int, sequence: int, state: str = "authorized") -> Transaction:
    return Transaction(
        f"tx_{number}", sequence, "dev", "card", "1", "2", state, 480, "JPY", "Café", "", number
    )


def test_a_payment_that_changed_takes_its_old_place() -> None:
    old = merge((), [payment(1, 1), payment(2, 2)])
    new = merge(old, [payment(1, 3, "reversed")])
    assert [(one.id, one.state) for one in new] == [("tx_1", "reversed"), ("tx_2", "authorized")]
    assert merge(new, [payment(1, 1)]) == new, "an older word changes nothing"
    assert merge(new, []) == new


def test_the_latest_payments_are_kept() -> None:
    many = merge((), [payment(number, number) for number in range(TRANSACTIONS_KEPT + 20)])
    assert (len(many), many[0].id) == (TRANSACTIONS_KEPT, "tx_20")
