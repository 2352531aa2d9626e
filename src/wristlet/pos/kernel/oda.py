"""Offline data authentication as the terminal checks it: any failure declines, never "go online".

The card's own application name (4F) stands in an authenticated record and must be the one that
was selected, so that nobody between card and terminal can swap brands.

EMV 4.3 Book 2, Offline Dynamic Data Authentication; EMV Contactless Books C-2 and C-3.
"""

from __future__ import annotations

from collections.abc import Mapping

from wristlet.crypto import oda
from wristlet.crypto.errors import CertificateError, SignatureError
from wristlet.crypto.rsa import RsaPublicKey
from wristlet.pos.config import TerminalConfig
from wristlet.pos.kernel.common import CardData
from wristlet.wire import ber
from wristlet.wire.emv import tags, track2
from wristlet.wire.emv.bits import Aip
from wristlet.wire.errors import DecodeError

RID_BYTES = 5
SDA_TAGS_AIP_ONLY = b"\x82"
# 9F69: version, card's unpredictable number (4), CTQ (2).
RELATED_DATA_CTQ = slice(5, 7)


class _Failed(Exception):
    """Offline authentication failed; the text says at what."""


def check_fdda(
    config: TerminalConfig, card: CardData, own: Mapping[int, bytes], aid: bytes
) -> str | None:
    """Check a kernel 3 card's dynamic signature; returns why to decline, or None.

    A card without the function is not refused for it: its cryptogram goes online.
    """
    if not config.ca_keys or Aip.DDA not in Aip.decode(card.objects[tags.AIP_82]):
        return None
    try:
        key = _card_key(config, card, own, aid)
        related = _need(card, tags.CARD_AUTHENTICATION_RELATED_DATA_9F69)
        number = oda.verify_fdda(
            key,
            _need(card, tags.SIGNED_DYNAMIC_APPLICATION_DATA_9F4B),
            own[tags.UNPREDICTABLE_NUMBER_9F37],
            own[tags.AMOUNT_AUTHORISED_9F02],
            own[tags.TRANSACTION_CURRENCY_CODE_5F2A],
            related,
        )
        if number != card.objects[tags.ATC_9F36]:
            raise _Failed("the signature is for another transaction counter")
        if related[RELATED_DATA_CTQ] != card.objects.get(tags.CTQ_9F6C, b""):
            raise _Failed("the card's qualifiers are not the signed ones")
    except (_Failed, CertificateError, SignatureError, DecodeError, ValueError) as failure:
        return f"offline authentication failed: {failure}"
    return None


def wants_cda(config: TerminalConfig, card: CardData) -> bool:
    """Tell whether a kernel 2 card is asked for a combined signature."""
    return bool(config.ca_keys) and Aip.CDA in Aip.decode(card.objects[tags.AIP_82])


def check_cda(
    config: TerminalConfig,
    card: CardData,
    result: CardData,
    answer: bytes,
    cdol_data: bytes,
    own: Mapping[int, bytes],
    aid: bytes,
) -> str | None:
    """Check a combined signature and take the cryptogram out of it; returns why to decline, or
    None.

    A card that declines (AAC) does not sign; its answer is taken as it is.
    """
    if tags.SIGNED_DYNAMIC_APPLICATION_DATA_9F4B not in result.objects:
        declines = result.objects.get(tags.CRYPTOGRAM_INFORMATION_DATA_9F27, b"\x80")[0] >> 6 == 0
        return None if declines else "offline authentication failed: the card did not sign"
    try:
        key = _card_key(config, card, own, aid)
        signature = result.objects[tags.SIGNED_DYNAMIC_APPLICATION_DATA_9F4B]
        signed = oda.verify_cda(key, signature, own[tags.UNPREDICTABLE_NUMBER_9F37])
        if signed.transaction_hash != oda.transaction_hash(b"", cdol_data, _covered(answer)):
            raise _Failed("the signature is for other transaction data")
        if bytes((signed.cid,)) != result.objects[tags.CRYPTOGRAM_INFORMATION_DATA_9F27]:
            raise _Failed("the signature is for another kind of cryptogram")
    except (_Failed, CertificateError, SignatureError, DecodeError, ValueError) as failure:
        return f"offline authentication failed: {failure}"
    result.objects[tags.APPLICATION_CRYPTOGRAM_9F26] = signed.cryptogram
    result.objects[tags.ICC_DYNAMIC_NUMBER_9F4C] = signed.dynamic_number
    return None


def _card_key(
    config: TerminalConfig, card: CardData, own: Mapping[int, bytes], aid: bytes
) -> RsaPublicKey:
    """Walk CA, issuer and card certificate to the card's key."""
    index = _need(card, tags.CA_PUBLIC_KEY_INDEX_8F)[0]
    authority = config.ca_keys.get((aid[:RID_BYTES], index))
    if authority is None:
        raise _Failed("this terminal does not know the card scheme's key")
    _check_name(card, aid)
    pan = track2.parse(_need(card, tags.TRACK_2_57)).pan.reveal()
    today_yymm = own[tags.TRANSACTION_DATE_9A][:2].hex()
    issuer_given = oda.KeyCertificate(
        _need(card, tags.ISSUER_PUBLIC_KEY_CERTIFICATE_90),
        card.objects.get(tags.ISSUER_PUBLIC_KEY_REMAINDER_92, b""),
        _need(card, tags.ISSUER_PUBLIC_KEY_EXPONENT_9F32),
    )
    issuer_key = oda.recover_issuer_key(authority, issuer_given, pan, today_yymm)
    card_given = oda.KeyCertificate(
        _need(card, tags.ICC_PUBLIC_KEY_CERTIFICATE_9F46),
        card.objects.get(tags.ICC_PUBLIC_KEY_REMAINDER_9F48, b""),
        _need(card, tags.ICC_PUBLIC_KEY_EXPONENT_9F47),
    )
    return oda.recover_icc_key(issuer_key, card_given, pan, today_yymm, _static_data(card))


def _static_data(card: CardData) -> bytes:
    """Authenticated records, then the AIP where the card's tag list asks for it and nothing else."""
    listed = card.objects.get(tags.SDA_TAG_LIST_9F4A)
    if listed is None:
        return bytes(card.authenticated)
    if listed != SDA_TAGS_AIP_ONLY:
        raise _Failed("the card's list of static data names more than the AIP")
    return bytes(card.authenticated) + card.objects[tags.AIP_82]


def _check_name(card: CardData, aid: bytes) -> None:
    for item in ber.parse(bytes(card.authenticated)):
        if item.tag == tags.ADF_NAME_4F and item.value == aid:
            return
    raise _Failed("the selected application is not the one the card was made for")


def _need(card: CardData, tag: int) -> bytes:
    value = card.objects.get(tag)
    if value is None:
        raise _Failed(f"the card left out {tag:X}")
    return value


def _covered(answer: bytes) -> bytes:
    """The GENERATE AC answer's objects without the template around them and without the
    signature.
    """
    outer = ber.parse(answer)[0]
    kept = [
        ber.encode(item.tag, item.value)
        for item in ber.parse(outer.value)
        if item.tag != tags.SIGNED_DYNAMIC_APPLICATION_DATA_9F4B
    ]
    return b"".join(kept)
