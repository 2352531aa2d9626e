"""Writes the scripts by which the token service changes a secure element.

A script is one SCP11c session prepared here: nobody on its way can read or change it, and the
domain commits it at most once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from wristlet.crypto import ec
from wristlet.crypto.script_builder import Addressee, Draft, ScriptBuilder
from wristlet.model.tsp_messages import ScriptPackage
from wristlet.tsp.lifecycle import Wanted
from wristlet.tsp.programs import PRODUCTS
from wristlet.wire import script
from wristlet.wire.gp import aids, commands
from wristlet.wire.gp.install import InstallForInstall, instance_parameters
from wristlet.wire.gp.lifecycle import ContactlessState
from wristlet.wire.receipt import STATE_ABSENT

if TYPE_CHECKING:
    from wristlet.env.base import Random
    from wristlet.wire.dgi import Dgi


class Purpose(StrEnum):
    """What a script is for."""

    PERSONALISE = "personalise"
    MAKE_ACTIVATABLE = "make_activatable"
    MAKE_NON_ACTIVATABLE = "make_non_activatable"
    DELETE = "delete"
    PIN_RESET = "pin_reset"
    FURTHER_PHONE = "further_phone"


PURPOSE_FOR: Final = {
    Wanted.ACTIVATABLE: Purpose.MAKE_ACTIVATABLE,
    Wanted.NON_ACTIVATABLE: Purpose.MAKE_NON_ACTIVATABLE,
    Wanted.ABSENT: Purpose.DELETE,
}
"""The script that brings an existing instance to what is wanted."""

_STATES: Final[dict[Purpose, frozenset[int]]] = {
    Purpose.PERSONALISE: frozenset(
        {ContactlessState.DEACTIVATED, ContactlessState.NON_ACTIVATABLE}
    ),
    Purpose.MAKE_ACTIVATABLE: frozenset({ContactlessState.DEACTIVATED, ContactlessState.ACTIVATED}),
    Purpose.MAKE_NON_ACTIVATABLE: frozenset({ContactlessState.NON_ACTIVATABLE}),
    Purpose.DELETE: frozenset({STATE_ABSENT}),
    Purpose.PIN_RESET: frozenset({STATE_ABSENT}),
    Purpose.FURTHER_PHONE: frozenset({STATE_ABSENT}),
}


def states_after(purpose: Purpose) -> frozenset[int]:
    """What a genuine receipt may say of the instance: contactless state or absent."""
    return _STATES[purpose]


@dataclass(frozen=True, slots=True)
class Order:
    """One script to be written: for which domain key and number, about which instance.

    `product` is the product's name and `dgis` its personalisation (only for PERSONALISE, may be
    secret); `initial` is what the new instance starts as. For other purposes `dgis` are orders in
    clear that come first. Orders to the cardholder applet have neither product nor instance.
    """

    se_id: bytes
    domain_point: bytes
    number: int
    purpose: Purpose
    product: str
    instance_aid: bytes
    initial: Wanted
    dgis: tuple[Dgi, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class BuiltScript:
    """A script as it is handed out, and the hash that its receipt must show."""

    package: ScriptPackage
    plain_hash: bytes


class ScriptWriter:
    """Writes scripts for the token service's domain with its own certified key."""

    domain_aid = aids.TSP_DOMAIN

    def __init__(self, random: Random, key: ec.PrivateKey, certificate: bytes) -> None:
        self._random = random
        self._builder = ScriptBuilder(key, certificate)

    def build(self, order: Order) -> BuiltScript:
        """Write one script under a fresh session key."""
        addressee = Addressee(order.se_id, self.domain_aid, order.domain_point, order.number)
        draft = self._builder.begin(addressee, ec.new_private_key(self._random.bytes))
        aid = order.instance_aid
        if order.purpose is Purpose.PERSONALISE:
            _personalise(draft, order)
        else:
            for group in order.dgis:
                draft.add_group(group)
        if order.purpose is Purpose.DELETE:
            draft.add(commands.delete(aid))
        elif order.purpose is Purpose.MAKE_ACTIVATABLE:
            draft.add_group(script.make_activatable(aid))
        elif order.purpose is Purpose.MAKE_NON_ACTIVATABLE:
            draft.add_group(script.make_non_activatable(aid))
        built = draft.finish()
        package = ScriptPackage(
            se_id=order.se_id.hex(),
            domain_aid=self.domain_aid.hex(),
            number=order.number,
            purpose=order.purpose.value,
            apdus=[apdu.hex() for apdu in built.script.apdus],
        )
        return BuiltScript(package, built.plain_hash)


def _personalise(draft: Draft, order: Order) -> None:
    product = PRODUCTS[order.product]
    starts_activatable = order.initial is Wanted.ACTIVATABLE
    state = ContactlessState.DEACTIVATED if starts_activatable else ContactlessState.NON_ACTIVATABLE
    install = InstallForInstall(
        package_aid=aids.PAYMENT_PACKAGE,
        module_aid=product.module_aid,
        instance_aid=order.instance_aid,
        parameters=instance_parameters(state),
    )
    draft.add(commands.install_for_install(install))
    draft.personalize(order.instance_aid, order.dgis, product.secret_numbers)
