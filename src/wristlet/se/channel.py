"""Card side of the secure channels: SCP03, SCP11a and SCP11c, handshake and session.

Each handshake command has one status word whatever the reason: EXTERNAL and MUTUAL AUTHENTICATE
6300, certificates 6A80. Inside a session every security failure is 6982 and ends it.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from wristlet.crypto import ec, gpcert, scp03, scp11, x509chain
from wristlet.crypto.errors import CertificateError, ChannelError
from wristlet.crypto.x509chain import Use
from wristlet.se import keyset
from wristlet.se.applets import phones
from wristlet.se.applets.base import CardError
from wristlet.se.keyset import POINT_SIZE, Kid, domain_key
from wristlet.se.registry import is_domain
from wristlet.wire.apdu import Command, Response
from wristlet.wire.gp import aids
from wristlet.wire.gp.commands import Ins
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from collections.abc import Callable

    from wristlet.crypto.channel import CardChannel
    from wristlet.se.applets.base import Instance
    from wristlet.se.context import AppContext, Slot

CHAIN_MAX: Final = 4
CERTIFICATE_SIZE_MAX: Final = 4096
SEQUENCE_MAX: Final = 0xFFFFFF
_CHALLENGE_SIZE: Final = 8
_DIVERSIFICATION_SIZE: Final = 10
_MORE_CERTIFICATES: Final = 0x80
_KID_MASK: Final = 0x7F


class ChannelKind(IntEnum):
    """The protocol of a session; SCP11 ones by the identifier of the card's key."""

    SCP03 = 0x03
    SCP11A = Kid.SCP11A
    SCP11C = Kid.SCP11C


class SecureSession:
    """A handshake under way or an open session on one logical channel.

    `domain` is the domain whose keys it uses, `peer` the SHA-256 of the other end's static point
    (SCP11), `script` the running hash over the plain commands of an SCP11c session.
    """

    __slots__ = (
        "_channel",
        "certificates",
        "domain",
        "handshake",
        "host",
        "kind",
        "peer",
        "script",
        "staging",
    )

    def __init__(self, kind: ChannelKind, domain: bytes) -> None:
        self.kind = kind
        self.domain = domain
        self.handshake: scp03.CardHandshake | None = None
        self.certificates: list[bytes] = []
        self.host: ec.PublicKey | None = None
        self.peer: bytes | None = None
        self.script = hashlib.sha256()
        self.staging: object | None = None
        self._channel: CardChannel | None = None

    @property
    def alive(self) -> bool:
        """The handshake is done and nothing has broken the session since."""
        return self._channel is not None and self._channel.alive

    @property
    def dek(self) -> bytes:
        """Key for sensitive data; `ChannelError` when the session is over."""
        if self._channel is None:
            raise ChannelError
        return self._channel.dek

    def open(self, channel: CardChannel) -> None:
        """Begin the session after the handshake."""
        self.handshake = None
        self.certificates = []
        self._channel = channel

    def close(self) -> None:
        """End the session; secured commands stay refused until a new one."""
        self.handshake = None
        self.host = None
        self.staging = None
        if self._channel is not None:
            self._channel.close()

    def unwrap(self, command: Command) -> Command:
        """Check and decrypt; `ChannelError` ends the session."""
        if self._channel is None:
            raise ChannelError
        plain = self._channel.unwrap(command)
        if self.kind is ChannelKind.SCP11C:
            raw = plain.replace(cla=plain.cla & 0x80, le=None).encode()
            self.script.update(len(raw).to_bytes(2, "big") + raw)
        return plain

    def settle(self, response: Response) -> Response:
        """Apply the session's rule for failures to the answer of a plain command.

        Under SCP11c any failure ends the session and shows 6982, except the 6985 by which a
        script's header or commit is refused. Elsewhere a security failure ends it.
        """
        failed = response.sw != SW.OK and response.sw >> 8 not in {0x62, 0x63}
        if self.kind is ChannelKind.SCP11C and failed:
            self.close()
            refused = response.sw == SW.CONDITIONS_NOT_SATISFIED
            return Response(b"", response.sw if refused else SW.SECURITY_STATUS)
        if response.sw == SW.SECURITY_STATUS:
            self.close()
        return response

    def wrap(self, response: Response) -> Response:
        """Protect an answer."""
        if self._channel is None:
            raise ChannelError
        return self._channel.wrap(response)


def is_handshake(slot: Slot, command: Command) -> bool:
    """Tell whether a plain-looking command belongs to a channel's set-up."""
    if command.cla == 0x84:
        waiting = slot.secure is not None and slot.secure.handshake is not None
        return command.ins == Ins.EXTERNAL_AUTHENTICATE and waiting
    return command.cla == 0x80 and command.ins in _HANDSHAKE


def offers_scp11(context: AppContext, instance: Instance) -> bool:
    """Tell whether an application's domain opens SCP11a channels for it."""
    return keyset.find(context.state, instance.domain_aid, Kid.SCP11A) is not None


def handshake(context: AppContext, slot: Slot, command: Command) -> Response:
    """Carry out one handshake command for the selected domain or application."""
    instance = context.registry.get(context.aid)
    if instance is None:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    if command.cla & 0x04:
        return _external_authenticate(slot, command)
    step = _HANDSHAKE[command.ins]
    slot.wrapped = False
    return step(context, slot, instance, command)


def _scp03_owner(context: AppContext, instance: Instance) -> bytes:
    """Return the domain whose SCP03 keys serve: its own, else the issuer domain's.

    A domain with SCP11c keys belongs to a token service: the issuer domain cannot speak for it.
    """
    if not is_domain(instance):
        raise CardError(SW.INSTRUCTION_NOT_SUPPORTED)
    state = context.state
    if keyset.find(state, instance.aid, Kid.ENC) is not None:
        return instance.aid
    if keyset.find(state, instance.aid, Kid.SCP11C) is not None:
        raise CardError(SW.INSTRUCTION_NOT_SUPPORTED)
    return aids.ISD


def _initialize_update(
    context: AppContext, slot: Slot, instance: Instance, command: Command
) -> Response:
    """Begin SCP03 with the pseudo-random challenge of the durable sequence counter.

    Source: GPCS Amendment D, INITIALIZE UPDATE command.
    """
    owner = _scp03_owner(context, instance)
    slot.end_session()
    if len(command.data) != _CHALLENGE_SIZE:
        raise CardError(SW.WRONG_LENGTH)
    found = keyset.scp03_keys(context.state, owner, command.p1)
    if found is None:
        raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
    version, keys = found
    sequence = _next_sequence(context, owner, version)
    answer, pending = scp03.card_initialize(
        keys,
        command.data,
        sequence=sequence,
        aid=context.aid,
        key_version=version,
        diversification=context.se_id[:_DIVERSIFICATION_SIZE],
    )
    slot.secure = SecureSession(ChannelKind.SCP03, owner)
    slot.secure.handshake = pending
    return Response(answer, SW.OK)


def _next_sequence(context: AppContext, owner: bytes, version: int) -> int:
    """Move the key set's sequence counter; like every write it is durable before the answer."""
    key = domain_key(owner, f"seq/{version:02X}")
    value = int.from_bytes(context.state.get(key) or b"", "big") + 1
    if value > SEQUENCE_MAX:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    context.state.put(key, value.to_bytes(3, "big"))
    return value


def _external_authenticate(slot: Slot, command: Command) -> Response:
    """Open an SCP03 session.

    Source: GPCS Amendment D, EXTERNAL AUTHENTICATE command.
    """
    session = slot.secure
    pending = session.handshake if session is not None else None
    if session is None or pending is None:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    try:
        session.open(pending.authenticate(command))
    except ChannelError:
        slot.end_session()
        raise CardError(SW.AUTHENTICATION_FAILED) from None
    return Response(b"", SW.OK)


def _scp11_domain(context: AppContext, instance: Instance) -> bytes:
    domain = instance.aid if is_domain(instance) else instance.domain_aid
    wanted = (Kid.SCP11A, Kid.SCP11C) if is_domain(instance) else (Kid.SCP11A,)
    if all(keyset.find(context.state, domain, kid) is None for kid in wanted):
        raise CardError(SW.INSTRUCTION_NOT_SUPPORTED)
    return domain


def _perform_security_operation(
    context: AppContext, slot: Slot, instance: Instance, command: Command
) -> Response:
    """Take a certificate of the other end's chain, X.509 or 7F21, leaf last.

    Source: GPCS Amendment F, PERFORM SECURITY OPERATION command.
    """
    domain = _scp11_domain(context, instance)
    session = slot.secure
    if session is None or not session.certificates or session.alive:
        slot.end_session()
        session = slot.secure = SecureSession(ChannelKind.SCP11A, domain)
    session.certificates.append(command.data)
    try:
        if len(session.certificates) > CHAIN_MAX or len(command.data) > CERTIFICATE_SIZE_MAX:
            raise CertificateError("too many or too long")
        root = keyset.find(context.state, domain, Kid.CA_KLOC, command.p1)
        if root is None or command.p2 & _KID_MASK not in {0, Kid.CA_KLOC}:
            raise CertificateError("unknown certification authority")
        if not command.p2 & _MORE_CERTIFICATES:
            session.host = _verify(session.certificates, root.value)
            session.certificates = []
    except CertificateError:
        slot.end_session()
        raise CardError(SW.WRONG_DATA) from None
    return Response(b"", SW.OK)


def _verify(certificates: list[bytes], root: bytes) -> ec.PublicKey:
    point, identifier = root[:POINT_SIZE], root[POINT_SIZE:]
    if certificates[0][:1] == b"\x30":
        return ec.public_key(x509chain.verify_under_point(point, certificates, Use.AGREE).point)
    leaf = gpcert.verify_chain(certificates, identifier, point)
    return ec.public_key(leaf.point)


def _mutual_authenticate(
    context: AppContext, slot: Slot, instance: Instance, command: Command
) -> Response:
    """Open an SCP11a or SCP11c session with the key of the certificate just given.

    A phone must also stand on the card's own allow-list.

    Source: GPCS Amendment F, MUTUAL AUTHENTICATE command.
    """
    domain = _scp11_domain(context, instance)
    session, slot.secure = slot.secure, None
    host = session.host if session is not None else None
    key = keyset.find(context.state, domain, command.p2 & _KID_MASK, command.p1)
    fits = host is not None and session is not None and session.domain == domain
    if not fits or host is None or key is None or key.kid not in {Kid.SCP11A, Kid.SCP11C}:
        raise CardError(SW.AUTHENTICATION_FAILED)
    kind = ChannelKind(key.kid)
    peer = hashlib.sha256(ec.point_of(host)).digest()
    static = ec.private_key(key.value)
    ephemeral = None
    if kind is ChannelKind.SCP11A:
        ephemeral = ec.new_private_key(context.env.random.bytes)
    try:
        answer, channel = scp11.card_open(
            scp11.Variant(kind), command.data, static, host=host, ephemeral=ephemeral
        )
    except ChannelError:
        raise CardError(SW.AUTHENTICATION_FAILED) from None
    if kind is ChannelKind.SCP11A and not phones.is_allowed(context.state, peer):
        raise CardError(SW.AUTHENTICATION_FAILED)
    opened = SecureSession(kind, domain)
    opened.peer = peer
    opened.open(channel)
    slot.secure = opened
    return Response(answer, SW.OK)


_HANDSHAKE: Final[dict[int, Callable[[AppContext, Slot, Instance, Command], Response]]] = {
    Ins.INITIALIZE_UPDATE: _initialize_update,
    Ins.PERFORM_SECURITY_OPERATION: _perform_security_operation,
    Ins.EXTERNAL_AUTHENTICATE: _mutual_authenticate,
}
