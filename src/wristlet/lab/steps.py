"""The demo's fourteen steps, in order; each checks what it claims and says in one line what
happened.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn

from wristlet.companion.errors import CodeRefused
from wristlet.lab import scan
from wristlet.lab.bench import Bench
from wristlet.links.faults import Fault, FaultPlan
from wristlet.model.testcards import (
    AOBA,
    KITA,
    MINAMI,
    OTP_RIGHT,
    OTP_WRONG,
    Bank,
    Outcome,
    find_card,
)
from wristlet.model.wallet_messages import Card
from wristlet.pos.kernel.outcome import Cvm, Display
from wristlet.pos.terminal import Payment

DEMO_PIN = "482615"
SMALL_MINOR, LARGE_MINOR = 480, 15_000
# Far enough into the script that records are staged, short of its commit.
CUT_AT_COMMAND = 9


class StepFailed(AssertionError):
    """A step did not end as it must; the text says what was expected and what came."""


def expect(holds: bool, expectation: str, came: object) -> None:
    """Fail the step unless a claim holds."""
    if not holds:
        _fail(expectation, came)


def _fail(expectation: str, came: object) -> NoReturn:
    raise StepFailed(f"expected {expectation}, got {came}")


async def pair(bench: Bench) -> str:
    """Pair phone and strap: certificates, six digits, the button."""
    shown: list[str] = []

    async def confirm(code: str) -> None:
        shown.append(code)
        status = await bench.strap.status()
        expect(status.display == code, f"the strap to show {code}", status.display)
        await bench.press("confirm")

    device = await bench.phone.pair("Demo strap", confirm)
    return f"{device.model} is genuine, both sides show {shown[0]}, button pressed"


async def pin(bench: Bench) -> str:
    """Create the PIN; no card can be added before, and no lease opens."""
    await bench.phone.create_pin(DEMO_PIN)
    state = await bench.phone.state()
    expect(state.pin_set and not state.lease_valid, "a PIN and no lease", state)
    return "PIN made inside the secure element; nothing in between can read it"


async def _add(bench: Bench, bank: Bank, outcome: Outcome) -> Card:
    card = find_card(bank, outcome)
    expiry = f"{card.expiry_yymm[2:]}/{card.expiry_yymm[:2]}"
    return await bench.phone.add_card(card.number.reveal(), expiry, card.security_code.reveal())


async def card_green(bench: Bench) -> str:
    """Add a card that its bank approves at once; it becomes the active card."""
    card = await _add(bench, AOBA, Outcome.GREEN)
    expect(card.state == "active", "an active card", card.state)
    bench.cards["green"] = card.id
    return f"{card.issuer_name} •{card.card_last4} pays as •{card.token_last4}"


async def card_otp(bench: Bench) -> str:
    """Add a card that needs a code: a wrong one, then the right one; it becomes the active card."""
    card = await _add(bench, KITA, Outcome.YELLOW_SMS)
    expect(card.state == "inactive", "a card that waits for its code", card.state)
    await bench.phone.send_code(card.id, card.verification_methods[0].id)
    try:
        await bench.phone.confirm_code(card.id, OTP_WRONG)
    except CodeRefused as refused:
        wrong = refused
    else:
        _fail("the wrong code to be refused", "it was accepted")
    card = await bench.phone.confirm_code(card.id, OTP_RIGHT)
    expect(card.state == "active", "an active card", card.state)
    await bench.phone.select_card(card.id)
    bench.cards["otp"] = card.id
    refused_first = f"wrong code refused ({wrong.tries_left} tries left)"
    return f"{refused_first}, right code: •{card.card_last4} is active"


def _approved(payment: Payment, kernel: int) -> str:
    expect(payment.approved, "an approval", f"{payment.display} ({payment.reason})")
    expect(payment.kernel == kernel, f"kernel {kernel}", payment.kernel)
    expect(bool(payment.issuer_proof), "the bank's cryptogram (ARPC)", "none")
    return f"{payment.amount} approved by kernel {kernel}, id {payment.authorisation_id}"


async def tap_k2(bench: Bench) -> str:
    """Pay a small amount with the active card through kernel 2."""
    return _approved(await bench.tap(SMALL_MINOR), 2)


async def tap_k3(bench: Bench) -> str:
    """Switch to the other card, then pay a small amount through kernel 3."""
    await bench.phone.select_card(bench.cards["green"])
    return _approved(await bench.tap(SMALL_MINOR), 3)


async def switch_offline(bench: Bench) -> str:
    """Switch cards and pay with the wallet server down."""
    await bench.stop_wallet()
    try:
        await bench.phone.select_card(bench.cards["otp"])
        paid = _approved(await bench.tap(SMALL_MINOR), 2)
    finally:
        await bench.start_wallet()
    return f"server down: switched and {paid}"


async def cvm_refused(bench: Bench) -> str:
    """Try an amount above the limit without a lease: the terminal points to the phone."""
    payment = await bench.tap(LARGE_MINOR)
    expect(not payment.approved, "no approval", payment.display)
    expect(payment.display is Display.SEE_PHONE, "SEE PHONE", payment.display)
    return f"{payment.amount} needs the wearer: terminal says {payment.display}"


async def cvm_pin(bench: Bench) -> str:
    """Unlock by PIN on the phone, then pay that amount."""
    lease = await bench.phone.verify_pin(DEMO_PIN)
    payment = await bench.tap(LARGE_MINOR)
    paid = _approved(payment, 2)
    expect(payment.cvm is Cvm.CDCVM, "verification on the device", payment.cvm)
    return f"unlocked for {lease.taps_max} taps; {paid}"


async def cut_resume(bench: Bench) -> str:
    """Cut the link in the middle of personalisation, resume, and end with exactly one token."""
    before = await bench.phone.cards()
    card = find_card(MINAMI, Outcome.GREEN)
    expiry = f"{card.expiry_yymm[2:]}/{card.expiry_yymm[:2]}"
    eligible = await bench.phone.check_card(
        card.number.reveal(), expiry, card.security_code.reveal()
    )
    added = await bench.phone.accept_terms(eligible)
    bench.strap.plan(FaultPlan(CUT_AT_COMMAND, Fault.CUT))
    torn = await bench.phone.sync()
    expect(torn.open > 0, "the script to stay open", torn)
    await bench.strap.mend()
    whole = await bench.phone.sync()
    expect(whole.open == 0, "an empty log", whole)
    after = await bench.phone.cards()
    fresh = [one for one in after if one.id not in {old.id for old in before}]
    expect(len(fresh) == 1 and fresh[0].state == "active", "exactly one new active token", fresh)
    bench.cards["cut"] = added.id
    return f"cut at command {CUT_AT_COMMAND}, resumed: one token, •{fresh[0].card_last4}"


async def lost_declined(bench: Bench) -> str:
    """Report the strap lost; it has not heard of it, yet the next tap is declined."""
    await bench.phone.mark_lost()
    payment = await bench.tap(SMALL_MINOR)
    expect(not payment.approved, "a decline", payment.display)
    expect(payment.response_code == "62", "response code 62", payment.response_code)
    return f"every token suspended; tap declined online with code {payment.response_code}"


async def found_approved(bench: Bench) -> str:
    """Report the strap found; the strap catches up, and the next tap is approved."""
    await bench.phone.mark_found()
    report = await bench.phone.sync()
    expect(report.open == 0, "an empty log", report)
    payment = await bench.tap(SMALL_MINOR)
    return f"tokens resumed, {report.done} orders run; {_approved(payment, 2)}"


async def card_deleted(bench: Bench) -> str:
    """Delete a card: refused at once, gone from the secure element after the sync."""
    await bench.phone.delete(bench.cards["cut"])
    report = await bench.phone.sync()
    expect(report.open == 0, "an empty log", report)
    cards = {card.id: card for card in await bench.phone.cards()}
    gone = cards.get(bench.cards["cut"])
    expect(gone is None or gone.state == "deleted", "a deleted card", gone)
    expect(gone is None or gone.se_state == "absent", "it gone from the strap", gone)
    return "deleted at the token service and on the strap; the other cards stay"


async def canary(bench: Bench) -> str:
    """Scan every artefact and the wallet's memory; find nothing, and each seeded leak."""
    report = bench.scan = await scan.run(bench.artefacts)
    expect(not report.hits, "no secret anywhere", [(hit.place, hit.secret) for hit in report.hits])
    expect(report.seeded == report.seeded_found, "every seeded leak", report.seeded_found)
    expect(report.control_hits == 0, "no hit for unused values", report.control_hits)
    megabytes = report.bytes / 1_000_000
    return (
        f"{report.artefacts} artefacts, {megabytes:.0f} MB: nothing;"
        f" {report.seeded_found} of {report.seeded} seeded leaks found"
    )


Step = Callable[[Bench], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class NamedStep:
    """A step with its fixed id and what crosses which wire."""

    id: str
    run: Step
    wire: str


STEPS = (
    NamedStep("pair", pair, "phone ⇄ strap ⇄ SE: X.509 chains, GET DATA"),
    NamedStep("pin", pin, "phone ⇄ SE: SCP11a, CHANGE REFERENCE DATA"),
    NamedStep("card_green", card_green, "phone → TSP: JWE; TSP → SE: SCP11c script"),
    NamedStep("card_otp", card_otp, "wearer → bank: one-time code; TSP → SE: order"),
    NamedStep("tap_k2", tap_k2, "terminal ⇄ SE: GENERATE AC; 0100/0110"),
    NamedStep("tap_k3", tap_k3, "phone ⇄ SE: CRS; terminal ⇄ SE: GPO; 0100/0110"),
    NamedStep("switch_offline", switch_offline, "phone ⇄ SE: CRS, no server"),
    NamedStep("cvm_refused", cvm_refused, "terminal ⇄ SE: AAC, see phone"),
    NamedStep("cvm_pin", cvm_pin, "phone ⇄ SE: VERIFY; terminal ⇄ SE: CDCVM"),
    NamedStep("cut_resume", cut_resume, "link cut, script run again from its first APDU"),
    NamedStep("lost_declined", lost_declined, "phone → wallet → TSP: suspend; 0110 code 62"),
    NamedStep("found_approved", found_approved, "phone → wallet → TSP: resume; 0110 code 00"),
    NamedStep("card_deleted", card_deleted, "TSP → SE: DELETE script, signed receipt"),
    NamedStep("canary", canary, "every file and the wallet's memory"),
)
