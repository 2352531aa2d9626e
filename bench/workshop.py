"""Secure elements for benches: made by an owner, personalised by the token service's scripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wristlet.crypto.seal import KeyStore, SealKey
from wristlet.env.base import Env, ensure_dir
from wristlet.env.real import real_env
from wristlet.model.pan import Dpan
from wristlet.se import create as se_create
from wristlet.se.applets.base import Interface
from wristlet.se.card import Card
from wristlet.se.create import SeIdentity
from wristlet.se.profile import LeaseLimits, Profile, TrustRoot
from wristlet.tsp import perso
from wristlet.tsp import setup as tsp_setup
from wristlet.tsp.lifecycle import Wanted
from wristlet.tsp.perso import IssuerKeys, PersoData
from wristlet.tsp.programs import SANDBOX, Program
from wristlet.tsp.scripts import Order, Purpose, ScriptWriter
from wristlet.wire import products
from wristlet.wire.gp import aids
from wristlet.wire.products import Product

LEASE_TAPS: Final = 255
_EXPIRY, _EFFECTIVE, _PSN = "3012", "250101", "01"
_PIN_ENTRIES: Final = {"pin/verifier": bytes(48), "pin/tries": b"\x03"}
_LEASE_KEY: Final = "lease/state"
_LEASE_OPEN: Final = bytes.fromhex("0001A0FF00FFFFFF")
"""First unlock, open and worn, 255 taps, a large amount."""


@dataclass(frozen=True, slots=True)
class Element:
    """One secure element, its card of the bench, and the key of that card."""

    card: Card
    product: Product
    aid: bytes
    master_key: bytes

    def recharge(self) -> None:
        """Give it a fresh lease and transaction counters, as a new one has."""
        store = self.card.store
        with store.transaction():
            store.put(_LEASE_KEY, _LEASE_OPEN)
            store.delete(f"inst/{self.aid.hex().upper()}/counters")


class Workshop:
    """An owner and a token service that share one folder."""

    def __init__(self, folder: Path) -> None:
        self.env: Env = real_env()
        self.folder = folder
        self.seal_key = SealKey(bytes(range(32)))
        self._owner = self._key_store("owner")
        tsp_store = self._key_store("tsp")
        self.identity = tsp_setup.create_keys(self.env, tsp_store)
        self.keys = tsp_setup.TspKeys.load(tsp_store)
        self._writer = ScriptWriter(self.env.random, self.keys.oce, self.keys.oce_certificate)
        root = TrustRoot(self.identity.ca_kloc_id, self.identity.ca_kloc_point)
        self.profile = Profile(
            model="wristlet-se-1",
            tsp_root=root,
            tenant_root=root,
            pin_authority=aids.TSP_DOMAIN,
            lease=LeaseLimits(LEASE_TAPS, 0xFFFF_FFFF),
        )

    def _key_store(self, name: str) -> KeyStore:
        path = self.folder / name
        ensure_dir(self.env.disk, path)
        return KeyStore.create(
            self.env.disk, path / "keys", self.seal_key, name.encode(), self.env.random.bytes
        )

    def volatile(self, product: Product) -> Element:
        """A secure element in memory with two cards, that product's active and unlocked."""
        store, identity = se_create.create_volatile(
            self.env, self._owner, self.profile, sandbox=True
        )
        return self._ready(Card(self.env, store, sandbox=True), identity, product)

    def sealed(self, product: Product) -> Element:
        """The same on the disk."""
        path = str(self.folder / f"se-{product.name}")
        identity = se_create.create(
            self.env, path, self.seal_key, self._owner, self.profile, sandbox=True
        )
        card = Card.open(self.env, path, self.seal_key, sandbox=True)
        return self._ready(card, identity, product)

    def fleet(self, count: int) -> Iterator[Card]:
        """Many idle secure elements in memory with two cards each."""
        for card, identity in se_create.fleet(
            self.env, self._owner, self.profile, count, sandbox=True
        ):
            self._add_cards(card, identity)
            card.port(Interface.WIRED).power_off()
            yield card

    def _ready(self, card: Card, identity: SeIdentity, product: Product) -> Element:
        keys = self._add_cards(card, identity)
        aid = aids.instance_aid(product.registered_aid, 1)
        with card.store.transaction():
            card.registry.activate(aid)
        return Element(card, product, aid, keys[product.name])

    def _add_cards(self, card: Card, identity: SeIdentity) -> dict[str, bytes]:
        """Run one script per product, as a phone would; return the cards' own keys."""
        with card.store.transaction():
            for entry, content in _PIN_ENTRIES.items():
                card.store.put(entry, content)
        found: dict[str, bytes] = {}
        for number, product in enumerate((products.K3, products.K2), 1):
            order, key = self._order(identity, product, number)
            found[product.name] = key
            for apdu in self._writer.build(order).package.apdus:
                answer = card.port(Interface.WIRED).process(bytes.fromhex(apdu))
                if answer[-2:] != b"\x90\x00" and answer[-2] != 0x61:
                    raise RuntimeError(f"a script was refused with {answer[-2:].hex()}")
        return found

    def _order(self, identity: SeIdentity, product: Product, number: int) -> tuple[Order, bytes]:
        program = _program(product)
        serial = int.from_bytes(self.env.random.bytes(8), "big") % 10**9
        dpan = Dpan.complete(f"{program.token_bin}{serial:09d}")
        imk: IssuerKeys = self.keys.issuer_keys(product, self.keys.key_index)
        keys = perso.card_keys(product, imk, dpan, _PSN)
        aid = aids.instance_aid(product.registered_aid, 1)
        data = PersoData(
            product, program, dpan, _PSN, _EXPIRY, _EFFECTIVE, self.keys.key_index, aid
        )
        order = Order(
            se_id=identity.se_id,
            domain_point=identity.domain_points[aids.TSP_DOMAIN],
            number=number,
            purpose=Purpose.PERSONALISE,
            product=product.name,
            instance_aid=aid,
            initial=Wanted.ACTIVATABLE,
            dgis=perso.dgis(data, keys),
        )
        return order, bytes(keys.ac)


def _program(product: Product) -> Program:
    return next(program for program in SANDBOX if program.product is product)
