"""`override` for Python 3.11: `typing` has it from 3.12 on.

Type checkers see the real one; at run time the mark does nothing, so that the
wire keeps to the standard library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from typing_extensions import override
else:
    _F = TypeVar("_F")

    def override(method: _F) -> _F:
        """Mark a method that replaces one of its base class."""
        return method


__all__ = ["override"]
