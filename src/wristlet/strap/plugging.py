"""Connects the firmware with its GATT server: concerns, news, and what standard phones read."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from wristlet.strap import current_time
from wristlet.strap.firmware import Firmware
from wristlet.strap.gatt_server import GattServer, Reset
from wristlet.wire.errors import DecodeError
from wristlet.wire.strap import gatt
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.time import SetTime


def plug(firmware: Firmware, server: GattServer, resets: Mapping[Concern, Reset]) -> None:
    """Serve every concern of the firmware; what is plugged in later must be attached again."""
    server.attach(firmware.endpoints, {**resets, **_reset_of_element(firmware, resets)})
    firmware.send_news_to(server.news)
    model = firmware.model
    server.offer(gatt.BATTERY_LEVEL, lambda: bytes((firmware.body.percent,)))
    server.offer(gatt.MANUFACTURER, model.brand.encode)
    server.offer(gatt.MODEL, model.name.encode)
    server.offer(gatt.FIRMWARE, model.firmware.encode)

    def local_time() -> bytes:
        now_ms = firmware.clock.now_ms()
        return current_time.encode(now_ms + firmware.clock.offset_s(now_ms) * 1_000)

    def set_local_time(raw: bytes) -> None:
        with suppress(DecodeError):  # a standard phone hears no reason
            local_ms, zone = current_time.decode(raw), firmware.clock.setting.zone
            unix_ms = max(local_ms - firmware.clock.offset_s() * 1_000, 0)
            after = (zone.change_ms, zone.offset_after_s, zone.name)
            firmware.set_time(SetTime(unix_ms, zone.offset_s, *after))

    server.offer(gatt.CURRENT_TIME, local_time, set_local_time)
    firmware.listeners.battery.append(lambda _percent: server.changed(gatt.BATTERY_LEVEL))


def _reset_of_element(firmware: Firmware, resets: Mapping[Concern, Reset]) -> dict[Concern, Reset]:
    """The secure element is reset between two operations of the firmware, never within one."""
    how = resets.get(Concern.APDU)
    return {} if how is None else {Concern.APDU: partial(firmware.relay.reset, how)}
