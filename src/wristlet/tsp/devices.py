"""Registration of secure elements: whom the token service trusts with tokens."""

from __future__ import annotations

import base64
import binascii
import hmac
import sqlite3
from typing import Final

from wristlet.crypto import x509chain
from wristlet.crypto.errors import CertificateError
from wristlet.crypto.x509chain import Leaf, Use
from wristlet.model.tsp_messages import DeviceRegistered, RegisterDevice
from wristlet.tsp.checked import trusted_device
from wristlet.tsp.context import Context
from wristlet.tsp.errors import TspError, conflict, forbidden, invalid
from wristlet.tsp.records import REGISTERED
from wristlet.tsp.repository import Repository
from wristlet.wire.gp import aids
from wristlet.wire.script import SE_ID_BYTES

_CERTIFICATES_MAX: Final = 3
_CERTIFICATE_CHARACTERS_MAX: Final = 4_096


async def register_device(context: Context, request: RegisterDevice) -> DeviceRegistered:
    """Verify a secure element's chains to a trusted maker root and remember its keys.

    Both chains must name one SE of an allowed model and come from one CASD; the second must be of
    the token service's own domain. Registering again is harmless; other keys under a known id are
    refused. Raises TspError.
    """
    now_ms = context.env.clock.now_ms()
    attestation = _chain(request.attestation_chain, "attestation_chain")
    domain = _chain(request.domain_chain, "domain_chain")
    statement_key = _verified(context, attestation, Use.SIGN, now_ms, "attestation_chain")
    domain_key = _verified(context, domain, Use.AGREE, now_ms, "domain_chain")
    _check_roles(context, statement_key, domain_key)
    if attestation[:-1] != domain[:-1]:
        raise _untrusted("domain_chain", "both chains must come from the same CASD")
    answer = DeviceRegistered(statement_key.subject.se_id.hex(), statement_key.subject.model)

    def run(connection: sqlite3.Connection) -> DeviceRegistered:
        rows = Repository(connection)
        known = rows.device(answer.se_id)
        if known is None:
            rows.run(
                "device_add",
                se_id=answer.se_id,
                model=answer.model,
                state=REGISTERED,
                attestation_point=statement_key.point,
                domain_point=domain_key.point,
                created_ms=now_ms,
            )
            return answer
        trusted_device(rows, answer.se_id, "attestation_chain")
        points = known.attestation_point + known.domain_point
        if not hmac.compare_digest(points, statement_key.point + domain_key.point):
            raise conflict(
                "device_keys_differ",
                "A secure element with this id is registered with other keys.",
                "attestation_chain",
                "One of the two is a copy: take neither into use, tell the maker.",
            )
        return answer

    return await context.database.write(run)


def _chain(encoded: list[str], param: str) -> tuple[bytes, ...]:
    if len(encoded) != _CERTIFICATES_MAX or any(
        len(text) > _CERTIFICATE_CHARACTERS_MAX for text in encoded
    ):
        raise _untrusted(param, "batch, CASD and leaf are needed")
    try:
        return tuple(base64.b64decode(text, validate=True) for text in encoded)
    except (binascii.Error, ValueError):
        raise invalid(
            "chain_unreadable",
            f"{param} is not base64.",
            param,
            "Send each certificate's DER as base64, leaf last, without the maker root.",
        ) from None


def _verified(
    context: Context, chain: tuple[bytes, ...], use: Use, now_ms: int, param: str
) -> Leaf:
    for root in context.config.trusted_roots:
        try:
            return x509chain.verify_se_chain(root, chain, use, now_ms)
        except CertificateError:
            continue
    raise _untrusted(param, "it leads to no trusted maker root")


def _check_roles(context: Context, statement_key: Leaf, domain_key: Leaf) -> None:
    one, other = statement_key.subject, domain_key.subject
    if one.common_name != x509chain.ATTESTATION_NAME or len(one.se_id) != SE_ID_BYTES:
        raise _untrusted("attestation_chain", "its leaf is no attestation key")
    if not x509chain.is_domain(other, aids.TSP_DOMAIN):
        raise _untrusted("domain_chain", "its leaf is not the token service's domain key")
    if (one.se_id, one.model) != (other.se_id, other.model):
        raise _untrusted("domain_chain", "it names another secure element")
    if one.model not in context.config.models:
        raise _untrusted("attestation_chain", "this model may not hold tokens")


def _untrusted(param: str, why: str) -> TspError:
    return forbidden(
        "device_not_trusted",
        f"{param}: {why}.",
        param,
        "Read the chains again with GET DATA BF21; ask the maker if they stay the same.",
    )
