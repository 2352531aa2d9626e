"""The real payment applet on a whole card: personalised by a script, tapped, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import payment_cards
from support.se_cards import Rig, owner_store, profile, run, select, send, transmit
from wristlet.env.sim import SimEnv
from wristlet.se.create import fleet
from wristlet.wire import ber, script
from wristlet.wire.apdu import Command
from wristlet.wire.dgi import Dgi
from wristlet.wire.gp import aids, commands
from wristlet.wire.gp.install import InstallForInstall
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from wristlet.crypto.script_builder import BuiltScript


@pytest.fixture
def rig() -> Rig:
    env = SimEnv(8)
    owner = owner_store(env)
    ((card, identity),) = fleet(env, owner, profile(), 1, sandbox=True)
    made = Rig(env, owner, identity, card)
    made.set_pin()
    return made


def perso(rig: Rig, card: payment_cards.CardData, number: int, *, drop: int = 0) -> BuiltScript:
    draft = rig.draft(number)
    product = card.product
    aid = aids.instance_aid(product.registered_aid, number)
    draft.add(
        commands.install_for_install(
            InstallForInstall(aids.PAYMENT_PACKAGE, product.module_aid, aid)
        )
    )
    groups = [Dgi(n, v) for n, v in card.dgis().items() if n != drop]
    draft.personalize(aid, groups, product.secret_numbers)
    draft.add_group(script.activate(aid))
    return draft.finish()


@pytest.mark.parametrize("card", [payment_cards.K3, payment_cards.K2])
def test_personalised_and_tapped(rig: Rig, card: payment_cards.CardData) -> None:
    built = perso(rig, card, 1)
    assert {answer.sw for answer in run(rig.wired, built.script.apdus)} == {SW.OK}
    assert select(rig.contactless, aids.PPSE).sw == SW.OK
    aid = aids.instance_aid(card.product.registered_aid, 1)
    assert select(rig.contactless, aid).sw == SW.OK
    wish = payment_cards.Wish()
    if card.product.kernel == 3:
        answer = transmit(rig.contactless, bytes.fromhex(wish.gpo()))
        assert ber.find(answer.data, 0x77, 0x9F36) == b"\0\1"
    else:
        assert send(rig.contactless, Command(0x80, 0xA8, 0, 0, b"\x83\0", 256)).sw == SW.OK
    assert send(rig.contactless, commands.get_data(0x9F7F)).sw == SW.REFERENCED_DATA_NOT_FOUND


@pytest.mark.parametrize("card", [payment_cards.K3, payment_cards.K2])
def test_every_missing_group_fails_the_commit(rig: Rig, card: payment_cards.CardData) -> None:
    before = rig.state()
    for number in card.dgis():
        answers = run(rig.wired, perso(rig, card, 1, drop=number).script.apdus)
        assert answers[-1].sw == SW.CONDITIONS_NOT_SATISFIED
        assert rig.state() == before
    assert run(rig.wired, perso(rig, card, 1).script.apdus)[-1].sw == SW.OK


def test_the_last_activated_is_the_only_active_card(rig: Rig) -> None:
    run(rig.wired, perso(rig, payment_cards.K3, 1).script.apdus)
    run(rig.wired, perso(rig, payment_cards.K2, 2).script.apdus)
    answer = select(rig.contactless, aids.PPSE).data
    assert aids.instance_aid(aids.KERNEL_2, 2) in answer
    assert aids.instance_aid(aids.KERNEL_3, 1) not in answer
