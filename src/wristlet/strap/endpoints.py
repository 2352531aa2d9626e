"""The strap's end of state, time and settings, and what the firmware adds to the relay's."""

from __future__ import annotations

from typing import Protocol, TypeVar

from wristlet.links.strap_link import StrapRefused, encode_status
from wristlet.strap.body import Body
from wristlet.strap.clock import StrapClock
from wristlet.strap.endpoint import Endpoint
from wristlet.strap.relay import StrapRelay
from wristlet.wire.errors import DecodeError
from wristlet.wire.strap import settings as settings_wire
from wristlet.wire.strap import state as state_wire
from wristlet.wire.strap import time as time_wire
from wristlet.wire.strap.fields import Family
from wristlet.wire.strap.settings import CurrentSettings, ReadSettings
from wristlet.wire.strap.state import FindMe, ReadTaps, SetMode, State, Taps
from wristlet.wire.strap.time import SetTime, Time

M = TypeVar("M")


class Owner(Protocol):
    """What the endpoints need of the firmware that owns them."""

    relay: StrapRelay
    clock: StrapClock

    @property
    def body(self) -> Body: ...

    @property
    def settings(self) -> CurrentSettings: ...

    def state(self) -> State: ...

    def near(self, *, is_near: bool) -> None: ...

    def find(self, for_ms: int) -> None: ...

    def ask_mode(self, mode: state_wire.Mode) -> None: ...

    def pairing_moved(self) -> None: ...

    def set_time(self, told: SetTime) -> None: ...

    def write_settings(self, wanted: settings_wire.WriteSettings) -> CurrentSettings: ...


class _Endpoint:
    """An endpoint to which it is all one whether a phone is there."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner

    def connected(self) -> None:
        """A bonded phone is there."""

    def disconnected(self) -> None:
        """The phone is gone."""

    def _awake(self) -> None:
        if self._owner.body.is_off:
            raise StrapRefused("the strap is shut down; charge it")

    def _read(self, family: Family[M], message: bytes) -> M:
        self._awake()
        try:
            return family.decode(message)
        except DecodeError as error:
            raise StrapRefused(f"{family.title}: {error}") from None


class RelayEndpoint(_Endpoint):
    """A concern of the relay, while the strap is not shut down."""

    def __init__(self, owner: Owner, relayed: Endpoint) -> None:
        super().__init__(owner)
        self._relayed = relayed

    async def handle(self, message: bytes) -> bytes:
        """Hand a request on; raises what the relay raises."""
        self._awake()
        return await self._relayed.handle(message)

    def connected(self) -> None:
        """Tell the relay."""
        self._relayed.connected()

    def disconnected(self) -> None:
        """Tell the relay."""
        self._relayed.disconnected()


class PairingEndpoint(RelayEndpoint):
    """The first enrolment of a phone: its digits stand on the face while they count."""

    async def handle(self, message: bytes) -> bytes:
        """Take a step of the enrolment; raises StrapRefused."""
        try:
            return await super().handle(message)
        finally:
            self._owner.pairing_moved()

    def disconnected(self) -> None:
        """Whoever goes away while pairing begins anew."""
        super().disconnected()
        self._owner.pairing_moved()


class StateEndpoint(_Endpoint):
    """Tells the strap's state and taps, lets it be found and changes its mode."""

    async def handle(self, message: bytes) -> bytes:
        """Answer a request; an empty one with the short status that every firmware gives."""
        if not message:
            self._awake()
            return encode_status(await self._owner.relay.status())
        request = self._read(state_wire.REQUESTS, message)
        if isinstance(request, ReadTaps):
            return state_wire.ANSWERS.encode(taps_after(self._owner.body, request.after))
        if isinstance(request, FindMe):
            self._owner.find(request.for_ms)
        elif isinstance(request, SetMode):
            self._set_mode(request.mode)
        return state_wire.ANSWERS.encode(self._owner.state())

    def _set_mode(self, mode: state_wire.Mode) -> None:
        if mode not in state_wire.ASKABLE:
            raise StrapRefused("mode: the battery alone decides about a shutdown; ask for another")
        self._owner.ask_mode(mode)

    def connected(self) -> None:
        """A phone is near."""
        self._owner.near(is_near=True)

    def disconnected(self) -> None:
        """It is not."""
        self._owner.near(is_near=False)


class TimeEndpoint(_Endpoint):
    """Takes the phone's clock and zone."""

    async def handle(self, message: bytes) -> bytes:
        """Answer with the strap's time, after setting it if that was asked."""
        request = self._read(time_wire.REQUESTS, message)
        if isinstance(request, SetTime):
            self._owner.set_time(request)
        clock = self._owner.clock
        now_ms, setting = clock.now_ms(), clock.setting
        told = Time(now_ms, clock.offset_s(now_ms), setting.is_set, setting.drift_ms)
        return time_wire.ANSWERS.encode(told)


class SettingsEndpoint(_Endpoint):
    """Gives and takes the settings as a whole."""

    async def handle(self, message: bytes) -> bytes:
        """Answer with what is durable now; raises StrapRefused for a write based on older ones."""
        request = self._read(settings_wire.REQUESTS, message)
        if isinstance(request, ReadSettings):
            return settings_wire.ANSWERS.encode(self._owner.settings)
        return settings_wire.ANSWERS.encode(self._owner.write_settings(request))


def taps_after(body: Body, after: int) -> Taps:
    """Return the taps after a number, and how many between are not kept any more."""
    kept = tuple(tap for tap in body.taps if tap.number > after)
    first = kept[0].number if kept else body.tap_number + 1
    return Taps(kept, lost=max(first - 1 - min(after, body.tap_number), 0))
