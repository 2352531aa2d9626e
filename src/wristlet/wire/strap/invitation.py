"""How a phone is told which strap to pair: a QR code, or eight characters to type.

`device` stands for the secure element: the first 10 bytes of a hash of its id, which its
certificate proves. `nonce` is the name under which the strap can be paired now: drawn anew each
time its button opens the window, told to anybody who asks, gone after one use or five minutes.
Neither is a secret: what keeps a stranger out is the certificate, the digits and the button.

    https://<host>/p#v=1&d=<device, 16 characters>&n=<nonce, 13 characters>

The typed code is the first 5 bytes of a hash over both. All characters are Crockford's base 32.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import parse_qsl, urlsplit

from wristlet.wire import crockford
from wristlet.wire.errors import DecodeError, EncodeError

VERSION: Final = "1"
DEVICE_BYTES, NONCE_BYTES, CODE_BYTES = 10, 8, 5
WINDOW_MS: Final = 300_000
"""How long a strap can be paired after its button was held."""

ASK_NAME: Final = b"\x51"
"""The phone's question on the pairing concern; the answer is the nonce, or a refusal."""

_DEVICE: Final = b"wristlet:invitation:device:1"
_CODE: Final = b"wristlet:invitation:code:1"
_PATH: Final = "/p"
_URL_MAX: Final = 512
_HALF: Final = 4


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a scanned QR code says."""

    device: bytes
    nonce: bytes

    @classmethod
    def of(cls, se_id: bytes, nonce: bytes) -> Self:
        """Invite to the strap with this secure element, under its name of the moment."""
        return cls(device_of(se_id), nonce)

    def url(self, host: str) -> str:
        """Return the address that the QR code carries; the part behind # never reaches a server.

        EncodeError for wrong lengths or a host that is none.
        """
        if len(self.device) != DEVICE_BYTES or len(self.nonce) != NONCE_BYTES:
            raise EncodeError(
                f"a device has {DEVICE_BYTES} bytes and a nonce {NONCE_BYTES}", path=("invitation",)
            )
        if not host or any(character in host for character in "/#?@ "):
            raise EncodeError("the host is a name without path", path=("invitation", "host"))
        device, nonce = crockford.encode(self.device), crockford.encode(self.nonce)
        return f"https://{host}{_PATH}#v={VERSION}&d={device}&n={nonce}"

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a scanned address, of whatever host; DecodeError names what is wrong with it."""
        if len(url) > _URL_MAX:
            raise DecodeError("the address is too long", path=("invitation",))
        try:
            parts = urlsplit(url.strip())
            fields = dict(parse_qsl(parts.fragment, strict_parsing=True, max_num_fields=8))
        except ValueError:
            raise DecodeError("this is no pairing code", path=("invitation",)) from None
        if parts.scheme != "https" or parts.path != _PATH:
            raise DecodeError("this is no pairing code", path=("invitation",))
        if fields.get("v") != VERSION:
            raise DecodeError("this code is of another version", path=("invitation", "v"))
        return cls(
            crockford.decode(fields.get("d", ""), DEVICE_BYTES, "d"),
            crockford.decode(fields.get("n", ""), NONCE_BYTES, "n"),
        )

    def code(self) -> str:
        """Return the eight characters for typing, in two halves."""
        text = crockford.encode(code_bytes(self.device, self.nonce))
        return f"{text[:_HALF]}-{text[_HALF:]}"


def device_of(se_id: bytes) -> bytes:
    """Return what stands for a secure element in a QR code."""
    return hashlib.sha256(_DEVICE + se_id).digest()[:DEVICE_BYTES]


def code_bytes(device: bytes, nonce: bytes) -> bytes:
    """Return what the typed code says."""
    return hashlib.sha256(_CODE + device + nonce).digest()[:CODE_BYTES]


def read_code(typed: str) -> bytes:
    """Read a typed code; DecodeError says what is wrong with it."""
    return crockford.decode(typed, CODE_BYTES, "code")
