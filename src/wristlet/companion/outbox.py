"""Hands in what the wearer asked for: at once when the server answers, else later, in order.

A request is on disk before it is sent, and noted as sent before it leaves: after a crash the
same request goes again under the same idempotency key, and nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from wristlet.companion import queue
from wristlet.companion.errors import CompanionError, ServerRefused
from wristlet.companion.outcome import Ending, Outcome, done
from wristlet.companion.queue import Kind, Pending, Refused
from wristlet.companion.server import call
from wristlet.companion.store import PhoneStore
from wristlet.companion.texts import Language, say
from wristlet.env.base import Env
from wristlet.links.http import RemoteProblem, RemoteUnavailable
from wristlet.links.wallet_client import WalletClient
from wristlet.model.wallet_messages import (
    ActiveCard,
    Card,
    ChangeReason,
    Device,
    LeaseReportSubmit,
    PinStatementSubmit,
    RenameDevice,
)

_SERVER_ERROR, _BUSY, _UNKNOWN_SESSION = 500, 429, 401
_IN_PROGRESS: Final = "idempotency_in_progress"

T = TypeVar("T")
Send = Callable[[WalletClient, Pending], Awaitable[Any]]


def _why(reason: str) -> ChangeReason:
    return ChangeReason(f"{reason} by the wearer")


SEND: Final[dict[Kind, Send]] = {
    Kind.SUSPEND: lambda wallet, one: wallet.suspend_card(one.subject, _why("paused"), key=one.key),
    Kind.RESUME: lambda wallet, one: wallet.resume_card(one.subject, _why("resumed"), key=one.key),
    Kind.REMOVE: lambda wallet, one: wallet.delete_card(one.subject, _why("removed"), key=one.key),
    Kind.LOST: lambda wallet, one: wallet.mark_lost(
        one.device_id, _why("reported lost"), key=one.key
    ),
    Kind.FOUND: lambda wallet, one: wallet.mark_found(
        one.device_id, _why("reported found"), key=one.key
    ),
    Kind.RENAME: lambda wallet, one: wallet.rename_device(
        one.device_id, RenameDevice(one.value), key=one.key
    ),
    Kind.REVOKE_PHONE: lambda wallet, one: wallet.revoke_phone(
        one.device_id, one.subject, _why("revoked"), key=one.key
    ),
    Kind.ACTIVE_CARD: lambda wallet, one: wallet.report_active_card(
        one.device_id, ActiveCard(one.subject), key=one.key
    ),
    Kind.LEASE_REPORT: lambda wallet, one: wallet.submit_lease_report(
        one.device_id, LeaseReportSubmit(one.value), key=one.key
    ),
    Kind.PIN_STATEMENT: lambda wallet, one: wallet.submit_pin_statement(
        one.device_id, PinStatementSubmit(one.value), key=one.key
    ),
}


@dataclass(slots=True)
class Flushed:
    """What a round of handing in did: answers by request id, and why it stopped, if it did."""

    answers: dict[str, Any] = field(default_factory=dict)
    refused: dict[str, ServerRefused] = field(default_factory=dict)
    stopped: str = ""
    is_server_away: bool = False


class Outbox:
    """The phone's queue at the wallet server."""

    def __init__(
        self, env: Env, store: PhoneStore, wallet: WalletClient, language: Language = "en"
    ) -> None:
        self._env = env
        self._store = store
        self._wallet = wallet
        self._language = language

    @property
    def waiting(self) -> tuple[Pending, ...]:
        """What waits, oldest first."""
        return self._store.state.queue.waiting

    @property
    def refused(self) -> tuple[Refused, ...]:
        """What the server turned down since the wearer last looked."""
        return self._store.state.queue.refused

    def put(self, kind: Kind, device_id: str, subject: str = "", value: str = "") -> Pending:
        """Keep a request durably, without sending it yet."""
        key = self._env.random.bytes(16).hex()
        asked_ms = self._env.clock.now_ms()
        request = Pending("", key, kind, device_id, subject, value, asked_ms)
        changed, numbered = queue.add(self._store.state.queue, request)
        self._store.change(queue=changed)
        return numbered

    async def ask(
        self, kind: Kind, device_id: str, subject: str = "", value: str = ""
    ) -> Outcome[Any]:
        """Keep a request and hand in all that waits: done, queued, or turned down by the server."""
        request = self.put(kind, device_id, subject, value)
        flushed = await self.flush()
        if request.id in flushed.answers:
            return done(flushed.answers[request.id])
        if request.id in flushed.refused:
            error = flushed.refused[request.id]
            self._forget(request.id)
            return Outcome(
                Ending.NOT_POSSIBLE,
                reason=str(error),
                next_step=say("look_again", self._language),
                error=error,
            )
        key = "queued.server_away" if flushed.is_server_away else "queued.server_busy"
        return Outcome(
            Ending.QUEUED,
            reason=say(f"queued.{kind}", self._language),
            next_step=say(key, self._language, reason=flushed.stopped),
            queue_id=request.id,
        )

    async def flush(self) -> Flushed:
        """Hand in what waits, oldest first; a strap whose request stays keeps its order."""
        flushed = Flushed()
        held: set[str] = set()
        for request in self.waiting:
            if request.device_id in held:
                continue
            self._store.change(queue=queue.mark_sent(self._store.state.queue, request.id))
            try:
                answer = await SEND[request.kind](self._wallet, request)
            except RemoteUnavailable:
                flushed.is_server_away = True
                flushed.stopped = say("server_away", self._language)
                break
            except RemoteProblem as problem:
                if _is_passing(problem):
                    held.add(request.device_id)
                    flushed.stopped = problem.problem.message
                    continue
                error = ServerRefused(problem.problem.code, problem.problem.message)
                flushed.refused[request.id] = error
                refused = queue.refuse(self._store.state.queue, request.id, str(error))
                self._store.change(queue=refused)
                continue
            self._settle(request, answer)
            flushed.answers[request.id] = answer
        return flushed

    async def now(self, kind: Kind, device_id: str, answer_type: type[T], subject: str = "") -> T:
        """Hand in one request behind what waits, or not at all; raises what the server said.

        Raises CompanionError while older requests wait for the server: order is kept.
        """
        await self.flush()
        if any(one.device_id == device_id for one in self.waiting):
            raise CompanionError(say("older_first", self._language))

        async def send(key: str) -> Any:
            return await SEND[kind](self._wallet, Pending("", key, kind, device_id, subject))

        answer = await call(self._env, send)
        self._learn(device_id, answer)
        if not isinstance(answer, answer_type):
            raise TypeError(f"{kind} is answered by {type(answer).__name__}")
        return answer

    def cancel(self, request_id: str) -> Outcome[None]:
        """Call back what waits; not possible once the server may have it."""
        changed, cancelled = queue.cancel(self._store.state.queue, request_id)
        if cancelled:
            self._store.change(queue=changed)
            return done(None)
        is_known = queue.find(self._store.state.queue, request_id) is not None
        key = "cancel.sent" if is_known else "cancel.unknown"
        return Outcome(
            Ending.NOT_POSSIBLE,
            reason=say(key, self._language),
            next_step=say(f"{key}.next", self._language),
        )

    def seen(self) -> None:
        """Forget the refusals, which the wearer has read."""
        self._store.change(queue=queue.seen(self._store.state.queue))

    def _forget(self, request_id: str) -> None:
        """Drop one refusal that is being told right now."""
        old = self._store.state.queue
        left = tuple(one for one in old.refused if one.id != request_id)
        self._store.change(queue=queue.Queue(old.waiting, left, old.last_number))

    def _settle(self, request: Pending, answer: Any) -> None:
        self._store.change(queue=queue.settle(self._store.state.queue, request.id))
        self._learn(request.device_id, answer)

    def _learn(self, device_id: str, answer: Any) -> None:
        """Keep what an answer says about a card or a strap, for when the server is away."""
        if device_id not in {strap.device_id for strap in self._store.state.straps}:
            return
        if isinstance(answer, Card):
            cards = self._store.strap(device_id).cards
            fresh = tuple(answer if one.id == answer.id else one for one in cards)
            self._store.change_strap(device_id, cards=fresh)
        elif isinstance(answer, Device):
            is_lost = answer.state == "lost"
            self._store.change_strap(device_id, name=answer.name, is_lost=is_lost)


def _is_passing(problem: RemoteProblem) -> bool:
    """Tell whether the same request may succeed later: nobody looked at it, or it still runs."""
    passing = problem.status >= _SERVER_ERROR or problem.status in (_BUSY, _UNKNOWN_SESSION)
    return passing or problem.problem.code == _IN_PROGRESS
