"""Random histories of one strap and one card: adding again, losing, finding, deleting, tapping.

The whole service runs on a database; the model knows only what was asked and answered.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from support.fake_se import FakeSe, tap
from support.tsp_city import ISSUER, REQUESTOR, City, tsp_city
from wristlet.model.testcards import AOBA, Outcome, find_card
from wristlet.model.tsp_messages import ScriptPackage, SubmitReceipt, TokenInfo
from wristlet.tsp import renewal
from wristlet.tsp.repository import Repository

CARD = find_card(AOBA, Outcome.GREEN)
OWNERS = ("cardholder", "token_requestor", "issuer")


class StrapHistories(RuleBasedStateMachine):
    """One element, one card; scripts run in order, some receipts arrive late."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.opened = tsp_city(Path(self.folder.name))
        self.city: City = self.do(self.opened.__aenter__())
        self.element: FakeSe = self.do(self.city.element())
        self.tokens: dict[str, TokenInfo] = {}
        self.owners: dict[str, set[str]] = {}
        self.log: list[ScriptPackage] = []
        self.late: list[bytes] = []
        self.stan = 0
        self.unfetched = False

    def do(self, step: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(step)

    def teardown(self) -> None:
        self.do(self.opened.__aexit__(None, None, None))
        self.runner.close()
        self.folder.cleanup()

    def take(self, token: TokenInfo, script: ScriptPackage | None) -> None:
        self.tokens[token.token_reference] = token
        if script is not None:
            self.log.append(script)

    @initialize()
    def add_first(self) -> None:
        self.add()

    @rule()
    def add(self) -> None:
        held = [t for t in self.tokens.values() if t.state != "deleted"]
        if len(held) >= 6 or self.element.blocked:
            return
        answer = self.do(self.city.digitize(self.element, CARD))
        self.take(answer.token, answer.script)
        self.owners[answer.token.token_reference] = set()

    @precondition(lambda self: self.log)
    @rule(late=st.booleans())
    def run_next_script(self, late: bool) -> None:
        """The commit log is run in order; a receipt may be handed in later, or twice."""
        receipt = self.element.run(self.log.pop(0).apdus)
        self.late.append(receipt)
        if not late:
            self.hand_in_receipts()

    @precondition(lambda self: self.late)
    @rule()
    def hand_in_receipts(self) -> None:
        for receipt in [*self.late, self.late[-1]]:
            request = SubmitReceipt(receipt.hex())
            accepted = self.do(self.city.service.submit_receipt(REQUESTOR, request))
            first_time = receipt in self.late
            if first_time:
                self.late.remove(receipt)
                for change in accepted.follow_up:
                    self.take(change.token, change.script)
        self.refresh()

    @precondition(lambda self: any(t.state != "deleted" for t in self.tokens.values()))
    @rule(data=st.data(), verb=st.sampled_from(["suspend", "resume"]), by=st.sampled_from(OWNERS))
    def change(self, data: st.DataObject, verb: str, by: str) -> None:
        living = [r for r, t in self.tokens.items() if t.state != "deleted"]
        reference = data.draw(st.sampled_from(living))
        self._change(reference, verb, by)
        owners = self.owners[reference]
        (owners.add if verb == "suspend" else owners.discard)(by)
        for partner in self.partners(reference):
            (self.owners[partner].add if verb == "suspend" else self.owners[partner].discard)(by)

    def partners(self, reference: str) -> list[str]:
        """Living tokens that are the same card to the wearer, as one renews the other."""
        mine = self.tokens[reference]
        found = [r for r, t in self.tokens.items() if t.replaces == reference and mine.renewal]
        before = self.tokens.get(mine.replaces or "")
        if before is not None and before.renewal:
            found.append(before.token_reference)
        return [r for r in found if self.tokens[r].state != "deleted"]

    @precondition(lambda self: any(t.state != "deleted" for t in self.tokens.values()))
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        living = [r for r, t in self.tokens.items() if t.state != "deleted"]
        self._change(data.draw(st.sampled_from(living)), "delete", "cardholder")

    def _change(self, reference: str, verb: str, by: str) -> None:
        """The issuer's changes reach the element only when the requestor asks for what is due."""
        caller = ISSUER if by == "issuer" else REQUESTOR
        answer = self.do(self.city.change(reference, verb, by, caller))
        if by == "issuer":
            assert answer.script is None
            self.unfetched = True
        for change in answer.follow_up:
            self.take(change.token, change.script)
        self.take(answer.token, answer.script)
        self.refresh()

    @rule(blocked=st.booleans())
    def tell_pin(self, blocked: bool) -> None:
        """Three wrong PINs, or a new one after a reset; the element says which."""
        self.element.blocked = blocked
        self.element.events += 1
        answer = self.do(self.city.tell_pin(self.element))
        for change in answer.follow_up:
            self.take(change.token, change.script)
        self.refresh()
        for reference, token in self.tokens.items():
            if token.state != "deleted":
                owners = self.owners[reference]
                (owners.add if blocked else owners.discard)("pin_locked")

    @precondition(lambda self: any(t.state == "active" for t in self.tokens.values()))
    @rule()
    def renew(self) -> None:
        """The counter of the active token comes near its end."""
        (old,) = [r for r, t in self.tokens.items() if t.state == "active"]
        self.do(
            self.city.database.write(lambda c: renewal.mark_due(Repository(c), old, "counter", 1))
        )
        self.unfetched = True
        self.refresh()

    @precondition(lambda self: self.unfetched)
    @rule()
    def fetch(self) -> None:
        """What was decided without the requestor, in the order of the scripts' numbers."""
        self.unfetched = False
        due = self.do(self.city.fetch(self.element)).follow_up
        for change in sorted(due, key=lambda one: one.script.number if one.script else 0):
            if change.token.token_reference not in self.tokens:
                assert self.tokens[change.token.replaces].renewal
                self.owners[change.token.token_reference] = set()
            self.take(change.token, change.script)
        self.refresh()

    def refresh(self) -> None:
        for reference in self.tokens:
            self.tokens[reference] = self.do(self.city.service.token(REQUESTOR, reference))

    @precondition(lambda self: self.element.instances)
    @rule(data=st.data())
    def pay(self, data: st.DataObject) -> None:
        """Whatever the element still carries: the token service's state alone decides."""
        aid = data.draw(st.sampled_from(sorted(self.element.instances)))
        self.stan += 1
        request = tap(self.element, aid, stan=f"{self.stan:06d}")
        (token,) = [t for t in self.tokens.values() if t.instance_aid == aid.hex()]
        answer = self.do(self.city.authorizer.handle(request))
        assert (answer.text(39) == "00") == (token.state == "active")
        again = self.do(self.city.authorizer.handle(request))
        assert again.text(39) == answer.text(39)
        replay = self.do(self.city.authorizer.handle(request.with_fields({32: "77"})))
        assert replay.text(39) != "00"

    @invariant()
    def at_most_one_token_is_active(self) -> None:
        states = [token.state for token in self.tokens.values()]
        assert states.count("active") <= 1

    @invariant()
    def suspended_by_is_what_was_asked(self) -> None:
        for reference, token in self.tokens.items():
            if token.state != "deleted":
                assert set(token.suspended_by) == self.owners[reference]
                assert token.state != "active" or not token.suspended_by

    @invariant()
    def no_number_comes_twice(self) -> None:
        numbers = [instance.dpan for instance in self.element.instances.values()]
        assert len(set(numbers)) == len(numbers)

    @invariant()
    def element_agrees_once_everything_has_arrived(self) -> None:
        if self.log or self.late or self.unfetched:
            return
        for aid, instance in self.element.instances.items():
            (token,) = [t for t in self.tokens.values() if t.instance_aid == aid.hex()]
            expected = {"active": 0x00, "suspended": 0x80}
            assert expected[token.state] == instance.state


TestStrapHistories = pytest.mark.slow(StrapHistories.TestCase)
TestStrapHistories.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
