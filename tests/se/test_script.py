"""Scripts of the token service on a card: all or nothing, once, for this card only."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from support import se_cards
from support.se_cards import Rig, instance, run, sealed, select, send, volatile
from wristlet.crypto import ec
from wristlet.crypto.seal import KeyUsage
from wristlet.crypto.x509chain import Subject, Use, verify_se_chain
from wristlet.env.sim import SimulatedCrash
from wristlet.wire import ber, script
from wristlet.wire.apdu import Command, chain
from wristlet.wire.dgi import Dgi
from wristlet.wire.gp import aids, commands
from wristlet.wire.gp.lifecycle import ContactlessState
from wristlet.wire.receipt import Receipt, SignedStatement
from wristlet.wire.sw import SW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wristlet.crypto.script_builder import BuiltScript


@pytest.fixture
def rig() -> Rig:
    made = volatile()
    made.set_pin()
    return made


def sw_list(rig: Rig, built: BuiltScript) -> list[int]:
    return [answer.sw for answer in run(rig.wired, built.script.apdus)]


def receipt_of(rig: Rig, number: int | None = None) -> Receipt | None:
    select(rig.wired, aids.TSP_DOMAIN)
    data = b"" if number is None else ber.encode(0xDF01, number.to_bytes(4, "big"))
    answer = send(rig.wired, commands.get_data(0x7F60, data))
    if answer.sw != SW.OK:
        assert answer.sw == SW.REFERENCED_DATA_NOT_FOUND
        return None
    signed = SignedStatement.parse(answer.data, 0x7F60)
    statement = Receipt.parse(signed.body)
    root = bytes(rig.owner.get("maker.root.cert", KeyUsage.PUBLIC))
    chain_ = rig.identity.attestation_chain
    leaf = verify_se_chain(root, chain_, Use.SIGN, rig.env.clock.now_ms())
    assert leaf.subject == Subject.attestation(rig.identity.se_id, "wristlet-se-1")
    ec.verify_raw(ec.public_key(leaf.point), signed.signature, statement.message())
    return statement


def contactless_state(rig: Rig, index: int) -> ContactlessState | None:
    entry = rig.card.registry.get(instance(index))
    return None if entry is None else entry.contactless


def order(rig: Rig, number: int, *groups: Dgi) -> list[int]:
    draft = rig.draft(number)
    for group in groups:
        draft.add_group(group)
    return sw_list(rig, draft.finish())


def test_a_script_personalises_in_one_durable_write() -> None:
    rig = sealed()
    rig.set_pin()
    built = rig.perso_script(1)
    rig.disk.trace.clear()
    assert set(sw_list(rig, built)) == {SW.OK}
    state_writes = [s for s in rig.disk.trace if s.path.endswith("state")]
    assert [s.name for s in state_writes] == ["pwrite", "datasync"]
    assert contactless_state(rig, 1) is ContactlessState.DEACTIVATED
    assert rig.card.store.get(f"inst/{instance(1).hex().upper()}/8000") == b"secret key\x01"


def test_receipt_says_what_was_done(rig: Rig) -> None:
    built = rig.perso_script(5)
    sw_list(rig, built)
    statement = receipt_of(rig, 5)
    assert statement is not None
    assert statement == receipt_of(rig)
    assert statement.script_hash == built.plain_hash
    assert (statement.se_id, statement.number) == (rig.identity.se_id, 5)
    assert (statement.instance_aid, statement.state) == (instance(1), 0)


def test_commit_answers_the_receipt_under_the_channel(rig: Rig) -> None:
    answers = run(rig.wired, rig.perso_script(1).script.apdus)
    assert len(answers[-1].data) > 100
    assert rig.identity.se_id not in answers[-1].data


def test_a_committed_script_never_runs_again(rig: Rig) -> None:
    built = rig.perso_script(1)
    sw_list(rig, built)
    before = rig.state()
    refused = sw_list(rig, built)
    assert refused[-1] == SW.CONDITIONS_NOT_SATISFIED
    assert len(refused) == 4  # at the header
    assert rig.state() == before


def test_an_old_number_is_refused_even_after_everything_was_deleted(rig: Rig) -> None:
    sw_list(rig, rig.perso_script(7))
    draft = rig.draft(8)
    draft.add(commands.delete(instance(1)))
    assert set(sw_list(rig, draft.finish())) == {SW.OK}
    assert contactless_state(rig, 1) is None
    assert not rig.card.store.keys("inst/")
    for number in (1, 7, 8):
        assert sw_list(rig, rig.perso_script(number, 2))[-1] == SW.CONDITIONS_NOT_SATISFIED
    assert set(sw_list(rig, rig.perso_script(9, 2))) == {SW.OK}


def test_a_script_for_another_card_or_domain_is_refused(rig: Rig) -> None:
    other = volatile(seed=9)
    other.set_pin()
    built = rig.perso_script(1)
    assert sw_list(other, built)[-1] == SW.SECURITY_STATUS
    for wrong in ({"se_id": bytes(16)}, {"domain": aids.CARDHOLDER_DOMAIN}):
        draft = rig.draft(1, **wrong)
        se_cards.perso(draft)
        apdus = draft.finish().script.apdus
        answers = run(rig.wired, (commands.select(aids.TSP_DOMAIN).encode(), *apdus[1:]))
        assert answers[-1].sw == SW.CONDITIONS_NOT_SATISFIED
        assert len(answers) == 4  # at the header
    assert set(sw_list(rig, rig.perso_script(1))) == {SW.OK}


def test_another_domains_instance_is_out_of_reach(rig: Rig) -> None:
    sw_list(rig, rig.perso_script(1))
    mine = rig.card.registry.get(instance(1))
    assert mine is not None
    rig.card.registry.update(replace(mine, domain_aid=aids.OEM_DOMAIN))
    rig.card.store.flush()
    for group in (script.activate(instance(1)), script.make_non_activatable(instance(1))):
        assert order(rig, 2, group)[-1] == SW.SECURITY_STATUS
    draft = rig.draft(2)
    draft.add(commands.delete(instance(1)))
    assert sw_list(rig, draft.finish())[-1] == SW.SECURITY_STATUS


def test_no_card_before_the_pin() -> None:
    rig = volatile()
    before = rig.state()
    assert sw_list(rig, rig.perso_script(1))[-1] == SW.CONDITIONS_NOT_SATISFIED
    assert rig.state() == before


@pytest.mark.parametrize("flaw", ["surplus", "missing"])
def test_a_commit_with_other_than_the_products_data_is_refused(rig: Rig, flaw: str) -> None:
    before = rig.state()
    assert sw_list(rig, rig.perso_script(1, **{flaw: True}))[-1] == SW.CONDITIONS_NOT_SATISFIED
    assert rig.state() == before
    assert set(sw_list(rig, rig.perso_script(1))) == {SW.OK}


def test_nothing_is_written_before_the_commit(rig: Rig) -> None:
    built = rig.perso_script(1)
    before = rig.state()
    for count in range(len(built.script.apdus)):
        answers = run(rig.wired, built.script.apdus[:count])
        assert all(answer.sw == SW.OK for answer in answers)
        assert rig.state() == before
        rig.wired.reset()
    assert set(sw_list(rig, built)) == {SW.OK}


def test_commands_after_the_commit_need_a_new_header(rig: Rig) -> None:
    draft = rig.draft(1)
    se_cards.perso(draft)
    draft.add_group(script.COMMIT)
    draft.add(commands.delete(instance(1)))
    answers = sw_list(rig, draft.finish())
    assert answers[-2:] == [SW.OK, SW.SECURITY_STATUS]
    assert contactless_state(rig, 1) is not None


def test_any_failure_ends_the_session(rig: Rig) -> None:
    draft = rig.draft(1)
    draft.add(Command(0x80, 0xF0, 0x80, 0x7F, b""))  # SET STATUS
    se_cards.perso(draft)
    apdus = draft.finish().script.apdus
    answers = [se_cards.transmit(rig.wired, raw).sw for raw in apdus]
    assert answers[:4] == [SW.OK] * 4
    assert set(answers[4:]) == {SW.SECURITY_STATUS}
    assert contactless_state(rig, 1) is None


@pytest.mark.parametrize(
    "command",
    [
        commands.delete_key(0x10, 1),
        commands.set_status(0x40, 0x80, aids.PPSE),
        Command(0x80, 0xD8, 0x00, 0x10, b"\x02\xb0\x00\x00"),
        commands.delete(aids.PPSE),
        commands.delete(aids.CARDHOLDER_APPLET),
        commands.install_for_personalization(instance(3)),
    ],
)
def test_a_script_manages_payment_instances_only(rig: Rig, command: Command) -> None:
    draft = rig.draft(1)
    draft.add(command)
    before = rig.state()
    assert sw_list(rig, draft.finish())[-1] == SW.SECURITY_STATUS
    assert rig.state() == before


def test_a_secret_group_in_clear_is_refused(rig: Rig) -> None:
    draft = rig.draft(1)
    se_cards.perso(draft, secret_in_clear=True)
    assert sw_list(rig, draft.finish())[-1] == SW.CONDITIONS_NOT_SATISFIED


def test_outside_a_session_the_domain_only_reads(rig: Rig) -> None:
    select(rig.wired, aids.TSP_DOMAIN)
    for command in (
        commands.delete(instance(1)),
        commands.store_dgi(0xDF02, b"", 0),
        commands.install_for_personalization(instance(1)),
    ):
        assert send(rig.wired, command).sw == SW.SECURITY_STATUS
    assert send(rig.wired, Command(0x80, 0xD8, 0, 0x10, b"\1")).sw == SW.INSTRUCTION_NOT_SUPPORTED


def test_orders_about_an_instance(rig: Rig) -> None:
    sw_list(rig, rig.perso_script(1, 1))
    sw_list(rig, rig.perso_script(2, 2))
    assert set(order(rig, 3, script.activate(instance(1)))) == {SW.OK}
    assert contactless_state(rig, 1) is ContactlessState.ACTIVATED
    assert set(order(rig, 4, script.make_non_activatable(instance(1)))) == {SW.OK}
    assert contactless_state(rig, 1) is ContactlessState.NON_ACTIVATABLE
    assert order(rig, 5, script.activate(instance(1)))[-1] == SW.CONDITIONS_NOT_SATISFIED
    assert set(order(rig, 6, script.make_activatable(instance(1)))) == {SW.OK}
    assert contactless_state(rig, 1) is ContactlessState.ACTIVATED  # as it was
    order(rig, 7, script.make_non_activatable(instance(1)))
    order(rig, 8, script.activate(instance(2)))
    order(rig, 9, script.make_activatable(instance(1)))
    assert contactless_state(rig, 1) is ContactlessState.DEACTIVATED  # another one took its place
    assert contactless_state(rig, 2) is ContactlessState.ACTIVATED


def test_a_successor_takes_the_active_cards_place_in_the_write_that_deletes_it(rig: Rig) -> None:
    for number in (1, 2, 3):
        sw_list(rig, rig.perso_script(number, number))
    old, new, other = instance(1), instance(2), instance(3)
    assert set(order(rig, 4, script.activate(old))) == {SW.OK}
    draft = rig.draft(5)
    draft.add_group(script.hand_over(old, new))
    draft.add(commands.delete(old))
    assert set(sw_list(rig, draft.finish())) == {SW.OK}
    assert contactless_state(rig, 1) is None
    assert contactless_state(rig, 2) is ContactlessState.ACTIVATED
    said = receipt_of(rig)
    assert said is not None
    assert (said.instance_aid, said.state) == (old, 0xFF)
    draft = rig.draft(6)
    draft.add_group(script.hand_over(other, other))
    assert set(sw_list(rig, draft.finish())) == {SW.OK}
    assert contactless_state(rig, 2) is ContactlessState.ACTIVATED, "the other one was not active"


def test_a_successor_that_may_not_be_active_yet_remembers(rig: Rig) -> None:
    for number in (1, 2):
        sw_list(rig, rig.perso_script(number, number))
    orders = (script.activate(instance(1)), script.make_non_activatable(instance(2)))
    assert set(order(rig, 3, *orders)) == {SW.OK}
    assert set(order(rig, 4, script.hand_over(instance(1), instance(2)))) == {SW.OK}
    assert contactless_state(rig, 1) is ContactlessState.ACTIVATED
    assert contactless_state(rig, 2) is ContactlessState.NON_ACTIVATABLE
    draft = rig.draft(5)
    draft.add(commands.delete(instance(1)))
    assert set(sw_list(rig, draft.finish())) == {SW.OK}
    assert set(order(rig, 6, script.make_activatable(instance(2)))) == {SW.OK}
    assert contactless_state(rig, 2) is ContactlessState.ACTIVATED
    absent = order(rig, 7, script.hand_over(instance(2), instance(9)))
    assert absent[-1] != SW.OK


@pytest.mark.parametrize("chosen", [False, True])
def test_a_suspended_card_hands_its_place_over_unless_another_was_chosen(
    rig: Rig, chosen: bool
) -> None:
    for number in (1, 2, 3):
        sw_list(rig, rig.perso_script(number, number))
    assert set(order(rig, 4, script.activate(instance(1)))) == {SW.OK}
    assert set(order(rig, 5, script.make_non_activatable(instance(1)))) == {SW.OK}
    if chosen:
        assert set(order(rig, 6, script.activate(instance(3)))) == {SW.OK}
    assert set(order(rig, 7, script.hand_over(instance(1), instance(2)))) == {SW.OK}
    active = ContactlessState.ACTIVATED
    assert (contactless_state(rig, 2) is active) == (not chosen)
    assert (contactless_state(rig, 3) is active) == chosen


def test_step_up_starts_not_activatable(rig: Rig) -> None:
    sw_list(rig, rig.perso_script(1, locked=True))
    assert contactless_state(rig, 1) is ContactlessState.NON_ACTIVATABLE
    statement = receipt_of(rig, 1)
    assert statement is not None
    assert statement.state == 0x80


def test_orders_to_the_cardholder(rig: Rig) -> None:
    assert set(order(rig, 1, script.further_phone(se_cards.PHONE))) == {SW.OK}
    assert set(order(rig, 2, script.PIN_RESET)) == {SW.OK}
    assert rig.card.store.get("pin/verifier") is None
    other = volatile(pin_authority=aids.OEM_DOMAIN)
    assert order(other, 1, script.PIN_RESET)[-1] == SW.SECURITY_STATUS


def test_receipts_of_the_last_sixteen_scripts(rig: Rig) -> None:
    for number in range(1, 19):
        assert set(order(rig, number, script.PIN_RESET)) == {SW.OK}
    assert receipt_of(rig, 2) is None
    assert receipt_of(rig, 3) is not None
    assert receipt_of(rig, 19) is None


def test_the_quota_of_instances() -> None:
    rig = volatile(max_instances=2)
    rig.set_pin()
    for number in (1, 2):
        assert set(sw_list(rig, rig.perso_script(number, number))) == {SW.OK}
    assert sw_list(rig, rig.perso_script(3, 3))[-1] == SW.SECURITY_STATUS


def run_all(rig: Rig, apdus: Sequence[bytes]) -> list[int]:
    """Send every APDU whatever the answers are, as a hostile relay would."""
    return [se_cards.transmit(rig.wired, raw).sw for raw in apdus]


def test_a_changed_byte_anywhere_changes_nothing(rig: Rig) -> None:
    apdus = rig.perso_script(1).script.apdus
    before = rig.state()
    for index in range(1, len(apdus)):
        for place in range(4, len(apdus[index]), 23):
            changed = bytearray(apdus[index])
            changed[place] ^= 0x10
            run_all(rig, (*apdus[:index], bytes(changed), *apdus[index + 1 :]))
            assert rig.state() == before
    assert set(run_all(rig, apdus)) == {SW.OK}


def test_left_out_and_swapped_commands_change_nothing(rig: Rig) -> None:
    apdus = rig.perso_script(1).script.apdus
    before = rig.state()
    for i in range(3, len(apdus) - 1):
        run_all(rig, (*apdus[:i], *apdus[i + 1 :]))
        run_all(rig, (*apdus[: i + 1], apdus[i], *apdus[i + 1 :]))
        for j in range(i + 1, len(apdus)):
            mixed = list(apdus)
            mixed[i], mixed[j] = mixed[j], mixed[i]
            run_all(rig, mixed)
        assert rig.state() == before


def test_commands_of_two_scripts_do_not_mix(rig: Rig) -> None:
    first, second = rig.perso_script(1).script.apdus, rig.perso_script(2, 2).script.apdus
    before = rig.state()
    for cut in range(3, len(first)):
        run_all(rig, (*first[:cut], *second[cut:]))
        assert rig.state() == before


def test_a_foreign_certificate_opens_nothing(rig: Rig) -> None:
    stranger = ec.private_key(bytes(31) + b"\x77")
    for root, root_id in (
        (stranger, se_cards.TSP_ROOT_ID),
        (se_cards.TSP_ROOT, b"OTHER"),
        (se_cards.TENANT_ROOT, se_cards.TENANT_ROOT_ID),
    ):
        certificate = se_cards.oce_certificate(root, root_id, ec.point_of(se_cards.TSP_KEY))
        select(rig.wired, aids.TSP_DOMAIN)
        pso = commands.perform_security_operation(certificate, kvn=1, kid=0x10)
        assert send(rig.wired, pso).sw == SW.WRONG_DATA


def test_killed_at_every_write_of_a_script_then_run_again() -> None:
    def fresh() -> tuple[Rig, BuiltScript]:
        made = sealed(seed=3)
        made.set_pin()
        return made, made.perso_script(1)

    rig, built = fresh()
    rig.disk.trace.clear()
    run(rig.wired, built.script.apdus)
    total = len(rig.disk.trace)
    after = rig.state()
    assert total >= 4
    for count in range(1, total + 1):
        for kept in (0, 100, 700):
            rig, built = fresh()
            before = rig.state()
            rig.disk.kill_at(count, kept=kept)
            with contextlib.suppress(SimulatedCrash):
                run(rig.wired, built.script.apdus)
            rig = rig.reopen()
            if rig.state() == before:
                assert receipt_of(rig, 1) is None
                assert set(sw_list(rig, built)) == {SW.OK}
            assert rig.state().keys() == after.keys()
            assert receipt_of(rig, 1) is not None
            assert sw_list(rig, built)[-1] == SW.CONDITIONS_NOT_SATISFIED


def test_the_contactless_side_takes_no_script(rig: Rig) -> None:
    before = rig.state()
    answers = [
        se_cards.transmit(rig.contactless, raw).sw for raw in rig.perso_script(1).script.apdus
    ]
    assert SW.OK not in answers
    assert rig.state() == before


def test_a_long_group_travels_extended_and_chained(rig: Rig) -> None:
    draft = rig.draft(1)
    se_cards.perso(draft, missing=True)
    draft.add_group(Dgi(se_cards.PLAIN_DGI, bytes(range(250)) * 4))
    built = draft.finish()
    assert any(len(raw) > 600 for raw in built.script.apdus)
    cut = [
        part.encode()
        for raw in built.script.apdus
        for part in chain(Command.parse(raw).replace(extended=False))
    ]
    assert set(run_all(rig, cut)) == {SW.OK}
    statement = receipt_of(rig, 1)
    assert statement is not None
    assert statement.script_hash == built.plain_hash
