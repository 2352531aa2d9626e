"""The payment applet's commands and the phases in which they are allowed.

Magnetic-stripe mode does not exist: COMPUTE CRYPTOGRAPHIC CHECKSUM is an unknown instruction.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from wristlet.se.applets import crs
from wristlet.se.applets.base import CardError, Interface
from wristlet.se.applets.payment import kernel2, kernel3, perso
from wristlet.se.applets.payment.session import Phase, Session, open_session, session_of
from wristlet.wire import ber, products
from wristlet.wire.apdu import Response
from wristlet.wire.gp.lifecycle import ContactlessState
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wristlet.se.applets.base import Context, Instance
    from wristlet.se.profile import Profile
    from wristlet.wire.apdu import Command

_INS_GPO: Final = 0xA8
_INS_READ_RECORD: Final = 0xB2
_INS_GENERATE_AC: Final = 0xAE
_INS_GET_DATA: Final = 0xCA
_CLASS_OF: Final = {
    _INS_GPO: 0x80,
    _INS_READ_RECORD: 0x00,
    _INS_GENERATE_AC: 0x80,
    _INS_GET_DATA: 0x80,
}
_TAG_ATC: Final = 0x9F36
_SFI_RECORD: Final = 0x04
"""Low bits of READ RECORD's P2: P1 is a record number."""


class PaymentApplet:
    """Code of one payment module; its instances differ by their data only."""

    __slots__ = ("_aid", "_kernel")

    def __init__(self, product: products.Product) -> None:
        """Serve every product of the given one's module."""
        self._aid = product.module_aid
        self._kernel = product.kernel

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
        if crs.contactless_is_off(ctx.state):
            raise CardError(SW.NOT_FOUND)
        session = open_session(ctx)
        return _file_control(ctx.aid, session.required(ctx, products.DGI_FCI))

    def process(self, ctx: Context, command: Command) -> Response:
        """Handle one command of the tap."""
        session = session_of(ctx)
        expected = _CLASS_OF.get(command.ins)
        if expected is None or (
            command.ins == _INS_GENERATE_AC and self._kernel != products.KERNEL_2
        ):
            raise CardError(SW.INSTRUCTION_NOT_SUPPORTED)
        if command.cla != expected:
            raise CardError(SW.CLASS_NOT_SUPPORTED)
        if command.ins == _INS_READ_RECORD:
            return Response(_read_record(ctx, session, command), SW.OK)
        if command.ins == _INS_GENERATE_AC:
            return Response(kernel2.generate_ac(ctx, session, command), SW.OK)
        if command.ins == _INS_GET_DATA:
            return Response(_get_data(ctx, session, command), SW.OK)
        return Response(_get_processing_options(ctx, session, command), SW.OK)

    def deselect(self, ctx: Context) -> None:
        """Forget the selection; the card drops `ctx.transient`."""
        ctx.transient.clear()

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


@lru_cache(maxsize=256)
def _file_control(aid: bytes, proprietary: bytes) -> bytes:
    return ber.encode(0x6F, ber.encode(0x84, aid) + ber.encode(0xA5, proprietary))


def _get_processing_options(ctx: Context, session: Session, command: Command) -> bytes:
    """Start the transaction, once per selection and only while the card is the active one.

    It may have been switched or suspended since it was selected.

    Source: EMV 4.3 Book 3, GET PROCESSING OPTIONS Command-Response APDUs.
    """
    if command.p1 or command.p2:
        raise CardError(SW.WRONG_P1_P2)
    active = ctx.registry.effective(ctx.aid) is ContactlessState.ACTIVATED
    if session.phase is not Phase.SELECTED or not active:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    if session.plan.kernel == products.KERNEL_3:
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
    if session.phase is Phase.SELECTED:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    number = sfi << 8 | command.p1
    record = session.data(ctx, number) if products.is_record(number) else None
    if record is None:
        has_file = products.is_record(number) and session.data(ctx, sfi << 8 | 1) is not None
        raise CardError(SW.RECORD_NOT_FOUND if has_file else SW.NOT_FOUND)
    if session.plan.related_record == number:
        start = session.plan.related_offset
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


APPLETS: Final = (PaymentApplet(products.K3), PaymentApplet(products.K2))
