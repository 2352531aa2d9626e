"""The operations on a strap's log of scripts."""

from __future__ import annotations

from wristlet.model.wallet_messages import CommitList, CommitProgress, CommitReceipt, CommitReport
from wristlet.wallet.api import LIMIT, Operation, Query
from wristlet.wallet.commits.service import CommitService

_ALL = "/v1/devices/{device_id}/commits"
_ONE = _ALL + "/{sequence:int}"
_TSP = ("token_service_unavailable", "token_service_failed")
_AFTER = Query("after", int, "A sequence number; without it, the log's pointer.")


def operations(commits: CommitService) -> tuple[Operation, ...]:
    """Declare them."""
    return (
        Operation(
            "commit_list",
            "commits",
            "GET",
            _ALL,
            "List scripts for a strap, oldest first, from the log's pointer on",
            lambda call: commits.list(call.actor, call.path["device_id"], **call.query),
            CommitList,
            query=(_AFTER, LIMIT),
        ),
        Operation(
            "commit_acknowledge",
            "commits",
            "POST",
            f"{_ONE}/receipt",
            "Hand in the secure element's receipt for a script",
            lambda call: commits.submit_receipt(
                call.actor, call.path["device_id"], int(call.path["sequence"]), call.body
            ),
            CommitProgress,
            body=CommitReceipt,
            errors=(
                "commit_out_of_order",
                "receipt_mismatch",
                "receipt_refused",
                "device_busy",
                *_TSP,
            ),
        ),
        Operation(
            "commit_report",
            "commits",
            "POST",
            f"{_ONE}/report",
            "Tell that a run went wrong; the pointer stays",
            lambda call: commits.report(
                call.actor, call.path["device_id"], int(call.path["sequence"]), call.body
            ),
            CommitProgress,
            body=CommitReport,
            errors=("clear_digits_refused",),
        ),
    )
