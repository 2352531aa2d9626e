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

SW_OK, SW_MORE_DATA = 0x9000, 0x6310
KEY_ATTESTATION, KEY_TSP_DOMAIN, KEY_CARDHOLDER = (0x7E, 0x01), (0x15, 0x01), (0x11, 0x01)
TAG_STATE, TAG_PIN_STATEMENT, TAG_CHALLENGE = 0xDF50, 0x7F61, 0xDF42
ACTIVATED = 0x01


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
    await _select(channel, aid)
    answer = await _get_data(channel, 0xBF21, ber.build((0xA6, ((0x83, bytes(key)),))))
    inner = ber.find(answer, 0xBF21) or answer
    return [ber.encode(item.tag, item.value) for item in ber.parse(inner)]


async def read_state(channel: ApduChannel) -> PublicState:
    """Read PIN and lease state; raises LinkLost or CompanionError."""
    await _select(channel, aids.CARDHOLDER_APPLET)
    answer = await _get_data(channel, TAG_STATE)
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
    await _select(channel, aids.CARDHOLDER_APPLET)
    return await _get_data(channel, TAG_PIN_STATEMENT, ber.encode(TAG_CHALLENGE, challenge))


async def active_instance(channel: ApduChannel) -> bytes | None:
    """Return the AID of the payment instance that is ACTIVATED, or None."""
    await _select(channel, aids.CRS)
    first, active = True, None
    while True:
        response = await exchange(channel, commands.crs_get_status(first=first).encode())
        for entry in ber.parse(response.data):
            state = ber.find(entry.value, 0x9F70)
            aid = ber.find(entry.value, 0x4F)
            if aid and state and state[1] == ACTIVATED and aid.startswith(PAYMENT):
                active = aid
        if response.sw != SW_MORE_DATA:
            return active
        first = False


PAYMENT = (aids.KERNEL_3, aids.KERNEL_2)


async def _select(channel: ApduChannel, aid: bytes) -> None:
    response = await exchange(channel, commands.select(aid).encode())
    if response.sw != SW_OK:
        raise CompanionError("strap: a part of its secure element is missing; update its firmware")


async def _get_data(channel: ApduChannel, tag: int, data: bytes = b"") -> bytes:
    command = Command(0x80, 0xCA, tag >> 8, tag & 0xFF, data=data, le=256)
    response: Response = await exchange(channel, command.encode())
    if response.sw != SW_OK:
        raise CompanionError("strap: its secure element did not answer a question; try again")
    try:
        ber.parse(response.data)
    except DecodeError as error:
        raise CompanionError("strap: its secure element's answer cannot be read") from error
    return response.data
