"""Signatures for offline data authentication by the card's own RSA key.

The RSA library is loaded by the first card that has such a key, not by every secure element.
Source: EMV Contactless Book C-3, fDDA; EMV 4.3 Book 2, Combined DDA / Application Cryptogram
Generation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wristlet.se.applets.base import CardError
from wristlet.wire import ber, products
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wristlet.crypto.rsa import RsaPrivateKey
    from wristlet.se.applets.base import Context
    from wristlet.se.applets.payment.session import Session

ICC_KEY_SIZE: Final = 144
"""Bytes of the modulus: a longer one would not leave room for the rest of the answer."""

_SIGNATURE: Final = 0x9F4B
_PARTS: Final = (
    products.DGI_RSA_QINV,
    products.DGI_RSA_DQ,
    products.DGI_RSA_DP,
    products.DGI_RSA_Q,
    products.DGI_RSA_P,
)
_RELATED_VERSION: Final = b"\x01"
_CARD_NUMBER_SIZE: Final = 4
_UN_KERNEL_3, _AMOUNT, _CURRENCY = slice(29, 33), slice(4, 10), slice(23, 25)
_UN_KERNEL_2: Final = slice(25, 29)


def check_key(dgis: Mapping[int, bytes]) -> None:
    """Refuse (6A80) an ICC key of another size or whose five parts do not fit together."""
    try:
        key = _key(dgis.__getitem__)
    except ValueError:
        raise CardError(SW.WRONG_DATA) from None
    if key.public.size != ICC_KEY_SIZE:
        raise CardError(SW.WRONG_DATA)


def fdda(ctx: Context, session: Session, terminal: bytes, atc: bytes, ctq: bytes) -> bytes:
    """Give the object 9F4B for the answer to GET PROCESSING OPTIONS.

    The signature covers the CTQ, so what the card says about the cardholder cannot be changed on
    the way; the terminal finds the covered value of 9F69 in the last record.
    """
    from wristlet.crypto.oda import sign_fdda

    related = _RELATED_VERSION + ctx.env.random.bytes(_CARD_NUMBER_SIZE) + ctq
    session.related_data = related
    signature = sign_fdda(
        _card_key(ctx, session),
        atc,
        terminal[_UN_KERNEL_3],
        terminal[_AMOUNT],
        terminal[_CURRENCY],
        related,
    )
    return ber.encode(_SIGNATURE, signature)


def cda(
    ctx: Context, session: Session, terminal: bytes, cid: int, cryptogram: bytes, answer: bytes
) -> bytes:
    """Give the object 9F4B for the answer to GENERATE AC, which then hides the cryptogram.

    `answer` is the rest of that answer, in order.
    """
    from wristlet.crypto.oda import sign_cda, transaction_hash

    signature = sign_cda(
        _card_key(ctx, session),
        session.atc.to_bytes(2, "big"),
        cid,
        cryptogram,
        transaction_hash(b"", terminal, answer),
        terminal[_UN_KERNEL_2],
    )
    return ber.encode(_SIGNATURE, signature)


def _card_key(ctx: Context, session: Session) -> RsaPrivateKey:
    return _key(lambda number: session.required(ctx, number))


def _key(part: Callable[[int], bytes]) -> RsaPrivateKey:
    from wristlet.crypto.rsa import RsaPrivateKey

    q_inverse, dq, dp, q, p = (part(number) for number in _PARTS)
    return RsaPrivateKey.from_crt((q_inverse, dq, dp, q, p))
