"""Offline data authentication as the terminal checks it: any failure declines, never "go online".

The card's own application name (4F) stands in an authenticated record and must be the one that
was selected, so that nobody between card and terminal can swap brands.

EMV 4.3 Book 2, Offline Dynamic Data Authentication; EMV Contactless Books C-2 and C-3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from wristlet.crypto import oda
from wristlet.crypto.rsa import RsaPublicKey
from wristlet.pos.config import TerminalConfig
from wristlet.pos.kernel.common import CID_AAC, CID_TYPE_MASK, CardData, CardFault
from wristlet.wire import ber
from wristlet.wire.emv import tags
from wristlet.wire.emv.bits import Aip

RID_BYTES: Final = 5
SDA_TAGS_AIP_ONLY: Final = b"\x82"
# 9F69: version, card's unpredictable number (4), CTQ (2).
RELATED_DATA_VERSION: Final = 0x01
RELATED_DATA_CTQ: Final = slice(5, 7)


class _Failed(ValueError):
    """Offline authentication failed; the text says at what."""


class Signed(NamedTuple):
    """A GENERATE AC answer: its objects, and all bytes that a combined signature covers."""

    result: CardData
    covered: bytes


def check_fdda(
    config: TerminalConfig, card: CardData, own: Mapping[int, bytes], aid: bytes
) -> str | None:
    """Check a kernel 3 card's dynamic signature; returns why to decline, or None.

    A card without the function is not refused for it: its cryptogram goes online.
    """
    if not config.ca_keys or Aip.DDA not in Aip.decode(card.objects[tags.AIP_82]):
        return check_not_stripped(config, card)
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
        if related[0] != RELATED_DATA_VERSION:
            raise _Failed("the card's related data are of an unknown version")
        if related[RELATED_DATA_CTQ] != card.objects.get(tags.CTQ_9F6C):
            raise _Failed("the card's qualifiers are not the signed ones")
    except (CardFault, ValueError) as failure:
        return f"offline authentication failed: {failure}"
    return None


def wants_cda(config: TerminalConfig, card: CardData) -> bool:
    """Tell whether a kernel 2 card is asked for a combined signature."""
    return bool(config.ca_keys) and Aip.CDA in Aip.decode(card.objects[tags.AIP_82])


def check_cda(
    config: TerminalConfig, card: CardData, signed: Signed, own: Mapping[int, bytes], aid: bytes
) -> str | None:
    """Check a combined signature and take the cryptogram out of it; returns why to decline, or
    None.

    A card that declines (AAC) does not sign; its answer is taken as it is.
    """
    objects = signed.result.objects
    kind = objects[tags.CRYPTOGRAM_INFORMATION_DATA_9F27][0]
    signature = objects.get(tags.SIGNED_DYNAMIC_APPLICATION_DATA_9F4B)
    if signature is None:
        declines = kind & CID_TYPE_MASK == CID_AAC
        return None if declines else "offline authentication failed: the card did not sign"
    try:
        key = _card_key(config, card, own, aid)
        content = oda.verify_cda(key, signature, own[tags.UNPREDICTABLE_NUMBER_9F37])
        if content.transaction_hash != oda.transaction_hash(b"", b"", signed.covered):
            raise _Failed("the signature is for other transaction data")
        if content.cid != kind:
            raise _Failed("the signature is for another kind of cryptogram")
        # A cryptogram beside the signature must be the signed one.
        signed.result.put(tags.APPLICATION_CRYPTOGRAM_9F26, content.cryptogram)
    except (CardFault, ValueError) as failure:
        return f"offline authentication failed: {failure}"
    return None


def check_not_stripped(config: TerminalConfig, card: CardData) -> str | None:
    """Refuse a card that carries a certified key and yet claims to sign nothing.

    Somebody took the function out of its profile on the way, so that nothing would be checked.
    """
    claims = Aip.decode(card.objects[tags.AIP_82]) & (Aip.DDA | Aip.CDA)
    carries = {tags.ICC_PUBLIC_KEY_CERTIFICATE_9F46, tags.SIGNED_DYNAMIC_APPLICATION_DATA_9F4B}
    if config.ca_keys and not claims and carries & card.objects.keys():
        return "offline authentication failed: the card hides that it can sign"
    return None


def without_signature(content: bytes) -> bytes:
    """Return a GENERATE AC answer's objects as they came, without the signature among them.

    Raises CardFault.
    """
    kept, position = [], 0
    try:
        while position < len(content):
            tag, _, end = ber.header(content, position)
            if tag != tags.SIGNED_DYNAMIC_APPLICATION_DATA_9F4B:
                kept.append(content[position:end])
            position = end
    except ValueError as error:
        raise CardFault("the card's answer cannot be read") from error
    return b"".join(kept)


def _card_key(
    config: TerminalConfig, card: CardData, own: Mapping[int, bytes], aid: bytes
) -> RsaPublicKey:
    """Walk CA, issuer and card certificate to the card's key."""
    index = _need(card, tags.CA_PUBLIC_KEY_INDEX_8F)[0]
    authority = config.ca_keys.get((aid[:RID_BYTES], index))
    if authority is None:
        raise _Failed("this terminal does not know the card scheme's key")
    _check_name(config, card, aid)
    pan = card.track().pan.reveal()
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
    """Authenticated records, then the AIP where the card's tag list asks for it.

    Source: EMV 4.3 Book 3, Offline Data Authentication: the list may name the AIP alone.
    """
    listed = card.objects.get(tags.SDA_TAG_LIST_9F4A)
    if listed is None:
        return bytes(card.authenticated)
    if listed != SDA_TAGS_AIP_ONLY:
        raise _Failed("the card's list of static data names more than the AIP")
    return bytes(card.authenticated) + card.objects[tags.AIP_82]


def _check_name(config: TerminalConfig, card: CardData, aid: bytes) -> None:
    """Compare the signed name with the selected one: the whole of it, or what is registered."""
    registered = next((name for name in config.kernels if aid.startswith(name)), aid)
    for item in ber.parse(bytes(card.authenticated)):
        if item.tag == tags.ADF_NAME_4F and item.value in (aid, registered):
            return
    raise _Failed("the selected application is not the one the card was made for")


def _need(card: CardData, tag: int) -> bytes:
    value = card.objects.get(tag)
    if value is None:
        raise _Failed(f"the card left out {tag:X}")
    return value
