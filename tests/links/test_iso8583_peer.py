"""Requests between hosts: matched, sealed, given up in time; what is wrong ends the link."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.transports import FakeTransport
from wristlet.crypto.mac import HopMac
from wristlet.env.sim import SimEnv
from wristlet.links.iso8583_link import JOINED_MAX, open_message, seal_message
from wristlet.links.iso8583_peer import (
    BadMac,
    Handler,
    HostUnavailable,
    HostUnreachable,
    Iso8583Server,
    LoopbackClient,
    Peer,
    RequestInFlight,
    TcpClient,
    network_management,
    serve,
)
from wristlet.links.iso8583_server import ServerLink
from wristlet.links.process import address_of, open_listener
from wristlet.wire.iso8583 import message as iso
from wristlet.wire.iso8583.framing import Deframer, frame
from wristlet.wire.iso8583.message import Message
from wristlet.wire.masked import SecretDigits

KEY, OTHER_KEY = bytes(range(16)), bytes(16)
NUMBER = "9999010000000019"


def request(stan: int = 1, mti: str = "0100") -> Message:
    fields: dict[int, str | bytes] = {
        2: SecretDigits(NUMBER),
        4: "000000000500",
        7: "0101120000",
        11: f"{stan:06d}",
        32: "99990001",
        37: f"0101{stan:08d}",
        39: "91",
    }
    return Message(mti, fields)


async def approve(message: Message) -> Message:
    return iso.reply(message, {39: "00"})


class Held:
    """A handler that answers when it is told to."""

    def __init__(self) -> None:
        self.waiting: dict[str, asyncio.Future[None]] = {}

    async def handle(self, message: Message) -> Message:
        future = asyncio.get_running_loop().create_future()
        self.waiting[message.text(11)] = future
        await future
        return await approve(message)

    def release(self, stan: int) -> None:
        self.waiting.pop(f"{stan:06d}").set_result(None)


async def until(condition: Callable[[], bool]) -> None:
    """Let others run until something is so."""
    while not condition():
        await asyncio.sleep(0)


@asynccontextmanager
async def pair(handler: Handler, env: SimEnv | None = None) -> AsyncIterator[TcpClient]:
    listener = open_listener("127.0.0.1:0")
    address = address_of(listener)
    server = await serve(listener, handler, KEY)
    client = TcpClient(address, KEY, env or SimEnv())
    try:
        yield client
    finally:
        await client.close()
        await server.close(0)


async def test_request_is_answered() -> None:
    async with pair(approve) as client:
        answer = await client.request(request())
    assert (answer.mti, answer.text(39), answer.text(37)) == ("0110", "00", "010100000001")


async def test_answers_find_their_requests_in_any_order() -> None:
    held = Held()
    async with pair(held.handle) as client:
        tasks = [asyncio.create_task(client.request(request(stan))) for stan in range(20)]
        await until(lambda: len(held.waiting) == 20)
        for stan in reversed(range(20)):
            held.release(stan)
        answers = await asyncio.gather(*tasks)
    assert [answer.text(11) for answer in answers] == [f"{stan:06d}" for stan in range(20)]


async def test_reversal_and_request_of_one_trace_do_not_mix() -> None:
    held = Held()
    async with pair(held.handle) as client:
        first = asyncio.create_task(client.request(request()))
        await until(lambda: len(held.waiting) == 1)
        held.waiting["first"] = held.waiting.pop("000001")
        second = asyncio.create_task(client.request(request(mti="0420")))
        await until(lambda: len(held.waiting) == 2)
        held.release(1)
        assert (await second).mti == "0430"
        held.waiting["first"].set_result(None)
        assert (await first).mti == "0110"


async def test_same_trace_in_flight_is_refused_clearly() -> None:
    held = Held()
    async with pair(held.handle) as client:
        first = asyncio.create_task(client.request(request()))
        await until(lambda: bool(held.waiting))
        with pytest.raises(RequestInFlight, match="same trace"):
            await client.request(request())
        held.release(1)
        assert (await first).text(39) == "00"
        again = asyncio.create_task(client.request(request()))
        await until(lambda: bool(held.waiting))
        held.release(1)
        assert (await again).text(39) == "00"


async def test_no_answer_in_time_and_a_late_one_is_dropped() -> None:
    held, env = Held(), SimEnv()
    async with pair(held.handle, env) as client:
        late = asyncio.create_task(client.request(request(1), timeout_ms=5_000))
        await until(lambda: len(held.waiting) == 1)
        await env.clock.run_ms(4_999)
        assert not late.done()
        await env.clock.run_ms(1)
        with pytest.raises(HostUnavailable, match="in time"):
            await late
        held.release(1)
        following = asyncio.create_task(client.request(request(2)))
        await until(lambda: len(held.waiting) == 1)
        held.release(2)
        assert (await following).text(11) == "000002"


async def test_each_request_has_its_own_deadline() -> None:
    held, env = Held(), SimEnv()
    async with pair(held.handle, env) as client:
        patience_ms = {1: 9_000, 2: 3_000, 3: 6_000}
        tasks = {
            stan: asyncio.create_task(client.request(request(stan), ms))
            for stan, ms in patience_ms.items()
        }
        await until(lambda: len(held.waiting) == 3)
        given_up = []
        for _ in range(3):
            await env.clock.run_ms(3_000)
            given_up.append([stan for stan, task in tasks.items() if task.done()])
        assert given_up == [[2], [2, 3], [1, 2, 3]]
        await asyncio.gather(*tasks.values(), return_exceptions=True)


async def test_cancelled_request_leaves_nothing_behind() -> None:
    held = Held()
    async with pair(held.handle) as client:
        task = asyncio.create_task(client.request(request()))
        await until(lambda: bool(held.waiting))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        again = asyncio.create_task(client.request(request()))
        await asyncio.sleep(0)
        assert not again.done()
        again.cancel()


async def test_nobody_listening_means_never_sent() -> None:
    with open_listener("127.0.0.1:0") as listener:
        address = address_of(listener)
    client = TcpClient(address, KEY, SimEnv())
    with pytest.raises(HostUnreachable, match="is it running"):
        await client.request(request())


async def test_lost_link_fails_what_waits_and_is_made_anew() -> None:
    held = Held()
    listener = open_listener("127.0.0.1:0")
    address = address_of(listener)
    server = await serve(listener, held.handle, KEY)
    client = TcpClient(address, KEY, SimEnv())
    waiting = asyncio.create_task(client.request(request()))
    await until(lambda: bool(held.waiting))
    for link in server.links:
        link.drop()
    with pytest.raises(HostUnavailable, match="closed the link"):
        await waiting
    again = asyncio.create_task(client.request(request(2)))
    await until(lambda: "000002" in held.waiting)
    held.release(2)
    assert (await again).text(39) == "00"
    await client.close()
    held.release(1)
    await server.close()


async def test_wrong_key_ends_the_link_and_logs_no_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    listener = open_listener("127.0.0.1:0")
    address = address_of(listener)
    server = await serve(listener, approve, OTHER_KEY)
    client = TcpClient(address, KEY, SimEnv())
    with caplog.at_level(logging.DEBUG, "wristlet"), pytest.raises(HostUnavailable):
        await client.request(request())
    await server.close()
    assert "same hop key" in caplog.text
    assert NUMBER not in caplog.text


async def test_answer_under_a_wrong_key_ends_the_link() -> None:
    def forge(raw: bytes) -> bytes:
        message = open_message(raw, HopMac(KEY))
        return seal_message(iso.reply(message, {39: "00"}), HopMac(OTHER_KEY))

    async with raw_host(forge) as client:
        with pytest.raises(HostUnavailable, match="closed the link"):
            await client.request(request())


async def test_own_request_sent_back_is_no_answer() -> None:
    env = SimEnv()
    async with raw_host(lambda raw: raw, env) as client:
        task = asyncio.create_task(client.request(request(), timeout_ms=1_000))
        await until(lambda: client.seen.is_set())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not task.done()
        await env.clock.run_ms(1_000)
        with pytest.raises(HostUnavailable, match="in time"):
            await task


class SeenClient(TcpClient):
    """A client that knows when its host has been spoken to."""

    seen: asyncio.Event


@asynccontextmanager
async def raw_host(
    answer: Callable[[bytes], bytes], env: SimEnv | None = None
) -> AsyncIterator[SeenClient]:
    """Run a host that answers bytes with bytes."""
    seen = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2), "big")
        writer.write(frame(answer(await reader.readexactly(size))))
        await writer.drain()
        seen.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    client = SeenClient(address_of(server.sockets[0]), KEY, env or SimEnv())
    client.seen = seen
    try:
        yield client
    finally:
        await client.close()
        server.close()
        await server.wait_closed()


async def test_echo_is_answered_by_the_peer() -> None:
    async def never(_: Message) -> Message:
        raise AssertionError

    async with pair(never) as client:
        answer = await client.request(network_management(SimEnv().clock.now_ms(), 7))
    assert (answer.mti, answer.text(39), answer.text(70)) == ("0810", "00", "301")


async def test_failing_handler_costs_its_own_request_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(message: Message) -> Message:
        if message.text(11) == "000001":
            raise ValueError(NUMBER)
        return await approve(message)

    env = SimEnv()
    async with pair(fail, env) as client:
        lost = asyncio.create_task(client.request(request(1)))
        assert (await client.request(request(2))).text(39) == "00"
        await env.clock.run_ms(10_000)
        with pytest.raises(HostUnavailable):
            await lost
    assert "ValueError" in caplog.text
    assert NUMBER not in caplog.text


async def test_each_peer_reaches_its_own_handler() -> None:
    async def refuse(message: Message) -> Message:
        return iso.reply(message, {39: "05"})

    listener = open_listener("127.0.0.1:0")
    address = address_of(listener)
    server = Iso8583Server({"one": Peer(KEY, approve), "two": Peer(OTHER_KEY, refuse)})
    await server.start(listener)
    clients = [TcpClient(address, key, SimEnv()) for key in (KEY, OTHER_KEY)]
    answers = [await client.request(request()) for client in clients]
    assert [answer.text(39) for answer in answers] == ["00", "05"]
    for client in clients:
        await client.close()
    await server.close()


async def test_close_lets_requests_under_way_finish() -> None:
    held = Held()
    listener = open_listener("127.0.0.1:0")
    address = address_of(listener)
    server = await serve(listener, held.handle, KEY)
    client = TcpClient(address, KEY, SimEnv())
    task = asyncio.create_task(client.request(request()))
    await until(lambda: bool(held.waiting))
    closing = asyncio.create_task(server.close())
    await asyncio.sleep(0)
    held.release(1)
    assert (await task).text(39) == "00"
    await closing
    with pytest.raises(HostUnavailable):
        await client.request(request(2))


def linked(handler: Handler, in_flight_max: int = 1_024) -> tuple[ServerLink, FakeTransport]:
    link = ServerLink(Iso8583Server({"peer": Peer(KEY, handler)}, in_flight_max))
    transport = FakeTransport()
    link.connection_made(transport)
    return link, transport


def framed(*messages: Message) -> bytes:
    return b"".join(frame(seal_message(message, HopMac(KEY))) for message in messages)


def answers_in(transport: FakeTransport) -> list[Message]:
    return [open_message(raw, HopMac(KEY)) for raw in Deframer().feed(b"".join(transport.writes))]


async def test_answers_of_one_turn_leave_in_few_writes() -> None:
    link, transport = linked(approve)
    link.data_received(framed(*(request(stan) for stan in range(50))))
    await until(lambda: not link.tasks)
    assert len(transport.writes) == -(-50 // JOINED_MAX)
    assert len(answers_in(transport)) == 50


async def test_reading_stops_while_too_many_are_under_way() -> None:
    held = Held()
    link, transport = linked(held.handle, in_flight_max=4)

    def has_tasks(count: int) -> bool:
        return len(link.tasks) == count

    states = []
    for stan in range(4):
        link.data_received(framed(request(stan)))
        states.append(transport.reading)
    await until(lambda: len(held.waiting) == 4)
    for stan in range(4):
        held.release(stan)
        await until(partial(has_tasks, 3 - stan))
        states.append(transport.reading)
    assert states == [True, True, True, False, False, True, True, True]


async def test_reading_stops_while_the_peer_takes_no_answers() -> None:
    link, transport = linked(approve)
    link.pause_writing()
    assert not transport.reading
    link.resume_writing()
    assert transport.reading


async def test_unreadable_but_authentic_message_is_answered_with_what_was_read() -> None:
    link, transport = linked(approve)
    raw = iso.encode(request())
    bad = bytearray(iso.encode(request().without(39).with_fields({49: "392"}), HopMac(KEY).compute))
    at = bad.index(bytes.fromhex("0392"))
    bad[at] = 0xFF
    sealed = bytes(bad[:-8]) + HopMac(KEY).compute(bytes(bad[:-8]))
    assert len(sealed) > len(raw) - 8
    link.data_received(frame(sealed))
    await until(lambda: bool(transport.writes))
    (answer,) = answers_in(transport)
    assert (answer.mti, answer.text(39), answer.text(11)) == ("0110", "30", "000001")
    assert not transport.aborted


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\x00",
        frame(b"\x01\x00"),
        frame(iso.encode(request())),
        frame(seal_message(request(), HopMac(OTHER_KEY))),
    ],
    ids=["nothing", "empty frame", "stub", "no MAC", "other key"],
)
async def test_what_cannot_be_trusted_ends_the_link(raw: bytes) -> None:
    link, transport = linked(approve)
    link.data_received(raw)
    assert transport.aborted == bool(raw)
    assert not link.tasks


async def test_an_answer_is_no_request() -> None:
    link, transport = linked(approve)
    link.data_received(framed(Message("0110", request().fields)))
    await until(lambda: not link.tasks)
    assert not transport.writes


@given(st.binary(min_size=1, max_size=80), st.booleans())
def test_no_bytes_break_a_server(body: bytes, sealed: bool) -> None:
    async def run() -> None:
        link, _ = linked(approve)
        raw = body + HopMac(KEY).compute(body) if sealed else body
        link.data_received(frame(raw))
        await until(lambda: not link.tasks)

    asyncio.run(run())


async def test_loopback_moves_bytes_and_masks() -> None:
    seen: list[Message] = []

    async def look(message: Message) -> Message:
        seen.append(message)
        return await approve(message)

    answer = await LoopbackClient(look, KEY).request(request())
    assert answer.text(39) == "00"
    assert isinstance(seen[0].fields[2], SecretDigits)
    assert len(seen[0].binary(64)) == 8


async def test_loopback_answers_echo() -> None:
    echo = network_management(0, 1)
    assert (await LoopbackClient(approve, KEY).request(echo)).mti == "0810"


async def test_loopback_refuses_another_requests_answer() -> None:
    async def confuse(message: Message) -> Message:
        return await approve(request(2))

    with pytest.raises(HostUnavailable, match="something else"):
        await LoopbackClient(confuse, KEY).request(request(1))


def test_message_is_bound_to_its_key() -> None:
    raw = seal_message(request(), HopMac(KEY))
    assert open_message(raw, HopMac(KEY)).text(11) == "000001"
    with pytest.raises(BadMac):
        open_message(raw, HopMac(OTHER_KEY))
    for at in range(len(raw)):
        flipped = raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :]
        with pytest.raises(BadMac):
            open_message(flipped, HopMac(KEY))


def test_peer_does_not_print_its_key() -> None:
    assert KEY.hex() not in repr(Peer(KEY, approve))
    assert repr(KEY) not in repr(Peer(KEY, approve))


async def test_server_turns_delay_off() -> None:
    async with pair(approve) as client:
        await client.request(request())
        assert client._link is not None
        assert client._link.transport is not None
        sock = client._link.transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_message_passed_on_unchanged_keeps_its_bytes() -> None:
    raw = seal_message(request(), HopMac(KEY))
    passed = seal_message(open_message(raw, HopMac(KEY)), HopMac(OTHER_KEY))
    assert passed[:-8] == raw[:-8]
    assert passed[-8:] != raw[-8:]
    assert open_message(passed, HopMac(OTHER_KEY)).fields[11] == "000001"


@pytest.mark.parametrize(
    "change",
    [
        lambda message: message.with_fields({11: "000009"}),
        lambda message: message.without(39),
        lambda message: Message("0101", message.fields),
        lambda message: iso.reply(message, {39: "00"}),
    ],
)
def test_changed_message_is_encoded_anew(change: Callable[[Message], Message]) -> None:
    received = open_message(seal_message(request(), HopMac(KEY)), HopMac(KEY))
    expected = change(request())
    again = open_message(seal_message(change(received), HopMac(KEY)), HopMac(KEY))
    assert (again.mti, again.without(64).fields) == (expected.mti, dict(expected.fields))
