"""The applet code this card can run: what is built in and what installed distributions bring.

An applet package is an installed distribution with entry points in the group `wristlet.applets`;
each names a tuple of applets.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wristlet.se.applets.base import Applet, PaymentModule

GROUP: Final = "wristlet.applets"
BUILT_IN: Final = ("ppse", "crs", "cardholder", "payment")


class Catalog:
    """Applets by module AID, shared by every card of a process."""

    __slots__ = ("applets", "payment_modules")

    def __init__(self, applets: Iterable[Applet]) -> None:
        self.applets: Mapping[bytes, Applet] = MappingProxyType(
            {applet.aid: applet for applet in applets}
        )
        self.payment_modules = frozenset(
            aid for aid, applet in self.applets.items() if hasattr(applet, "check_perso")
        )

    def get(self, module_aid: bytes) -> Applet | None:
        """Return the applet of a module."""
        return self.applets.get(module_aid)

    def payment(self, module_aid: bytes) -> PaymentModule | None:
        """Return the applet of a module if it is a payment module."""
        if module_aid not in self.payment_modules:
            return None
        return cast("PaymentModule", self.applets[module_aid])


@cache
def installed() -> Catalog:
    """Load the built-in applets and those of installed distributions; built-in ones win."""
    found: list[Applet] = []
    for point in entry_points(group=GROUP):
        found.extend(point.load())
    for name in BUILT_IN:
        found.extend(import_module(f"wristlet.se.applets.{name}").APPLETS)
    return Catalog(found)
