"""Commands to the card, built.

Every builder returns a plain command on channel 0; channels and secure
messaging are added by `Command.with_channel` and the secure channel.

Source: GPCS 2.3.1, APDU command reference; ISO/IEC 7816-4; GPCS Amendments C, D
and F; PIN blocks ISO 9564-1, format 2.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag, unique
from typing import Final

from wristlet.wire import ber, dgi, numbers
from wristlet.wire.apdu import LE_SHORT_MAX, Command
from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.gp.install import InstallForInstall, InstallForLoad, InstallForPersonalization
from wristlet.wire.gp.keys import MULTIPLE_KEYS, PutKey
from wristlet.wire.gp.registry import StatusQuery, encode_aids
from wristlet.wire.masked import Secret, SecretDigits

CLA_ISO: Final = 0x00
CLA_GP: Final = 0x80
CLA_GP_SECURED: Final = 0x84


@unique
class Ins(IntEnum):
    """Instruction bytes; MUTUAL AUTHENTICATE is EXTERNAL_AUTHENTICATE in class 80."""

    VERIFY = 0x20
    CHANGE_REFERENCE_DATA = 0x24
    PERFORM_SECURITY_OPERATION = 0x2A
    INITIALIZE_UPDATE = 0x50
    MANAGE_CHANNEL = 0x70
    EXTERNAL_AUTHENTICATE = 0x82
    INTERNAL_AUTHENTICATE = 0x88
    SELECT = 0xA4
    GET_RESPONSE = 0xC0
    GET_DATA = 0xCA
    PUT_KEY = 0xD8
    STORE_DATA = 0xE2
    DELETE = 0xE4
    INSTALL = 0xE6
    LOAD = 0xE8
    SET_STATUS = 0xF0
    GENERATE_KEY = 0xF1
    GET_STATUS = 0xF2


class StatusScope(IntEnum):
    """P1 of GET STATUS: what is listed."""

    ISSUER_DOMAIN = 0x80
    APPLICATIONS = 0x40
    LOAD_FILES = 0x20
    LOAD_FILES_AND_MODULES = 0x10


class StoreMode(IntFlag):
    """P1 of STORE DATA."""

    NONE = 0
    LAST = 0x80
    ENCRYPTED = 0x60
    BER = 0x10
    DGI = 0x08
    ANSWER = 0x01


class LifeCycleScope(IntEnum):
    """P1 of SET STATUS: whose life cycle changes."""

    ISSUER_DOMAIN = 0x80
    APPLICATION = 0x40
    DOMAIN_AND_APPLICATIONS = 0x60


class CrsScope(IntEnum):
    """P1 of the CRS's SET STATUS."""

    AVAILABILITY = 0x01
    PRIORITY = 0x02
    INTERFACE = 0x04
    PROTOCOL = 0x08


CRS_DEACTIVATE: Final = 0x00
CRS_ACTIVATE: Final = 0x01
CRS_PRIORITY_HIGHEST: Final = 0x01
CRS_PRIORITY_LOWEST: Final = 0x81
CRS_VOLATILE_SET: Final = 0x02
CRS_VOLATILE_RESET: Final = 0x82

_NEXT: Final = 0x01
_FORMAT_TLV: Final = 0x02
_MORE_CERTIFICATES: Final = 0x80
_TAG_KEY_ID: Final = 0xD0
_TAG_KEY_VERSION: Final = 0xD2


# ------------------------------------------------------------------ interindustry


def select(aid: bytes, *, next_occurrence: bool = False) -> Command:
    """SELECT by full or partial AID; `next_occurrence` goes on behind the last answer."""
    p2 = 0x02 if next_occurrence else 0x00
    return Command(CLA_ISO, Ins.SELECT, 0x04, p2, aid, LE_SHORT_MAX)


def open_channel() -> Command:
    """MANAGE CHANNEL open; the answer is the number of the new channel."""
    return Command(CLA_ISO, Ins.MANAGE_CHANNEL, 0x00, 0x00, le=1)


def close_channel(channel: int) -> Command:
    """MANAGE CHANNEL close."""
    return Command(CLA_ISO, Ins.MANAGE_CHANNEL, 0x80, channel)


def get_response(le: int = LE_SHORT_MAX) -> Command:
    """GET RESPONSE, to fetch what a 61xx announced."""
    return Command(CLA_ISO, Ins.GET_RESPONSE, 0x00, 0x00, le=le)


def get_data(tag: int, data: bytes = b"", *, cla: int = CLA_GP) -> Command:
    """GET DATA of a one- or two-byte tag; `data` narrows the search."""
    return Command(cla, Ins.GET_DATA, tag >> 8, tag & 0xFF, data, LE_SHORT_MAX)


def get_certificates(kid: int, kvn: int, *, cla: int = CLA_GP) -> Command:
    """GET DATA BF21: the certificates of one key."""
    key = numbers.to_bytes(kid, 1, "kid") + numbers.to_bytes(kvn, 1, "kvn")
    return get_data(0xBF21, ber.build((0xA6, ((0x83, key),))), cla=cla)


# -------------------------------------------------------------- card contents


def get_status(scope: int, query: StatusQuery | None = None, *, first: bool = True) -> Command:
    """GET STATUS in TLV format; `first=False` goes on after 6310."""
    p2 = _FORMAT_TLV | (0 if first else _NEXT)
    data = (query or StatusQuery()).encode()
    return Command(CLA_GP, Ins.GET_STATUS, scope, p2, data, LE_SHORT_MAX)


def install_for_load(fields: InstallForLoad) -> Command:
    """INSTALL [for load]."""
    return Command(CLA_GP, Ins.INSTALL, 0x02, 0x00, fields.encode(), LE_SHORT_MAX)


def load(block: bytes, number: int, *, last: bool) -> Command:
    """LOAD one block of a load file."""
    return Command(CLA_GP, Ins.LOAD, 0x80 if last else 0x00, number, block, LE_SHORT_MAX)


def install_for_install(fields: InstallForInstall) -> Command:
    """INSTALL [for install and make selectable]."""
    return Command(CLA_GP, Ins.INSTALL, 0x0C, 0x00, fields.encode(), LE_SHORT_MAX)


def install_for_personalization(application_aid: bytes) -> Command:
    """INSTALL [for personalization]: the following STORE DATA go to that application."""
    data = InstallForPersonalization(application_aid).encode()
    return Command(CLA_GP, Ins.INSTALL, 0x20, 0x00, data, LE_SHORT_MAX)


def store_data(data: bytes, block: int, mode: StoreMode) -> Command:
    """STORE DATA; blocks are counted from 0, `StoreMode.ANSWER` expects data back."""
    le = LE_SHORT_MAX if mode & StoreMode.ANSWER else None
    return Command(CLA_GP, Ins.STORE_DATA, mode, block, data, le)


def store_dgi(
    number: int,
    value: bytes,
    block: int,
    *,
    last: bool = False,
    encrypted: bool = False,
    answer: bool = False,
) -> Command:
    """STORE DATA of one data grouping; `encrypted` tells that its value is under the DEK.

    The command is extended when the grouping does not fit a short one.
    """
    mode = StoreMode.DGI
    if last:
        mode |= StoreMode.LAST
    if encrypted:
        mode |= StoreMode.ENCRYPTED
    if answer:
        mode |= StoreMode.ANSWER
    command = store_data(dgi.encode(number, value), block, mode)
    return command.replace(extended=len(command.data) > 255)


def delete(aid: bytes, *, related: bool = False) -> Command:
    """DELETE an application or load file; `related` takes its instances along."""
    data = ber.encode(0x4F, aid)
    return Command(CLA_GP, Ins.DELETE, 0x00, 0x80 if related else 0x00, data, LE_SHORT_MAX)


def delete_key(kid: int | None = None, kvn: int | None = None) -> Command:
    """DELETE [key] by identifier, version or both."""
    data = b""
    if kid is not None:
        data += ber.encode(_TAG_KEY_ID, numbers.to_bytes(kid, 1, "kid"))
    if kvn is not None:
        data += ber.encode(_TAG_KEY_VERSION, numbers.to_bytes(kvn, 1, "kvn"))
    if not data:
        raise EncodeError("a key identifier or version is needed", path=("delete",))
    return Command(CLA_GP, Ins.DELETE, 0x00, 0x00, data, LE_SHORT_MAX)


def set_status(scope: int, state: int, aid: bytes) -> Command:
    """SET STATUS of the card, a domain or an application."""
    return Command(CLA_GP, Ins.SET_STATUS, scope, state, aid)


def put_key(fields: PutKey, kid: int, *, replaced_kvn: int = 0) -> Command:
    """PUT KEY; `replaced_kvn` 0 adds, several blocks count `kid` up."""
    p2 = kid | (MULTIPLE_KEYS if len(fields.blocks) > 1 else 0)
    return Command(CLA_GP, Ins.PUT_KEY, replaced_kvn, p2, fields.encode(), LE_SHORT_MAX)


def generate_key(kid: int, kvn: int, *, curve: int = 0, replaced_kvn: int = 0) -> Command:
    """GENERATE KEY: the domain makes an elliptic curve pair and answers the point in B0."""
    data = numbers.to_bytes(kvn, 1, "kvn") + ber.encode(0xF0, numbers.to_bytes(curve, 1, "curve"))
    return Command(CLA_GP, Ins.GENERATE_KEY, replaced_kvn, kid, data, LE_SHORT_MAX)


# ------------------------------------------------------------- secure channels


def initialize_update(host_challenge: bytes, *, kvn: int = 0, kid: int = 0) -> Command:
    """INITIALIZE UPDATE of SCP03; version 0 asks for the default keys."""
    return Command(CLA_GP, Ins.INITIALIZE_UPDATE, kvn, kid, host_challenge, LE_SHORT_MAX)


def external_authenticate(level: int, host_cryptogram: bytes) -> Command:
    """EXTERNAL AUTHENTICATE of SCP03, still without its C-MAC."""
    return Command(CLA_GP_SECURED, Ins.EXTERNAL_AUTHENTICATE, level, 0x00, host_cryptogram)


def perform_security_operation(
    certificate: bytes, *, kvn: int, kid: int, more: bool = False
) -> Command:
    """PERFORM SECURITY OPERATION: hand over a certificate; `more` of a chain follow.

    The command is extended when the certificate does not fit a short one.
    """
    p2 = kid | (_MORE_CERTIFICATES if more else 0)
    extended = len(certificate) > 255
    return Command(CLA_GP, Ins.PERFORM_SECURITY_OPERATION, kvn, p2, certificate, extended=extended)


def mutual_authenticate(data: bytes, *, kvn: int, kid: int) -> Command:
    """MUTUAL AUTHENTICATE of SCP11a and c: control reference A6 and ephemeral point 5F49."""
    return Command(CLA_GP, Ins.EXTERNAL_AUTHENTICATE, kvn, kid, data, LE_SHORT_MAX)


def internal_authenticate(data: bytes, *, kvn: int, kid: int) -> Command:
    """INTERNAL AUTHENTICATE of SCP11b: control reference A6 and ephemeral point 5F49."""
    return Command(CLA_GP, Ins.INTERNAL_AUTHENTICATE, kvn, kid, data, LE_SHORT_MAX)


# -------------------------------------------------------- contactless registry


def crs_get_status(
    prefix: bytes = b"", tags: tuple[int, ...] | None = None, *, first: bool = True
) -> Command:
    """GET STATUS of the CRS; `first=False` goes on after 6310."""
    data = StatusQuery(prefix, tags).encode()
    p2 = 0 if first else _NEXT
    return Command(CLA_GP, Ins.GET_STATUS, 0x40, p2, data, LE_SHORT_MAX)


def crs_set_status(scope: int, value: int, *aids: bytes) -> Command:
    """SET STATUS of the CRS for one or more instances, in order."""
    return Command(CLA_GP, Ins.SET_STATUS, scope, value, encode_aids(aids), LE_SHORT_MAX)


def crs_set_interface(enabled: bool, interface: int = 0x40) -> Command:
    """SET STATUS of the CRS for a communication interface (40 = contactless)."""
    data = ber.encode(0x80, numbers.to_bytes(interface, 1, "interface"))
    return Command(CLA_GP, Ins.SET_STATUS, CrsScope.INTERFACE, 0x80 if enabled else 0x00, data)


# -------------------------------------------------------------------- the PIN

PIN_DIGITS_MIN: Final = 4
PIN_DIGITS_MAX: Final = 12
_PIN_BLOCK_BYTES: Final = 8
_PIN_REFERENCE: Final = 0x80


def pin_block2(digits: str) -> Secret:
    """Return the 8-byte PIN block of 4 to 12 digits."""
    plain = digits.reveal() if isinstance(digits, SecretDigits) else digits
    if not PIN_DIGITS_MIN <= len(plain) <= PIN_DIGITS_MAX or not numbers.is_decimal(plain):
        raise EncodeError("a PIN has 4 to 12 digits", path=("pin",))
    return Secret(bytes.fromhex(f"2{len(plain):X}{plain}".ljust(2 * _PIN_BLOCK_BYTES, "F")))


def parse_pin_block2(block: bytes) -> SecretDigits:
    """Read a PIN block; `DecodeError` says nothing of what it holds."""
    if len(block) != _PIN_BLOCK_BYTES or block[0] >> 4 != 2:
        raise DecodeError("is no PIN block of format 2", path=("pin",))
    length = block[0] & 0x0F
    nibbles = block[1:].hex()
    digits, filler = nibbles[:length], nibbles[length:]
    if not PIN_DIGITS_MIN <= length <= PIN_DIGITS_MAX or not numbers.is_decimal(digits):
        raise DecodeError("is no PIN block of format 2", path=("pin",))
    if filler.strip("f"):
        raise DecodeError("is no PIN block of format 2", path=("pin",))
    return SecretDigits(digits)


def verify(pin: str) -> Command:
    """VERIFY the PIN."""
    return Command(CLA_ISO, Ins.VERIFY, 0x00, _PIN_REFERENCE, pin_block2(pin), LE_SHORT_MAX)


def create_pin(new: str) -> Command:
    """CHANGE REFERENCE DATA with the new PIN alone, while none exists."""
    data = pin_block2(new)
    return Command(CLA_ISO, Ins.CHANGE_REFERENCE_DATA, 0x01, _PIN_REFERENCE, data)


def change_pin(old: str, new: str) -> Command:
    """CHANGE REFERENCE DATA from the old PIN to the new one."""
    data = Secret(pin_block2(old) + pin_block2(new))
    return Command(CLA_ISO, Ins.CHANGE_REFERENCE_DATA, 0x00, _PIN_REFERENCE, data)
