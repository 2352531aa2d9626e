"""The third view on a tap: what the token service makes of the message a terminal sends."""

from __future__ import annotations

from dataclasses import dataclass, replace

from support.payment_cards import IMK, PAN, PSN
from support.pos_cards import CONFIG, Field
from wristlet.crypto.cryptogram import VERSIONS
from wristlet.model.token import ResultClass
from wristlet.pos.kernel.outcome import Cvm, TapOutcome
from wristlet.pos.kernel.sale import Sale
from wristlet.pos.online import authorisation_request
from wristlet.tsp.checks import Domain, Examined, examine, read_tap
from wristlet.wire import ber, products
from wristlet.wire.emv import dol, tags, track2
from wristlet.wire.emv.iad import Iad18, Iad21
from wristlet.wire.iso8583 import message as iso
from wristlet.wire.iso8583.message import Message

NOW_MS = 1_767_312_000_000
# What the acquirer adds.
ADDED: dict[int, str | bytes] = {32: "99990001", 37: "010200000001"}
COVERED = (0x9F02, 0x9F03, 0x9F1A, 0x95, 0x5F2A, 0x9A, 0x9C, 0x9F37)


@dataclass(frozen=True)
class View:
    """What one side holds of a tap: amount, currency, number and so on by tag; the rest apart."""

    fields: dict[int, bytes]
    atc: bytes
    profile: bytes
    aid: bytes
    number: str
    is_verified: bool


def sent(sale: Sale, outcome: TapOutcome) -> Message:
    """The 0100 as the network gets it, through its bytes."""
    own = authorisation_request(CONFIG, sale, outcome, 1, NOW_MS)
    return iso.decode(iso.encode(own.with_fields(ADDED)))


def judged(message: Message, field: Field) -> Examined:
    """The token service's examination, with the key that belongs to the number in the message.

    A key is derived from a number's last digits, so it alone does not tell numbers apart: the
    number itself must be a token's.
    """
    product = field.card.product
    version = VERSIONS[product.cvn]
    master = version.master_key(IMK, str.__str__(message.text(2)), message.text(23)[1:])
    domain = Domain(
        cvn=product.cvn,
        key_index=1,
        instance_aid=field.aid,
        registered_aid=product.registered_aid,
        psn=PSN,
        expiry_yymm="3012",
        no_cvm_sum_max_minor=10_000,
    )
    examined = examine(read_tap(message), domain, master)
    if str.__str__(message.text(2)) == PAN:
        return examined
    return replace(examined, found=examined.found | {ResultClass.UNKNOWN_TOKEN})


def terminal_view(message: Message, outcome: TapOutcome) -> View:
    """What the terminal says it did."""
    chip = ber.collect(message.binary(55))
    return View(
        fields={tag: chip[tag] for tag in COVERED},
        atc=chip[tags.ATC_9F36],
        profile=chip[tags.AIP_82],
        aid=chip[tags.DF_NAME_84],
        number=str.__str__(message.text(2)),
        is_verified=outcome.cvm is Cvm.CDCVM,
    )


def card_view(field: Field) -> View:
    """What the card itself heard and answered, taken from its own end of the link."""
    is_kernel_3 = field.card.product.kernel == products.KERNEL_3
    instruction = 0xA8 if is_kernel_3 else 0xAE
    at = max(n for n, command in enumerate(field.heard) if command[1] == instruction)
    heard, said = field.heard[at], field.said
    wanted = products.PDOL_KERNEL_3 if is_kernel_3 else products.CDOL1_KERNEL_2
    data = heard[7:40] if is_kernel_3 else heard[5:48]
    objects: dict[int, bytes] = {}
    for answer in said[2:]:
        objects = {**ber.collect(answer[:-2]), **objects} if answer[-2:] == b"\x90\0" else objects
    iad = objects[tags.ISSUER_APPLICATION_DATA_9F10]
    read = Iad18.parse(iad) if is_kernel_3 else Iad21.parse(iad)
    return View(
        fields={tag: value for tag, value in dol.split(wanted, data).items() if tag in COVERED},
        atc=objects[tags.ATC_9F36],
        profile=objects[tags.AIP_82],
        aid=field.aid,
        number=track2.parse(objects[tags.TRACK_2_57]).pan.reveal(),
        is_verified=read.lease.used,
    )
