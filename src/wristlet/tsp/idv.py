"""Identification and verification: asking the issuer, proving the wearer's identity."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Final, TypeVar

from wristlet.crypto import ec, jwe
from wristlet.links.http import RemoteProblem, RemoteUnavailable
from wristlet.model.issuer_messages import SendCode, VerifyCode
from wristlet.model.token import TokenState
from wristlet.model.tsp_messages import (
    ConfirmVerification,
    ScriptPackage,
    SelectVerification,
    VerificationResult,
)
from wristlet.tsp import lifecycle
from wristlet.tsp.cards import open_code
from wristlet.tsp.changes import apply
from wristlet.tsp.config import Caller
from wristlet.tsp.context import Context
from wristlet.tsp.errors import conflict, invalid, refused, remote
from wristlet.tsp.records import TokenRow
from wristlet.tsp.repository import Repository
from wristlet.tsp.scripts import Purpose
from wristlet.tsp.tasks import Task, keep, repeated, stored
from wristlet.tsp.tokens import owned_token
from wristlet.tsp.unit import Unit, change, load

A = TypeVar("A")

SENT: Final = "sent"
SUCCESS: Final = "success"


async def encrypt_for_issuer(context: Context, content: bytes) -> str:
    """Encrypt to the issuer's current key; raises TspError when the issuer does not answer."""
    key = await ask_issuer(context.issuer.key())
    return jwe.encrypt(content, ec.public_key(bytes.fromhex(key.public_point)), key.kid)


async def ask_issuer(question: Awaitable[A]) -> A:
    """Await the issuer's answer; raises TspError when there is none or it refuses to look."""
    try:
        return await question
    except RemoteUnavailable:
        raise remote(
            "issuer_unavailable",
            "The card's bank does not answer; nothing was changed.",
            "Repeat the request with the same task_id in a moment.",
        ) from None
    except RemoteProblem as error:
        raise refused(
            f"issuer_{error.problem.code}",
            "The card's bank cannot handle this request.",
            None,
            "Start again with the card, or ask the bank.",
        ) from None


async def select_verification(
    context: Context, caller: Caller, token_reference: str, request: SelectVerification
) -> VerificationResult:
    """Have the issuer send a code by one of the offered methods; raises TspError."""
    task = _task(caller, "verification_select", token_reference, request.task_id, request)
    if task is not None:
        earlier = await repeated(context.database, task, VerificationResult)
        if earlier is not None:
            return earlier
    token = await _open_case(context, caller, token_reference)
    if request.method_id not in {method.id for method in token.verification_methods()}:
        raise invalid(
            "method_unknown",
            "This method was not offered.",
            "method_id",
            "Choose one of the token's verification_methods.",
        )
    sent = await ask_issuer(context.issuer.send_code(SendCode(token.idv_id, request.method_id)))
    answer = VerificationResult(SENT, sent.tries_left, token.info())
    await _keep(context, task, answer)
    return answer


async def confirm_verification(
    context: Context, caller: Caller, token_reference: str, request: ConfirmVerification
) -> VerificationResult:
    """Have the issuer check the wearer's code; the right one verifies the token.

    The code is opened here and encrypted again for the issuer. A token that is verified already
    gets the same script again, so that a lost answer costs no second code. Raises TspError.
    """
    task = _task(caller, "verification_confirm", token_reference, request.task_id, request)
    if task is not None:
        earlier = await repeated(context.database, task, VerificationResult)
        if earlier is not None:
            return earlier
    done = await context.database.read(
        lambda connection: _verified_before(Repository(connection), caller, token_reference)
    )
    if done is not None:
        return done
    token = await _open_case(context, caller, token_reference)
    code = open_code(request.code_jwe, context.keys.card_data)
    envelope = await encrypt_for_issuer(context, json.dumps({"code": code.reveal()}).encode())
    # The bank's answer may get lost, or we may stop before it is kept: the same task asks again.
    question = VerifyCode(token.idv_id, envelope, "" if task is None else _name(task))
    checked = await ask_issuer(context.issuer.verify_code(question))
    if checked.result != SUCCESS:
        answer = VerificationResult(checked.result, checked.tries_left, token.info())
        await _keep(context, task, answer)
        return answer

    def verify(unit: Unit) -> VerificationResult:
        twin = stored(unit.rows, task, VerificationResult) if task is not None else None
        twin = twin or _verified_before(unit.rows, caller, token_reference)
        if twin is not None:
            return twin
        changed = apply(unit, owned_token(unit.rows, caller, token_reference), lifecycle.verify)
        info = changed.token.info()
        answer = VerificationResult(
            SUCCESS, checked.tries_left, info, changed.script, changed.follow_up
        )
        if task is not None:
            keep(unit.rows, task, answer, unit.now_ms)
        return answer

    return await change(context.database, context.writer, context.env.clock.now_ms(), verify)


def _verified_before(
    rows: Repository, caller: Caller, token_reference: str
) -> VerificationResult | None:
    token = owned_token(rows, caller, token_reference)
    if not token.verified or token.methods == "[]" or token.life.ended:
        return None
    package = rows.last_package(token.token_reference, Purpose.MAKE_ACTIVATABLE.value)
    script = None if package is None else load(package, ScriptPackage)
    return VerificationResult(SUCCESS, 0, token.info(), script)


async def _open_case(context: Context, caller: Caller, token_reference: str) -> TokenRow:
    """Return a token that waits for a proof of identity; raises TspError for any other."""
    token = await context.database.read(
        lambda connection: owned_token(Repository(connection), caller, token_reference)
    )
    if token.verified or token.state != TokenState.INACTIVE.value:
        raise conflict(
            "verification_not_open",
            "The token does not wait for a verification.",
            "token_reference",
            "Fetch the token and go on from its state.",
        )
    return token


def _task(
    caller: Caller, operation: str, token_reference: str, task_id: str | None, body: object
) -> Task | None:
    if task_id is None:
        return None
    return Task.of(caller, f"{operation}:{token_reference}", task_id, body)


def _name(task: Task) -> str:
    return f"{task.requestor_id}:{task.task_id}"


async def _keep(context: Context, task: Task | None, answer: VerificationResult) -> None:
    """Keep an answer that changed no token, unless a twin was faster."""
    if task is None:
        return
    now_ms = context.env.clock.now_ms()

    def run(unit: Unit) -> None:
        if stored(unit.rows, task, VerificationResult) is None:
            keep(unit.rows, task, answer, now_ms)

    await change(context.database, context.writer, now_ms, run)
