"""The card: power, logical channels, chaining, GET RESPONSE, dispatch and the transaction.

A command runs like this: reassemble the chain, take the secure messaging off, hand the plain
command to a domain or an applet, make its writes durable in one record, protect the answer, cut
it to the length asked for. Whatever goes wrong on the way becomes a status word in one place,
and what the command had written is undone.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVarTuple

from wristlet.crypto import ec
from wristlet.crypto.errors import ChannelError
from wristlet.se import catalog as catalogs
from wristlet.se import channel, domains, keyset, selection
from wristlet.se.applets.base import CardError, Interface
from wristlet.se.context import Slot
from wristlet.se.keyset import Kid
from wristlet.se.profile import Profile
from wristlet.se.registry import CardRegistry
from wristlet.se.store import SealedStore, Store, StoreDeadError
from wristlet.se.tap_watch import WATCHED, TapWatch
from wristlet.wire.apdu import DATA_EXTENDED_MAX, DATA_SHORT_MAX, LE_SHORT_MAX, Command, Response
from wristlet.wire.errors import DecodeError, EncodeError
from wristlet.wire.gp import aids
from wristlet.wire.gp.commands import Ins
from wristlet.wire.gp.lifecycle import CardState
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from collections.abc import Callable

    from wristlet.crypto.seal import SealKey
    from wristlet.env.base import Env
    from wristlet.se.catalog import Catalog

ID_KEY: Final = "sys/id"
PROFILE_KEY: Final = "sys/profile"
LIFE_KEY: Final = "sys/life"
ATR: Final = bytes.fromhex("3B80800101")
SANDBOX_KEY: Final = bytes(range(0x40, 0x50))

_CLA_FURTHER: Final = 0x40
_CLA_UNKNOWN: Final = 0x20
_CLA_SM: Final = 0x0C
_CLA_SM_ISO: Final = 0x08
_CLA_REFUSED: Final = _CLA_FURTHER | _CLA_UNKNOWN | _CLA_SM_ISO
_CLA_CHAINED: Final = 0x10
_CLA_KEPT: Final = 0x80
_LOCKED: Final = frozenset({int(CardState.CARD_LOCKED), int(CardState.TERMINATED)})
_GET_RESPONSE: Final = int(Ins.GET_RESPONSE)
_GET_DATA: Final = int(Ins.GET_DATA)
_SELECT: Final = int(Ins.SELECT)
_MANAGE_CHANNEL: Final = int(Ins.MANAGE_CHANNEL)
_WIRED: Final = Interface.WIRED
_MORE: Final = 0x6100
_WRONG_LE: Final = 0x6C00
_DONE: Final = Response(b"", SW.OK)

_log = logging.getLogger("wristlet.se")

Args = TypeVarTuple("Args")


class SandboxKeysError(RuntimeError):
    """The card holds the well-known test keys and the sandbox was not asked for."""

    def __init__(self) -> None:
        super().__init__(
            "the issuer domain holds the public test keys 40..4F: put keys of your own, "
            "or start with the sandbox option"
        )


class Card:
    """One secure element with its two interfaces."""

    __slots__ = ("_ports", "catalog", "env", "profile", "registry", "se_id", "store", "taps")

    def __init__(
        self, env: Env, store: Store, catalog: Catalog | None = None, *, sandbox: bool = False
    ) -> None:
        """Take an opened store; refuses well-known keys outside the sandbox."""
        self.env = env
        self.store = store
        self.catalog = catalog or catalogs.installed()
        self.profile = _profile(_required(store, PROFILE_KEY))
        self.se_id = _required(store, ID_KEY)
        self.registry = CardRegistry(store, self.profile, self.catalog.payment_modules)
        self.taps = TapWatch()
        self._ports: dict[Interface, Port] = {}
        if not sandbox and self._has_sandbox_keys():
            raise SandboxKeysError

    @classmethod
    def open(
        cls,
        env: Env,
        directory: str,
        seal_key: SealKey,
        *,
        sandbox: bool = False,
        counter_path: str | None = None,
        catalog: Catalog | None = None,
    ) -> Card:
        """Open the sealed store in a directory; raises `StoreCorruptError`, `SandboxKeysError`."""
        store = SealedStore.open(env, directory, seal_key, counter_path=counter_path)
        return cls(env, store, catalog, sandbox=sandbox)

    def port(self, interface: Interface, atr: bytes = ATR) -> Port:
        """Return the one port of an interface; both share the card and take turns."""
        port = self._ports.get(interface)
        if port is None:
            port = self._ports[interface] = Port(self, interface, atr)
        return port

    @property
    def life(self) -> CardState:
        """Life cycle of the card."""
        return CardState(_required(self.store, LIFE_KEY)[0])

    @property
    def is_locked(self) -> bool:
        """The card is locked or terminated."""
        return _required(self.store, LIFE_KEY)[0] in _LOCKED

    def sign(self, message: bytes) -> bytes:
        """Sign by the attestation key, 64 bytes raw."""
        key = keyset.find(self.store, aids.ISD, Kid.ATTESTATION)
        if key is None:
            raise CardError(SW.REFERENCED_DATA_NOT_FOUND)
        return ec.sign_raw(ec.private_key(key.value), message)

    def _has_sandbox_keys(self) -> bool:
        return any(key.value == SANDBOX_KEY for key in keyset.load(self.store, aids.ISD))


@lru_cache(maxsize=64)
def _profile(text: bytes) -> Profile:
    return Profile.from_json(text)


def _required(store: Store, key: str) -> bytes:
    value = store.get(key)
    if value is None:
        raise ValueError(f"the store has no {key}: it was not made by `create`")
    return value


class Port:
    """One interface: a `CardPort` for sockets, loopback and bridges. Never raises on input."""

    __slots__ = ("_atr", "_powered", "_slots", "card", "interface")

    def __init__(self, card: Card, interface: Interface, atr: bytes) -> None:
        self.card = card
        self.interface = interface
        self._atr = atr
        self._powered = False
        self._slots: dict[int, Slot] = {}

    def power_on(self) -> None:
        """Power up, or field on: the basic channel, nothing selected."""
        self.reset()
        self._powered = True

    def power_off(self) -> None:
        """Power or field off: selections, sessions and volatile priority are gone.

        A volatile priority given while there was no field waits for the next one.
        """
        self.reset()
        if self._powered and self.interface is Interface.CONTACTLESS:
            self.card.registry.set_volatile(None)
            self.card.taps.field_off()
        self._powered = False

    def reset(self) -> None:
        """Warm reset: selections and sessions are gone, the field stays."""
        slots, self._slots = list(self._slots.values()), {}
        for slot in slots:
            slot.end_session()
            self._guarded(selection.deselect, slot)

    def atr(self) -> bytes:
        """Return the answer to reset."""
        return self._atr

    def process(self, command: bytes) -> bytes:
        """Answer one encoded command APDU; who sends one has given power."""
        self._powered = True
        try:
            parsed = Command.parse(command)
        except DecodeError:
            return _status(SW.WRONG_LENGTH)
        cla = parsed.cla
        if cla & _CLA_REFUSED:
            return _status(_class_refusal(cla))
        slot = self._slots.get(cla & 0x03)
        if slot is None:
            if cla & 0x03:
                return _status(SW.CHANNEL_NOT_SUPPORTED)
            slot = self._slots[0] = Slot()
        try:
            if slot.chain is None and not cla & _CLA_CHAINED and parsed.ins != _GET_RESPONSE:
                slot.answer = None
                response = self._run(slot, parsed)
            else:
                response = self._continue(slot, parsed)
        except StoreDeadError:
            return _status(SW.MEMORY_FAILURE)
        if len(response.data) > (parsed.le or LE_SHORT_MAX):
            response = _deliver(slot, response, parsed.le)
        if self.interface is not _WIRED and parsed.ins in WATCHED:
            context = slot.context
            aid = context.aid if context else b""
            self.card.taps.saw(command, response.data, response.sw, aid)
        return response.data + response.sw.to_bytes(2, "big")

    def _continue(self, slot: Slot, command: Command) -> Response:
        """Go on with what is longer than one command: a chain, or an answer that was cut."""
        chained = command.cla & _CLA_CHAINED
        if command.ins == _GET_RESPONSE and not chained and not command.cla & _CLA_SM:
            return _fetch(slot, command.le)
        slot.answer = None
        if slot.chain is not None or chained:
            whole = _reassemble(slot, command)
            if isinstance(whole, Response):
                return whole
            command = whole
        return self._run(slot, command)

    def _run(self, slot: Slot, command: Command) -> Response:
        """Carry one whole command out, under secure messaging if it came so."""
        kept = command.cla & (_CLA_KEPT | _CLA_SM)
        plain = command if command.cla == kept else command.replace(cla=kept)
        if kept == 0:
            if plain.ins == _SELECT:
                return self._guarded(selection.select, self.card, slot, self.interface, plain)
            if plain.ins == _MANAGE_CHANNEL:
                return self._guarded(self._manage_channel, command)
        elif self.interface is _WIRED and channel.is_handshake(slot, plain):
            return self._guarded(self._handshake, slot, command)
        if kept & _CLA_SM:
            return self._run_secured(slot, command)
        session = slot.secure
        if session is not None and session.alive:
            # Amendment D: a command below the session's level ends the session.
            session.close()
            return Response(b"", SW.SECURITY_STATUS)
        return self._guarded(self._dispatch, slot, plain)

    def _run_secured(self, slot: Slot, command: Command) -> Response:
        session = slot.secure
        if session is None:
            return Response(b"", SW.SECURITY_STATUS)
        try:
            plain = session.unwrap(command)
        except ChannelError:
            return Response(b"", SW.SECURITY_STATUS)
        slot.wrapped = True
        try:
            inner = plain.replace(cla=plain.cla & _CLA_KEPT)
            response = session.settle(self._guarded(self._dispatch, slot, inner))
        finally:
            slot.wrapped = False
        if not session.alive:
            return Response(b"", response.sw)
        return session.wrap(response)

    def _handshake(self, slot: Slot, command: Command) -> Response:
        context = selection.current(self.card, slot, self.interface)
        return channel.handshake(context, slot, command)

    def _dispatch(self, slot: Slot, command: Command) -> Response:
        """Hand a plain command to the selected domain or applet."""
        card = self.card
        context = slot.context or selection.current(card, slot, self.interface)
        served = selection.served(context)
        if served is None:
            slot.context = None
            raise CardError(SW.CONDITIONS_NOT_SATISFIED)
        instance, applet, in_domain, locked = served
        if locked:  # since it was selected
            raise CardError(SW.CONDITIONS_NOT_SATISFIED)
        if in_domain:
            return domains.process(context, instance, command)
        asks = command.ins == _GET_DATA and domains.is_certificate_query(command)
        if asks and channel.offers_scp11(context, instance):
            return domains.certificates(context, instance.domain_aid, command)
        if applet is None:
            raise CardError(SW.INSTRUCTION_NOT_SUPPORTED)
        return applet.process(context, command)

    def _manage_channel(self, command: Command) -> Response:
        """Open or close a supplementary logical channel, 1 to 3.

        Source: GPCS 2.3.1, MANAGE CHANNEL command.
        """
        if self.interface is not Interface.WIRED:
            raise CardError(SW.CHANNEL_NOT_SUPPORTED)
        if command.p1 == 0x00:
            free = [number for number in (1, 2, 3) if number not in self._slots]
            wanted = [command.p2] if command.p2 else free[:1]
            if not wanted or wanted[0] not in free:
                raise CardError(SW.FUNCTION_NOT_SUPPORTED if free == [] else SW.WRONG_P1_P2)
            self._slots[wanted[0]] = Slot()
            return Response(b"" if command.p2 else bytes(wanted), SW.OK)
        if command.p1 == 0x80 and 1 <= command.p2 <= 3:
            slot = self._slots.pop(command.p2, None)
            if slot is None:
                raise CardError(SW.WRONG_P1_P2)
            slot.end_session()
            selection.deselect(slot)
            return Response(b"", SW.OK)
        raise CardError(SW.WRONG_P1_P2)

    def _guarded(self, step: Callable[[*Args], Response | None], *args: *Args) -> Response:
        """Run one step in a transaction; the one place where exceptions become status words."""
        store = self.card.store
        try:
            response = step(*args)
            if store.dirty:
                store.flush()
            return response or _DONE
        except CardError as error:
            return Response(error.data, error.sw)
        except ChannelError:
            return Response(b"", SW.SECURITY_STATUS)
        except (DecodeError, EncodeError):
            return Response(b"", SW.WRONG_DATA)
        except StoreDeadError:
            raise
        except Exception as error:  # noqa: BLE001 - a card answers, whatever went wrong inside
            # The text of the exception may hold values; its type may not.
            _log.error("command failed inside the card: %s", type(error).__name__)
            return Response(b"", SW.NO_PRECISE_DIAGNOSIS)
        finally:
            if store.dirty:
                store.rollback()


def _status(sw: int) -> bytes:
    return sw.to_bytes(2, "big")


def _class_refusal(cla: int) -> int:
    """Tell how a class that the card does not know is refused.

    Source: ISO/IEC 7816-4, class byte; GPCS 2.3.1, class byte coding.
    """
    if cla == 0xFF:
        return SW.CLASS_NOT_SUPPORTED
    if cla & _CLA_FURTHER:
        return SW.CHANNEL_NOT_SUPPORTED
    if cla & _CLA_UNKNOWN:
        return SW.CLASS_NOT_SUPPORTED
    return SW.SECURE_MESSAGING_NOT_SUPPORTED


def _reassemble(slot: Slot, command: Command) -> Command | Response:
    """Collect a chain; gives the whole command after its last part, else the answer to a part.

    A command with another header ends an unfinished chain and runs by itself.
    """
    begun, slot.chain = slot.chain, None
    if begun is not None:
        same = command.replace(cla=command.cla & ~_CLA_CHAINED).header == begun.header
        begun = begun if same else None
    if begun is None and not command.is_chained:
        return command
    data = command.data if begun is None else begun.data + command.data
    if len(data) > DATA_EXTENDED_MAX:
        return Response(b"", SW.WRONG_LENGTH)
    if command.is_chained:
        cla = command.cla & ~_CLA_CHAINED
        slot.chain = command.replace(cla=cla, data=data, extended=False)
        return Response(b"", SW.OK)
    return command.replace(data=data, extended=command.extended or len(data) > DATA_SHORT_MAX)


def _deliver(slot: Slot, response: Response, le: int | None) -> Response:
    """Cut an answer to the length asked for; the rest waits for GET RESPONSE.

    A caller that sent no Le gets up to 256 bytes: many hosts leave it out.
    """
    limit = le or LE_SHORT_MAX
    if len(response.data) <= limit:
        return response
    slot.answer = Response(response.data[limit:], response.sw)
    return Response(response.data[:limit], _more(slot.answer))


def _fetch(slot: Slot, le: int | None) -> Response:
    """Answer GET RESPONSE.

    Source: ISO/IEC 7816-4, GET RESPONSE command.
    """
    rest, slot.answer = slot.answer, None
    if rest is None:
        return Response(b"", SW.CONDITIONS_NOT_SATISFIED)
    left = len(rest.data)
    if le is not None and le < LE_SHORT_MAX and le > left:
        slot.answer = rest
        return Response(b"", _WRONG_LE | left)
    return _deliver(slot, rest, le)


def _more(rest: Response) -> int:
    return _MORE | (len(rest.data) if len(rest.data) < LE_SHORT_MAX else 0)
