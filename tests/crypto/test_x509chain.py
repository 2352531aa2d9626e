"""X.509 chains: SE and card-data chains that hold, and every way they do not."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec as any_ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from wristlet.crypto import ec, x509chain
from wristlet.crypto.errors import CertificateError
from wristlet.crypto.x509chain import Issuer, Leaf, Subject, Use, Validity

NOW_MS = 1_800_000_000_000
VALID = Validity(NOW_MS - 1000, NOW_MS + 86_400_000)
SE_ID, MODEL, AID = bytes(range(16)), "wristlet-se-1", bytes.fromhex("a000000151000000")
ROOT_KEY, BATCH_KEY, CASD_KEY, LEAF_KEY, STRANGER_KEY = (
    ec.private_key(bytes((n,)) * 32) for n in range(1, 6)
)
POINT = ec.point_of(LEAF_KEY)

ROOT = Issuer.root(ROOT_KEY, "wristlet maker root", VALID, 1)
BATCH = ROOT.authority(BATCH_KEY, Subject("batch 1", MODEL), VALID, 2)
CASD = BATCH.authority(CASD_KEY, Subject.casd(SE_ID, MODEL), VALID, 3)
ATTESTATION = CASD.leaf(Subject.attestation(SE_ID, MODEL), POINT, Use.SIGN, VALID, 4)
CHAIN = [BATCH.certificate, CASD.certificate, ATTESTATION]


def verify_se(chain: list[bytes], use: Use = Use.SIGN, now_ms: int = NOW_MS) -> Leaf:
    return x509chain.verify_se_chain(ROOT.certificate, chain, use, now_ms)


def test_an_se_chain_holds() -> None:
    leaf = verify_se(CHAIN)
    assert leaf == Leaf(Subject.attestation(SE_ID, MODEL), POINT)
    assert not x509chain.is_domain(leaf.subject, AID)


def test_a_domain_key_names_its_domain() -> None:
    subject = Subject.domain(SE_ID, MODEL, AID)
    encoded = CASD.leaf(subject, POINT, Use.AGREE, VALID, 5)
    leaf = verify_se([*CHAIN[:2], encoded], Use.AGREE)
    assert x509chain.is_domain(leaf.subject, AID)
    assert not x509chain.is_domain(leaf.subject, AID[:-1])


def test_a_card_data_chain_holds() -> None:
    encoded = ROOT.leaf(Subject("card data 1"), POINT, Use.AGREE, VALID, 6)
    leaf = x509chain.verify_chain(ROOT.certificate, [encoded], Use.AGREE, NOW_MS)
    assert leaf == Leaf(Subject("card data 1"), POINT)


def test_a_card_without_clock_checks_under_a_point() -> None:
    leaf = x509chain.verify_under_point(ec.point_of(ROOT_KEY), CHAIN, Use.SIGN)
    assert leaf.point == POINT
    with pytest.raises(CertificateError, match="signature"):
        x509chain.verify_under_point(ec.point_of(STRANGER_KEY), CHAIN, Use.SIGN)


def test_chains_come_out_of_one_string() -> None:
    assert x509chain.split(b"".join(CHAIN)) == tuple(CHAIN)
    assert x509chain.split(b"") == ()
    with pytest.raises(CertificateError):
        x509chain.split(b"".join(CHAIN)[:-1])


def test_issuing_twice_gives_the_same_bytes() -> None:
    again = CASD.leaf(Subject.attestation(SE_ID, MODEL), POINT, Use.SIGN, VALID, 4)
    assert again == ATTESTATION
    assert "PrivateKey" not in repr(CASD)


@pytest.mark.parametrize("index", range(3))
def test_flipped_bits_are_refused(index: int) -> None:
    for bit in range(len(CHAIN[index]) * 8):
        changed = bytearray(CHAIN[index])
        changed[bit // 8] ^= 1 << bit % 8
        chain = [*CHAIN]
        chain[index] = bytes(changed)
        with pytest.raises(CertificateError):
            verify_se(chain)


def other_leaf(subject: Subject | None = None, **kwargs: Any) -> bytes:
    subject = subject or Subject.attestation(SE_ID, MODEL)
    issuer = kwargs.get("issuer", CASD)
    use, valid = kwargs.get("use", Use.SIGN), kwargs.get("valid", VALID)
    encoded: bytes = issuer.leaf(subject, POINT, use, valid, 9)
    return encoded


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        ([], "batch, CASD and leaf"),
        (CHAIN[1:], "batch, CASD and leaf"),
        ([*CHAIN[:2], other_leaf(use=Use.AGREE)], "not for digital_signature"),
        ([*CHAIN[:2], other_leaf(Subject.attestation(b"x" * 16, MODEL))], "different SEs"),
        ([*CHAIN[:2], other_leaf(Subject.attestation(SE_ID, "other"))], "different SEs"),
        ([*CHAIN[:2], other_leaf(Subject("no id", MODEL))], "different SEs"),
        ([*CHAIN[:2], other_leaf(issuer=BATCH)], "another issuer"),
        ([*CHAIN[:2], other_leaf(issuer=Issuer(STRANGER_KEY, CASD.certificate))], "signature"),
        ([*CHAIN[:2], other_leaf(valid=Validity(NOW_MS + 2000, NOW_MS + 4000))], "not valid yet"),
        ([*CHAIN[:2], other_leaf(valid=Validity(0, NOW_MS - 2000))], "expired"),
        ([CHAIN[0], ATTESTATION, ATTESTATION], "no authority"),
        ([CHAIN[0], CHAIN[1], b"\x30\x00"], "no readable"),
    ],
)
def test_chains_that_do_not_hold(chain: list[bytes], message: str) -> None:
    with pytest.raises(CertificateError, match=message):
        verify_se(chain)


def test_an_se_must_be_named() -> None:
    casd = BATCH.authority(CASD_KEY, Subject.casd(b"", MODEL), VALID, 3)
    leaf = casd.leaf(Subject.attestation(b"", MODEL), POINT, Use.SIGN, VALID, 4)
    with pytest.raises(CertificateError, match="different SEs"):
        verify_se([BATCH.certificate, casd.certificate, leaf])


def test_roots_expire_too() -> None:
    old = Issuer.root(ROOT_KEY, "wristlet maker root", Validity(0, NOW_MS - 2000), 1)
    with pytest.raises(CertificateError, match="expired"):
        x509chain.verify_chain(old.certificate, CHAIN, Use.SIGN, NOW_MS)


def hand_made(key: Any, **options: Any) -> bytes:
    """A leaf under ROOT as others might make one."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leaf")])
    issuer = x509.load_der_x509_certificate(ROOT.certificate).subject
    start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=VALID.from_ms)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).serial_number(7)
    builder = builder.public_key(key).not_valid_before(start)
    builder = builder.not_valid_after(start + timedelta(days=1))
    for extension in options.get("extensions", ()):
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(ROOT_KEY, options.get("hash", SHA256())).public_bytes(Encoding.DER)


def usage(**named: bool) -> x509.KeyUsage:
    names = "digital_signature content_commitment key_encipherment data_encipherment"
    names += " key_agreement key_cert_sign crl_sign encipher_only decipher_only"
    return x509.KeyUsage(**{name: named.get(name, False) for name in names.split()})


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        (hand_made(LEAF_KEY.public_key()), "key usage is missing"),
        (hand_made(LEAF_KEY.public_key(), extensions=[usage(key_agreement=True)], hash=SHA384()),
         "SHA-256"),
        (hand_made(any_ec.generate_private_key(any_ec.SECP384R1()).public_key(),
                   extensions=[usage(key_agreement=True)]), "P-256"),
        (hand_made(LEAF_KEY.public_key(),
                   extensions=[usage(key_agreement=True), x509.InhibitAnyPolicy(0)]), "critical"),
    ],
)  # fmt: skip
def test_leaves_of_others_that_do_not_hold(encoded: bytes, message: str) -> None:
    with pytest.raises(CertificateError, match=message):
        x509chain.verify_chain(ROOT.certificate, [encoded], Use.AGREE, NOW_MS)


def test_path_lengths_count() -> None:
    extensions = [usage(key_cert_sign=True), x509.BasicConstraints(ca=True, path_length=0)]
    narrow = Issuer(BATCH_KEY, hand_made(BATCH_KEY.public_key(), extensions=extensions))
    leaf = narrow.leaf(Subject("a"), POINT, Use.AGREE, VALID, 3)
    x509chain.verify_chain(ROOT.certificate, [narrow.certificate, leaf], Use.AGREE, NOW_MS)
    middle = narrow.authority(CASD_KEY, Subject("b"), VALID, 3)
    chain = [narrow.certificate, middle.certificate,
             middle.leaf(Subject("c"), POINT, Use.AGREE, VALID, 4)]  # fmt: skip
    with pytest.raises(CertificateError, match="may not issue"):
        x509chain.verify_chain(ROOT.certificate, chain, Use.AGREE, NOW_MS)


def test_another_implementation_reads_the_signatures() -> None:
    """The library's own direct check agrees link by link."""
    loaded = [x509.load_der_x509_certificate(c) for c in (ROOT.certificate, *CHAIN)]
    for above, below in itertools.pairwise(loaded):
        below.verify_directly_issued_by(above)
