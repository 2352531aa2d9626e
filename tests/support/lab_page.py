"""A bench page without a bench: a hub filled with what a demo publishes, and a tap that answers.

`PYTHONPATH=src:tests python -m support.lab_page --port 8899 --scene running` shows it.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any, Final

from wristlet.lab.hub import Hub
from wristlet.lab.page import create_page, serving_page
from wristlet.lab.steps import STEPS
from wristlet.links.process import open_listener, until_stopped
from wristlet.links.trace import TraceRecord
from wristlet.wire import ber
from wristlet.wire.apdu import Command
from wristlet.wire.gp import aids

SCENES: Final = ("empty", "running", "failed", "done")

_TOLD: Final = {
    "pair": (212, "wristlet-se-1 is genuine, both sides show 418207, button pressed"),
    "pin": (148, "PIN made inside the secure element; nothing in between can read it"),
    "card_green": (486, "Aoba Bank •0017 pays as •4402"),
    "card_otp": (731, "wrong code refused (2 tries left), right code: •0025 is active"),
    "tap_k2": (64, "480 JPY approved by kernel 2, id 104417"),
    "tap_k3": (97, "480 JPY approved by kernel 3, id 104418"),
    "switch_offline": (1_346, "server down: switched and 480 JPY approved by kernel 2, id 104419"),
    "cvm_refused": (31, "15,000 JPY needs the wearer: terminal says SEE PHONE"),
    "cvm_pin": (173, "unlocked for 20 taps; 15,000 JPY approved by kernel 2, id 104420"),
    "cut_resume": (612, "cut at command 9, resumed: one token, •0033"),
    "lost_declined": (88, "every token suspended; tap declined online with code 62"),
    "found_approved": (
        344,
        "tokens resumed, 2 orders run; 480 JPY approved by kernel 2, id 104421",
    ),
    "card_deleted": (259, "deleted at the token service and on the strap; the other cards stay"),
    "canary": (2_418, "214 artefacts, 38 MB: nothing; 24 of 24 seeded leaks found"),
}
_TAPS: Final = {
    "tap_k2": 2,
    "tap_k3": 3,
    "switch_offline": 2,
    "cvm_refused": 2,
    "cvm_pin": 2,
    "lost_declined": 2,
    "found_approved": 2,
}

APPROVED: Final = {
    "approved": True,
    "display": "APPROVED",
    "reason": "approved by the issuer",
    "amount": "480 JPY",
    "kernel": 2,
    "response_code": "00",
    "reference": "632711104421",
}
SEE_PHONE: Final = APPROVED | {
    "approved": False,
    "display": "SEE PHONE",
    "reason": "the card asks for the cardholder to be verified on the phone, then a second tap",
    "amount": "15,000 JPY",
    "response_code": None,
    "reference": None,
}
DECLINED: Final = APPROVED | {
    "approved": False,
    "display": "NOT AUTHORISED",
    "reason": "declined, response code 62",
    "response_code": "62",
}


def _ok(*objects: tuple[int, Any]) -> bytes:
    return ber.build(*objects) + b"\x90\x00"


def _select(aid: bytes, *discretionary: tuple[int, Any]) -> tuple[bytes, bytes]:
    command = Command(0x00, 0xA4, 0x04, 0x00, aid, le=256).encode()
    return command, _ok((0x6F, ((0x84, aid), (0xA5, discretionary))))


def _directory(instance: bytes) -> tuple[bytes, bytes]:
    entry = (0x61, ((0x4F, instance), (0x87, b"\x01"), (0x50, b"WRISTLET")))
    return _select(aids.PPSE, (0xBF0C, (entry,)))


def _kernel_2(atc: int, *, refused: bool) -> list[tuple[bytes, bytes]]:
    instance = aids.instance_aid(aids.KERNEL_2, 1)
    record = (
        (0x57, b"\xff" * 19),
        (0x5A, b"\xff" * 8),
        (0x5F24, bytes.fromhex("281130")),
        (0x5F34, b"\x01"),
        (0x8C, bytes.fromhex("9F02069F03069F1A0295055F2A029A039C019F37049F35019F45029F4C089F3403")),
        (0x8E, bytes.fromhex("00000000000000001F03")),
        (0x9F07, bytes.fromhex("FF00")),
    )
    cryptogram: list[tuple[int, Any]] = [
        (0x9F27, b"\x00" if refused else b"\x80"),
        (0x9F36, atc.to_bytes(2, "big")),
        (0x9F26, bytes.fromhex("124CD68898FC0FF1")),
        (0x9F10, bytes.fromhex("0110A04003220000000000000000000000FF")),
    ]
    if refused:
        cryptogram.append((0xDF4B, bytes.fromhex("000100")))
    cdol = bytes.fromhex(
        "0000000004800000000000000392000000000003922611230077A1C30E2200000000000000000000001F0302"
    )
    return [
        _directory(instance),
        _select(instance, (0x50, b"WRISTLET"), (0x87, b"\x01")),
        (
            Command(0x80, 0xA8, 0, 0, bytes.fromhex("8300"), le=256).encode(),
            _ok((0x77, ((0x82, bytes.fromhex("1980")), (0x94, bytes.fromhex("08010100"))))),
        ),
        (bytes.fromhex("00B2010C00"), _ok((0x70, record))),
        (Command(0x80, 0xAE, 0x80, 0, cdol, le=256).encode(), _ok((0x77, tuple(cryptogram)))),
    ]


def _kernel_3(atc: int) -> list[tuple[bytes, bytes]]:
    instance = aids.instance_aid(aids.KERNEL_3, 0)
    pdol = bytes.fromhex("9F66049F02069F03069F1A0295055F2A029A039C019F3704")
    answer = (
        (0x82, bytes.fromhex("0040")),
        (0x57, b"\xff" * 19),
        (0x5F34, b"\x00"),
        (0x9F10, bytes.fromhex("1F4A01220000000000220000000300B00F1400")),
        (0x9F26, bytes.fromhex("190124CD68898FC0")),
        (0x9F27, b"\x80"),
        (0x9F36, atc.to_bytes(2, "big")),
        (0x9F6C, bytes.fromhex("0000")),
    )
    asked = bytes.fromhex("8321") + bytes.fromhex("36004000") + bytes(29)
    return [
        _directory(instance),
        _select(instance, (0x50, b"WRISTLET"), (0x9F38, pdol)),
        (Command(0x80, 0xA8, 0, 0, asked, le=256).encode(), _ok((0x77, answer))),
    ]


def conversation(session: str, kernel: int, *, refused: bool = False) -> Iterator[TraceRecord]:
    """The records of one tap."""
    atc = 16 + int(session.rpartition("-")[2])
    exchanges = _kernel_3(atc) if kernel == 3 else _kernel_2(atc, refused=refused)
    now = atc * 2_000_000
    for number, (command, answer) in enumerate(exchanges):
        took = 610 + 1_370 * number
        yield TraceRecord(now, session, "contactless", ">", command.hex())
        now += took
        data, sw = answer[:-2].hex(), answer[-2:].hex().upper()
        yield TraceRecord(now, session, "contactless", "<", data, sw=sw, dur_us=took)
        now += 240


def _tap_records(step: str, session: str) -> Iterator[TraceRecord]:
    yield from conversation(session, _TAPS[step], refused=step == "cvm_refused")
    if step == "cvm_refused":
        # A tap torn from the field, and one that the card does not take, beside the good ones.
        now, torn = 90_000_000, f"{session}b"
        yield TraceRecord(now, torn, "contactless", ">", "80A8000002830000")
        yield TraceRecord(now + 900, torn, "contactless", "<", "", sw="6986", dur_us=900)
        yield TraceRecord(now + 1_200, torn, "contactless", ">", "00B2010C00")
        yield TraceRecord(now + 90_000, torn, "contactless", "<", "", note="no reply")


def fill(hub: Hub, scene: str) -> None:
    """Publish what a demo has published when it is in that scene."""
    stop = {"empty": 0, "running": 9, "failed": 9, "done": len(STEPS)}[scene]
    taps = 0
    for number, step in enumerate(STEPS[: stop + 1]):
        told: dict[str, Any] = {"id": step.id, "wire": step.wire, "ms": 0, "text": ""}
        if scene == "empty":
            return
        hub.publish("step", told | {"state": "running"})
        if number == stop:
            if scene == "failed":
                wrong = "StepFailed: expected an empty log, got SyncReport(done=0, open=1)"
                hub.publish("step", told | {"state": "failed", "ms": 604, "text": wrong})
            return
        if step.id in _TAPS:
            taps += 1
            for record in _tap_records(step.id, f"tap-{taps}"):
                hub.publish("trace", asdict(record))
            payments = {"cvm_refused": SEE_PHONE, "lost_declined": DECLINED}
            hub.publish("payment", payments.get(step.id, APPROVED))
        ms, text = _TOLD[step.id]
        hub.publish("step", told | {"state": "ok", "ms": ms, "text": text})


@asynccontextmanager
async def serving_scene(hub: Hub, address: str = "127.0.0.1:0") -> AsyncIterator[str]:
    """Serve the page over a hub; taps are approved, above 10,000 they point to the phone."""
    taps = 100

    async def tap(amount_minor: int) -> dict[str, Any]:
        nonlocal taps
        taps += 1
        refused = amount_minor > 10_000
        for record in conversation(f"tap-{taps}", 2, refused=refused):
            hub.publish("trace", asdict(record))
        payment = (SEE_PHONE if refused else APPROVED) | {"amount": f"{amount_minor:,} JPY"}
        hub.publish("payment", payment)
        return payment

    async with serving_page(create_page(hub, tap), open_listener(address)) as url:
        yield url


async def _main(port: int, scene: str) -> None:
    hub = Hub()
    fill(hub, scene)
    async with serving_scene(hub, f"127.0.0.1:{port}"):
        await until_stopped()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=8899)
    arguments.add_argument("--scene", choices=SCENES, default="done")
    options = arguments.parse_args()
    asyncio.run(_main(options.port, options.scene))
