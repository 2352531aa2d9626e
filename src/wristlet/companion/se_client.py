"""What the phone reads from the secure element in clear: certificates, PIN and lease state, the
active card.
"""

from __future__ import annotations

from dataclasses import dataclass

from wristlet.companion.errors import CompanionError
from wristlet.links.channel import ApduChannel
from wristlet.links.script_runner import exchange
from wristlet.wire import ber
from wristlet.wire.apdu import Command, Response
from wristlet.wire.errors import DecodeError
from wristlet.wire.gp import aids, commands
from wristlet.wire.gp.lifecycle import ContactlessState
from wristlet.wire.gp.registry import parse_contactless

SW_OK, SW_MORE_DATA = 0x9000, 0x6310
KEY_ATTESTATION, KEY_TSP_DOMAIN, KEY_CARDHOLDER = (0x7E, 0x01), (0x15, 0x01), (0x11, 0x01)
TAG_STATE, TAG_PIN_STATEMENT, TAG_CHALLENGE = 0xDF50, 0x7F61, 0xDF42
PAYMENT = (aids.KERNEL_3, aids.KERNEL_2)
READ_ATTEMPTS, PAGES_MAX = 2, 64


@dataclass(frozen=True, slots=True)
class Chains:
    """The secure element's certificate chains, DER, leaf last, without the maker root."""

    attestation: list[bytes]
    tsp_domain: list[bytes]
    cardholder: list[bytes]


@dataclass(frozen=True, slots=True)
class PublicState:
    """PIN and lease as anybody at the wired interface may see them; amount in minor units."""

    pin_set: bool
    blocked: bool
    tries_left: int
    lease_valid: bool
    taps_left: int
    amount_left_minor: int
    unlock_counter: int
    phones: int


async def read_chains(channel: ApduChannel) -> Chains:
    """Read all three certificate chains; raises LinkLost or CompanionError."""
    return Chains(
        attestation=await _chain(channel, aids.ISD, KEY_ATTESTATION),
        tsp_domain=await _chain(channel, aids.TSP_DOMAIN, KEY_TSP_DOMAIN),
        cardholder=await _chain(channel, aids.CARDHOLDER_APPLET, KEY_CARDHOLDER),
    )


async def _chain(channel: ApduChannel, aid: bytes, key: tuple[int, int]) -> list[bytes]:
    answer = await _read(channel, aid, 0xBF21, ber.build((0xA6, ((0x83, bytes(key)),))))
    inner = ber.find(answer, 0xBF21) or answer
    return [ber.encode(item.tag, item.value) for item in ber.parse(inner)]


async def read_state(channel: ApduChannel) -> PublicState:
    """Read PIN and lease state; raises LinkLost or CompanionError."""
    return parse_state(await _read(channel, aids.CARDHOLDER_APPLET, TAG_STATE))


def parse_state(answer: bytes) -> PublicState:
    """Read the answer to GET DATA DF50; raises CompanionError."""
    raw = ber.find(answer, TAG_STATE) or answer
    if len(raw) < 12:
        raise CompanionError("strap: its state cannot be read; update its firmware")
    return PublicState(
        pin_set=bool(raw[0]),
        blocked=bool(raw[1]),
        tries_left=raw[2],
        lease_valid=bool(raw[3]),
        taps_left=raw[4],
        amount_left_minor=int.from_bytes(raw[5:9], "big"),
        unlock_counter=int.from_bytes(raw[9:11], "big"),
        phones=raw[11],
    )


async def pin_statement(channel: ApduChannel, challenge: bytes) -> bytes:
    """Read the signed statement that a PIN is set (TLV 7F61 as is)."""
    data = ber.encode(TAG_CHALLENGE, challenge)
    return await _read(channel, aids.CARDHOLDER_APPLET, TAG_PIN_STATEMENT, data)


async def contactless_states(channel: ApduChannel) -> dict[str, ContactlessState]:
    """Read each payment instance (AID as hex) with its contactless state, in clear.

    Raises LinkLost or CompanionError.
    """
    await _select(channel, aids.CRS)
    listed, first = b"", True
    for _ in range(PAGES_MAX):
        response = await exchange(channel, commands.crs_get_status(first=first).encode())
        listed, first = listed + response.data, False
        if response.sw != SW_MORE_DATA:
            break
    try:
        entries = parse_contactless(listed)
    except DecodeError as error:
        raise CompanionError("strap: its list of cards cannot be read; try again") from error
    return {one.aid.hex(): one.state for one in entries if one.aid.startswith(PAYMENT)}


async def active_instance(channel: ApduChannel) -> bytes | None:
    """Return the AID of the payment instance that is ACTIVATED, or None."""
    states = await contactless_states(channel)
    active = [aid for aid, state in states.items() if state is ContactlessState.ACTIVATED]
    return bytes.fromhex(active[-1]) if active else None


async def _select(channel: ApduChannel, aid: bytes) -> None:
    response = await exchange(channel, commands.select(aid).encode())
    if response.sw != SW_OK:
        raise CompanionError("strap: a part of its secure element is missing; update its firmware")


async def _read(channel: ApduChannel, aid: bytes, tag: int, data: bytes = b"") -> bytes:
    """Select and ask; once more when the answer is an error.

    A link that broke and came back has reset the secure element: then nothing is selected.
    """
    command = Command(0x80, 0xCA, tag >> 8, tag & 0xFF, data=data, le=256)
    response = Response(b"", SW_OK)
    for _ in range(READ_ATTEMPTS):
        await _select(channel, aid)
        response = await exchange(channel, command.encode())
        if response.sw == SW_OK:
            break
    else:
        raise CompanionError("strap: its secure element did not answer a question; try again")
    try:
        ber.parse(response.data)
    except DecodeError as error:
        raise CompanionError("strap: its secure element's answer cannot be read") from error
    return response.data
