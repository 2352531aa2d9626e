"""RSA as EMV uses it: bare private and public operations on whole blocks.

Only `oda` gives such blocks their meaning. The private operation is pycryptodome's
blinded one; its result is checked before it leaves, so that a fault in one half of
the Chinese remainder computation cannot betray a prime.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from Crypto.PublicKey import RSA
from cryptography.hazmat.primitives.asymmetric import rsa

from wristlet.crypto.errors import SignatureError
from wristlet.wire.masked import Secret
from wristlet.wire.typing import override

EXPONENTS: Final = (3, 65537)
"""The two public exponents that EMV allows."""


@dataclass(frozen=True, slots=True)
class RsaPublicKey:
    """Modulus and exponent."""

    modulus: int
    exponent: int

    def __post_init__(self) -> None:
        if self.exponent not in EXPONENTS or self.modulus.bit_length() < 512:
            raise ValueError("RSA public key: exponent 3 or 65537 and 512 bits are needed")

    @property
    def size(self) -> int:
        """Length of the modulus and of every block, in bytes."""
        return (self.modulus.bit_length() + 7) // 8

    @property
    def modulus_bytes(self) -> bytes:
        """The modulus without leading zeros."""
        return self.modulus.to_bytes(self.size, "big")

    @property
    def exponent_bytes(self) -> bytes:
        """The exponent without leading zeros: 1 or 3 bytes."""
        return self.exponent.to_bytes((self.exponent.bit_length() + 7) // 8, "big")

    def recover(self, block: bytes) -> bytes:
        """Apply the public operation; `SignatureError` if the block has another length."""
        value = int.from_bytes(block, "big")
        if len(block) != self.size or value >= self.modulus:
            raise SignatureError(f"signed block: {self.size} bytes below the modulus are needed")
        return pow(value, self.exponent, self.modulus).to_bytes(self.size, "big")


class RsaPrivateKey:
    """A private key ready for use; prints as `<RSA private key, 1152 bits>`."""

    __slots__ = ("_key", "_operate", "public")

    def __init__(self, p: int, q: int, exponent: int) -> None:
        """Build from the two primes; ValueError if they make no key with this exponent."""
        if p == q or min(p, q) < 3:
            raise ValueError("RSA private key: two different primes are needed")
        self.public = RsaPublicKey(p * q, exponent)
        try:
            d = pow(exponent, -1, (p - 1) * (q - 1))
        except ValueError:
            raise ValueError("RSA private key: exponent and primes do not fit") from None
        self._key = RSA.construct((p * q, exponent, d, p, q), consistency_check=False)
        # The one bare private operation that the library has: no padding, but blinded.
        self._operate: Callable[[int], bytes] = self._key._decrypt_to_bytes

    @classmethod
    def from_crt(cls, parts: tuple[bytes, bytes, bytes, bytes, bytes]) -> Self:
        """Build from `crt_parts`; ValueError if the five values do not belong together."""
        dp, q, p = (int.from_bytes(part, "big") for part in parts[2:])
        try:
            key = cls(p, q, pow(dp, -1, p - 1))
        except ValueError:
            raise ValueError("RSA private key: the five values make no key") from None
        if key.crt_parts() != parts:
            raise ValueError("RSA private key: the five values do not belong together")
        return key

    @classmethod
    def generate(
        cls, bits: int, random_bytes: Callable[[int], bytes] | None = None, exponent: int = 65537
    ) -> Self:
        """Make a new key: never inside a request.

        Without `random_bytes` OpenSSL draws it in some 20 ms; with it the same bytes
        give the same key, ten times slower.
        """
        if random_bytes is None:
            numbers = rsa.generate_private_key(exponent, bits).private_numbers()
            return cls(numbers.p, numbers.q, exponent)
        key = RSA.generate(bits, randfunc=random_bytes, e=exponent)
        return cls(int(key.p), int(key.q), exponent)

    @override
    def __repr__(self) -> str:
        return f"<RSA private key, {self.public.modulus.bit_length()} bits>"

    def crt_parts(self) -> tuple[Secret, Secret, Secret, Secret, Secret]:
        """Return q^-1 mod p, d mod q-1, d mod p-1, q and p, in halves of the modulus' length.

        This is the order of data groups 8201 to 8205.
        """
        p, q, d = int(self._key.p), int(self._key.q), int(self._key.d)
        half = (self.public.size + 1) // 2
        values = (pow(q, -1, p), d % (q - 1), d % (p - 1), q, p)
        a, b, c, e, f = (Secret(value.to_bytes(half, "big")) for value in values)
        return a, b, c, e, f

    def private_operation(self, block: bytes) -> bytes:
        """Apply the blinded private operation to a block as long as the modulus."""
        value = int.from_bytes(block, "big")
        if len(block) != self.public.size or value >= self.public.modulus:
            raise ValueError("RSA block: the modulus' length and a smaller value are needed")
        result = self._operate(value).rjust(len(block), b"\x00")
        if self.public.recover(result) != block:
            raise SignatureError("RSA private operation failed; do not use this key again")
        return result
