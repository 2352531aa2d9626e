"""Checks personalisation data against their product and lays them out for taps.

Nothing may be missing, left over, malformed or inconsistent: a card that commits can pay.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from wristlet.crypto.kcv import KCV_BYTES, tdes_kcv
from wristlet.se.applets.base import CardError, instance_key
from wristlet.se.applets.payment import oda
from wristlet.se.applets.payment.image import data_key
from wristlet.se.applets.payment.plan import KEY as PLAN_KEY
from wristlet.se.applets.payment.plan import Plan
from wristlet.wire import ber, products
from wristlet.wire.emv import afl as afl_codec
from wristlet.wire.errors import DecodeError
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wristlet.se.applets.base import Context, Instance
    from wristlet.wire.products import Product

DIRECTORY_KEY: Final = "directory"
_INSTANCE_AID_SIZE: Final = 11
_KEY_SIZE: Final = 16
_KEY_COUNT: Final = 3
_ANSWER_SIZE_MAX: Final = 256
_LABEL_SIZE_MAX: Final = 16
_RECORD: Final = 0x70
_AIP, _AFL = 0x82, 0x94
_LABEL, _KERNEL, _PDOL, _CDOL1 = 0x50, 0x9F2A, 0x9F38, 0x8C
_RELATED_DATA: Final = 0x9F69
_RELATED_SIZE: Final = 7
_FIXED_OBJECTS_KERNEL_3: Final = (
    products.TAG_TRACK2,
    products.TAG_PSN,
    products.TAG_FORM_FACTOR,
)


def check(instance: Instance, dgis: Mapping[int, bytes], encrypted: frozenset[int]) -> None:
    """Refuse with 6985 what is missing, surplus or not under S-DEK, with 6A80 what is malformed."""
    product = _product(instance, dgis)
    if product.missing(dgis) or product.surplus(dgis):
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    if not product.secret_numbers & dgis.keys() <= encrypted:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    try:
        _check_keys(dgis)
        _check_fci(product, dgis[products.DGI_FCI])
        _check_records(product, dgis)
        _check_internals(product, dgis[products.DGI_INTERNALS])
        _plan(product, dgis)
        if product.has_oda:
            oda.check_key(dgis)
    except DecodeError as error:
        raise CardError(SW.WRONG_DATA) from error


def commit(ctx: Context, instance: Instance, dgis: Mapping[int, bytes]) -> None:
    """Write every DGI, the laid-out plan and the directory entry; once per instance (6985).

    Taps start at ATC 0: an instance is personalised once and deleted with all its data.
    """
    plan_key = instance_key(instance.aid, PLAN_KEY)
    if ctx.state.get(plan_key) is not None:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    product = _product(instance, dgis)
    for number, value in dgis.items():
        ctx.state.put(data_key(instance.aid, number), bytes(value))
    ctx.state.put(plan_key, _plan(product, dgis).encode())
    label = ber.require(dgis[products.DGI_FCI], _LABEL)
    entry = ber.encode(_LABEL, label) + ber.encode(_KERNEL, bytes((product.kernel,)))
    ctx.state.put(instance_key(instance.aid, DIRECTORY_KEY), entry)


def _product(instance: Instance, dgis: Mapping[int, bytes]) -> Product:
    product = products.product_for(instance.module_aid, dgis)
    if product is None:
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    if len(instance.aid) != _INSTANCE_AID_SIZE or not instance.aid.startswith(
        product.registered_aid
    ):
        raise CardError(SW.CONDITIONS_NOT_SATISFIED)
    return product


def _wrong(is_wrong: bool) -> None:
    if is_wrong:
        raise CardError(SW.WRONG_DATA)


def _check_keys(dgis: Mapping[int, bytes]) -> None:
    """The check values show that the keys arrived as they were sent."""
    keys = dgis[products.DGI_KEYS]
    values = dgis[products.DGI_KEY_CHECKS]
    _wrong(len(keys) != _KEY_COUNT * _KEY_SIZE or len(values) != _KEY_COUNT * KCV_BYTES)
    computed = b"".join(
        tdes_kcv(keys[start : start + _KEY_SIZE]) for start in range(0, len(keys), _KEY_SIZE)
    )
    _wrong(not hmac.compare_digest(computed, values))


def _check_fci(product: Product, fci: bytes) -> None:
    label = ber.require(fci, _LABEL)
    _wrong(not 1 <= len(label) <= _LABEL_SIZE_MAX)
    expected = product.dol if product.kernel == products.KERNEL_3 else None
    _wrong(ber.find(fci, _PDOL) != expected)


def _check_records(product: Product, dgis: Mapping[int, bytes]) -> None:
    """The AFL names every record and nothing else; kernel 2 needs the product's CDOL1."""
    named = _records_of(dgis[products.DGI_GPO])
    given = {number for number in dgis if products.is_record(number)}
    _wrong(set(named) != given)
    for number in given:
        record, end = ber.parse_one(dgis[number])
        _wrong(record.tag != _RECORD or end != len(dgis[number]))
        _wrong(len(dgis[number]) > _ANSWER_SIZE_MAX)
        ber.collect(record.value)
    if product.kernel == products.KERNEL_2:
        cdols = [ber.find(dgis[number], _RECORD, _CDOL1) for number in sorted(given)]
        _wrong([cdol for cdol in cdols if cdol is not None] != [product.dol])


def _records_of(gpo: bytes) -> dict[int, bool]:
    """Map the record numbers that the AFL names to whether ODA covers them."""
    afl = ber.find(gpo, _AFL)
    return {
        entry.sfi << 8 | record: record < entry.first + entry.oda_records
        for entry in (afl_codec.parse(afl) if afl is not None else ())
        for record in range(entry.first, entry.last + 1)
    }


def _check_internals(product: Product, internals: bytes) -> None:
    objects = ber.parse(internals)
    values = {tlv.tag: tlv.value for tlv in objects}
    specs = {spec.tag: spec for spec in product.internals}
    _wrong(len(values) != len(objects) or not values.keys() <= specs.keys())
    for tag, spec in specs.items():
        value = values.get(tag)
        _wrong(value is None and spec.required)
        _wrong(value is not None and not spec.size_min <= len(value) <= spec.size_max)


def _plan(product: Product, dgis: Mapping[int, bytes]) -> Plan:
    internals = ber.collect(dgis[products.DGI_INTERNALS])
    gpo = dgis[products.DGI_GPO]
    aip = ber.require(gpo, _AIP)
    tags = [tlv.tag for tlv in ber.parse(gpo)]
    has_records = any(products.is_record(number) for number in dgis)
    _wrong(len(aip) != 2 or tags != ([_AIP, _AFL] if has_records else [_AIP]))
    record, offset = _related(product, dgis)
    return Plan(
        kernel=product.kernel,
        oda=product.has_oda,
        aip=aip,
        currency=internals[products.TAG_CURRENCY],
        key_index=internals[products.TAG_KEY_INDEX][0],
        dac=internals.get(products.TAG_DAC, bytes(2)),
        ctq=internals.get(products.TAG_CTQ, bytes(2)),
        cdcvm_always=internals[products.TAG_FLAGS][0] & products.FLAG_CDCVM_ALWAYS != 0,
        taps_max=internals[products.TAG_NO_CVM_TAPS_MAX][0],
        sum_max=int.from_bytes(internals[products.TAG_NO_CVM_SUM_MAX], "big"),
        related_record=record,
        related_offset=offset,
        answer=_fixed_answer(product, gpo, internals),
    )


def _fixed_answer(product: Product, gpo: bytes, internals: Mapping[int, bytes]) -> bytes:
    if product.kernel == products.KERNEL_2:
        return ber.encode(0x77, gpo)
    return gpo + b"".join(ber.encode(tag, internals[tag]) for tag in _FIXED_OBJECTS_KERNEL_3)


def _related(product: Product, dgis: Mapping[int, bytes]) -> tuple[int, int]:
    """Find the value of 9F69: DGI number and offset in it; fDDA cannot do without.

    It changes at each tap, so it must not be in a record that the AFL marks for ODA.
    """
    if not product.has_oda or product.kernel != products.KERNEL_3:
        return 0, 0
    for number, covered in _records_of(dgis[products.DGI_GPO]).items():
        record = dgis[number]
        value = ber.find(record, _RECORD, _RELATED_DATA)
        if value is not None:
            _wrong(covered or len(value) != _RELATED_SIZE)
            head = ber.encode(_RELATED_DATA, value)
            _wrong(record.count(head) != 1)
            return number, record.index(head) + len(head) - len(value)
    raise CardError(SW.WRONG_DATA)
