"""The firmware over a whole secure element: button, taps, wrist, pairing, battery, phone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.paid_cards import PIN, pay, phone
from support.payment_cards import Wish
from support.se_cards import Rig, volatile
from support.straps import FIRST, NAMES, SECOND, Worn, strap
from wristlet.crypto import ec
from wristlet.links.strap_link import StrapRefused, decode_status
from wristlet.strap.battery import Load
from wristlet.strap.button import Press
from wristlet.strap.device import CLASSIC, PRO, PURE, ShortPress
from wristlet.strap.display.faces import digits_plan
from wristlet.strap.signals import Colour, Signal, Urgency, Vibration
from wristlet.wire.gp import aids, commands
from wristlet.wire.strap import state as state_wire
from wristlet.wire.strap import time as time_wire
from wristlet.wire.strap.concerns import Concern
from wristlet.wire.strap.settings import Language, Settings, Strength
from wristlet.wire.strap.state import FindMe, FindPhone, Mode, ReadTaps, SetMode, State, Tap, Taps
from wristlet.wire.strap.time import SetTime, Time
from wristlet.wire.tap_report import TapOutcome

ABOVE_LIMIT = Wish(cvm_results="010002")
POINT = ec.point_of(ec.private_key(bytes(31) + b"\x21"))


async def named(model: object = None) -> Worn:
    made = strap() if model is None else strap(model=model)  # type: ignore[arg-type]  # a StrapModel
    await made.firmware.poll()
    await made.write(Settings(cards=NAMES))
    return made


async def paid_with(made: Worn, wish: Wish | None = None) -> bytes:
    """A tap; which card answered."""
    pay(made.rig, wish)
    await made.pass_ms(200)
    made.rig.contactless.power_off()
    return made.firmware.body.taps[-1].aid


def mode_of(made: Worn) -> Mode:
    return made.firmware.body.mode


async def ask_state(made: Worn, request: state_wire.Request) -> state_wire.Answer:
    answer = await made.ask(Concern.STATE, state_wire.REQUESTS.encode(request))
    return state_wire.ANSWERS.decode(answer)


# ------------------------------------------------------------------ button


async def test_a_short_press_switches_and_shows_the_card_without_any_phone() -> None:
    made = await named()
    await made.firmware.press(Press.SHORT)
    assert made.rows() == ("Aoba Gold", "•••• 4242")
    assert await paid_with(made) == FIRST
    await made.firmware.press(Press.SHORT)
    assert made.rows() == ("Kita Blue", "•••• 1881")
    assert await paid_with(made) == SECOND


async def test_a_browsing_strap_pays_once_with_the_card_that_a_long_press_names() -> None:
    made = await named(replace(PRO, short_press=ShortPress.BROWSES))
    await made.firmware.press(Press.SHORT)
    assert made.rows()[0] == "Aoba Gold"
    await made.firmware.press(Press.LONG)
    assert made.rows() == ("Aoba Gold", "Hold to reader")
    assert await paid_with(made) == FIRST
    assert await paid_with(made) == SECOND


async def test_browsing_alone_changes_nothing_and_is_forgotten() -> None:
    made = await named(replace(PRO, short_press=ShortPress.BROWSES))
    await made.firmware.press(Press.SHORT)
    assert await paid_with(made) == SECOND
    await made.firmware.press(Press.SHORT)
    await made.pass_ms(5_000)
    await made.firmware.press(Press.LONG)
    assert made.rows()[0] == "Kita Blue"


async def test_a_long_press_that_no_tap_follows_is_forgotten() -> None:
    made = await named(replace(PRO, short_press=ShortPress.BROWSES))
    await made.firmware.press(Press.SHORT)
    await made.firmware.press(Press.LONG)
    await made.pass_ms(60_200)
    assert await paid_with(made) == SECOND


async def test_a_light_counts_the_cards_place() -> None:
    made = await named(CLASSIC)
    await made.firmware.press(Press.SHORT)
    lit = [step for step in made.firmware.face().blinks if step.colour]
    assert [step.colour for step in lit] == [Colour.YELLOW]
    await made.firmware.press(Press.SHORT)
    lit = [step for step in made.firmware.face().blinks if step.colour]
    assert [step.colour for step in lit] == [Colour.BLUE] * 2
    assert made.firmware.face().rows == ()


async def test_a_strap_with_nothing_to_see_or_feel_still_pays() -> None:
    made = await named(PURE)
    await made.firmware.held(50)
    assert made.firmware.face().is_dark
    assert all(signal.vibration is None for signal in made.signals)
    assert await paid_with(made) == FIRST


async def test_a_strap_without_cards_says_so() -> None:
    made = strap(volatile_rig())
    for press in (Press.SHORT, Press.LONG):
        await made.firmware.press(press)
        assert made.rows()[0] == "No card active"
    await made.firmware.held(5)
    assert len(made.signals) == 2


def volatile_rig() -> Rig:
    from support.paid_cards import built_in

    return built_in(volatile())


async def test_a_secure_element_that_forbids_the_button_is_told_of() -> None:
    from support.paid_cards import wallet

    made = strap(wallet(volatile(strap_switch=False))[0])
    await made.firmware.press(Press.SHORT)
    assert made.rows()[0] == "Not possible now"


async def test_another_part_may_take_a_press() -> None:
    made = await named()
    taken: list[Press] = []
    made.firmware.listeners.presses.append(lambda press: not taken.append(press))  # type: ignore[func-returns-value]  # always takes it
    await made.firmware.press(Press.SHORT)
    assert taken == [Press.SHORT]
    assert made.signals == []


# ------------------------------------------------------------------ taps


@pytest.mark.parametrize(
    ("wish", "first", "outcome"),
    [
        (Wish(), "Card read", TapOutcome.SENT),
        (ABOVE_LIMIT, "See phone", TapOutcome.SEE_PHONE),
    ],
)
async def test_a_tap_is_told_at_once(wish: Wish, first: str, outcome: TapOutcome) -> None:
    made = await named()
    await paid_with(made, wish)
    assert made.rows()[0] == first
    assert made.signals[-1].vibration is not None
    tap = made.told()[-1]
    assert isinstance(tap, Tap)
    assert (tap.number, tap.outcome, tap.aid) == (1, outcome, SECOND)
    assert tap.at_ms == made.firmware.clock.now_ms() - 200


async def test_the_same_tap_is_told_once() -> None:
    made = await named()
    await paid_with(made)
    await made.pass_ms(2_000)
    assert len(made.signals) == 1


async def test_a_tap_under_way_is_waited_for() -> None:
    made = await named()
    from support.se_cards import select, transmit

    assert select(made.rig.contactless, SECOND).ok
    assert transmit(made.rig.contactless, bytes.fromhex("80A8000002830000")).ok
    await made.pass_ms(1_000)
    assert made.signals == []
    made.rig.contactless.power_off()
    await made.pass_ms(200)
    assert made.rows()[0] == "Hold again"


async def test_no_active_card() -> None:
    made = await named()
    from support.se_cards import select, send

    assert select(made.rig.wired, aids.CRS).ok
    assert send(made.rig.wired, commands.crs_set_status(1, 0, SECOND)).ok
    pay(made.rig)
    await made.pass_ms(200)
    assert made.rows() == ("No card active", "Use the phone")


async def test_the_lease_running_down_is_told() -> None:
    made = await named()
    made.firmware.worn(True)
    await made.firmware.poll()
    assert phone(made.rig).send(commands.verify(PIN)).ok
    for _ in range(17):
        await paid_with(made, Wish(amount=10))
    assert made.rows() == ("Card read", "Taps to PIN: 3")


async def test_a_payment_note_from_the_phone_takes_the_face_and_gives_it_back() -> None:
    made = await named()
    made.firmware.present(Signal(("Anna", "Dinner at eight?")))
    note = Signal(("Boulangerie", "¥480"), urgency=Urgency.PAYMENT)
    made.firmware.present(note)
    assert made.rows() == ("Boulangerie", "¥480")
    await made.pass_ms(4_000)
    assert made.rows()[0] == "Anna"


async def test_a_tap_while_the_firmware_was_down_is_told_after() -> None:
    made = await named()
    await paid_with(made)
    pay(made.rig)
    again = made.restarted()
    await again.firmware.poll()
    assert again.firmware.body.tap_number == 2
    assert again.rows()[0] == "Card read"


async def test_a_new_firmware_does_not_tell_old_taps() -> None:
    made = strap()
    pay(made.rig)
    await made.firmware.poll()
    assert (made.signals, made.firmware.body.tap_number) == ([], 0)


async def test_taps_wait_for_the_phone_in_order() -> None:
    made = await named()
    made.firmware.send_news_to(lambda concern, raw: None)
    for amount in (100, 200, 300):
        await paid_with(made, Wish(amount=amount))
    told = await ask_state(made, ReadTaps(1))
    assert isinstance(told, Taps)
    assert [tap.number for tap in told.taps] == [2, 3]
    assert told.lost == 0
    assert await ask_state(made, ReadTaps(3)) == Taps()
    assert await ask_state(made, ReadTaps(99)) == Taps()
    many = replace(made.firmware.body, tap_number=3, taps=made.firmware.body.taps[-1:])
    made.firmware.body = many
    told = await ask_state(made, ReadTaps(0))
    assert isinstance(told, Taps)
    assert told.lost == 2


# ------------------------------------------------------------------ wrist


async def test_leaving_the_wrist_closes_the_lease_as_soon_as_the_secure_element_answers() -> None:
    made = await named()
    made.firmware.worn(True)
    await made.firmware.poll()
    assert phone(made.rig).send(commands.verify(PIN)).ok
    assert (await made.firmware.relay.tap_report()).lease_valid
    made.wired.is_cut = True
    made.firmware.worn(False)
    await made.firmware.poll()
    made.wired.is_cut = False
    assert (await made.firmware.relay.tap_report()).lease_valid
    await made.firmware.poll()
    assert not (await made.firmware.relay.tap_report()).lease_valid


@pytest.mark.parametrize("moves", [(True, False), (False, True)])
async def test_a_short_absence_from_the_wrist_closes_the_lease_too(
    moves: tuple[bool, bool],
) -> None:
    made = await named()
    made.firmware.worn(not moves[0])
    await made.firmware.poll()
    assert phone(made.rig).send(commands.verify(PIN)).ok
    for is_worn in moves:
        made.firmware.worn(is_worn)
    await made.firmware.poll()
    told = await made.firmware.relay.tap_report()
    assert (told.lease_valid, told.is_worn) == (False, moves[1])


async def test_a_restart_cannot_vouch_for_the_wrist() -> None:
    made = await named()
    made.firmware.worn(True)
    await made.firmware.poll()
    assert phone(made.rig).send(commands.verify(PIN)).ok
    again = made.restarted()
    await again.firmware.poll()
    assert not (await again.firmware.relay.tap_report()).lease_valid


async def test_listeners_hear_of_wrist_mode_and_settings() -> None:
    made = await named()
    heard: list[object] = []
    listeners = made.firmware.listeners
    listeners.worn.append(heard.append)
    listeners.mode.append(heard.append)
    listeners.settings.append(heard.append)
    made.firmware.worn(True)
    made.firmware.worn(True)
    await ask_state(made, SetMode(Mode.SLEEP))
    made.firmware.tell_settings()
    assert heard == [True, Mode.SLEEP, Settings(cards=NAMES)]


# ------------------------------------------------------------------ pairing


async def begin_pairing(made: Worn) -> str:
    await made.ask(Concern.PAIRING, b"\x50" + POINT)
    await made.ask(Concern.PAIRING, b"\x52" + bytes(16))
    return made.firmware.body.digits


async def test_the_button_confirms_a_pairing() -> None:
    made = strap(volatile_rig())
    digits = await begin_pairing(made)
    assert len(digits) == 6
    assert made.rows() == ("Same digits?", digits)
    assert (await made.state()).digits == digits
    short = decode_status(await made.ask(Concern.STATE, b""))
    assert (short.paired_pending, short.display) == (True, digits)
    await made.firmware.press(Press.SHORT)
    assert made.rows()[0] == "Paired"
    assert (await made.state()).digits == ""


async def test_a_strap_that_has_a_phone_pairs_no_other() -> None:
    made = await named()
    await begin_pairing(made)
    await made.firmware.press(Press.SHORT)
    assert made.rows()[0] == "Not paired"


@pytest.mark.parametrize("way", ["press", "gone", "again"])
async def test_a_pairing_that_is_given_up(way: str) -> None:
    made = strap(volatile_rig())
    await begin_pairing(made)
    if way == "press":
        await made.firmware.press(Press.VERY_LONG)
    elif way == "gone":
        made.firmware.endpoints[Concern.PAIRING].disconnected()
    else:
        await made.ask(Concern.PAIRING, b"\x50" + POINT)
    assert made.firmware.body.digits == ""
    assert made.firmware.face().is_dark
    with pytest.raises(StrapRefused, match="not begun"):
        await made.ask(Concern.PAIRING, b"\x52" + bytes(15))


async def test_digits_are_counted_on_a_light() -> None:
    made = strap(volatile_rig(), model=CLASSIC)
    digits = await begin_pairing(made)
    assert made.firmware.face().blinks == digits_plan(digits)


@pytest.mark.parametrize("message", [b"", b"\x00", b"\x53abc"])
async def test_an_unknown_step_of_pairing(message: bytes) -> None:
    with pytest.raises(StrapRefused, match="does not know this step"):
        await strap(volatile_rig()).ask(Concern.PAIRING, message)


# ------------------------------------------------------------------ phone


async def test_the_relay_is_one_of_the_concerns() -> None:
    made = await named()
    answer = await made.ask(Concern.APDU, commands.select(aids.CARDHOLDER_APPLET).encode())
    assert answer[-2:] == b"\x90\x00"
    refused = await made.ask(Concern.APDU, commands.crs_set_status(1, 1, FIRST).encode())
    assert refused == b"\x69\x85"


async def test_the_strap_is_found() -> None:
    made = await named()
    told = await ask_state(made, FindMe(3_000))
    assert isinstance(told, State)
    assert told.is_finding
    await made.pass_ms(2_800)
    buzzes = [signal for signal in made.signals if signal.lines == ("Here I am",)]
    assert len(buzzes) == 3
    await made.pass_ms(2_000)
    assert not (await made.state()).is_finding
    assert made.firmware.face().is_dark


async def test_a_press_ends_the_search() -> None:
    made = await named()
    await ask_state(made, FindMe(60_000))
    await made.firmware.poll()
    await made.firmware.press(Press.SHORT)
    assert made.firmware.face().is_dark
    assert not (await made.state()).is_finding


async def test_a_very_long_press_rings_the_phone_that_is_near() -> None:
    made = await named()
    await made.firmware.press(Press.VERY_LONG)
    assert made.rows()[0] == "No phone near"
    made.firmware.endpoints[Concern.STATE].connected()
    await made.firmware.press(Press.VERY_LONG)
    await made.firmware.press(Press.VERY_LONG)
    assert made.told() == [FindPhone(True), FindPhone(False)]
    assert made.rows()[0] == "Phone is ringing"
    rung: list[bool] = []
    made.firmware.listeners.find_phone = lambda: rung.append(True)
    await made.firmware.press(Press.VERY_LONG)
    assert (len(made.told()), rung) == (2, [True])


async def test_what_was_presented_can_be_taken_back() -> None:
    made = await named()
    message, note = Signal(("Anna", "Dinner?")), Signal(("Paid",), urgency=Urgency.PAYMENT)
    made.firmware.present(message)
    made.firmware.present(note)
    made.firmware.withdraw(message)
    assert made.firmware.signal is note
    made.firmware.withdraw(note)
    assert made.firmware.signal is None


async def test_a_very_long_press_with_no_phone_near_opens_the_strap_to_one() -> None:
    made = await named()

    async def invite() -> str:
        return "A1B2-C3D4"

    made.firmware.listeners.invite = invite
    await made.firmware.press(Press.VERY_LONG)
    assert made.rows() == ("Pairing code", "A1B2-C3D4")


async def test_modes_are_asked_for_and_left_by_the_button() -> None:
    made = await named()
    assert [made.firmware.wants_radio] == [True]
    told = await ask_state(made, SetMode(Mode.SLEEP))
    assert isinstance(told, State)
    assert told.mode is Mode.SLEEP
    assert not made.firmware.wants_radio
    made.firmware.present(Signal(("a message",)))
    assert made.rows()[0] == "Payments only"
    await paid_with(made)
    assert made.rows()[0] == "Card read"
    again = made.restarted()
    assert mode_of(again) is Mode.SLEEP
    await again.firmware.press(Press.VERY_LONG)
    assert again.firmware.wants_radio
    with pytest.raises(StrapRefused, match="the battery alone"):
        await ask_state(again, SetMode(Mode.RESERVE))


async def test_time_is_set_and_outlives_a_restart() -> None:
    made = await named()
    told_ms = made.env.clock.now_ms() + 77_000
    message = time_wire.REQUESTS.encode(SetTime(told_ms, 32_400, name="Asia/Tokyo"))
    answer = time_wire.ANSWERS.decode(await made.ask(Concern.TIME, message))
    assert answer == Time(told_ms, 32_400, True, -77_000)
    again = made.restarted()
    read = time_wire.REQUESTS.encode(time_wire.ReadTime())
    answer = time_wire.ANSWERS.decode(await again.ask(Concern.TIME, read))
    assert (answer.unix_ms - again.env.clock.now_ms(), answer.offset_s) == (77_000, 32_400)


async def test_two_phones_never_overwrite_each_other_unseen() -> None:
    made = await named()
    with pytest.raises(StrapRefused, match="another phone wrote revision 1"):
        await made.write(Settings(), based_on=0)
    moved = await made.write(Settings(language=Language.JAPANESE, vibration=Strength.OFF))
    assert moved.revision == 2
    assert [concern for concern, _ in made.news] == [Concern.SETTINGS] * 2
    await paid_with(made)
    assert made.rows()[0] == "読み取りました"
    assert made.signals[-1].vibration is None
    assert made.restarted().firmware.settings == moved


async def test_memory_that_refuses_is_told_and_tried_again() -> None:
    made = await named()
    made.env.disk.fail_at(1, OSError("no space"))
    with pytest.raises(StrapRefused, match="nothing was changed"):
        await made.write(Settings())
    assert made.firmware.settings.settings.cards == NAMES
    made.env.disk.fail_at(1, OSError("no space"))
    await paid_with(made)
    await made.firmware.poll()
    assert made.restarted().firmware.body.tap_number == 1


async def test_lost_settings_are_told() -> None:
    made = await named()
    made.env.disk.truncate("strap/settings", 3)
    assert made.restarted().rows()[0] == "Settings lost"


@pytest.mark.parametrize("concern", [Concern.STATE, Concern.TIME, Concern.SETTINGS])
async def test_what_is_not_understood_is_refused_with_the_reason(concern: Concern) -> None:
    made = await named()
    for message in (b"\x01", b"\x02\x01", b"\x01\x77", b"\x01\x01\x05\x09"):
        with pytest.raises(StrapRefused, match="request"):
            await made.ask(concern, message)


# ------------------------------------------------------------------ battery


async def run_down(made: Worn) -> None:
    """Let the battery go down to its shutdown by a heavy load."""
    made.firmware.draws(Load.HEART, is_on=True)
    for _ in range(100):
        made.env.clock.advance_ms(3_600_000)
        await made.firmware.poll()
        if made.firmware.body.is_off:
            return
    pytest.fail("the battery never ran down")


async def test_the_battery_warns_shuts_down_and_pays_on() -> None:
    made = await named()
    made.firmware.worn(True)
    await run_down(made)
    lines = [signal.lines for signal in made.signals]
    assert len([1 for _, second in lines if second == "Charge soon"]) == 3
    assert lines[-1] == ("Shutting down", "Taps left: 10")
    last = made.told()[-1]
    assert isinstance(last, State)
    assert (last.mode, last.reserve_taps, last.is_worn) == (Mode.RESERVE, 10, False)
    assert not made.firmware.wants_radio
    shown = len(made.signals)
    made.env.clock.advance_ms(23 * 3_600_000)
    for left in range(9, -1, -1):
        assert made.firmware.is_payable
        await paid_with(made, Wish(amount=10))
        assert made.firmware.state().reserve_taps == left
    assert mode_of(made) is Mode.EMPTY
    assert not made.firmware.is_payable
    assert len(made.signals) == shown
    with pytest.raises(StrapRefused, match="charge it"):
        await made.state()


async def test_after_a_flat_battery_everything_is_as_before() -> None:
    made = await named()
    await ask_state(made, SetMode(Mode.STANDALONE))
    await run_down(made)
    again = made.restarted()
    assert mode_of(again) is Mode.RESERVE
    again.firmware.plug(is_charging=True)
    again.firmware.worn(True)
    await again.pass_ms(60_000)
    assert mode_of(again) is Mode.STANDALONE
    assert again.firmware.body.is_worn
    assert again.firmware.settings.settings.cards == NAMES
    assert again.firmware.body.is_charging


async def test_the_reserve_ends_with_its_time_too() -> None:
    made = await named()
    await run_down(made)
    made.env.clock.advance_ms(2_000 * 3_600_000)
    await made.firmware.poll()
    assert mode_of(made) is Mode.EMPTY


async def test_light_vibration_and_display_draw() -> None:
    quiet, loud = await named(), await named()
    loud.firmware.present(Signal(("text",), vibration=Vibration((400,)), hold_ms=60_000))
    for made in (quiet, loud):
        await made.pass_ms(60_000)
    used = [m.firmware._power.battery.charge_nah for m in (quiet, loud)]
    expected = 9_000 * 60 / 3_600 * 1_000 + 70_000 * 0.4 / 3.6
    assert used[0] - used[1] == pytest.approx(expected, rel=0.02)
