"""Runs an opaque script on a secure element, APDU by APDU, and reads its receipt.

A reply that did not come means "unknown", never "failed" nor "done": the caller reads the receipt
in a fresh exchange and, where there is none, runs the script again from its first APDU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from wristlet.links.channel import ApduChannel, LinkLost
from wristlet.wire import ber
from wristlet.wire.apdu import Command, Response
from wristlet.wire.errors import DecodeError
from wristlet.wire.gp import commands
from wristlet.wire.receipt import TAG_RECEIPT, TAG_SCRIPT_NUMBER, SignedStatement

SW_OK = 0x9000
SW1_MORE: Final = 0x61
INS_GET_RESPONSE: Final = 0xC0
_MAX_GET_RESPONSES: Final = 64
_FURTHER, _FURTHER_CHANNEL, _BASIC_CHANNEL = 0x40, 0x4F, 0x03


@dataclass(frozen=True, slots=True)
class RunResult:
    """How far a script came: `index` counts the APDUs that were answered 9000."""

    completed: bool
    index: int
    sw: int | None = None
    lost: bool = False


async def exchange(channel: ApduChannel, command: bytes) -> Response:
    """Send one command and collect its whole answer over 61xx; raises LinkLost."""
    response = await _transmit(channel, command)
    data, rounds = response.data, 0
    while response.sw >> 8 == SW1_MORE and rounds < _MAX_GET_RESPONSES:
        more = Command(_plain_class(command), INS_GET_RESPONSE, 0, 0, le=response.sw & 0xFF or 256)
        response = await _transmit(channel, more.encode())
        data, rounds = data + response.data, rounds + 1
    return Response(data, response.sw)


async def _transmit(channel: ApduChannel, command: bytes) -> Response:
    try:
        return Response.parse(await channel.transmit(command))
    except DecodeError:
        raise LinkLost("the answer has no status word: the link is broken") from None


def _plain_class(command: bytes) -> int:
    """The class of GET RESPONSE on the command's logical channel (ISO/IEC 7816-4, class byte)."""
    cla = command[0]
    return cla & _FURTHER_CHANNEL if cla & _FURTHER else cla & _BASIC_CHANNEL


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
    """Return the signed receipt (TLV 7F60) of script `number`, or None if there is none.

    Raises LinkLost. The link authenticates nothing: it is the TSP that checks the signature, here
    only the form is looked at.
    """
    selected = await exchange(channel, commands.select(domain_aid).encode())
    if selected.sw != SW_OK:
        return None
    wanted = ber.encode(TAG_SCRIPT_NUMBER, number.to_bytes(4, "big"))
    response = await exchange(channel, commands.get_data(TAG_RECEIPT, wanted).encode())
    if response.sw != SW_OK:
        return None
    try:
        SignedStatement.parse(response.data, TAG_RECEIPT)
    except DecodeError:
        return None
    return response.data
