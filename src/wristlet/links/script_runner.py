"""Runs an opaque script on a secure element, APDU by APDU, and reads its receipt.

A reply that did not come means "unknown", never "failed" nor "done": the caller reads the receipt in a fresh
exchange and, where there is none, runs the script again from its first APDU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wristlet.links.channel import ApduChannel, LinkLost
from wristlet.wire import ber
from wristlet.wire.apdu import Command, Response
from wristlet.wire.gp import commands

SW_OK = 0x9000
TAG_RECEIPT = 0x7F60
TAG_SCRIPT_NUMBER = 0xDF01
_MAX_GET_RESPONSES = 64


@dataclass(frozen=True, slots=True)
class RunResult:
    """How far a script came: `index` counts the APDUs that were answered 9000."""

    completed: bool
    index: int
    sw: int | None = None
    lost: bool = False


async def exchange(channel: ApduChannel, command: bytes) -> Response:
    """Send one command and collect its whole answer over 61xx; raises LinkLost."""
    response = Response.parse(await channel.transmit(command))
    data, rounds = response.data, 0
    while response.sw >> 8 == 0x61 and rounds < _MAX_GET_RESPONSES:
        more = Command(command[0] & 0x03, 0xC0, 0, 0, le=response.sw & 0xFF or 256)
        response = Response.parse(await channel.transmit(more.encode()))
        data, rounds = data + response.data, rounds + 1
    return Response(data, response.sw)


async def run_script(
    channel: ApduChannel,
    apdus: Sequence[bytes],
    *,
    on_progress: Callable[[int], None] | None = None,
) -> RunResult:
    """Send a script's APDUs in order until one is not answered 9000 or its reply is lost."""
    for index, command in enumerate(apdus):
        try:
            response = await exchange(channel, command)
        except LinkLost:
            return RunResult(completed=False, index=index, lost=True)
        if response.sw != SW_OK:
            return RunResult(completed=False, index=index, sw=response.sw)
        if on_progress is not None:
            on_progress(index + 1)
    return RunResult(completed=True, index=len(apdus))


async def read_receipt(channel: ApduChannel, domain_aid: bytes, number: int) -> bytes | None:
    """Return the signed receipt (TLV 7F60) of script `number`, or None if it was never committed.

    Raises LinkLost. The answer is not authenticated by the link; its signature is checked by the TSP.
    """
    selected = await exchange(channel, commands.select(domain_aid).encode())
    if selected.sw != SW_OK:
        return None
    wanted = ber.encode(TAG_SCRIPT_NUMBER, number.to_bytes(4, "big"))
    ask = Command(0x80, 0xCA, TAG_RECEIPT >> 8, TAG_RECEIPT & 0xFF, data=wanted, le=256)
    response = await exchange(channel, ask.encode())
    return response.data if response.sw == SW_OK else None
