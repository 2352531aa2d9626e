"""A secure element's outside for tests of the token service: runs scripts, signs, taps."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from wristlet.crypto import cryptogram, ec, gpcert, sd_dek
from wristlet.crypto.channel import CardChannel
from wristlet.crypto.scp11 import Variant, card_open
from wristlet.model.tsp_messages import RegisterDevice
from wristlet.wire import ber, dgi, products, script
from wristlet.wire.apdu import Command
from wristlet.wire.emv.iad import AcType, Iad18, Iad21, LeaseBlock, cvr18, cvr21
from wristlet.wire.gp import aids
from wristlet.wire.gp.commands import Ins, StoreMode
from wristlet.wire.gp.install import InstallForInstall, InstallForPersonalization, initial_state
from wristlet.wire.iso8583.message import Message
from wristlet.wire.receipt import (
    STATE_ABSENT,
    LeaseReport,
    PinStatement,
    Receipt,
    SignedStatement,
    Statement,
)
from wristlet.wire.script import ScriptDgi, ScriptHeader

NO_LEASE = LeaseBlock(0, False, False, True, False, 3, 0, 0)
LEASE = LeaseBlock(1, True, True, True, False, 3, 19, 40_000)


ACTIVATED = 0x01


class Refused(Exception):
    """The element does not take this script."""


@dataclass
class FakeInstance:
    """A payment instance: its groupings by number, contactless state, counter."""

    module_aid: bytes
    state: int
    groups: dict[int, bytes] = field(default_factory=dict)
    atc: int = 0

    @property
    def product(self) -> products.Product:
        found = products.product_for(self.module_aid, self.groups)
        assert found is not None
        return found

    @property
    def track2(self) -> str:
        if self.product.kernel == products.KERNEL_3:
            data = self.groups[products.DGI_INTERNALS]
        else:
            data = ber.require(self.groups[0x0101], 0x70)
        return ber.require(data, 0x57).hex().upper()

    @property
    def dpan(self) -> str:
        return self.track2.partition("D")[0]

    @property
    def expiry_yymm(self) -> str:
        return self.track2.partition("D")[2][:4]

    @property
    def key_index(self) -> int:
        return ber.require(self.groups[products.DGI_INTERNALS], products.TAG_KEY_INDEX)[0]


class FakeSe:
    """One element; scripts are staged and become real at the commit, as the real one does."""

    domain_aid = aids.TSP_DOMAIN

    def __init__(self, se_id: bytes, root_id: bytes, root_point: bytes, keys: int = 0) -> None:
        self.se_id = se_id
        self.attestation_key = ec.private_key(se_id + bytes((keys,)) + bytes(14) + b"\x41")
        self.domain_key = ec.private_key(se_id + bytes((keys,)) + bytes(14) + b"\x42")
        self.attestation_chain: tuple[bytes, ...] = ()
        self.domain_chain: tuple[bytes, ...] = ()
        self.instances: dict[bytes, FakeInstance] = {}
        self.committed = 0
        self.events = 0
        self.pin_set, self.blocked = True, False
        self.phones: set[bytes] = set()
        self._root = (root_id, root_point)

    def registration(self) -> RegisterDevice:
        """What the wallet shows the token service."""
        return RegisterDevice(_base64(self.attestation_chain), _base64(self.domain_chain))

    def signed(self, statement: Statement) -> bytes:
        """A statement's TLV with this element's signature."""
        signature = ec.sign_raw(self.attestation_key, statement.message())
        return SignedStatement(statement.body(), signature).encode(statement.TAG)

    def pin_statement(self, challenge: bytes) -> bytes:
        return self.signed(
            PinStatement(self.se_id, challenge, self.pin_set, self.blocked, self.events)
        )

    def lease_report(self, unlock_counter: int) -> bytes:
        return self.signed(LeaseReport(self.se_id, unlock_counter, 20, 50_000, self.events))

    def run(self, apdus: list[str]) -> bytes:
        """Run a script to its commit; returns the receipt. Raises Refused."""
        select, certificate, authenticate, *rest = (
            Command.parse(bytes.fromhex(apdu)) for apdu in apdus
        )
        assert select.data == self.domain_aid
        host = ec.public_key(gpcert.verify_chain([certificate.data], *self._root).point)
        _, channel = card_open(Variant.C, authenticate.data, self.domain_key, host=host)
        return self._commit(channel, [channel.unwrap(command) for command in rest])

    def _commit(self, channel: CardChannel, plain: list[Command]) -> bytes:
        header, *commands, commit = plain
        named = ScriptHeader.parse(dgi.parse(header.data)[0].value)
        if named.se_id != self.se_id or named.number <= self.committed:
            raise Refused("not for this element, or an old number")
        assert dgi.parse(commit.data) == (script.COMMIT,)
        aid, state = b"", STATE_ABSENT
        for command in commands:
            aid, state = self._carry_out(channel, command, aid, state)
        self.committed = named.number
        self.events += 1
        digest = script.plain_hash([command.encode() for command in plain])
        receipt = Receipt(
            self.se_id, self.domain_aid, named.number, digest, aid, state, self.events
        )
        return self.signed(receipt)

    def _carry_out(
        self, channel: CardChannel, command: Command, aid: bytes, state: int
    ) -> tuple[bytes, int]:
        if command.ins == Ins.INSTALL and command.p1 == 0x0C:
            install = InstallForInstall.parse(command.data)
            start = initial_state(install.parameters)
            self.instances[install.instance_aid] = FakeInstance(install.module_aid, start)
            return install.instance_aid, start
        if command.ins == Ins.INSTALL:
            return InstallForPersonalization.parse(command.data).application_aid, state
        if command.ins == Ins.DELETE:
            gone = ber.require(command.data, 0x4F)
            if gone not in self.instances:
                raise Refused("no such instance")
            del self.instances[gone]
            return gone, STATE_ABSENT
        return self._store(channel, command, aid, state)

    def _store(
        self, channel: CardChannel, command: Command, aid: bytes, state: int
    ) -> tuple[bytes, int]:
        group = dgi.parse(command.data)[0]
        if group.number == ScriptDgi.PIN_RESET:
            self.pin_set, self.blocked = False, False
            return aid, state
        if group.number == ScriptDgi.FURTHER_PHONE:
            self.phones.add(group.value)
            return aid, state
        if group.number == ScriptDgi.HAND_OVER:
            old, new = script.parse_hand_over(group.value)
            if self.instances[old].state == ACTIVATED and self.instances[new].state != 0x80:
                self.instances[old].state, self.instances[new].state = 0x00, ACTIVATED
            return aid, state
        if group.number in (ScriptDgi.MAKE_ACTIVATABLE, ScriptDgi.MAKE_NON_ACTIVATABLE):
            if group.value not in self.instances:
                raise Refused("no such instance")
            state = 0x00 if group.number == ScriptDgi.MAKE_ACTIVATABLE else 0x80
            self.instances[group.value].state = state
            return group.value, state
        secret = command.p1 & StoreMode.ENCRYPTED
        value = sd_dek.decrypt_dgi(channel.dek, group.value) if secret else group.value
        self.instances[aid].groups[group.number] = bytes(value)
        return aid, state

    def only(self) -> bytes:
        """The AID of its only instance."""
        (aid,) = self.instances
        return aid


def _base64(chain: tuple[bytes, ...]) -> list[str]:
    return [base64.b64encode(der).decode() for der in chain]


@dataclass
class TapPlan:
    """A tap with everything a test may change; `chip` and `fields` overwrite after signing."""

    amount_minor: int = 1_200
    currency: str = "392"
    atc: int | None = None
    stan: str = "000001"
    lease: LeaseBlock = NO_LEASE
    cdcvm: bool | None = None
    ac_type: AcType = AcType.ARQC
    un: bytes = bytes.fromhex("0BADCAFE")
    signed: dict[int, bytes] = field(default_factory=dict)
    chip: dict[int, bytes | None] = field(default_factory=dict)
    fields: dict[int, Any] = field(default_factory=dict)


def tap(element: FakeSe, aid: bytes, plan: TapPlan | None = None, **changes: Any) -> Message:
    """The 0100 of one tap as the acquirer sends it; moves the counter unless the plan fixes it."""
    plan = plan or TapPlan(**changes)
    instance = element.instances[aid]
    if plan.atc is None:
        instance.atc += 1
        plan.atc = instance.atc
    chip = _chip(instance, aid, plan)
    chip.update({tag: value for tag, value in plan.chip.items() if value is not None})
    for tag in (tag for tag, value in plan.chip.items() if value is None):
        chip.pop(tag, None)
    fields: dict[int, Any] = {
        2: instance.dpan,
        3: "000000",
        4: f"{plan.amount_minor:012d}",
        7: "1123110000",
        11: plan.stan,
        12: "110000",
        13: "1123",
        14: instance.expiry_yymm,
        18: "5411",
        19: "392",
        22: "071",
        23: "001",
        25: "00",
        32: "99990001",
        35: instance.track2.rstrip("F"),
        37: f"6327{plan.stan}00"[:12],
        41: "TERM0001",
        42: "MERCHANT0000001",
        43: "SHOP                     TOKYO        JP",
        49: plan.currency,
        55: b"".join(ber.encode(tag, value) for tag, value in chip.items()),
    }
    fields.update(plan.fields)
    kept = {number: value for number, value in fields.items() if value is not None}
    return Message("0100", kept)


def _chip(instance: FakeInstance, aid: bytes, plan: TapPlan) -> dict[int, bytes]:
    product = instance.product
    cdcvm = plan.lease.used if plan.cdcvm is None else plan.cdcvm
    key_index = instance.key_index
    if product.cvn == 18:
        iad = Iad18(key_index, cvr18(plan.ac_type, cdcvm_done=cdcvm), plan.lease).encode()
    else:
        results = cvr21(plan.ac_type, cdcvm_done=cdcvm)
        iad = Iad21(key_index, results, bytes(2), plan.lease).encode()
    assert plan.atc is not None
    chip = {
        0x9F02: bytes.fromhex(f"{plan.amount_minor:012d}"),
        0x9F03: bytes(6),
        0x9F1A: bytes.fromhex("0392"),
        0x95: bytes(5),
        0x5F2A: bytes.fromhex(plan.currency.zfill(4)),
        0x9A: bytes.fromhex("261123"),
        0x9C: b"\x00",
        0x9F37: plan.un,
        0x82: bytes.fromhex("1280"),
        0x9F36: plan.atc.to_bytes(2, "big"),
        0x9F10: iad,
        0x9F27: b"\x80",
        0x9F34: bytes.fromhex("010002" if cdcvm else "1F0302"),
        0x84: aid,
        0x5F34: b"\x01",
        **plan.signed,
    }
    version = cryptogram.VERSIONS[product.cvn]
    key = instance.groups[products.DGI_KEYS][:16]
    chip[0x9F26] = version.ac(key, plan.atc, version.data(chip, chip[0x9F10]))
    return chip
