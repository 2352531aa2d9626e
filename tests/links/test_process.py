"""Listen addresses, the ready line and a server over a real socket."""

from __future__ import annotations

import json
import socket

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from wristlet.links.http import HttpClient
from wristlet.links.process import (
    ListenAddressError,
    address_of,
    announce_ready,
    open_listener,
    serving_http,
)


@pytest.mark.parametrize("address", ["", "8080", "host:", "host:port", "fd:x", "fd:9999"])
def test_bad_addresses_are_refused(address: str) -> None:
    with pytest.raises(ListenAddressError):
        open_listener(address)


def test_port_zero_takes_a_free_port() -> None:
    with open_listener("127.0.0.1:0") as listener:
        host, port = address_of(listener).split(":")
        assert host == "127.0.0.1"
        assert int(port) > 0


def test_inherited_listener_is_adopted() -> None:
    parent = socket.create_server(("127.0.0.1", 0))
    expected = address_of(parent)
    with open_listener(f"fd:{parent.detach()}") as listener:
        assert address_of(listener) == expected


def test_socket_that_does_not_listen_is_refused() -> None:
    with socket.socket() as idle, pytest.raises(ListenAddressError, match="not a listening socket"):
        open_listener(f"fd:{idle.fileno()}")


def test_port_in_use_says_what_to_do() -> None:
    with (
        open_listener("127.0.0.1:0") as listener,
        pytest.raises(ListenAddressError, match="another"),
    ):
        open_listener(address_of(listener))


def test_ready_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    announce_ready("tsp", http="http://h:1", iso8583="h:2")
    line = capsys.readouterr().out
    assert line.endswith("\n")
    assert json.loads(line) == {"ready": "tsp", "http": "http://h:1", "iso8583": "h:2"}


async def test_serving_http_answers_and_stops() -> None:
    async def hello(request: Request) -> Response:
        return JSONResponse({"path": request.url.path})

    app = Starlette(routes=[Route("/hello", hello)])
    listener = open_listener("127.0.0.1:0")
    async with serving_http(app, listener) as url:
        client = HttpClient(url)
        assert await client.get("/hello", dict) == {"path": "/hello"}
        await client.close()
    assert listener.fileno() == -1
