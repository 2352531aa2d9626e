"""Values that never show themselves: keys, PIN blocks, card and token numbers.

Both types behave as `bytes` and `str` for codecs and ciphers. Only what people
read (`repr`, `str`, `format`, `%`) is masked; slices and joins are plain.
"""

from __future__ import annotations

from typing import Final

from wristlet.wire.typing import override

_LAST_FOUR_FROM: Final = 12
"""Shorter digits (a PIN, a code) would lose too much by showing four of them."""


class Secret(bytes):
    """Bytes that print as `<secret 16 bytes>`."""

    __slots__ = ()

    @override
    def __repr__(self) -> str:
        return f"<secret {len(self)} bytes>"

    @override
    def __str__(self) -> str:
        return repr(self)

    @override
    def __format__(self, format_spec: str) -> str:
        return format(repr(self), format_spec)


class SecretDigits(str):
    """Digits that print as `<digits ****1234>`, without the last four when shorter than 12."""

    __slots__ = ()

    @override
    def __repr__(self) -> str:
        shown = self[-4:] if len(self) >= _LAST_FOUR_FROM else ""
        return f"<digits ****{shown}>"

    @override
    def __str__(self) -> str:
        return repr(self)

    @override
    def __format__(self, format_spec: str) -> str:
        return format(repr(self), format_spec)

    def reveal(self) -> str:
        """Return the plain digits, for codecs and cryptography only."""
        return str.__str__(self)
