"""Identity checks: decisions per test card; codes are right, wrong, late, used up or used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.bank import card_envelope, envelope, running_bank
from wristlet.env.sim import SimEnv
from wristlet.issuer.idv import (
    CODE_LIFE_MS,
    CODE_TRIES,
    CODES_PER_CASE,
    DAY_MS,
    TOO_MANY_WRONG,
    WRONG_CODES_A_DAY,
    WRONG_DATA_A_DAY,
    IdvError,
    OneTimeCode,
)
from wristlet.issuer.service import IssuerService
from wristlet.model.issuer_messages import IdvDecision, IdvRequest, SendCode, VerifyCode
from wristlet.model.testcards import (
    AOBA,
    OTP_EXPIRED,
    OTP_RIGHT,
    OTP_WRONG,
    Outcome,
    TestCard,
    find_card,
)

SMS_CARD = find_card(AOBA, Outcome.YELLOW_SMS)
APP_CARD = find_card(AOBA, Outcome.YELLOW_APP)
GREEN_CARD = find_card(AOBA, Outcome.GREEN)


@pytest.fixture
def env() -> SimEnv:
    return SimEnv()


@pytest.fixture
async def bank(tmp_path: Path, env: SimEnv) -> AsyncIterator[IssuerService]:
    async with running_bank(tmp_path, env) as service:
        yield service


async def decide(
    bank: IssuerService, card: TestCard, recommendation: str = "green", **changed: str
) -> IdvDecision:
    request = IdvRequest(card_envelope(bank, card, **changed), "wallet", recommendation)
    return await bank.idv.decide(request)


async def open_case(bank: IssuerService, card: TestCard = SMS_CARD, method: str = "sms") -> str:
    idv_id = (await decide(bank, card)).idv_id
    await bank.idv.send_code(SendCode(idv_id, method))
    return idv_id


async def verify(bank: IssuerService, idv_id: str, code: str) -> tuple[str, int]:
    checked = await bank.idv.verify_code(VerifyCode(idv_id, envelope(bank, code=code)))
    return checked.result, checked.tries_left


@pytest.mark.parametrize(
    ("outcome", "decision", "methods"),
    [
        (Outcome.GREEN, "green", []),
        (Outcome.YELLOW_SMS, "yellow", ["sms"]),
        (Outcome.YELLOW_APP, "yellow", ["app", "sms"]),
        (Outcome.RED_ISSUER, "red", []),
        (Outcome.RED_NETWORK, "green", []),
        (Outcome.CVC_MISMATCH, "red", []),
        (Outcome.EXPIRY_MISMATCH, "red", []),
        (Outcome.FUNDS, "green", []),
        (Outcome.LIMIT, "green", []),
        (Outcome.LOST, "green", []),
        (Outcome.EXPIRED, "green", []),
    ],
)
async def test_each_test_card_gets_its_decision(
    bank: IssuerService, outcome: Outcome, decision: str, methods: list[str]
) -> None:
    answer = await decide(bank, find_card(AOBA, outcome))
    assert (answer.decision, [method.id for method in answer.methods]) == (decision, methods)
    assert answer.issuer_name == AOBA.name
    assert answer.reason


async def test_wallets_doubt_gets_a_way_to_prove(bank: IssuerService) -> None:
    answer = await decide(bank, GREEN_CARD, "yellow")
    assert (answer.decision, [method.id for method in answer.methods]) == ("green", ["sms"])
    await bank.idv.send_code(SendCode(answer.idv_id, "sms"))
    assert await verify(bank, answer.idv_id, OTP_RIGHT) == ("success", 2)


@pytest.mark.parametrize(
    "changed",
    [{"security_code": "124"}, {"expiry_yymm": "3011"}, {"pan": "9999010000000099"}],
)
async def test_wrong_card_data_are_red(bank: IssuerService, changed: dict[str, str]) -> None:
    answer = await decide(bank, GREEN_CARD, "green", **changed)
    assert (answer.decision, answer.methods) == ("red", [])


async def test_guessing_card_data_ends_after_a_few_tries(bank: IssuerService, env: SimEnv) -> None:
    right = GREEN_CARD.security_code.reveal()
    wrong = [f"{number:03d}" for number in range(1000) if f"{number:03d}" != right]
    for guess in wrong[:WRONG_DATA_A_DAY]:
        assert (await decide(bank, GREEN_CARD, security_code=guess)).decision == "red"
    blocked = await decide(bank, GREEN_CARD)
    assert (blocked.decision, blocked.reason) == ("red", TOO_MANY_WRONG.reason)
    assert (await decide(bank, APP_CARD)).decision == "yellow"
    env.clock.jump_wall_ms(DAY_MS)
    assert (await decide(bank, GREEN_CARD)).decision == "green"


@pytest.mark.parametrize("outcome", [Outcome.RED_ISSUER, Outcome.CVC_MISMATCH])
async def test_red_case_takes_no_code(bank: IssuerService, outcome: Outcome) -> None:
    idv_id = (await decide(bank, find_card(AOBA, outcome))).idv_id
    with pytest.raises(IdvError, match="no such open case"):
        await bank.idv.send_code(SendCode(idv_id, "sms"))
    with pytest.raises(IdvError, match="no such open case"):
        await verify(bank, idv_id, OTP_RIGHT)


async def test_unknown_case_is_refused(bank: IssuerService) -> None:
    with pytest.raises(IdvError) as caught:
        await bank.idv.send_code(SendCode("idv_none", "sms"))
    assert (caught.value.code, caught.value.param) == ("unknown_case", "idv_id")


@pytest.mark.parametrize(("card", "method"), [(SMS_CARD, "app"), (SMS_CARD, ""), (GREEN_CARD, "")])
async def test_method_that_was_not_offered_is_refused(
    bank: IssuerService, card: TestCard, method: str
) -> None:
    idv_id = (await decide(bank, card)).idv_id
    with pytest.raises(IdvError, match="not one that was offered"):
        await bank.idv.send_code(SendCode(idv_id, method))


@pytest.mark.parametrize(
    ("card", "method"), [(SMS_CARD, "sms"), (APP_CARD, "app"), (APP_CARD, "sms")]
)
async def test_right_code_verifies_by_every_method(
    bank: IssuerService, card: TestCard, method: str
) -> None:
    assert await verify(bank, await open_case(bank, card, method), OTP_RIGHT) == ("success", 2)


async def test_code_is_single_use(bank: IssuerService) -> None:
    idv_id = await open_case(bank)
    assert await verify(bank, idv_id, OTP_RIGHT) == ("success", 2)
    assert await verify(bank, idv_id, OTP_RIGHT) == ("expired_code", 0)
    with pytest.raises(IdvError, match="is verified"):
        await bank.idv.send_code(SendCode(idv_id, "sms"))


async def test_the_task_that_a_code_counted_for_gets_the_same_answer_again(
    bank: IssuerService, env: SimEnv
) -> None:
    async def ask(code: str, task_id: str) -> tuple[str, int]:
        request = VerifyCode(idv_id, envelope(bank, code=code), task_id)
        checked = await bank.idv.verify_code(request)
        return checked.result, checked.tries_left

    idv_id = await open_case(bank)
    assert await ask(OTP_RIGHT, "wallet:task_1") == ("success", 2)
    env.clock.advance_ms(CODE_LIFE_MS)
    assert await ask(OTP_RIGHT, "wallet:task_1") == ("success", 2)
    assert await ask(OTP_WRONG, "wallet:task_1") == ("expired_code", 0)
    assert await ask(OTP_RIGHT, "wallet:task_2") == ("expired_code", 0)
    assert await ask(OTP_RIGHT, "") == ("expired_code", 0)


async def test_three_wrong_codes_end_the_code(bank: IssuerService) -> None:
    idv_id = await open_case(bank)
    assert [await verify(bank, idv_id, OTP_WRONG) for _ in range(3)] == [
        ("incorrect_code", 2),
        ("incorrect_code", 1),
        ("tries_exceeded", 0),
    ]
    assert await verify(bank, idv_id, OTP_RIGHT) == ("tries_exceeded", 0)
    await bank.idv.send_code(SendCode(idv_id, "sms"))
    assert await verify(bank, idv_id, OTP_RIGHT) == ("success", 2)


async def test_new_cases_do_not_renew_the_guesses_of_a_day(
    bank: IssuerService, env: SimEnv
) -> None:
    for _ in range(WRONG_CODES_A_DAY // CODE_TRIES + 1):
        idv_id = await open_case(bank)
        for _ in range(CODE_TRIES):
            await verify(bank, idv_id, OTP_WRONG)
    assert (await verify(bank, await open_case(bank), OTP_RIGHT))[0] == "tries_exceeded"
    env.clock.advance_ms(DAY_MS)
    assert (await verify(bank, await open_case(bank), OTP_RIGHT))[0] == "success"


async def test_code_lives_ten_minutes(bank: IssuerService, env: SimEnv) -> None:
    idv_id = await open_case(bank)
    env.clock.advance_ms(CODE_LIFE_MS - 1)
    assert await verify(bank, idv_id, OTP_WRONG) == ("incorrect_code", 2)
    env.clock.advance_ms(1)
    assert await verify(bank, idv_id, OTP_RIGHT) == ("expired_code", 1)


async def test_sandbox_plays_an_expired_code(bank: IssuerService) -> None:
    assert await verify(bank, await open_case(bank), OTP_EXPIRED) == ("expired_code", 2)


async def test_no_code_counts_before_one_was_sent(bank: IssuerService) -> None:
    idv_id = (await decide(bank, SMS_CARD)).idv_id
    with pytest.raises(IdvError, match="none was sent"):
        await verify(bank, idv_id, OTP_RIGHT)


async def test_codes_per_case_are_limited(bank: IssuerService) -> None:
    idv_id = (await decide(bank, SMS_CARD)).idv_id
    for _ in range(CODES_PER_CASE):
        await bank.idv.send_code(SendCode(idv_id, "sms"))
    with pytest.raises(IdvError, match="no more codes"):
        await bank.idv.send_code(SendCode(idv_id, "sms"))


@pytest.mark.parametrize(
    "content",
    [{"pan": "1"}, {"pan": "x", "expiry_yymm": "3012", "security_code": "123"}],
)
async def test_unusable_card_data_are_refused(bank: IssuerService, content: dict[str, str]) -> None:
    with pytest.raises(IdvError) as caught:
        await bank.idv.decide(IdvRequest(envelope(bank, **content), "wallet", "green"))
    assert caught.value.param == "card_jwe"


@pytest.mark.parametrize("token", ["", "a.b.c.d.e", "é"])
async def test_broken_envelopes_are_refused(bank: IssuerService, token: str) -> None:
    with pytest.raises(IdvError, match="JWE"):
        await bank.idv.decide(IdvRequest(token, "wallet", "green"))
    with pytest.raises(IdvError, match="JWE"):
        await bank.idv.verify_code(VerifyCode("idv_1", token))


async def test_code_that_is_no_number_is_refused(bank: IssuerService) -> None:
    with pytest.raises(IdvError) as caught:
        await verify(bank, await open_case(bank), "12345é")
    assert caught.value.param == "code_jwe"


async def test_sandbox_sends_nothing(tmp_path: Path) -> None:
    async def deliver(code: OneTimeCode) -> None:
        raise AssertionError

    async with running_bank(tmp_path, deliver=deliver) as bank:
        assert await verify(bank, await open_case(bank), OTP_RIGHT) == ("success", 2)


async def test_outside_the_sandbox_the_code_is_random_and_delivered(tmp_path: Path) -> None:
    sent: list[OneTimeCode] = []

    async def deliver(code: OneTimeCode) -> None:
        sent.append(code)

    async with running_bank(tmp_path, sandbox=False, with_accounts=True, deliver=deliver) as bank:
        idv_id = await open_case(bank, APP_CARD, "app")
        code = sent[0].code.reveal()
        assert (sent[0].method.id, len(code), code.isdecimal()) == ("app", 6, True)
        assert code not in repr(sent)
        assert await verify(bank, idv_id, OTP_RIGHT) == ("incorrect_code", 2)
        assert await verify(bank, idv_id, OTP_EXPIRED) == ("incorrect_code", 1)
        assert await verify(bank, idv_id, code) == ("success", 0)
        await open_case(bank)
        assert sent[1].code.reveal() != code


async def test_a_new_code_ends_the_old_one(tmp_path: Path) -> None:
    sent: list[OneTimeCode] = []

    async def deliver(code: OneTimeCode) -> None:
        sent.append(code)

    async with running_bank(tmp_path, sandbox=False, with_accounts=True, deliver=deliver) as bank:
        idv_id = await open_case(bank)
        await bank.idv.send_code(SendCode(idv_id, "sms"))
        first, second = (code.code.reveal() for code in sent)
        assert await verify(bank, idv_id, first) == ("incorrect_code", 2)
        assert await verify(bank, idv_id, second) == ("success", 1)


async def test_bank_that_cannot_deliver_says_so(tmp_path: Path) -> None:
    async with running_bank(tmp_path, sandbox=False, with_accounts=True) as bank:
        with pytest.raises(IdvError, match="cannot send codes"):
            await open_case(bank)
