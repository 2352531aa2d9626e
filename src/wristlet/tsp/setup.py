"""Makes all keys of a token service, once, in its sealed key store, and reads them back.

Everything secret of the token service starts here and never leaves the key store's file and the
process that opened it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from wristlet.crypto import ec, gpcert, x509chain
from wristlet.crypto.seal import KeyStore, KeyUsage
from wristlet.crypto.x509chain import Use, Validity
from wristlet.tsp.perso import IssuerKeys
from wristlet.wire import products
from wristlet.wire.gp.certs import Certificate

if TYPE_CHECKING:
    from wristlet.env.base import Env
    from wristlet.wire.masked import Secret
    from wristlet.wire.products import Product

KEY_STORE_CONTEXT: Final = b"tsp"
KEY_INDEX: Final = 1
"""The key index (DKI, KDI) of tokens minted now; older indexes stay in the store."""

HOP_FROM_SWITCH: Final = "hop.from_switch"
HOP_TO_SWITCH: Final = "hop.to_switch"
"""MAC keys of the two ISO 8583 links, shared with the switch."""

_VAULT: Final = "vault"
_BLIND_INDEX: Final = "blind.index"
_CA_KLOC: Final = "ca_kloc.root"
_OCE: Final = "oce"
_OCE_CERTIFICATE: Final = "oce.cert"
_CARD_ROOT: Final = "card_data.root"
_CARD_ROOT_CERTIFICATE: Final = "card_data.root.cert"
_CARD_LEAF: Final = "card_data.leaf"
_CARD_LEAF_CERTIFICATE: Final = "card_data.leaf.cert"
_NOTIFICATION: Final = "notification"

_IMK_SIZE: Final = 48
_YEAR_MS: Final = 365 * 24 * 3_600_000
_ROOT_YEARS: Final = 20
_LEAF_YEARS: Final = 2
_KERNELS: Final = (products.KERNEL_2, products.KERNEL_3)


@dataclass(frozen=True, slots=True)
class TspIdentity:
    """What others pin of a token service: the domain's root for scripts, and the card-data root."""

    ca_kloc_id: bytes
    ca_kloc_point: bytes
    card_data_root_der: bytes


@dataclass(frozen=True, slots=True)
class TspKeys:
    """The keys a running token service holds; prints no key."""

    vault: Secret = field(repr=False)
    blind_index: Secret = field(repr=False)
    oce: ec.PrivateKey = field(repr=False)
    oce_certificate: bytes
    card_data: ec.PrivateKey = field(repr=False)
    card_data_kid: str
    card_data_chain: tuple[bytes, ...]
    hop_from_switch: Secret = field(repr=False)
    hop_to_switch: Secret = field(repr=False)
    issuer_masters: dict[tuple[int, int], IssuerKeys] = field(repr=False)
    notification: ec.PrivateKey = field(repr=False)
    notification_kid: str
    key_index: int = KEY_INDEX

    def issuer_keys(self, product: Product, key_index: int) -> IssuerKeys:
        """Return the issuer master keys of a product's kernel; LookupError if there are none."""
        return self.issuer_masters[product.kernel, key_index]

    @classmethod
    def load(cls, store: KeyStore) -> TspKeys:
        """Read what `create_keys` made; raises KeyStoreError."""
        leaf = ec.private_key(store.get(_CARD_LEAF, KeyUsage.AGREE))
        chain = (
            store.get(_CARD_LEAF_CERTIFICATE, KeyUsage.PUBLIC),
            store.get(_CARD_ROOT_CERTIFICATE, KeyUsage.PUBLIC),
        )
        masters = {
            _imk_of(name): IssuerKeys.split(store.get(name, KeyUsage.DERIVE))
            for name in store.names()
            if name.startswith("imk.")
        }
        notification = ec.private_key(store.get(_NOTIFICATION, KeyUsage.SIGN))
        return cls(
            vault=store.get(_VAULT, KeyUsage.ENCRYPT),
            blind_index=store.get(_BLIND_INDEX, KeyUsage.MAC),
            oce=ec.private_key(store.get(_OCE, KeyUsage.AGREE)),
            oce_certificate=bytes(store.get(_OCE_CERTIFICATE, KeyUsage.PUBLIC)),
            card_data=leaf,
            card_data_kid=_kid(ec.point_of(leaf)),
            card_data_chain=tuple(bytes(certificate) for certificate in chain),
            hop_from_switch=store.get(HOP_FROM_SWITCH, KeyUsage.MAC),
            hop_to_switch=store.get(HOP_TO_SWITCH, KeyUsage.MAC),
            issuer_masters=masters,
            notification=notification,
            notification_kid=_kid(ec.point_of(notification)),
        )


def create_keys(env: Env, store: KeyStore) -> TspIdentity:
    """Make every key in one durable step; return what others pin. KeyStoreError if made before."""
    draw, now_ms = env.random.bytes, env.clock.now_ms()
    ca_kloc, oce = ec.new_private_key(draw), ec.new_private_key(draw)
    certificate = _oce_certificate(env, ca_kloc, oce)
    root_key, leaf_key = ec.new_private_key(draw), ec.new_private_key(draw)
    root = x509chain.Issuer.root(
        root_key, "wristlet TSP card data root", _years(now_ms, _ROOT_YEARS), _serial(env)
    )
    leaf = root.leaf(
        x509chain.Subject("wristlet TSP card data"),
        ec.point_of(leaf_key),
        Use.AGREE,
        _years(now_ms, _LEAF_YEARS),
        _serial(env),
    )
    masters = {
        _imk_name(kernel, KEY_INDEX): (KeyUsage.DERIVE, draw(_IMK_SIZE)) for kernel in _KERNELS
    }
    store.put_all(
        {
            **masters,
            _VAULT: (KeyUsage.ENCRYPT, draw(32)),
            _BLIND_INDEX: (KeyUsage.MAC, draw(32)),
            _CA_KLOC: (KeyUsage.SIGN, ec.scalar_of(ca_kloc)),
            _OCE: (KeyUsage.AGREE, ec.scalar_of(oce)),
            _OCE_CERTIFICATE: (KeyUsage.PUBLIC, certificate),
            _CARD_ROOT: (KeyUsage.SIGN, ec.scalar_of(root_key)),
            _CARD_ROOT_CERTIFICATE: (KeyUsage.PUBLIC, root.certificate),
            _CARD_LEAF: (KeyUsage.AGREE, ec.scalar_of(leaf_key)),
            _CARD_LEAF_CERTIFICATE: (KeyUsage.PUBLIC, leaf),
            _NOTIFICATION: (KeyUsage.SIGN, ec.scalar_of(ec.new_private_key(draw))),
            HOP_FROM_SWITCH: (KeyUsage.MAC, draw(16)),
            HOP_TO_SWITCH: (KeyUsage.MAC, draw(16)),
        }
    )
    return identity(store)


def complete_keys(env: Env, store: KeyStore) -> None:
    """Make what a store of an older version does not have yet."""
    if _NOTIFICATION not in store:
        fresh = ec.new_private_key(env.random.bytes)
        store.put(_NOTIFICATION, KeyUsage.SIGN, ec.scalar_of(fresh))


def identity(store: KeyStore) -> TspIdentity:
    """Return what others pin of an existing key store."""
    point = ec.point_of(ec.private_key(store.get(_CA_KLOC, KeyUsage.SIGN)))
    root = bytes(store.get(_CARD_ROOT_CERTIFICATE, KeyUsage.PUBLIC))
    return TspIdentity(_key_id(point), point, root)


def _oce_certificate(env: Env, ca_kloc: ec.PrivateKey, oce: ec.PrivateKey) -> bytes:
    point = ec.point_of(oce)
    now_ms = env.clock.now_ms()
    unsigned = Certificate(
        serial=env.random.bytes(8),
        issuer_id=_key_id(ec.point_of(ca_kloc)),
        subject_id=_key_id(point),
        effective=_day(now_ms),
        expires=_day(now_ms + _ROOT_YEARS * _YEAR_MS),
        point=point,
    )
    return gpcert.issue(ca_kloc, unsigned).encode()


def _imk_name(kernel: int, key_index: int) -> str:
    return f"imk.k{kernel}.{key_index:02X}"


def _imk_of(name: str) -> tuple[int, int]:
    _, kernel, key_index = name.split(".")
    return int(kernel[1:]), int(key_index, 16)


def _years(now_ms: int, years: int) -> Validity:
    # A day back: the phones that check may run a little behind.
    return Validity(now_ms - _YEAR_MS // 365, now_ms + years * _YEAR_MS)


def _serial(env: Env) -> int:
    return int.from_bytes(env.random.bytes(16), "big") >> 1 | 1


def _day(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).strftime("%Y%m%d")


def _key_id(point: bytes) -> bytes:
    return hashlib.sha256(point).digest()[:16]


def _kid(point: bytes) -> str:
    return _key_id(point).hex()
