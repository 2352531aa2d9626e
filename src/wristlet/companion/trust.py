"""Whom the phone believes: the roots pinned in the build, nothing that a server or link says."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass

from wristlet.companion.errors import CompanionError, StrapUntrusted
from wristlet.crypto import ec, jwe, x509chain
from wristlet.crypto.errors import CertificateError
from wristlet.model.tsp_messages import CardKey


@dataclass(frozen=True, slots=True)
class Roots:
    """The two certificates (DER) that a brand's build of the app pins."""

    card_data_root_der: bytes
    maker_root_der: bytes

    def strap_leaf(self, chain: list[bytes], use: x509chain.Use, now_ms: int) -> x509chain.Leaf:
        """Return the leaf of a secure element's chain; raises StrapUntrusted."""
        try:
            return x509chain.verify_se_chain(self.maker_root_der, chain, use, now_ms)
        except CertificateError as error:
            message = (
                "strap: its secure element has no valid certificate of the maker; do not use it"
            )
            raise StrapUntrusted(message) from error

    def seal_for_tsp(self, key: CardKey, payload: bytes, now_ms: int) -> str:
        """Encrypt for the TSP's card-data key, once its chain leads to the pinned root.

        Raises CompanionError: then nothing leaves the phone.
        """
        try:
            # RFC 7517 puts the leaf first, the chain check wants it last.
            chain = [b64decode(one) for one in reversed(key.x5c)]
            if chain[:1] == [self.card_data_root_der]:
                del chain[0]
            root = self.card_data_root_der
            leaf = x509chain.verify_chain(root, chain, x509chain.Use.AGREE, now_ms)
            return jwe.encrypt(payload, ec.public_key(leaf.point), key.kid)
        except (CertificateError, ValueError) as error:
            message = (
                "card: the server's encryption key is not the token service's; nothing was sent"
            )
            raise CompanionError(message) from error
