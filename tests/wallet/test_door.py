"""What comes through the door: shapes, sizes, and no digits in clear, ever."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.fake_tsp import jwe
from support.wallet_city import City, Person
from wristlet.links.http import RemoteProblem
from wristlet.links.problems import ApiError
from wristlet.model.wallet_messages import ActiveCard, CertifyPhone, ChangeReason, PairDevice
from wristlet.wallet import shapes

PANS = ["9999010000000003", "9999 0100 0000 0003", "9999-0100-0000-0003", "4111111111111111"]
FIELDS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/wearers", {"name": "{}"}),
    ("/v1/wearers", {"name": "Hana", "email": "{}@example.org"}),
    ("/v1/cards/eligibility", {"device_id": "{device}", "card_jwe": "{}"}),
    ("/v1/cards/{card}/verification/confirm", {"code_jwe": "{}"}),
    ("/v1/cards/{card}/suspend", {"reason": "card {}"}),
    ("/v1/devices/{device}/lost", {"reason": "{}"}),
    ("/v1/devices/{device}/commits/1/report", {"apdu_index": 0, "reason": "{}"}),
    ("/v1/devices", {"name": "{}", "attestation_chain": ["MIIB"], "domain_chain": []}),
]


@pytest.mark.parametrize("pan", PANS)
async def test_card_numbers_in_clear_are_refused_kept_nowhere_and_not_echoed(
    city: City, hana: Person, pan: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    device = await hana.pair()
    card = await hana.add(device)
    names = {"device": device.id, "card": card.id}
    for path, fields in FIELDS:
        body = {
            key: value.replace("{}", pan).replace("{device}", device.id)
            if isinstance(value, str)
            else value
            for key, value in fields.items()
        }
        token = city.keys[0] if path == "/v1/wearers" else hana.token
        headers = {"Idempotency-Key": f"{path} for {pan}"}
        where = path.format(**names)
        answer = await city.raw("POST", where, token, json=body, headers=headers)
        assert answer.json()["error"]["code"] == "clear_digits_refused", path
        assert pan not in answer.text
    stored = b"".join(file.read_bytes() for file in city.directory.iterdir() if file.is_file())
    for digits in (pan, pan.replace(" ", "").replace("-", "")):
        assert digits not in caplog.text
        assert digits.encode() not in stored
        assert all(digits.encode() not in body for body in city.tsp.bodies)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "123456",
        "12 34 56",
        "not a jwe",
        "a.b.c.d.e",
        jwe() + ".more",
        jwe().replace("..", ".a2V5."),
        jwe("with space"),
        jwe("A" * 5000),
        "eyJhbGciOiJub25lIn0.." + jwe().partition("..")[2],
        "AAAA.." + jwe().partition("..")[2],
    ],
)
def test_what_is_no_jwe_is_refused(value: str) -> None:
    with pytest.raises(ApiError) as caught:
        shapes.check_jwe(value, "card_jwe")
    assert caught.value.param == "card_jwe"
    assert caught.value.status == 400


def test_jwe_with_chance_digits_passes() -> None:
    shapes.check_jwe(jwe("9999010000000004abc"), "card_jwe")


@given(st.text())
def test_shape_checks_never_crash(value: str) -> None:
    for check in (
        lambda: shapes.check_jwe(value, "p"),
        lambda: shapes.check_text(value, "p"),
        lambda: shapes.check_certificates([value], "p"),
        lambda: shapes.receipt(value, "p"),
        lambda: shapes.lease_report(value, "p"),
    ):
        with contextlib.suppress(ApiError):
            check()


@given(st.from_regex(r"[0-9]{12,19}", fullmatch=True))
def test_card_numbers_are_found_by_luhn(digits: str) -> None:
    total = sum(int(d) for d in digits[-1::-2])
    total += sum(sum(divmod(2 * int(d), 10)) for d in digits[-2::-2])
    assert shapes.has_card_number(f"text {digits}.") == (total % 10 == 0)


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        (b"{", 400, "json_invalid", None),
        (b"[]", 400, "parameter_invalid", "body"),
        (b"{}", 400, "parameter_missing", "name"),
        (b'{"name": 9999010000000003}', 400, "parameter_invalid", "name"),
        (b'{"name": " "}', 400, "parameter_invalid", "name"),
        (b'{"name": "' + b"x" * 201 + b'"}', 400, "parameter_invalid", "name"),
        (b'{"name": "a\\u0000b"}', 400, "parameter_invalid", "name"),
        (b'{"name": "' + b"x" * 140_000 + b'"}', 413, "body_too_large", None),
    ],
)
async def test_bad_bodies_name_the_field(
    city: City, body: bytes, status: int, code: str, param: str | None
) -> None:
    answer = await city.raw("POST", "/v1/wearers", city.keys[0], content=body)
    problem = answer.json()["error"]
    assert (answer.status_code, problem["code"], problem["param"]) == (status, code, param)
    assert problem["next_step"]
    assert problem["doc_url"] == f"/docs/errors/{code}"
    assert problem["request_id"] == answer.headers["Request-Id"]
    assert "9999" not in answer.text


async def test_chunked_bodies_are_refused(city: City) -> None:
    async def parts() -> Any:
        yield b'{"name": "Hana"}'

    answer = await city.raw("POST", "/v1/wearers", city.keys[0], content=parts())
    assert answer.json()["error"]["code"] == "length_required"


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "limit=²", "after=-1", "after=1e3"]
)
async def test_bad_queries_are_refused(city: City, query: str) -> None:
    answer = await city.raw("GET", f"/v1/events?{query}", city.keys[0])
    assert answer.json()["error"]["code"] == "parameter_invalid"
    assert answer.json()["error"]["param"] == query.partition("=")[0]


@pytest.mark.parametrize("chain", [[], ["!!"], ["AAAA"], ["MIIB"] * 9, ["MIIB" + "A" * 12_000]])
async def test_bad_certificates_are_refused(hana: Person, chain: list[str]) -> None:
    with pytest.raises(RemoteProblem) as caught:
        await hana.client.pair_device(PairDevice("strap", chain, ["MIIB"]))
    assert caught.value.problem.param == "attestation_chain"


@pytest.mark.parametrize("point", ["", "zz", "04" + "11" * 64, "02" + "11" * 32])
async def test_points_off_the_curve_are_refused(hana: Person, point: str) -> None:
    device = await hana.pair()
    with pytest.raises(RemoteProblem) as caught:
        await hana.client.certify_phone(device.id, CertifyPhone(point))
    assert caught.value.problem.param == "public_point"


async def test_lease_report_of_another_strap_is_refused(hana: Person, city: City) -> None:
    device = await hana.pair()
    assert (await hana.report_lease(device)).device_id == device.id
    with pytest.raises(RemoteProblem) as caught:
        await hana.report_lease(device, "77" * 16)
    assert caught.value.problem.code == "receipt_mismatch"
    assert city.tsp.calls.count("lease-reports") == 1


async def test_card_that_is_not_on_the_strap_cannot_be_active(hana: Person) -> None:
    one, other = await hana.pair("one"), await hana.pair("other")
    card = await hana.active(one)
    gone = await hana.active(one)
    await hana.client.delete_card(gone.id, ChangeReason())
    for device, chosen in ((other, card), (one, gone)):
        with pytest.raises(RemoteProblem) as caught:
            await hana.client.report_active_card(device.id, ActiveCard(chosen.id))
        assert caught.value.problem.code == "action_not_allowed"
