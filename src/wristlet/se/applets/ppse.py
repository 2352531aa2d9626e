"""The proximity payment system environment (PPSE): the list of cards that a terminal may pick.

Built from the contactless registry when it has changed, so a switch of cards needs no rewriting.

Source: EMV Contactless Book B, Proximity Payment System Environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wristlet.se.applets import crs
from wristlet.se.applets.base import CardError, Interface, instance_key
from wristlet.se.applets.payment.perso import DIRECTORY_KEY
from wristlet.wire import ber
from wristlet.wire.gp import aids
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from wristlet.se.applets.base import Context
    from wristlet.se.profile import Profile
    from wristlet.wire.apdu import Command, Response

_ENTRIES_SIZE_MAX: Final = 222
"""EMV limits the issuer discretionary data of an FCI; what is left out has the lowest priority."""
_PRIORITY_MAX: Final = 15


class PpseApplet:
    """The directory; it holds nothing of its own."""

    __slots__ = ()

    @property
    def aid(self) -> bytes:
        """The name `2PAY.SYS.DDF01`."""
        return aids.PPSE

    def serves(self, interface: Interface, profile: Profile) -> bool:
        """Terminals only; the open profile shows it on the wired interface too."""
        return interface is Interface.CONTACTLESS or profile.open_crs

    def select(self, ctx: Context, aid: bytes) -> bytes:
        """List the instances that answer now; 6A82 if there is none."""
        return ctx.state.kept(_directory, _directory, ctx)

    def process(self, ctx: Context, command: Command) -> Response:
        """The directory has no command besides SELECT."""
        raise CardError(SW.INSTRUCTION_NOT_SUPPORTED)

    def deselect(self, ctx: Context) -> None:
        """Nothing is kept."""


def _directory(ctx: Context) -> bytes:
    """Encode the AIDs in order, each with its description."""
    if crs.contactless_is_off(ctx.state):
        raise CardError(SW.NOT_FOUND)
    entries = b""
    for priority, instance in enumerate(ctx.registry.active(), 1):
        aid = instance.aid
        described = ctx.state.get(instance_key(aid, DIRECTORY_KEY))
        if described is None:
            continue
        rank = bytes((min(priority, _PRIORITY_MAX),))
        entry = ber.encode(0x61, ber.encode(0x4F, aid) + described + ber.encode(0x87, rank))
        if len(entries) + len(entry) > _ENTRIES_SIZE_MAX:
            break
        entries += entry
    if not entries:
        raise CardError(SW.NOT_FOUND)
    proprietary = ber.encode(0xA5, ber.encode(0xBF0C, entries))
    return ber.encode(0x6F, ber.encode(0x84, aids.PPSE) + proprietary)


APPLETS: Final = (PpseApplet(),)
