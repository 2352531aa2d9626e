"""wristlet: a payment wearable end to end, from a card number to an approved tap."""

from __future__ import annotations

__version__ = "0.1.0"
