"""What secure elements report: receipts of scripts and openings of leases."""

from __future__ import annotations

import hmac
from typing import Final

from wristlet.model.tsp_messages import (
    LeaseReportCounted,
    ReceiptAccepted,
    SubmitLeaseReport,
    SubmitReceipt,
    TokenChange,
    TokenInfo,
)
from wristlet.tsp import lifecycle, orders, overtaken, pinwords, waiting
from wristlet.tsp.changes import apply
from wristlet.tsp.checked import open_statement
from wristlet.tsp.config import Caller
from wristlet.tsp.context import Context
from wristlet.tsp.errors import TspError, conflict, missing
from wristlet.tsp.records import ScriptRow
from wristlet.tsp.repository import Repository
from wristlet.tsp.scripts import Purpose, states_after
from wristlet.tsp.tasks import Task, keep, stored
from wristlet.tsp.tokens import owned_token
from wristlet.tsp.unit import Unit, change, dump, load
from wristlet.wire.receipt import TAG_LEASE_REPORT, TAG_RECEIPT, LeaseReport, Receipt

_PARAM: Final = "receipt"
_LEASE_REPORT: Final = "lease_report"


async def submit_receipt(
    context: Context, caller: Caller, request: SubmitReceipt
) -> ReceiptAccepted:
    """Count a receipt once; the same receipt again gets the same answer.

    Raises TspError: not genuine, for no script of this caller, or not of what the script ordered.
    """

    def run(unit: Unit) -> ReceiptAccepted:
        receipt, _ = open_statement(unit.rows, request.receipt, Receipt, TAG_RECEIPT, _PARAM)
        script = _script_of(unit.rows, caller, receipt)
        if script.receipt_body is not None and script.receipt_answer is not None:
            if not hmac.compare_digest(script.receipt_body, receipt.body()):
                raise _contradiction("a different receipt of this script was counted before")
            return load(script.receipt_answer, ReceiptAccepted)
        _check_content(receipt, script)
        answer = _count(unit, caller, receipt, script)
        unit.rows.run(
            "script_count",
            se_id=script.se_id,
            domain_aid=script.domain_aid,
            number=script.number,
            receipt_body=receipt.body(),
            receipt_answer=dump(answer),
            counted_ms=unit.now_ms,
        )
        return answer

    return await change(context.database, context.writer, context.env.clock.now_ms(), run)


def _script_of(rows: Repository, caller: Caller, receipt: Receipt) -> ScriptRow:
    script = rows.script(receipt.se_id.hex(), receipt.domain_aid, receipt.number)
    if script is None or script.requestor_id != caller.id:
        raise missing(
            "script_unknown",
            "The receipt is for no script that was handed to this caller.",
            _PARAM,
            "Read the receipt of the script's own number and domain.",
        )
    return script


def _check_content(receipt: Receipt, script: ScriptRow) -> None:
    """The secure element must have done what was ordered, all of it, and nothing else."""
    if not hmac.compare_digest(receipt.script_hash, script.plain_hash):
        raise _contradiction("the secure element committed other commands")
    deleted = script.purpose == Purpose.DELETE.value
    expected = (script.instance_aid, b"") if deleted else (script.instance_aid,)
    if receipt.instance_aid not in expected:
        raise _contradiction("it names another instance")
    if receipt.state not in states_after(Purpose(script.purpose)):
        raise _contradiction("its state is not what the script leads to")


def _contradiction(why: str) -> TspError:
    return conflict(
        "receipt_contradicts",
        f"The receipt is genuine but {why}.",
        _PARAM,
        "Keep receipt and script: the token service's operator has to look at them.",
    )


def _count(unit: Unit, caller: Caller, receipt: Receipt, script: ScriptRow) -> ReceiptAccepted:
    token: TokenInfo | None = None
    follow_up: list[TokenChange] = []
    if script.token_reference is not None:
        row = owned_token(unit.rows, caller, script.token_reference)
        if script.purpose == Purpose.PERSONALISE.value:
            changed = apply(unit, row, lifecycle.personalise)
            row, follow_up = changed.token, changed.follow_up
            if changed.script is not None:
                follow_up = [*follow_up, changed.change]
        token = row.info()
    follow_up = [*follow_up, *overtaken.order_again(unit, script)]
    follow_up += waiting.due_scripts(unit, caller, script.se_id)
    scripts = orders.committed(unit, caller.id, script.se_id, script.number)
    return ReceiptAccepted(
        se_id=script.se_id,
        number=script.number,
        purpose=script.purpose,
        token=token,
        contactless_state=receipt.state,
        follow_up=follow_up,
        scripts=scripts,
    )


async def submit_lease_report(
    context: Context, caller: Caller, request: SubmitLeaseReport
) -> LeaseReportCounted:
    """Start a lease's age; the first report or cryptogram of an unlock counter decides.

    A report also proves that the right PIN was entered: suspensions of the caller's tokens by a
    blocked PIN end, once per unlock counter, unless the PIN was blocked after that. The same report
    again gets the same scripts, with the tokens as they are then. Raises TspError.
    """

    def run(unit: Unit) -> LeaseReportCounted:
        report, device = open_statement(
            unit.rows, request.report, LeaseReport, TAG_LEASE_REPORT, "report"
        )
        name = f"{_LEASE_REPORT}:{device.se_id}:{report.unlock_counter}"
        task = Task.of(caller, _LEASE_REPORT, name, report.body().hex())
        counted = stored(unit.rows, task, LeaseReportCounted)
        if counted is not None:
            return LeaseReportCounted([_as_now(unit, one) for one in counted.follow_up])
        unit.rows.run(
            "lease_add",
            se_id=device.se_id,
            unlock_counter=report.unlock_counter,
            opened_ms=unit.now_ms,
        )
        follow_up: list[TokenChange] = []
        if pinwords.is_news(unit, device, report.event_counter):
            follow_up = pinwords.unlock(unit, caller, device.se_id)
        answer = LeaseReportCounted(follow_up)
        keep(unit.rows, task, answer, unit.now_ms)
        return answer

    return await change(context.database, context.writer, context.env.clock.now_ms(), run)


def _as_now(unit: Unit, change: TokenChange) -> TokenChange:
    """A report may come again long afterwards: its tokens must not look as they did then."""
    row = unit.rows.token(change.token.token_reference)
    return change if row is None else TokenChange(row.info(), change.script)
