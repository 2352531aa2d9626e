"""Writes `vectors/phone/*.json` from a run on the city: `PYTHONPATH=tests python -m
support.phone_vectors`.

The secure element signs anew each time, so the files are recordings: what the phone sends is fixed
by the recorded keys and random numbers, what it gets is as recorded. The tests play them back.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from support.city_story import PIN, add
from support.commit_cases import CASES, play
from support.fake_wallet import card
from support.vectors import VECTORS
from wristlet.companion.errors import PinWrong
from wristlet.companion.explain import ROWS, sentence_keys
from wristlet.companion.phone_channel import PhoneChannel
from wristlet.companion.queue import Kind
from wristlet.companion.texts import CATALOGUE
from wristlet.crypto import ec, jwe, pairing
from wristlet.crypto.channel import HostChannel
from wristlet.lab.city import City, running_city
from wristlet.links.channel import ApduChannel
from wristlet.model.token import SeState, Suspender, TokenState
from wristlet.model.tsp_messages import VerificationMethod
from wristlet.wire.apdu import Command, Response
from wristlet.wire.masked import SecretDigits

ORIGIN = "This project: docs/reference/phone-protocol.md. Keys and numbers belong to nobody."
EPHEMERALS = (bytes(31) + b"\x21", bytes(31) + b"\x22")
FURTHER = bytes(range(32))


@dataclass
class Recorder:
    """A link that keeps every exchange; with the session wrapped, the plain command too."""

    link: ApduChannel
    steps: list[dict[str, Any]] = field(default_factory=list)

    def step(self, name: str) -> None:
        self.steps.append({"name": name, "exchanges": []})

    async def transmit(self, command: bytes) -> bytes:
        answer = await self.link.transmit(command)
        pair = {"sent": command.hex(), "answered": answer.hex()}
        self.steps[-1]["exchanges"].append(pair)
        return answer


class SeenSession:
    """The channel's session, whose plain commands and answers are noted."""

    def __init__(self, session: HostChannel, recorder: Recorder) -> None:
        self._session, self._recorder = session, recorder

    def wrap(self, command: Command) -> Command:
        self._recorder.steps[-1]["plain"] = command.encode().hex()
        return self._session.wrap(command)

    def unwrap(self, response: Response) -> Response:
        opened = self._session.unwrap(response)
        self._recorder.steps[-1]["plain_answer"] = opened.data.hex()
        self._recorder.steps[-1]["sw"] = f"{opened.sw:04x}"
        return opened


async def scenario(phone: PhoneChannel, recorder: Any, keys: dict[str, Any], part: int) -> None:
    """What the phone does in each session, in order; the playback test does the same."""
    instance = bytes.fromhex(keys["instance"])
    if part == 0:
        recorder.step("create PIN")
        await phone.create_pin(SecretDigits(PIN))
        return
    recorder.step("state")
    await phone.state()
    recorder.step("wrong PIN")
    try:
        await phone.verify_pin(SecretDigits("111999"))
    except PinWrong as wrong:
        recorder.steps[-1]["tries_left"] = wrong.tries_left
    recorder.step("right PIN")
    await phone.verify_pin(SecretDigits(PIN))
    recorder.step("free taps")
    await phone.free_taps(instance)
    recorder.step("choose the card")
    await phone.activate(instance)
    recorder.step("let a further phone in")
    await phone.enrol(FURTHER)
    recorder.step("list the phones")
    await phone.phones()
    recorder.step("remove the phone")
    await phone.remove(FURTHER)
    recorder.step("change PIN")
    await phone.change_pin(SecretDigits(PIN), SecretDigits("739251"))


async def open_phone(recorder: ApduChannel, keys: dict[str, Any], part: int) -> PhoneChannel:
    return await PhoneChannel.open(
        recorder,
        private_scalar=bytes.fromhex(keys["phone_scalar"]),
        certificate=bytes.fromhex(keys["certificate"]),
        domain_point=bytes.fromhex(keys["domain_point"]),
        ephemeral_scalar=EPHEMERALS[part],
    )


async def _session(city: City, keys: dict[str, Any], part: int) -> dict[str, Any]:
    recorder = Recorder(city.bench.strap)
    recorder.step("open")
    phone = await open_phone(recorder, keys, part)
    seen: Any = SeenSession(phone._session, recorder)
    phone._session = seen
    await scenario(phone, recorder, keys, part)
    return {"ephemeral_scalar": EPHEMERALS[part].hex(), "steps": recorder.steps}


async def record_channel() -> dict[str, Any]:
    """Two sessions with one secure element: before the first card and after."""
    with tempfile.TemporaryDirectory() as folder:
        async with running_city(Path(folder) / "city") as city:
            await city.phone.pair("strap", confirm=city.press)
            strap = city.phone.tools.state
            keys = {
                "phone_scalar": city.phone.tools.store.state.private_scalar,
                "certificate": strap.certificate,
                "domain_point": strap.domain_point,
                "instance": "",
            }
            first = await _session(city, keys, 0)
            loaded = await add(city)
            await city.bench.tap(480)
            keys["instance"] = loaded.instance_aid or ""
            second = await _session(city, keys, 1)
    return {"origin": ORIGIN, "pin": PIN, **keys, "sessions": [first, second]}


def pairing_vectors() -> dict[str, Any]:
    """Commitments and digits for fixed keys and numbers."""
    cases = []
    for number in range(4):
        point = ec.point_of(ec.private_key(bytes(31) + bytes((0x31 + number,))))
        phone, strap = bytes((number,)) * 16, bytes((0xA0 + number,)) * 16
        se_id = bytes(range(number, number + 16))
        cases.append(
            {
                "se_id": se_id.hex(),
                "phone_point": point.hex(),
                "phone_nonce": phone.hex(),
                "strap_nonce": strap.hex(),
                "commitment": pairing.commitment(point, strap).hex(),
                "digits": pairing.digits(se_id, point, phone, strap),
            }
        )
    return {"origin": ORIGIN, "cases": cases}


def jwe_vectors() -> dict[str, Any]:
    """What leaves the phone of a typed card and of a typed code."""
    scalar = bytes(31) + b"\x41"
    recipient = ec.private_key(scalar).public_key()
    card_fields = {"pan": "9999010000000011", "expiry_yymm": "3012", "security_code": "123"}
    payloads = (json.dumps(one, separators=(",", ":")) for one in (card_fields, {"code": "123456"}))
    cases = [
        {"payload": one, "jwe": jwe.encrypt(one.encode(), recipient, "card-data-1")}
        for one in payloads
    ]
    return {
        "origin": ORIGIN,
        "recipient_scalar": scalar.hex(),
        "kid": "card-data-1",
        "cases": cases,
    }


REQUESTS: dict[Kind, tuple[str, dict[str, str]]] = {
    Kind.SUSPEND: ("/v1/cards/{subject}/suspend", {"reason": "paused by the wearer"}),
    Kind.RESUME: ("/v1/cards/{subject}/resume", {"reason": "resumed by the wearer"}),
    Kind.REMOVE: ("/v1/cards/{subject}/delete", {"reason": "removed by the wearer"}),
    Kind.LOST: ("/v1/devices/{device}/lost", {"reason": "reported lost by the wearer"}),
    Kind.FOUND: ("/v1/devices/{device}/found", {"reason": "reported found by the wearer"}),
    Kind.RENAME: ("/v1/devices/{device}/rename", {"name": "{value}"}),
    Kind.REVOKE_PHONE: (
        "/v1/devices/{device}/phones/{subject}/revoke",
        {"reason": "revoked by the wearer"},
    ),
    Kind.ACTIVE_CARD: ("/v1/devices/{device}/active-card", {"card_id": "{subject}"}),
    Kind.LEASE_REPORT: ("/v1/devices/{device}/lease-reports", {"report": "{value}"}),
    Kind.PIN_STATEMENT: ("/v1/devices/{device}/pin-statements", {"statement": "{value}"}),
}


def queue_vectors() -> dict[str, Any]:
    """Each kind of request that can wait, and what it becomes on the wire."""
    rows = [
        {"kind": str(kind), "method": "POST", "path": path, "body": body}
        for kind, (path, body) in REQUESTS.items()
    ]
    return {"origin": ORIGIN, "requests": rows}


def text_vectors() -> dict[str, Any]:
    """The catalogue, the order of the rows, and what is said of every state of both layers."""
    owners: tuple[list[str], ...] = ([], *([str(one)] for one in Suspender))
    states: list[dict[str, Any]] = [
        {"state": str(state), "se_state": str(se_state), "suspended_by": by, "needs_code": code}
        for state in TokenState
        for se_state in SeState
        for by in owners
        for code in (False, True)
    ]
    for one in states:
        methods = [VerificationMethod("sms", "sms", "42")] if one["needs_code"] else []
        given = {name: one[name] for name in ("state", "se_state", "suspended_by")}
        one["says"] = sentence_keys(card("c", **given, verification_methods=methods))
    return {
        "origin": ORIGIN,
        "rows": [key for key, _ in ROWS],
        "catalogue": {key: {"en": en, "ja": ja} for key, (en, ja) in CATALOGUE.items()},
        "cards": states,
    }


async def commit_vectors() -> dict[str, Any]:
    """Every exchange of a sync of the log with strap and server, for each way it can go."""
    cases = []
    for case in CASES:
        trace, report = await play(case)
        cases.append({"name": case.name, "trace": trace, "report": asdict(report)})
    return {"origin": ORIGIN, "cases": cases}


def fixed() -> dict[str, Any]:
    """The files that come out the same at every run."""
    return {"pairing": pairing_vectors(), "queue": queue_vectors(), "texts": text_vectors()}


def dump(content: Any) -> str:
    """JSON with one row of a table per line."""
    if isinstance(content, dict) and content.keys() == {"origin", "rows", "catalogue", "cards"}:
        rows = ",\n".join(f"  {json.dumps(one)}" for one in content["cards"])
        head = json.dumps({**content, "cards": []}, indent=1, ensure_ascii=False)
        return head.removesuffix("[]\n}") + f"[\n{rows}\n ]\n}}\n"
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


async def main() -> None:
    """Write all files."""
    files = {
        **fixed(),
        "commits": await commit_vectors(),
        "channel": await record_channel(),
        "card_jwe": jwe_vectors(),
    }
    for name, content in files.items():
        path = VECTORS / "phone" / f"{name}.json"
        path.write_text(dump(content), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
