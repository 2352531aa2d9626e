"""What can go wrong on a wire.

    WireError
    ├── DecodeError   bytes that are not what they claim to be
    └── EncodeError   values that have no encoding

The texts name fields, tags and lengths, never the values found there: a value
may be a card number or a key.
"""

from __future__ import annotations

from wristlet.wire.typing import override


class WireError(ValueError):
    """Base of every error that the codecs raise."""

    def __init__(
        self, message: str, *, offset: int | None = None, path: tuple[str, ...] = ()
    ) -> None:
        """Keep the bare message beside where it happened: byte offset and path of names."""
        self.message = message
        self.offset = offset
        self.path = path
        super().__init__(message)

    @override
    def __str__(self) -> str:
        text = f"{'/'.join(self.path)}: {self.message}" if self.path else self.message
        return text if self.offset is None else f"{text} (at byte {self.offset})"


class DecodeError(WireError):
    """Raised for bytes that cannot be read; `offset` counts from the start of what was given."""


class EncodeError(WireError):
    """Raised for a value that cannot be written."""

    def __init__(self, message: str, *, path: tuple[str, ...] = ()) -> None:
        """Take no offset: nothing was read."""
        super().__init__(message, path=path)
