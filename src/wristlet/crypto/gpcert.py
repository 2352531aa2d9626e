"""Certificates 7F21 of off-card entities: issuing, and the check a card makes.

Source: GlobalPlatform Card Specification Amendment F, certificates of the off-card entity.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

from wristlet.crypto import ec
from wristlet.crypto.errors import CertificateError, SignatureError
from wristlet.wire.errors import DecodeError
from wristlet.wire.gp.certs import USAGE_KEY_AGREEMENT, Certificate

USAGE_SIGNATURE: Final = b"\x00\x82"
"""The subject signs: a certificate in the middle of a chain."""


def issue(issuer: ec.PrivateKey, certificate: Certificate) -> Certificate:
    """Return the certificate with the issuer's signature."""
    return dataclasses.replace(
        certificate, signature=ec.sign_raw(issuer, certificate.to_be_signed())
    )


def verify(
    certificate: Certificate, issuer_id: bytes, issuer_point: bytes, usage: bytes
) -> ec.PublicKey:
    """Check issuer, usage and signature; return the subject's key, else `CertificateError`."""
    if certificate.issuer_id != issuer_id:
        raise CertificateError("certificate 7F21: 42 names another issuer")
    if certificate.usage != usage:
        raise CertificateError("certificate 7F21: 95 is another usage")
    try:
        ec.verify_raw(
            ec.public_key(issuer_point), certificate.signature, certificate.to_be_signed()
        )
        return ec.public_key(certificate.point)
    except SignatureError:
        raise CertificateError("certificate 7F21: 5F37 is not the issuer's signature") from None
    except ValueError:
        raise CertificateError("certificate 7F21: B0 is no point of the curve") from None


def verify_chain(
    encoded: Sequence[bytes], root_id: bytes, root_point: bytes, day: str | None = None
) -> Certificate:
    """Check certificates from under the root to the leaf; return the leaf.

    All but the leaf must be for signatures, the leaf for key agreement. `day` is
    YYYYMMDD; a card without a clock passes None. Raises `CertificateError`.
    """
    if not encoded:
        raise CertificateError("certificate 7F21: none was given")
    issuer_id, issuer_point = root_id, root_point
    certificates = [_parse(data) for data in encoded]
    for certificate in certificates:
        usage = USAGE_KEY_AGREEMENT if certificate is certificates[-1] else USAGE_SIGNATURE
        verify(certificate, issuer_id, issuer_point, usage)
        if day is not None and not certificate.is_valid_on(day):
            raise CertificateError("certificate 7F21: expired, or not valid yet")
        issuer_id, issuer_point = certificate.subject_id, certificate.point
    return certificates[-1]


def _parse(data: bytes) -> Certificate:
    try:
        return Certificate.parse(data)
    except DecodeError as error:
        raise CertificateError(f"certificate 7F21: {error}") from None
