"""The switch: who is reached, what is passed on, and what it says when nobody answers."""

from __future__ import annotations

import pytest

from support.hosts import ScriptedHost
from wristlet.links.iso8583_peer import HostUnavailable, RequestInFlight
from wristlet.network.routing import RoutingTable
from wristlet.network.switch import Switch
from wristlet.wire.iso8583.message import Message
from wristlet.wire.masked import SecretDigits

DPAN, FPAN = "9998010000000018", "9999010000000017"
TABLE = RoutingTable({"9998": "tsp", "9999": "issuer"})


def request(number: str = DPAN, **extra: bytes) -> Message:
    fields: dict[int, str | bytes] = {
        2: SecretDigits(number),
        7: "0101120000",
        11: "000001",
        32: "99990001",
        37: "010100000001",
    }
    return Message("0100", {**fields, **{int(key[1:]): value for key, value in extra.items()}})


def made(*turns: str | BaseException) -> tuple[Switch, ScriptedHost, ScriptedHost]:
    tsp, issuer = ScriptedHost(*turns), ScriptedHost(*turns)
    return Switch(TABLE, {"tsp": tsp, "issuer": issuer}), tsp, issuer


async def test_tokens_go_to_the_token_service_and_cards_to_the_bank() -> None:
    switch, tsp, issuer = made()
    assert (await switch.handle(request(DPAN))).text(39) == "00"
    assert (await switch.handler_for("tsp")(request(FPAN))).text(39) == "00"
    assert [len(tsp.seen), len(issuer.seen)] == [1, 1]


@pytest.mark.parametrize("number", ["4000000000000000", "1"])
async def test_unknown_number_has_no_route(number: str) -> None:
    switch, tsp, issuer = made()
    assert (await switch.handle(request(number))).text(39) == "15"
    assert not tsp.seen
    assert not issuer.seen


async def test_request_without_a_number_is_a_format_error() -> None:
    switch, _, _ = made()
    assert (await switch.handle(request().without(2))).text(39) == "30"


async def test_host_that_is_not_configured_has_no_route() -> None:
    switch = Switch(TABLE, {})
    assert (await switch.handle(request())).text(39) == "15"


async def test_silent_host_is_reported_unavailable() -> None:
    switch, _, _ = made(HostUnavailable("silent"))
    answer = await switch.handle(request())
    assert (answer.mti, answer.text(39), answer.text(37)) == ("0110", "91", "010100000001")


async def test_second_request_of_a_trace_is_a_duplicate() -> None:
    switch, _, _ = made(RequestInFlight("twice"))
    assert (await switch.handle(request())).text(39) == "94"


async def test_only_the_token_service_can_vouch_for_a_tap() -> None:
    switch, tsp, issuer = made()
    vouched = {"_48": b"\xdf\x05\x05valid"}
    await switch.handle(request(FPAN, **vouched))
    await switch.handle(request(DPAN, **vouched))
    await switch.handler_for("tsp")(request(FPAN, **vouched))
    assert 48 not in tsp.seen[0].fields
    assert [48 in message.fields for message in issuer.seen] == [False, True]


async def test_nobody_is_answered_by_himself() -> None:
    switch, tsp, _ = made()
    assert (await switch.handler_for("tsp")(request(DPAN))).text(39) == "15"
    assert not tsp.seen


async def test_log_shows_no_number(caplog: pytest.LogCaptureFixture) -> None:
    switch, _, _ = made(HostUnavailable("silent"))
    await switch.handle(request())
    assert "tsp did not answer a 0100" in caplog.text
    assert DPAN not in caplog.text
