"""Storing a change of a card together with its events, and appending scripts to a strap's log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from sqlite3 import Connection

from wristlet.env.base import Env
from wristlet.model.token import SeState
from wristlet.model.tsp_messages import ScriptPackage, TokenChange, TokenInfo
from wristlet.wallet.cards import repository, rules
from wristlet.wallet.cards.repository import CardRow
from wristlet.wallet.commits import repository as commits
from wristlet.wallet.commits.repository import CommitRow
from wristlet.wallet.context import make_id
from wristlet.wallet.devices import repository as devices
from wristlet.wallet.devices.repository import DeviceRow
from wristlet.wallet.events import repository as events
from wristlet.wallet.events.repository import NewEvent, Value
from wristlet.wallet.remote import TokenServiceAnswerError
from wristlet.wallet.shapes import is_hex, is_reference

APDUS_LIMIT = 512
APDU_HEX_LIMIT = 2 * 65_545
SCRIPT_NUMBER_LIMIT = 0xFFFF_FFFF


def save(connection: Connection, env: Env, before: CardRow, after: CardRow) -> CardRow:
    """Store a card that changed, with its events; one that did not writes nothing."""
    if after != before:
        repository.update(connection, after)
        for event in rules.events_between(before, after):
            events.append(connection, env, after.tenant_id, event)
    return after


def select(connection: Connection, env: Env, chosen: CardRow) -> CardRow:
    """Store that a card is the chosen one on its strap: any other that was is only ready now."""
    for other in repository.of_device(connection, chosen.tenant_id, chosen.device_id):
        if other.se_state == SeState.SELECTED and other.card_id != chosen.card_id:
            save(connection, env, other, _in(other, SeState.READY))
    return save(connection, env, chosen, _in(chosen, SeState.SELECTED))


def move_on_se(connection: Connection, env: Env, row: CardRow, se_state: str) -> CardRow:
    """Store the state that the secure element reported for a card."""
    if se_state == SeState.SELECTED:
        return select(connection, env, row)
    return save(connection, env, row, _in(row, se_state))


def hand_over(connection: Connection, env: Env, gone: CardRow) -> None:
    """Store that a card's successor is the chosen one: the script that deletes the old instance
    makes the new one active in its place, and its receipt came.
    """
    for other in repository.of_device(connection, gone.tenant_id, gone.device_id):
        if other.replaces_card_id == gone.card_id and other.se_state == SeState.READY:
            select(connection, env, other)


def _in(row: CardRow, se_state: str) -> CardRow:
    return replace(row, se_state=se_state)


def follow(
    connection: Connection,
    env: Env,
    device: DeviceRow,
    own: tuple[str | None, ScriptPackage | None],
    follow_up: Iterable[TokenChange],
    orders: Iterable[ScriptPackage] = (),
) -> None:
    """Record what an answer brings along: a card's own script, other tokens that changed, and
    orders to the secure element that are about no token.

    A token that takes the place of a known card's becomes a card of its own.

    All scripts are for this strap's secure element and enter its log in the order of their
    numbers, also that of a token which no card here stands for. Raises TokenServiceAnswerError.
    """
    mine = repository.of_device(connection, device.tenant_id, device.device_id)
    known = {card.token_reference: card for card in mine}
    card_id, script = own
    scripts: list[tuple[str | None, ScriptPackage]] = [] if script is None else [(card_id, script)]
    scripts += [(None, each) for each in orders]
    for change in follow_up:
        card = known.get(change.token.token_reference)
        rules.check_token(change.token, device.se_id, change.token.token_reference)
        if card is not None:
            save(connection, env, card, rules.with_token(card, change.token))
        elif change.script is not None and change.token.replaces in known:
            card = _add_successor(connection, env, known[change.token.replaces], change.token)
            known[change.token.token_reference] = card
        if change.script is not None:
            scripts.append((None if card is None else card.card_id, change.script))
    for owner, each in sorted(scripts, key=lambda one: one[1].number):
        _append_script(connection, env, device, owner, each)


def _add_successor(connection: Connection, env: Env, before: CardRow, token: TokenInfo) -> CardRow:
    """Store the card that renews another one in the background."""
    card = rules.successor(before, make_id(env, "card"), token, env.clock.now_ms())
    repository.insert(connection, card)
    data: dict[str, Value] = {"replaces": before.card_id, "reason": before.renewal}
    event = NewEvent("card.renewal_started", card.wearer_id, card.device_id, card.card_id, data)
    events.append(connection, env, card.tenant_id, event)
    return card


def _append_script(
    connection: Connection, env: Env, device: DeviceRow, card_id: str | None, script: ScriptPackage
) -> None:
    """Append a script to the strap's log, once; raises TokenServiceAnswerError if it is wrong.

    One that is in the log already came with a repeated answer.
    """
    known = commits.of_number(connection, device, script.domain_aid, script.number)
    if known is not None and _is_same(known, card_id, script):
        return
    _check_script(connection, device, script)
    row = CommitRow(
        tenant_id=device.tenant_id,
        device_id=device.device_id,
        sequence=devices.next_commit(connection, device),
        kind=script.purpose,
        card_id=card_id,
        domain_aid=script.domain_aid,
        script_number=script.number,
        apdu_count=len(script.apdus),
        apdus="\n".join(script.apdus),
        state=commits.PENDING,
        report=None,
        failures=0,
        created_ms=env.clock.now_ms(),
    )
    commits.insert(connection, row)
    data: dict[str, Value] = {
        "sequence": row.sequence,
        "kind": row.kind,
        "script_number": row.script_number,
        "apdu_count": row.apdu_count,
    }
    event = NewEvent("commit.created", device.wearer_id, device.device_id, card_id, data)
    events.append(connection, env, device.tenant_id, event)


def _is_same(row: CommitRow, card_id: str | None, script: ScriptPackage) -> bool:
    kept = row.apdus in ("", "\n".join(script.apdus))
    named = (row.card_id, row.kind, row.apdu_count)
    return kept and named == (card_id, script.purpose, len(script.apdus))


def _check_script(connection: Connection, device: DeviceRow, script: ScriptPackage) -> None:
    last = commits.last_number(connection, device, script.domain_aid)
    checks = (
        ("script.se_id", script.se_id == device.se_id),
        ("script.domain_aid", is_hex(script.domain_aid)),
        # The secure element takes rising numbers only: a lower one would block the log for ever.
        ("script.number", last < script.number <= SCRIPT_NUMBER_LIMIT),
        ("script.purpose", is_reference(script.purpose)),
        ("script.apdus", 0 < len(script.apdus) <= APDUS_LIMIT),
        (
            "script.apdus",
            all(len(apdu) <= APDU_HEX_LIMIT and is_hex(apdu) for apdu in script.apdus),
        ),
    )
    for name, good in checks:
        if not good:
            raise TokenServiceAnswerError(name)
