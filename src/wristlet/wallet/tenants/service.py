"""Making a tenant, and recognising who sends a bearer token."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from wristlet.crypto import ec
from wristlet.crypto.seal import KeyStore, KeyUsage
from wristlet.env.base import Env
from wristlet.env.database import Database
from wristlet.wallet.context import Actor, Context, make_id
from wristlet.wallet.errors import refuse
from wristlet.wallet.tenants import repository
from wristlet.wallet.wearers import repository as wearers

API_KEY_PREFIX = "wk_test_"
SESSION_PREFIX = "ws_"

_TOKEN_BYTES = 32
_ROOT_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class NewTenant:
    """A fresh tenant: the API key is shown here and never again; the phone root is public."""

    tenant_id: str
    api_key: str = field(repr=False)
    phone_root_id: bytes
    phone_root_point: bytes


def new_token(prefix: str, env: Env) -> str:
    """Draw a bearer token of 256 random bits."""
    text = base64.urlsafe_b64encode(env.random.bytes(_TOKEN_BYTES)).rstrip(b"=")
    return prefix + text.decode()


def token_hash(token: str) -> str:
    """Return what is stored of a bearer token: 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def phone_root_name(tenant_id: str) -> str:
    """Name the tenant's phone root in the key store."""
    return f"tenant.{tenant_id}.phone-root"


async def create_tenant(env: Env, database: Database, keys: KeyStore, name: str) -> NewTenant:
    """Make a tenant with its API key and its root for phone certificates."""
    tenant_id = make_id(env, "tnt")
    api_key = new_token(API_KEY_PREFIX, env)
    root = ec.new_private_key(env.random.bytes)
    point = ec.point_of(root)
    root_id = hashlib.sha256(point).digest()[:_ROOT_ID_BYTES]
    row = repository.TenantRow(tenant_id, name, root_id.hex(), point.hex(), env.clock.now_ms())
    # The key first: a tenant without its root would be of no use.
    keys.put(phone_root_name(tenant_id), KeyUsage.SIGN, ec.scalar_of(root))
    await database.write(lambda c: repository.insert(c, row, token_hash(api_key)))
    return NewTenant(tenant_id, api_key, root_id, point)


class Gate:
    """Recognises tenants and wearers by their bearer tokens."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def actor(self, authorization: str | None) -> Actor:
        """Return who sent this Authorization header; refuses unknown and expired tokens."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise refuse("credentials_unknown")
        hashed = token_hash(token)
        read = self._context.database.read
        if token.startswith(SESSION_PREFIX):
            now_ms = self._context.now_ms()
            session = await read(lambda c: wearers.session(c, hashed, now_ms))
            if session is not None:
                return Actor(session.tenant_id, session.wearer_id, hashed)
        elif token.startswith(API_KEY_PREFIX):
            tenant_id = await read(lambda c: repository.tenant_of_key(c, hashed))
            if tenant_id is not None:
                return Actor(tenant_id)
        raise refuse("credentials_unknown")
