"""The rules about a strap's log, without effects: what a failed run means, what people read."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from wristlet.model.wallet_messages import Commit, CommitReport
from wristlet.wallet.commits.repository import REPORTED, STUCK, SUPERSEDED, CommitRow

STUCK_AFTER = 3
"""Runs that the secure element ended before what comes after a script waits no longer for it."""


def after_report(row: CommitRow, report: CommitReport) -> CommitRow:
    """Return the commit after a run that went wrong.

    Only a status word counts as the secure element's refusal: a reply that did not come says
    nothing. Status words are not authenticated, so a stuck script is not given up: it stays in
    the log and is tried, until the receipt of a later one proves that it can never run any more.
    """
    failures = row.failures + (report.sw is not None)
    state = STUCK if failures >= STUCK_AFTER else REPORTED
    text = msgspec.json.encode(report).decode()
    return replace(row, state=state, report=text, failures=failures)


def view(row: CommitRow) -> Commit:
    """Return a commit as the API shows it."""
    return Commit(
        sequence=row.sequence,
        kind=row.kind,
        card_id=row.card_id,
        domain_aid=row.domain_aid,
        script_number=row.script_number,
        apdu_count=row.apdu_count,
        apdus=row.apdus.split(),
        created_ms=row.created_ms,
        state=row.state,
        reason=reason(row),
    )


def reason(row: CommitRow) -> str:
    """Say in one plain sentence why a commit is not done; empty if it simply waits or is done."""
    if row.state == SUPERSEDED:
        return "A later order was carried out first, so this one can never run any more."
    if row.report is None or row.state not in (REPORTED, STUCK):
        return ""
    report = msgspec.json.decode(row.report, type=CommitReport)
    if row.state == REPORTED:
        return report.reason
    word = "" if report.sw is None else f" with status {report.sw:04X}"
    return (
        f"The secure element refused this order {row.failures} times, last at step "
        f"{report.apdu_index + 1} of {row.apdu_count}{word}; it is tried again with every sync, "
        "and what comes after it waits no longer."
    )
