"""The bench page without a browser: languages, stream of events, taps, policy."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from support.source import ROOT
from wristlet import web
from wristlet.lab.hub import Hub
from wristlet.lab.page import (
    AMOUNT_MAX,
    BODY_BYTES_MAX,
    choose_language,
    create_page,
    load_texts,
    serving_page,
)
from wristlet.lab.steps import STEPS
from wristlet.links.process import open_listener
from wristlet.pos.kernel.outcome import Display
from wristlet.wire.sw import SW

URL = "http://bench.test"
PAYMENT = {"approved": True, "display": "APPROVED", "amount": "480 JPY"}


@dataclass
class Terminal:
    """Takes taps; `gate` holds them back, `fault` makes them fail."""

    amounts: list[int] = field(default_factory=list)
    gate: asyncio.Event | None = None
    fault: Exception | None = None
    at_gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def tap(self, amount_minor: int) -> dict[str, Any]:
        self.amounts.append(amount_minor)
        self.at_gate.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return PAYMENT


def client_of(terminal: Terminal) -> httpx2.AsyncClient:
    app = create_page(Hub(), terminal.tap)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=URL)


async def get(path: str, **headers: str) -> httpx2.Response:
    async with client_of(Terminal()) as client:
        return await client.get(path, headers=headers)


# ------------------------------------------------------------------ languages and template


@pytest.mark.parametrize(
    ("asked", "accepted", "chosen"),
    [
        (None, "", "en"),
        (None, "ja", "ja"),
        (None, "ja-JP,ja;q=0.9,en;q=0.8", "ja"),
        (None, "en-GB,en;q=0.9,ja;q=0.8", "en"),
        (None, "fr, ja;q=0.4, en;q=0.3", "ja"),
        (None, "fr", "en"),
        (None, "ja;q=0", "en"),
        (None, "ja;q=x,;;=", "en"),
        ("en", "ja", "en"),
        ("ja", "en", "ja"),
        ("xx", "ja", "ja"),
    ],
)
def test_language_by_name_then_by_header(asked: str | None, accepted: str, chosen: str) -> None:
    assert choose_language(asked, accepted, {"en": {}, "ja": {}}) == chosen


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_every_step_stands_on_the_page(language: str) -> None:
    page = await get("/", **{"Accept-Language": language})
    texts = load_texts()[language]
    assert f'<html lang="{language}">' in page.text
    assert page.headers["Content-Language"] == language
    assert re.findall(r'data-step="(\w+)"', page.text) == [step.id for step in STEPS]
    for step in STEPS:
        assert f'<span class="step-title">{texts[f"step.{step.id}"]}</span>' in page.text


async def test_page_has_nothing_inline_that_its_policy_forbids() -> None:
    html = (await get("/")).text
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html)
    scripts = re.findall(r"<script([^>]*)>", html)
    assert len(scripts) == 3
    assert all('type="application/json"' in one or 'src="static/' in one for one in scripts)


async def test_page_names_no_other_host() -> None:
    texts = [(await get("/")).text, *(path.read_text() for path in web.STATIC.iterdir())]
    addresses = [one for text in texts for one in re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text)]
    assert set(addresses) <= {"http://www.w3.org"}


@pytest.mark.parametrize(
    "path", ["/", "/static/lab.js", "/static/none", "/none", "/events?after=x"]
)
async def test_every_reply_carries_the_policy(path: str) -> None:
    headers = (await get(path)).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == ("no-cache" if "static" in path else "no-store")


async def test_scripts_are_served_as_scripts() -> None:
    assert (await get("/static/lab.js")).headers["Content-Type"].startswith("text/javascript")
    assert (await get("/static/../page.py")).status_code == 404


# ------------------------------------------------------------------ texts


def test_both_languages_say_the_same_things() -> None:
    texts = load_texts()
    # The English wires are those of the steps themselves.
    japanese = {key for key in texts["ja"] if not key.startswith("wire.")}
    assert japanese == set(texts["en"])
    for key, english in texts["en"].items():
        places = re.compile(r"\{\w+\}")
        assert set(places.findall(english)) == set(places.findall(texts["ja"][key])), key


def test_what_the_parts_can_say_has_a_text() -> None:
    texts = load_texts()["ja"]
    assert {f"step.{step.id}" for step in STEPS} | {f"wire.{step.id}" for step in STEPS} <= set(
        texts
    )
    assert {f"display.{display}" for display in Display} <= set(texts)
    words = [key[3:] for key in texts if re.fullmatch(r"sw\.[0-9A-F]{4}", key)]
    assert {int(word, 16) for word in words} <= set(SW)


def test_no_text_is_unused() -> None:
    families = ("code.", "display.", "result.", "state.", "step.", "sw.", "wire.", "link.")
    sources = [web.TEMPLATES / "lab.html", ROOT / "src/wristlet/lab/page.py"]
    sources += (ROOT / "ui" / "lab").glob("*.ts")
    used = "".join(path.read_text(encoding="utf-8") for path in sources)
    quoted = set(re.findall(r"""["'`]([\w.]+)["'`]""", used))
    unused = {key for key in load_texts()["en"] if not key.startswith(families)} - quoted
    assert not unused


# ------------------------------------------------------------------ taps


async def tap(
    terminal: Terminal, content: str | bytes, **headers: str
) -> tuple[int, dict[str, Any]]:
    async with client_of(terminal) as client:
        sent = {"Content-Type": "application/json"} | headers
        answer = await client.post("/tap", content=content, headers=sent)
        return answer.status_code, answer.json()


@pytest.mark.parametrize("amount", [1, 480, AMOUNT_MAX])
async def test_tap_pays_the_amount(amount: int) -> None:
    terminal = Terminal()
    status, payment = await tap(terminal, json.dumps({"amount_minor": amount}))
    assert (status, payment, terminal.amounts) == (200, PAYMENT, [amount])


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ('{"amount_minor": 0}', "amount_minor", "parameter_invalid"),
        ('{"amount_minor": -1}', "amount_minor", "parameter_invalid"),
        ('{"amount_minor": 100000000}', "amount_minor", "parameter_invalid"),
        ('{"amount_minor": 4.8}', "amount_minor", "parameter_invalid"),
        ('{"amount_minor": "480"}', "amount_minor", "parameter_invalid"),
        ('{"amount_minor": true}', "amount_minor", "parameter_invalid"),
        ('{"amount_minor": null}', "amount_minor", "parameter_invalid"),
        ('{"amount": 480}', "amount_minor", "parameter_missing"),
        ("480", "body", "parameter_invalid"),
        ("{", "body", "parameter_invalid"),
        (b"\xff", "body", "parameter_invalid"),
        ("[" * BODY_BYTES_MAX, "body", "parameter_invalid"),
    ],
)
async def test_refused_amount_is_named_and_not_tapped(
    body: str | bytes, param: str, code: str
) -> None:
    terminal = Terminal()
    status, answer = await tap(terminal, body)
    assert (status, answer["error"]["param"], answer["error"]["code"]) == (400, param, code)
    assert param in answer["error"]["message"]
    assert terminal.amounts == []


async def test_long_body_and_other_content_are_refused() -> None:
    terminal = Terminal()
    assert (await tap(terminal, " " * (BODY_BYTES_MAX + 1)))[0] == 413
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await tap(terminal, '{"amount_minor": 1}', **form))[0] == 415
    assert terminal.amounts == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": URL, "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://evil.test"}, 403),
        ({"Origin": "http://bench.test.evil.test"}, 403),
        ({"Origin": f"{URL}:81"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
    ],
)
async def test_only_the_page_itself_may_tap(headers: dict[str, str], status: int) -> None:
    terminal = Terminal()
    assert (await tap(terminal, '{"amount_minor": 480}', **headers))[0] == status
    assert len(terminal.amounts) == (status == 200)


async def test_one_tap_at_a_time() -> None:
    terminal = Terminal(gate=asyncio.Event())
    assert terminal.gate is not None
    async with client_of(terminal) as client:
        first = asyncio.create_task(client.post("/tap", json={"amount_minor": 1}))
        await terminal.at_gate.wait()
        second = await client.post("/tap", json={"amount_minor": 2})
        terminal.gate.set()
        assert (await first).status_code == 200
        assert (second.status_code, second.json()["error"]["code"]) == (409, "tap_in_progress")
        assert (await client.post("/tap", json={"amount_minor": 3})).status_code == 200
    assert terminal.amounts == [1, 3]


async def test_failed_tap_says_nothing_of_the_fault_and_frees_the_terminal() -> None:
    terminal = Terminal(fault=RuntimeError("number 9999010000000017"))
    async with client_of(terminal) as client:
        failed = await client.post("/tap", json={"amount_minor": 1})
        assert failed.status_code == 500
        assert "9999" not in failed.text
        assert "Content-Security-Policy" in failed.headers
        terminal.fault = None
        assert (await client.post("/tap", json={"amount_minor": 2})).status_code == 200


# ------------------------------------------------------------------ events


@asynccontextmanager
async def served(hub: Hub, heartbeat_s: float = 60) -> AsyncIterator[str]:
    page = create_page(hub, Terminal().tap, heartbeat_s=heartbeat_s)
    async with serving_page(page, open_listener("127.0.0.1:0")) as url:
        yield url


@asynccontextmanager
async def following(
    url: str, after: str = "", **headers: str
) -> AsyncIterator[AsyncIterator[list[str]]]:
    """Blocks of lines as they come, the first being the greeting."""

    async def blocks(lines: AsyncIterator[str]) -> AsyncIterator[list[str]]:
        block: list[str] = []
        async for line in lines:
            if line:
                block.append(line)
            else:
                yield block
                block = []

    async with (
        httpx2.AsyncClient(timeout=10) as client,
        client.stream("GET", f"{url}/events{after}", headers=headers) as answer,
    ):
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield blocks(answer.aiter_lines())


def three_events() -> Hub:
    hub = Hub()
    for number in (1, 2, 3):
        hub.publish("step", {"id": f"s{number}", "text": "a\nb"})
    return hub


async def numbers(blocks: AsyncIterator[list[str]], count: int) -> list[str]:
    return [(await anext(blocks))[0] for _ in range(count)]


async def test_events_carry_number_kind_and_data() -> None:
    async with served(three_events()) as url, following(url) as blocks:
        retry, event, hello = await anext(blocks)
        assert (retry, event) == ("retry: 2000", "event: hello")
        assert re.fullmatch(r'data: \{"run": "[0-9a-f]{16}"\}', hello)
        number, kind, data = await anext(blocks)
        assert (number, kind) == ("id: 1", "event: step")
        assert json.loads(data.removeprefix("data: ")) == {"id": "s1", "text": "a\nb"}


async def test_events_come_as_they_are_published() -> None:
    hub = Hub()
    async with served(hub) as url, following(url) as blocks:
        await anext(blocks)
        hub.publish("payment", {"display": "承認"})
        assert await anext(blocks) == ["id: 1", "event: payment", 'data: {"display":"承認"}']


@pytest.mark.parametrize(
    ("after", "headers", "seen"),
    [
        ("", {}, ["id: 1", "id: 2"]),
        ("?after=1", {}, ["id: 2", "id: 3"]),
        ("", {"Last-Event-ID": "1"}, ["id: 2", "id: 3"]),
        ("?after=0", {"Last-Event-ID": "2"}, ["id: 3"]),
    ],
)
async def test_events_resume_where_the_reader_left_off(
    after: str, headers: dict[str, str], seen: list[str]
) -> None:
    async with served(three_events()) as url, following(url, after, **headers) as blocks:
        await anext(blocks)
        assert await numbers(blocks, len(seen)) == seen


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "９", "9" * 19])
async def test_bad_resume_point_is_named(after: str) -> None:
    answer = await get(f"/events?after={after}")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "after")


async def test_silence_is_filled_with_heartbeats() -> None:
    hub = Hub()
    async with served(hub, heartbeat_s=0.01) as url, following(url) as blocks:
        await anext(blocks)
        assert await anext(blocks) == [": still here"]
        hub.publish("step", {})
        while (block := await anext(blocks)) == [": still here"]:
            pass
        assert block[0] == "id: 1"


async def test_server_ends_while_readers_follow() -> None:
    async with asyncio.timeout(10):
        hub = Hub()
        async with served(hub) as url:
            following_one = following(url)
            blocks = await following_one.__aenter__()
            await anext(blocks)
        assert [block async for block in blocks] == []
        await following_one.__aexit__(None, None, None)
