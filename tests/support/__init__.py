"""What tests share. `from support import needs` says which Debian package a test cannot do without."""

from __future__ import annotations

from support.packages import needs

__all__ = ["needs"]
