"""The payment applet's commands and the phases in which they are allowed.

Magnetic-stripe mode does not exist: COMPUTE CRYPTOGRAPHIC CHECKSUM is an unknown instruction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from wristlet.se.applets.base import CardError, Interface
from wristlet.se.applets.payment import kernel2, kernel3, perso
from wristlet.se.applets.payment.session import SELECTED, Session, open_session, session_of
from wristlet.wire import ber, products
from wristlet.wire.apdu import SW_DONE, Response
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wristlet.se.applets.base import Context, Instance
    from wristlet.se.profile import Profile
    from wristlet.wire.apdu import Command

_TAG_ATC: Final = 0x9F36
_SFI_RECORD: Final = 0x04
"""Low bits of READ RECORD's P2: P1 is a record number."""


class PaymentApplet:
    """Code of one payment module; its instances differ by their data only."""

    __slots__ = ("_aid", "_commands")

    def __init__(self, product: products.Product) -> None:
        """Serve every product of the given one's module."""
        self._aid = product.module_aid
        self._commands = _COMMANDS[product.kernel]

    @property
    def aid(self) -> bytes:
        """AID of the module."""
        return self._aid

    def serves(self, interface: Interface, profile: Profile) -> bool:
        """Terminals come through the contactless interface only."""
        return interface is Interface.CONTACTLESS

    def select(self, ctx: Context, aid: bytes) -> bytes:
        """Answer SELECT with the FCI; the name in it is the instance's full AID.

        Raises 6A82 while the wearer has the contactless interface switched off.

        Source: EMV 4.3 Book 1, SELECT Command-Response APDUs.
        """
        image = open_session(ctx).image
        if image.switched_off:
            raise CardError(SW.NOT_FOUND)
        return image.file_control

    def process(self, ctx: Context, command: Command) -> Response:
        """Handle one command of the tap."""
        session = session_of(ctx)
        known = self._commands.get(command.ins)
        if known is None:
            raise CardError(SW.INSTRUCTION_NOT_SUPPORTED)
        cla, answer = known
        if command.cla != cla:
            raise CardError(SW.CLASS_NOT_SUPPORTED)
        return Response(answer(ctx, session, command), SW_DONE)

    def deselect(self, ctx: Context) -> None:
        """The card drops `ctx.transient`, and the session with it."""

    def check_perso(
        self, instance: Instance, dgis: Mapping[int, bytes], encrypted: frozenset[int]
    ) -> None:
        """Refuse personalisation data that are not exactly one product's."""
        perso.check(instance, dgis, encrypted)

    def commit_perso(self, ctx: Context, instance: Instance, dgis: Mapping[int, bytes]) -> None:
        """Write the personalisation data inside the committing transaction."""
        perso.commit(ctx, instance, dgis)

    def remove(self, ctx: Context, instance: Instance) -> None:
        """Nothing outlives an instance besides what the card deletes itself."""


def _get_processing_options(ctx: Context, session: Session, command: Command) -> bytes:
    """Start the transaction, once per selection and only while the card is the active one.

    It may have been switched or suspended since it was selected.

    Source: EMV 4.3 Book 3, GET PROCESSING OPTIONS Command-Response APDUs.
    """
    if command.p1 or command.p2:
        raise CardError(SW.WRONG_P1_P2)
    if session.phase is not SELECTED or not session.image.active:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    if session.image.plan.kernel == products.KERNEL_3:
        return kernel3.get_processing_options(ctx, session, command.data)
    return kernel2.get_processing_options(ctx, session, command.data)


def _read_record(ctx: Context, session: Session, command: Command) -> bytes:
    """Give one record of the files that the AFL names, after GET PROCESSING OPTIONS only.

    Source: EMV 4.3 Book 3, READ RECORD Command-Response APDUs.
    """
    sfi = command.p2 >> 3
    if command.p2 & 0x07 != _SFI_RECORD or sfi == 0 or command.p1 == 0:
        raise CardError(SW.WRONG_P1_P2)
    if command.data:
        raise CardError(SW.WRONG_LENGTH)
    if session.phase is SELECTED:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    number = sfi << 8 | command.p1
    is_record = sfi <= products.SFI_MAX
    record = session.data(ctx, number) if is_record else None
    if record is None:
        has_file = is_record and session.data(ctx, sfi << 8 | 1) is not None
        raise CardError(SW.RECORD_NOT_FOUND if has_file else SW.NOT_FOUND)
    plan = session.image.plan
    if plan.related_record == number:
        start = plan.related_offset
        related = session.related_data
        return record[:start] + related + record[start + len(related) :]
    return record


def _get_data(ctx: Context, session: Session, command: Command) -> bytes:
    """Give the ATC; there is no log, no offline PIN and no last online ATC to tell (6A88).

    Source: EMV 4.3 Book 3, GET DATA Command-Response APDUs.
    """
    if command.data:
        raise CardError(SW.WRONG_LENGTH)
    if command.p1 << 8 | command.p2 != _TAG_ATC:
        raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
    return ber.encode(_TAG_ATC, session.counters(ctx).atc.to_bytes(2, "big"))


_Answer: TypeAlias = "Callable[[Context, Session, Command], bytes]"
_COMMON: Final[dict[int, tuple[int, _Answer]]] = {
    0xA8: (0x80, _get_processing_options),
    0xB2: (0x00, _read_record),
    0xCA: (0x80, _get_data),
}
_COMMANDS: Final = {
    products.KERNEL_3: _COMMON,
    products.KERNEL_2: _COMMON | {0xAE: (0x80, kernel2.generate_ac)},
}
"""By kernel: instruction bytes with their class and what answers them."""

APPLETS: Final = (PaymentApplet(products.K3), PaymentApplet(products.K2))
