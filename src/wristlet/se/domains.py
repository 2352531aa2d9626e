"""What all security domains do alike: answer SELECT and GET DATA, take keys; and who handles which.

isd          issuer domain: content management under SCP03
tsp_domain   a token service's domain: staged scripts under SCP11c
others       keys under SCP03 (their own keys or the issuer domain's) or SCP11a
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from wristlet.crypto import sd_dek
from wristlet.crypto.kcv import aes_kcv
from wristlet.crypto.scp03 import I_PARAMETER
from wristlet.crypto.scp11 import Variant
from wristlet.se import isd, keyset, tsp_domain
from wristlet.se.applets.base import CardError
from wristlet.se.channel import ChannelKind
from wristlet.se.keyset import POINT_SIZE, Kid, SdKey, domain_key
from wristlet.wire import ber
from wristlet.wire.apdu import Command, Response
from wristlet.wire.gp import aids, keys
from wristlet.wire.gp.commands import Ins
from wristlet.wire.gp.keys import KeyType, PutKey
from wristlet.wire.gp.lifecycle import CardState
from wristlet.wire.receipt import TAG_RECEIPT
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from wristlet.se.applets.base import Instance
    from wristlet.se.context import AppContext
    from wristlet.wire.gp.keys import KeyBlock

TAG_IIN, TAG_CIN, TAG_CPLC = 0x42, 0x45, 0x9F7F
TAG_CARD_DATA, TAG_KEYS, TAG_CERTIFICATES, TAG_SEQUENCE = 0x66, 0xE0, 0xBF21, 0xC1
BATCH_KEY: Final = "sys/cert/batch"
CASD_KEY: Final = "sys/cert/casd"
IIN: Final = b"WRISTLET"
_GET_DATA: Final = int(Ins.GET_DATA)
_CPLC_SIZE: Final = 42
_OID_GP: Final = bytes.fromhex("2A864886FC6B")
_MAX_DATA: Final = b"\x01\xff"


def select(context: AppContext, instance: Instance) -> bytes:
    """Return the FCI of a domain.

    Source: GPCS 2.3.1, SELECT command, file control information.
    """
    proprietary = card_data(context, instance.aid) + ber.encode(0x9F65, _MAX_DATA)
    return ber.encode(0x6F, ber.encode(0x84, instance.aid) + ber.encode(0xA5, proprietary))


def process(context: AppContext, instance: Instance, command: Command) -> Response:
    """Handle one plain command for the selected domain."""
    if command.ins == _GET_DATA:
        return _get_data(context, instance, command)
    if command.cla != 0x80:
        raise CardError(SW.CLASS_NOT_SUPPORTED)
    if instance.aid == aids.ISD:
        if command.ins == Ins.PUT_KEY:
            return put_key(context, instance.aid, command)
        return isd.process(context, command)
    if keyset.find(context.state, instance.aid, Kid.SCP11C) is not None:
        return tsp_domain.process(context, instance, command)
    if command.ins == Ins.PUT_KEY:
        return put_key(context, instance.aid, command)
    if command.ins == Ins.STORE_DATA:
        return _store_authority(context, instance.aid, command)
    raise CardError(SW.INSTRUCTION_NOT_SUPPORTED)


def _get_data(context: AppContext, instance: Instance, command: Command) -> Response:
    """Answer GET DATA; free, since domains are on the wired interface only.

    Source: GPCS 2.3.1, GET DATA command.
    """
    tag = command.p1 << 8 | command.p2
    if is_certificate_query(command):
        return certificates(context, instance.aid, command)
    if tag == TAG_RECEIPT:
        return tsp_domain.receipt(context, instance.aid, command.data)
    if tag == TAG_CARD_DATA:
        value = ber.encode(TAG_CARD_DATA, card_data(context, instance.aid))
    elif tag == TAG_IIN:
        value = ber.encode(TAG_IIN, IIN)
    elif tag == TAG_CIN:
        value = ber.encode(TAG_CIN, context.se_id)
    elif tag == TAG_CPLC:
        value = ber.encode(TAG_CPLC, cplc(context.se_id))
    elif tag == TAG_KEYS:
        held = keyset.load(context.state, instance.aid)
        value = keys.encode_key_information(key.info() for key in held)
    elif tag == TAG_SEQUENCE:
        value = ber.encode(TAG_SEQUENCE, _sequence(context, instance.aid))
    else:
        raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
    return Response(value, SW.OK)


def _sequence(context: AppContext, aid: bytes) -> bytes:
    first = keyset.find(context.state, aid, Kid.ENC)
    if first is None:
        raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
    stored = context.state.get(domain_key(aid, f"seq/{first.kvn:02X}"))
    return stored or bytes(3)


def card_data(context: AppContext, aid: bytes) -> bytes:
    """Return card recognition data 73: GP 2.3.1 and the domain's secure channels.

    Source: GPCS 2.3.1, card recognition data.
    """
    held = {key.kid for key in keyset.load(context.state, aid)}
    channels = [(0x03, I_PARAMETER)] if Kid.ENC in held else []
    channels += [(0x11, v.parameters) for v in (Variant.A, Variant.C) if v in held]
    items: list[ber.Item] = [
        (0x06, _OID_GP + b"\x01"),
        (0x60, ((0x06, _OID_GP + b"\x02\x02\x03\x01"),)),
        (0x63, ((0x06, _OID_GP + b"\x03"),)),
    ]
    items += [(0x64, ((0x06, _OID_GP + bytes((4, scp, i))),)) for scp, i in channels]
    return ber.build((0x73, items))


def cplc(se_id: bytes) -> bytes:
    """Return production data: zeros but for serial number and batch, taken from the SE's id.

    Source: GPCS 2.3.1, card production life cycle data.
    """
    return (bytes(12) + se_id[:6]).ljust(_CPLC_SIZE, b"\0")


def is_certificate_query(command: Command) -> bool:
    """Tell whether the command is GET DATA BF21."""
    return command.ins == _GET_DATA and command.p1 << 8 | command.p2 == TAG_CERTIFICATES


def certificates(context: AppContext, domain: bytes, command: Command) -> Response:
    """Return the X.509 chain of one key, batch first and leaf last; the root is left out.

    Source: GPCS Amendment F, GET DATA, certificate store.
    """
    reference = ber.require(command.data, 0xA6, 0x83)
    state = context.state
    leaf = state.get(domain_key(domain, f"cert/{reference.hex().upper()}"))
    if leaf is None:
        raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
    return Response((state.get(BATCH_KEY) or b"") + (state.get(CASD_KEY) or b"") + leaf, SW.OK)


def put_key(context: AppContext, domain: bytes, command: Command) -> Response:
    """Add or replace keys of a domain, in a session that may manage it.

    Replacing the authority for phones through the issuer's keys empties the strap in the same
    durable write: ISD keys can never take its cards over.

    The sequence counter of a version goes on counting, so that no challenge ever repeats.

    Source: GPCS 2.3.1, PUT KEY command; GPCS Amendments D and F for the key types.
    """
    session = context.session
    if session is None or session.kind is ChannelKind.SCP11C:
        raise CardError(SW.SECURITY_STATUS)
    if context.card.life is CardState.TERMINATED:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    fields = PutKey.parse(command.data)
    first = command.p2 & ~keys.MULTIPLE_KEYS & 0xFF
    new = [
        _key(block, first + index, fields.kvn, session.dek)
        for index, block in enumerate(fields.blocks)
    ]
    _check_set(new)
    held = list(keyset.load(context.state, domain))
    names = {(key.kid, command.p1) for key in new}
    if command.p1:
        if not names <= {(key.kid, key.kvn) for key in held}:
            raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
        held = [key for key in held if (key.kid, key.kvn) not in names]
    if {(key.kid, key.kvn) for key in held} & {(key.kid, key.kvn) for key in new}:
        raise CardError(SW.WRONG_DATA)
    keyset.save(context.state, domain, [*held, *new])
    phones_root = domain == aids.CARDHOLDER_DOMAIN and new[0].kid == Kid.CA_KLOC
    if phones_root and session.kind is ChannelKind.SCP03:
        context.remove_all_payment_instances()
    context.touch()
    context.bump_event()
    return Response(fields.answer(), SW.OK)


def _key(block: KeyBlock, kid: int, kvn: int, dek: bytes) -> SdKey:
    if block.kind == KeyType.AES:
        value = bytes(sd_dek.decrypt_key(dek, block.value))
        value = value[: block.clear_length or len(value)]
        if block.kcv and not hmac.compare_digest(aes_kcv(value)[: len(block.kcv)], block.kcv):
            raise CardError(SW.KEY_CHECK_VALUE_WRONG)
        return SdKey(kid, kvn, KeyType.AES, value)
    if block.kind == KeyType.EC_PUBLIC and len(block.value) == POINT_SIZE:
        return SdKey(kid, kvn, KeyType.EC_PUBLIC, block.value)
    # Private keys are born on the card: none is ever taken from outside.
    raise CardError(SW.ALGORITHM_NOT_SUPPORTED)


def _check_set(new: list[SdKey]) -> None:
    """Take either a whole SCP03 key set or one authority's key."""
    kinds = [(key.kid, key.kind) for key in new]
    scp03 = [(kid, KeyType.AES) for kid in (Kid.ENC, Kid.MAC, Kid.DEK)]
    if kinds not in (scp03, [(Kid.CA_KLOC, KeyType.EC_PUBLIC)]):
        raise CardError(SW.WRONG_P1_P2)
    if not 1 <= new[0].kvn <= 0x7F:
        raise CardError(SW.WRONG_DATA)


def _store_authority(context: AppContext, domain: bytes, command: Command) -> Response:
    """Name the authority of a CA-KLOC key: A6 { 42 identifier, 83 key }.

    Source: GPCS Amendment F, STORE DATA, identifier of the authority.
    """
    if context.session is None:
        raise CardError(SW.SECURITY_STATUS)
    reference = ber.require(command.data, 0xA6)
    identifier = ber.require(reference, 0x42)
    kid, kvn = ber.require(reference, 0x83).ljust(2, b"\0")[:2]
    key = keyset.find(context.state, domain, kid, kvn)
    if key is None or key.kid != Kid.CA_KLOC or not 1 <= len(identifier) <= 16:
        raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
    named = SdKey(key.kid, key.kvn, key.kind, key.value[:POINT_SIZE] + identifier)
    others = [held for held in keyset.load(context.state, domain) if held != key]
    keyset.save(context.state, domain, [*others, named])
    context.touch()
    return Response(b"", SW.OK)
