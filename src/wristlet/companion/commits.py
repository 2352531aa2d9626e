"""Runs what waits in the strap's log of scripts, so that each step ends in a receipt or stays
open.
"""

from __future__ import annotations

from wristlet.companion.errors import ServerRefused
from wristlet.companion.server import attempt, call
from wristlet.companion.sync import ORDERS, PartReport
from wristlet.env.base import Env
from wristlet.links.channel import LinkLost
from wristlet.links.script_runner import RunResult, read_receipt, run_script
from wristlet.links.strap_link import StrapLink
from wristlet.links.wallet_client import WalletClient
from wristlet.model.wallet_messages import Commit, CommitReceipt, CommitReport

SCRIPT_ATTEMPTS = 3
COMMITS_PER_SYNC = 256
STUCK = "stuck"
NOT_A_RECEIPT = ("parameter_invalid", "receipt_mismatch", "receipt_refused")
"""What the server says of a receipt that somebody on the way made up."""


class CommitLog:
    """One strap's log at the wallet, for one sync."""

    def __init__(self, env: Env, wallet: WalletClient, device_id: str, strap: StrapLink) -> None:
        self._env = env
        self._wallet = wallet
        self._device_id = device_id
        self._strap = strap
        self._done: set[int] = set()

    async def run(self) -> PartReport:
        """Run the log in order until nothing is open or nothing moves, whatever the server says.

        Raises ServerUnreachable, ServerRefused.
        """
        while True:
            listed = await call(self._env, lambda _: self._wallet.commits(self._device_id))
            page = listed.data[:COMMITS_PER_SYNC]
            before = len(self._done)
            whole, reason = await self._run_page(page)
            ran = len(self._done) - before
            if not whole or not ran or len(self._done) >= COMMITS_PER_SYNC:
                return PartReport(ORDERS, len(self._done), len(page) - ran, reason)

    async def _run_page(self, page: list[Commit]) -> tuple[bool, str]:
        """Run commits up to the first that stays open; return whether all had their turn, and
        why the last open one is not done.

        What the server calls stuck is tried as well, but does not stop the ones after it.
        """
        reason = ""
        for commit in page:
            if commit.sequence in self._done:
                return False, "the server asks again for what it knows is done; sync again later"
            failed = await self._run_commit(commit)
            if not failed:
                self._done.add(commit.sequence)
                continue
            reason = failed
            if commit.state != STUCK:
                return False, reason
        return True, reason

    async def _run_commit(self, commit: Commit) -> str:
        """Bring one script to its receipt; returns why it stays open, or an empty string.

        A lost reply says nothing about the outcome, so the receipt is asked for before each run.
        """
        domain = bytes.fromhex(commit.domain_aid)
        apdus = [bytes.fromhex(one) for one in commit.apdus]
        last, receipt = RunResult(completed=False, index=0), None
        try:
            for _ in range(SCRIPT_ATTEMPTS):
                receipt = await read_receipt(self._strap, domain, commit.script_number)
                if receipt is None:
                    last = await run_script(self._strap, apdus)
                    receipt = await read_receipt(self._strap, domain, commit.script_number)
                if receipt is not None and await self._submit(commit, receipt):
                    return ""
        except LinkLost:
            return "the strap is out of reach; bring it near and sync again"
        reason, sw = f"the secure element stopped at step {last.index + 1} of {len(apdus)}", last.sw
        if receipt is not None:
            reason, sw = "the strap's receipt is not genuine; sync again over another link", None
        report = CommitReport(last.index, reason, sw)
        await attempt(self._wallet.report_commit(self._device_id, commit.sequence, report))
        return reason

    async def _submit(self, commit: Commit, receipt: bytes) -> bool:
        """Hand a receipt in; False when it is none, as a relay may have made it up.

        Raises ServerUnreachable, and ServerRefused when the server cannot look at it now.
        """
        request = CommitReceipt(receipt.hex())
        sequence = commit.sequence
        try:
            await call(
                self._env,
                lambda key: self._wallet.submit_receipt(
                    self._device_id, sequence, request, key=key
                ),
            )
        except ServerRefused as error:
            if error.code in NOT_A_RECEIPT:
                return False
            raise
        return True
