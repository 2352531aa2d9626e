"""The JSON client and the typed problems meet over ASGI, as parts in one process do."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import httpx2
import pytest
from fastapi import FastAPI

from wristlet.links.http import HttpClient, RemoteProblem, RemoteUnavailable
from wristlet.links.problems import ApiError, install_problem_handlers


@dataclass(frozen=True, slots=True)
class Question:
    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Reply:
    text: str


def make_app() -> FastAPI:
    app = FastAPI()
    install_problem_handlers(app, new_request_id=lambda: "req_1")

    @app.post("/ask")
    async def ask(question: Question) -> Reply:
        if question.name == "refuse":
            raise ApiError(
                409, "conflict_error", "taken", "It is taken.", "name", next_step="Wait."
            )
        if question.name == "crash":
            raise RuntimeError("secret 9999010000000000")
        return Reply(f"{question.name} {question.number}")

    @app.get("/search")
    async def search(q: str = "none") -> Reply:
        return Reply(q)

    return app


@pytest.fixture
def client() -> HttpClient:
    return HttpClient("http://part", "token", httpx2.ASGITransport(app=make_app()))


async def test_dataclasses_go_both_ways(client: HttpClient) -> None:
    assert await client.post("/ask", Question("a", 2), Reply) == Reply("a 2")
    assert await client.get("/search", Reply, {"q": "x", "left_out": None}) == Reply("x")
    assert await client.get("/search", Reply, {"q": None}) == Reply("none")
    await client.post("/ask", Question("a", 2), type(None))


async def test_refusal_is_a_problem_with_all_fields(client: HttpClient) -> None:
    with pytest.raises(RemoteProblem) as caught:
        await client.post("/ask", Question("refuse", 1), Reply)
    problem = caught.value.problem
    assert caught.value.status == 409
    assert (problem.type, problem.code, problem.param) == ("conflict_error", "taken", "name")
    assert (problem.next_step, problem.request_id) == ("Wait.", "req_1")
    assert problem.doc_url == "/docs/errors/taken"


async def test_validation_names_the_field_and_never_echoes(client: HttpClient) -> None:
    @dataclass
    class Wrong:
        name: str
        number: str

    with pytest.raises(RemoteProblem) as caught:
        await client.post("/ask", Wrong("a", "9999010000000000x"), Reply)
    problem = caught.value.problem
    assert (caught.value.status, problem.code, problem.param) == (
        400,
        "parameter_invalid",
        "number",
    )
    assert "99990100" not in str(problem)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/nowhere", 404, "route_not_found"), ("/ask", 405, "method_not_allowed")],
)
async def test_unknown_routes_are_problems(
    client: HttpClient, path: str, status: int, code: str
) -> None:
    with pytest.raises(RemoteProblem) as caught:
        await client.get(path, Reply)
    assert (caught.value.status, caught.value.problem.code) == (status, code)


async def test_unexpected_exception_keeps_its_text(
    client: HttpClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(RemoteProblem) as caught:
        await client.post("/ask", Question("crash", 1), Reply)
    assert (caught.value.status, caught.value.problem.code) == (500, "internal_error")
    assert "RuntimeError" in caplog.text
    assert "99990100" not in caplog.text + str(caught.value.problem)


async def test_every_answer_carries_a_request_id() -> None:
    transport = httpx2.ASGITransport(app=make_app())
    async with httpx2.AsyncClient(transport=transport, base_url="http://part") as plain:
        for path in ("/search", "/nowhere"):
            assert (await plain.get(path)).headers["Request-Id"] == "req_1"


def fixed(content: bytes, status: int) -> httpx2.AsyncBaseTransport:
    return httpx2.MockTransport(lambda request: httpx2.Response(status, content=content))


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"<html>", 200), (b'{"other": 1}', 200), (b"<html>", 502), (b'{"error": "text"}', 400)],
)
async def test_an_answer_that_is_not_ours_is_no_answer(content: bytes, status: int) -> None:
    client = HttpClient("http://part", transport=fixed(content, status))
    with pytest.raises(RemoteUnavailable):
        await client.get("/search", Reply)


async def test_network_failure_and_silence_are_unavailable() -> None:
    class Broken(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            raise httpx2.ConnectError("refused")

    class Silent(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            raise TimeoutError

    for transport in (Broken(), Silent()):
        client = HttpClient("http://part", transport=transport)
        with pytest.raises(RemoteUnavailable):
            await client.get("/search", Reply)
        await client.close()
