"""A strap and a server that a sync of the log can meet, and what is said to both, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wristlet.companion.commits import CommitLog
from wristlet.companion.sync import PartReport
from wristlet.env.sim import SimEnv
from wristlet.links.channel import LinkLost
from wristlet.links.http import RemoteProblem
from wristlet.links.wallet_client import WalletClient
from wristlet.model.tsp_messages import Problem
from wristlet.model.wallet_messages import Commit, CommitList, CommitProgress
from wristlet.wire.gp import aids, commands
from wristlet.wire.receipt import TAG_RECEIPT, SignedStatement

DOMAIN = aids.TSP_DOMAIN
DEVICE = "dev_1"
RECEIPT = SignedStatement(b"receipt", bytes(64)).encode(TAG_RECEIPT)
FORGED = SignedStatement(b"forged!", bytes(64)).encode(TAG_RECEIPT)
OK, NOT_FOUND = b"\x90\x00", b"\x6a\x88"


@dataclass
class Case:
    """How many scripts wait, in which state, and what befalls which command of the strap.

    `faults` maps the n-th command that reaches the strap to `lost` (the answer is), `away` (from
    there on) or a status word. A script counts as committed when its last command was carried out.
    """

    name: str
    scripts: int = 1
    committed: frozenset[int] = frozenset()
    faults: dict[int, str] = field(default_factory=dict)
    states: dict[int, str] = field(default_factory=dict)
    receipt: bytes = RECEIPT


CASES = (
    Case("one script, nothing happens"),
    Case("two scripts, in order", scripts=2),
    Case("it was carried out before, only the receipt is missing", committed=frozenset({1})),
    Case("the answer to the last command is lost, but it was carried out", faults={5: "lost"}),
    Case("the answer in the middle is lost: again from the first command", faults={4: "lost"}),
    Case("the strap refuses one command, once", faults={4: "6985"}),
    Case(
        "the strap refuses every time: the server hears why",
        faults={4: "6a84", 10: "6a84", 16: "6a84"},
    ),
    Case("the strap goes out of reach: it stays open", faults={4: "away"}),
    Case("somebody on the way makes up a receipt", receipt=FORGED, committed=frozenset({1})),
    Case(
        "a stuck script does not stop the next one",
        scripts=2,
        states={1: "stuck"},
        faults={4: "6a84", 10: "6a84", 16: "6a84"},
    ),
    Case(
        "a script that is not stuck stops the next one",
        scripts=2,
        faults={4: "6a84", 10: "6a84", 16: "6a84"},
    ),
)


def script(number: int) -> list[bytes]:
    """Three commands: select, one in the middle, the commit."""
    return [
        commands.select(DOMAIN).encode(),
        bytes((0x80, 0xE2, 0x00, number)),
        bytes((0x84, 0xE2, 0x80, number)),
    ]


class Strap:
    """Answers by the case, and notes every exchange."""

    def __init__(self, case: Case, trace: list[dict[str, Any]]) -> None:
        self._case, self._trace = case, trace
        self._committed = set(case.committed)
        self._count = 0
        self._away = False

    async def transmit(self, command: bytes) -> bytes:
        self._count += 1
        fault = self._case.faults.get(self._count, "")
        self._away = self._away or fault == "away"
        answer = b"" if self._away else self._answer(command, fault)
        lost = self._away or fault == "lost"
        shown = None if lost else answer.hex()
        self._trace.append({"to": "strap", "sent": command.hex(), "answered": shown})
        if lost:
            raise LinkLost("lost")
        return answer

    def _answer(self, command: bytes, fault: str) -> bytes:
        if fault and fault != "lost":
            return bytes.fromhex(fault)
        if command[1] == 0xCA:
            number = int.from_bytes(command[-5:-1], "big")
            return self._case.receipt + OK if number in self._committed else NOT_FOUND
        if command[:3] == b"\x84\xe2\x80":
            self._committed.add(command[3])
        return OK


class Server(WalletClient):
    """Hands out the log, takes genuine receipts, and notes every request."""

    def __init__(self, case: Case, trace: list[dict[str, Any]]) -> None:
        self._case, self._trace = case, trace
        self._done: set[int] = set()

    async def commits(
        self, device_id: str, after: int | None = None, limit: int | None = None
    ) -> CommitList:
        waiting = [self._commit(n) for n in range(1, self._case.scripts + 1) if n not in self._done]
        self._note("list", answer=[one.sequence for one in waiting])
        return CommitList(waiting, has_more=False, next_cursor=None)

    def _commit(self, number: int) -> Commit:
        apdus = [one.hex() for one in script(number)]
        state = self._case.states.get(number, "pending")
        return Commit(number, "personalise", None, DOMAIN.hex(), number, 3, apdus, 0, state)

    async def submit_receipt(
        self, device_id: str, sequence: int, request: Any, *, key: str | None = None
    ) -> CommitProgress:
        if request.receipt == FORGED.hex():
            self._note("receipt", sequence, {"receipt": request.receipt}, "receipt_refused")
            raise RemoteProblem(409, Problem("conflict_error", "receipt_refused", "not genuine"))
        self._done.add(sequence)
        self._note("receipt", sequence, {"receipt": request.receipt}, "acknowledged")
        return CommitProgress(sequence, "acknowledged", self._case.scripts, sequence)

    async def report_commit(
        self, device_id: str, sequence: int, request: Any, *, key: str | None = None
    ) -> CommitProgress:
        body = {"apdu_index": request.apdu_index, "reason": request.reason, "sw": request.sw}
        self._note("report", sequence, body, "reported")
        return CommitProgress(sequence, "reported", self._case.scripts, 0)

    def _note(
        self, operation: str, sequence: int | None = None, body: Any = None, answer: Any = None
    ) -> None:
        entry = {"to": "server", "operation": operation, "sequence": sequence}
        self._trace.append({**entry, "body": body, "answer": answer})


async def play(case: Case) -> tuple[list[dict[str, Any]], PartReport]:
    """Sync the log once; return every exchange and the report."""
    trace: list[dict[str, Any]] = []
    strap: Any = Strap(case, trace)
    report = await CommitLog(SimEnv(1), Server(case, trace), DEVICE, strap).run()
    return trace, report
