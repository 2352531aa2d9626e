"""What tests share. `from support import needs` names the outside programs a test needs."""

from __future__ import annotations

from support.packages import needs

__all__ = ["needs"]
