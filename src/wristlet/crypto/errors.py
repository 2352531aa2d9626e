"""What cryptography refuses.

    CryptoError
    ├── ChannelError       a secure channel's message or handshake: the session is over
    ├── CryptogramError    the input of an EMV cryptogram is incomplete
    ├── SignatureError     a signature does not fit
    ├── CertificateError   a certificate or its chain is not acceptable
    ├── SealError          a sealed blob, file or key store does not open
    ├── KeyStoreError      a name or usage that the key store does not have
    └── EnvelopeError      an encrypted message is not for this key, or damaged

Texts name fields and the next step, never values.
"""

from __future__ import annotations

from typing import Final


class CryptoError(ValueError):
    """Base of every refusal of this package."""


class ChannelError(CryptoError):
    """The one failure of secure channels: same type and text whatever the reason."""

    TEXT: Final = "secure channel refused; open a new session"

    def __init__(self) -> None:
        """Take no reason: telling reasons apart helps an attacker."""
        super().__init__(self.TEXT)


class CryptogramError(CryptoError):
    """Raised when a data object of the cryptogram's input is missing or has another length."""


class SignatureError(CryptoError):
    """Raised when a signature was not made by this key over this message."""


class CertificateError(CryptoError):
    """Raised when a certificate is unreadable, badly signed or not meant for its use."""


class SealError(CryptoError):
    """Raised when sealed data was changed, belongs elsewhere or needs another key."""


class KeyStoreError(CryptoError):
    """Raised for an unknown name, another usage or a name that is taken."""


class EnvelopeError(CryptoError):
    """Raised when an encrypted message cannot be opened with this key."""
