"""Certificates for phones: the brand says "this is one of my app's keys", the SE decides the rest.

A certificate alone opens nothing: the key must stand on the secure element's own allow-list too.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from wristlet.crypto import ec, gpcert
from wristlet.crypto.seal import KeyUsage
from wristlet.wallet.context import Context
from wristlet.wallet.errors import refuse
from wristlet.wallet.tenants.repository import TenantRow
from wristlet.wallet.tenants.service import phone_root_name
from wristlet.wire.gp.certs import Certificate

_SERIAL_BYTES = 16
_SUBJECT_BYTES = 16
_VALID_MS = 5 * 365 * 24 * 3600 * 1000


def read_point(text: str) -> bytes:
    """Return a phone's uncompressed P-256 point from hex; refuses what is not on the curve."""
    try:
        point = bytes.fromhex(text)
        ec.public_key(point)
    except ValueError:
        raise refuse(
            "parameter_invalid",
            "public_point",
            message="public_point is not an uncompressed P-256 point as hex.",
        ) from None
    return point


def issue(context: Context, tenant: TenantRow, point: bytes) -> bytes:
    """Return a phone's certificate 7F21 by the tenant's root."""
    root = ec.private_key(context.keys.get(phone_root_name(tenant.tenant_id), KeyUsage.SIGN))
    now_ms = context.now_ms()
    unsigned = Certificate(
        serial=context.env.random.bytes(_SERIAL_BYTES),
        issuer_id=bytes.fromhex(tenant.phone_root_id),
        subject_id=hashlib.sha256(point).digest()[:_SUBJECT_BYTES],
        effective=_day(now_ms),
        expires=_day(now_ms + _VALID_MS),
        point=point,
    )
    return gpcert.issue(root, unsigned).encode()


def _day(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y%m%d")
