"""X.509 chains: maker root, batch, CASD and keys of one SE; the token service's card-data key.

Certificates are DER, P-256, ECDSA with SHA-256. Chains are listed from under the root
down to the leaf; the root itself is pinned and never taken from a peer.

Source: RFC 5280, certification path validation (only what such chains need).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from wristlet.crypto import ec
from wristlet.crypto.errors import CertificateError
from wristlet.wire import ber
from wristlet.wire.errors import DecodeError

CASD_NAME: Final = "wristlet CASD"
ATTESTATION_NAME: Final = "wristlet SE attestation"
_DOMAIN_NAME: Final = "wristlet domain "
_SE_CHAIN: Final = 3
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# What the library raises for damaged names, versions and extensions besides ValueError.
_UNREADABLE: Final = (
    KeyError,
    OverflowError,
    TypeError,
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_KNOWN: Final = (x509.BasicConstraints, x509.KeyUsage)


class Use(Enum):
    """What a leaf's key is for."""

    SIGN = "digital_signature"
    AGREE = "key_agreement"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate names: role, SE model (OU) and SE identifier (serialNumber)."""

    common_name: str
    model: str = ""
    se_id: bytes = b""

    @classmethod
    def casd(cls, se_id: bytes, model: str) -> Self:
        """The certifying domain of one SE."""
        return cls(CASD_NAME, model, se_id)

    @classmethod
    def attestation(cls, se_id: bytes, model: str) -> Self:
        """The key that signs an SE's statements."""
        return cls(ATTESTATION_NAME, model, se_id)

    @classmethod
    def domain(cls, se_id: bytes, model: str, aid: bytes) -> Self:
        """The key agreement key of one security domain."""
        return cls(_DOMAIN_NAME + aid.hex().upper(), model, se_id)


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a certificate counts: Unix milliseconds, whole seconds are kept."""

    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Leaf:
    """The end of a verified chain: whom it names, and the 65-byte point of the key."""

    subject: Subject
    point: bytes


@dataclass(frozen=True)
class Issuer:
    """A certificate together with its private key; its repr shows neither."""

    key: ec.PrivateKey
    certificate: bytes

    def __repr__(self) -> str:
        return f"<issuer, certificate of {len(self.certificate)} bytes>"

    @classmethod
    def root(cls, key: ec.PrivateKey, common_name: str, validity: Validity, serial: int) -> Self:
        """Make a self-signed root."""
        name = _name(Subject(common_name))
        return cls(key, _sign(key, name, name, ec.point_of(key), validity, serial, None))

    def authority(
        self, key: ec.PrivateKey, subject: Subject, validity: Validity, serial: int
    ) -> Issuer:
        """Certify another issuer."""
        point = ec.point_of(key)
        return Issuer(key, self._issue(subject, point, validity, serial, None))

    def leaf(
        self, subject: Subject, point: bytes, use: Use, validity: Validity, serial: int
    ) -> bytes:
        """Certify a key that issues nothing."""
        return self._issue(subject, point, validity, serial, use)

    def _issue(
        self, subject: Subject, point: bytes, validity: Validity, serial: int, use: Use | None
    ) -> bytes:
        own = x509.load_der_x509_certificate(self.certificate).subject
        return _sign(self.key, own, _name(subject), point, validity, serial, use)


def verify_chain(root: bytes, chain: Sequence[bytes], use: Use, now_ms: int | None) -> Leaf:
    """Check a chain under a pinned root certificate; `CertificateError` says what is wrong."""
    parsed = _load(root)
    if now_ms is not None:
        _check_dates(parsed, now_ms)
    return _walk(_key_of(parsed), parsed.subject, chain, use, now_ms)


def verify_under_point(point: bytes, chain: Sequence[bytes], use: Use) -> Leaf:
    """Check a chain under a bare 65-byte root point, without a clock: what a card can do."""
    return _walk(ec.public_key(point), None, chain, use, None)


def verify_se_chain(root: bytes, chain: Sequence[bytes], use: Use, now_ms: int) -> Leaf:
    """Check batch, CASD and leaf of one SE under the maker's root.

    CASD and leaf must name the same SE and model. The caller compares the leaf's
    common name with the role it wants.
    """
    if len(chain) != _SE_CHAIN:
        raise CertificateError("SE certificates: batch, CASD and leaf are needed")
    leaf = verify_chain(root, chain, use, now_ms)
    casd = _subject(_load(chain[1]))
    expected = Subject.casd(leaf.subject.se_id, leaf.subject.model)
    if casd != expected or not leaf.subject.se_id:
        raise CertificateError("SE certificates: CASD and leaf name different SEs")
    return leaf


def is_domain(subject: Subject, aid: bytes) -> bool:
    """Tell whether a leaf is the key of this security domain."""
    return subject.common_name == _DOMAIN_NAME + aid.hex().upper()


def split(concatenated: bytes) -> tuple[bytes, ...]:
    """Cut certificates that stand one behind the other, as GET DATA BF21 answers them."""
    found: list[bytes] = []
    position = 0
    try:
        while position < len(concatenated):
            _, _, end = ber.header(concatenated, position)
            found.append(concatenated[position:end])
            position = end
    except DecodeError as error:
        raise CertificateError(f"certificates: {error}") from None
    return tuple(found)


def _walk(
    key: EllipticCurvePublicKey,
    name: x509.Name | None,
    chain: Sequence[bytes],
    use: Use,
    now_ms: int | None,
) -> Leaf:
    if not chain:
        raise CertificateError("certificates: none was given")
    certificates = [_load(encoded) for encoded in chain]
    for below, certificate in enumerate(reversed(certificates)):
        _check_role(certificate, use if below == 0 else None, below)
        if now_ms is not None:
            _check_dates(certificate, now_ms)
    for certificate in certificates:
        if name is not None and certificate.issuer != name:
            raise CertificateError("certificates: one names another issuer")
        _check_signature(key, certificate)
        key, name = _key_of(certificate), certificate.subject
    return Leaf(_subject(certificates[-1]), ec.point_of(key))


def _load(encoded: bytes) -> x509.Certificate:
    try:
        _check_serial(encoded)
        certificate = x509.load_der_x509_certificate(encoded)
        _ = certificate.extensions, certificate.subject, certificate.issuer
    except _UNREADABLE:
        raise CertificateError("certificate: this is no readable X.509 certificate") from None
    return certificate


def _check_serial(encoded: bytes) -> None:
    """Refuse serial numbers that are not positive: the library only warns of them so far."""
    body = ber.require(encoded, 0x30, 0x30)
    serial = ber.require(body, 0x02)
    if int.from_bytes(serial, "big", signed=True) <= 0:
        raise ValueError("serial number")


def _check_signature(key: EllipticCurvePublicKey, certificate: x509.Certificate) -> None:
    try:
        if not isinstance(certificate.signature_hash_algorithm, SHA256):
            raise CertificateError("certificates: ECDSA with SHA-256 is needed")
        key.verify(certificate.signature, certificate.tbs_certificate_bytes, ECDSA(SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm):
        raise CertificateError("certificates: a signature is not its issuer's") from None


def _check_role(certificate: x509.Certificate, use: Use | None, below: int) -> None:
    """`below` counts the certificates under this one; `use` is None for an issuer."""
    extensions = {type(e.value): e for e in certificate.extensions}
    if any(e.critical and type(e.value) not in _KNOWN for e in certificate.extensions):
        raise CertificateError("certificates: an unknown critical extension")
    basic = extensions.get(x509.BasicConstraints)
    usage = extensions.get(x509.KeyUsage)
    if usage is None or not isinstance(usage.value, x509.KeyUsage):
        raise CertificateError("certificates: a key usage is missing")
    if use is not None:
        if not getattr(usage.value, use.value):
            raise CertificateError(f"certificates: the leaf is not for {use.value}")
        return
    if basic is None or not isinstance(basic.value, x509.BasicConstraints) or not basic.value.ca:
        raise CertificateError("certificates: an issuer is no authority")
    length = basic.value.path_length
    if not usage.value.key_cert_sign or (length is not None and length < below - 1):
        raise CertificateError("certificates: an authority may not issue this")


def _check_dates(certificate: x509.Certificate, now_ms: int) -> None:
    now = _EPOCH + timedelta(milliseconds=now_ms)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise CertificateError("certificates: one has expired or is not valid yet")


def _key_of(certificate: x509.Certificate) -> EllipticCurvePublicKey:
    try:
        key = certificate.public_key()
    except _UNREADABLE:
        key = None
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    raise CertificateError("certificates: a P-256 key is needed")


def _name(subject: Subject) -> x509.Name:
    parts = [
        (NameOID.ORGANIZATIONAL_UNIT_NAME, subject.model),
        (NameOID.COMMON_NAME, subject.common_name),
        (NameOID.SERIAL_NUMBER, subject.se_id.hex().upper()),
    ]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts if value])


def _subject(certificate: x509.Certificate) -> Subject:
    values = {str(a.oid.dotted_string): str(a.value) for a in certificate.subject}
    serial = values.get(NameOID.SERIAL_NUMBER.dotted_string, "")
    try:
        se_id = bytes.fromhex(serial)
    except ValueError:
        raise CertificateError("certificate: the serialNumber is no hexadecimal text") from None
    return Subject(
        values.get(NameOID.COMMON_NAME.dotted_string, ""),
        values.get(NameOID.ORGANIZATIONAL_UNIT_NAME.dotted_string, ""),
        se_id,
    )


def _sign(
    key: ec.PrivateKey,
    issuer: x509.Name,
    subject: x509.Name,
    point: bytes,
    validity: Validity,
    serial: int,
    use: Use | None,
) -> bytes:
    authority = use is None
    usage = x509.KeyUsage(
        digital_signature=use is Use.SIGN,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=use is Use.AGREE,
        key_cert_sign=authority,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(ec.public_key(point))
        .serial_number(serial)
        .not_valid_before(_EPOCH + timedelta(seconds=validity.from_ms // 1000))
        .not_valid_after(_EPOCH + timedelta(seconds=validity.to_ms // 1000))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
    )
    signed = builder.sign(key, SHA256(), ecdsa_deterministic=True)
    return signed.public_bytes(Encoding.DER)
