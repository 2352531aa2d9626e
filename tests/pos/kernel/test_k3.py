"""Kernel 3: what the card answers to GET PROCESSING OPTIONS, row by row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.payment_cards import PAN, text_table
from support.pos_cards import (
    AID_3,
    CONFIG,
    ODA_CONFIG,
    SALE,
    directory,
    entry,
    fci,
    select,
    tlv,
)
from support.scripted_card import tap
from wristlet.pos.config import Limits, TerminalConfig
from wristlet.pos.kernel.outcome import Cvm, Display, OutcomeKind, TapOutcome
from wristlet.wire import products
from wristlet.wire.emv import tags

AID = AID_3 + "00000001"
PDOL = products.PDOL_KERNEL_3.hex()
TRACK2 = f"{PAN}D30122010000000000000F"
ANSWER = {
    "82": "0000",
    "57": TRACK2,
    "5F34": "01",
    "9F10": "0601120380000009" + "0F" + "00" * 8,
    "9F26": "0011223344556677",
    "9F27": "80",
    "9F36": "0001",
    "9F6C": "0000",
    "9F6E": "24800000",
}
UNCHECKED = "the cardholder must be verified and was not"


def gpo(ttq: str = "20804000", amount: int = 1_000, currency: str = "0978") -> str:
    """What the terminal sends for the sale."""
    fields = f"{amount:012d}{0:012d}0276{0:010d}{currency}2601020011223344"
    return f"80A80000238321{ttq}{fields}00"


def answer(changes: str = "-", base: dict[str, str] | None = None) -> str:
    """A good answer with tags replaced (`82=2000`), left out (`82=`) or the whole as given."""
    if changes.startswith("raw "):
        return changes[4:]
    objects = dict(base or ANSWER)
    for pair in changes.split(",") if "=" in changes else ():
        tag, value = pair.split("=")
        objects[tag] = value
    return tlv("77", *(tlv(tag, value) for tag, value in objects.items() if value)) + "9000"


def run(
    command: str, given: str, config: TerminalConfig = CONFIG, amount: int = 1_000
) -> TapOutcome:
    return tap(
        config,
        replace(SALE, amount_minor=amount),
        directory(entry(AID)),
        (select(AID), fci(AID, tlv("9F38", PDOL))),
        (command, given),
    )


# The CVM limit is 100.00; the terminal says in the TTQ what it needs.
TAPS = """
amount  TTQ       changes                     | outcome         display     cvm
1000    20804000  -                           | online_request  AUTHORISING no_cvm
0       20804000  -                           | online_request  AUTHORISING no_cvm
10000   20804000  -                           | online_request  AUTHORISING no_cvm
10001   20C04000  -                           | declined        DECLINED    no_cvm
10001   20C04000  9F6C=0080                   | online_request  AUTHORISING cdcvm
10001   20C04000  9F6C=0040                   | declined        DECLINED    no_cvm
10001   20C04000  9F6C=8000                   | declined        DECLINED    no_cvm
10001   20C04000  9F6C=                       | declined        DECLINED    no_cvm
1000    20804000  9F6C=0080                   | online_request  AUTHORISING cdcvm
1000    20804000  9F6C=                       | online_request  AUTHORISING no_cvm
1000    20804000  9F6C=8000                   | declined        DECLINED    no_cvm
1000    20804000  9F6C=4000                   | declined        DECLINED    no_cvm
1000    20804000  9F6C=8080                   | online_request  AUTHORISING cdcvm
1000    20804000  9F6C=00                     | end_application TRY_ANOTHER no_cvm
1000    20804000  9F27=00                     | declined        DECLINED    no_cvm
1000    20804000  9F27=40                     | declined        DECLINED    no_cvm
1000    20804000  9F27=C0                     | declined        DECLINED    no_cvm
1000    20804000  9F27=88                     | online_request  AUTHORISING no_cvm
1000    20804000  9F27=8000                   | end_application TRY_ANOTHER no_cvm
1000    20804000  82=                         | end_application TRY_ANOTHER no_cvm
1000    20804000  82=00                       | end_application TRY_ANOTHER no_cvm
1000    20804000  57=                         | end_application TRY_ANOTHER no_cvm
1000    20804000  57=9998D30122010000          | end_application TRY_ANOTHER no_cvm
1000    20804000  57=99980000000000253012201F | end_application TRY_ANOTHER no_cvm
1000    20804000  5A=9998000000000025         | online_request  AUTHORISING no_cvm
1000    20804000  5A=9998000000000026         | end_application TRY_ANOTHER no_cvm
1000    20804000  9F10=                       | end_application TRY_ANOTHER no_cvm
1000    20804000  9F26=                       | end_application TRY_ANOTHER no_cvm
1000    20804000  9F26=00112233445566         | end_application TRY_ANOTHER no_cvm
1000    20804000  9F27=                       | end_application TRY_ANOTHER no_cvm
1000    20804000  9F36=                       | end_application TRY_ANOTHER no_cvm
1000    20804000  5F34=                       | online_request  AUTHORISING no_cvm
1000    20804000  5F34=0A                     | end_application TRY_ANOTHER no_cvm
1000    20804000  9F6E=                       | online_request  AUTHORISING no_cvm
1000    20804000  5F24=260102                 | online_request  AUTHORISING no_cvm
1000    20804000  5F24=260101                 | declined        DECLINED    no_cvm
1000    20804000  5F24=991231                 | declined        DECLINED    no_cvm
1000    20804000  5F25=260102                 | online_request  AUTHORISING no_cvm
1000    20804000  5F25=260103                 | declined        DECLINED    no_cvm
1000    20804000  5F24=26AB02                 | end_application TRY_ANOTHER no_cvm
1000    20804000  94=00                       | end_application TRY_ANOTHER no_cvm
1000    20804000  94=0801FF00                 | end_application TRY_ANOTHER no_cvm
1000    20804000  raw 6986                    | try_again       SEE_PHONE   no_cvm
1000    20804000  raw 6984                    | end_application TRY_ANOTHER no_cvm
1000    20804000  raw 6985                    | end_application TRY_ANOTHER no_cvm
1000    20804000  raw 9000                    | end_application TRY_ANOTHER no_cvm
1000    20804000  raw 80060000080101009000    | end_application TRY_ANOTHER no_cvm
1000    20804000  raw 77039F26089000          | end_application TRY_ANOTHER no_cvm
1000    20804000  raw 7700009000              | end_application TRY_ANOTHER no_cvm
1000    20804000  raw 770077009000            | end_application TRY_ANOTHER no_cvm
"""
DISPLAYS = {
    "AUTHORISING": Display.AUTHORISING,
    "DECLINED": Display.DECLINED,
    "TRY_ANOTHER": Display.TRY_ANOTHER_CARD,
    "SEE_PHONE": Display.SEE_PHONE,
}


@pytest.mark.parametrize(("asked", "expected"), text_table(TAPS))
def test_one_tap(asked: str, expected: str) -> None:
    amount, ttq, changes = asked.split(maxsplit=2)
    kind, display, cvm = expected.split()
    outcome = run(gpo(ttq, int(amount)), answer(changes), amount=int(amount))
    assert (outcome.kind, outcome.display, outcome.cvm) == (
        OutcomeKind(kind),
        DISPLAYS[display],
        Cvm(cvm),
    )
    assert bool(outcome.data) is (kind == "online_request")


def test_what_goes_online_is_each_side_s_own_word() -> None:
    """A card that also names the terminal's fields does not get them into the request."""
    lies = "9F02=000000000001,5F2A=0392,9F37=00000000,9F34=010002,95=FFFFFFFFFF,84=A0,9F66=FFFFFFFF"
    outcome = run(gpo(), answer(lies))
    assert {f"{tag:X}": value.hex() for tag, value in outcome.data.items()} == {
        **{tag: value.lower() for tag, value in ANSWER.items()},
        "84": AID.lower(),
        "95": "0000000000",
        "9A": "260102",
        "9C": "00",
        "5F2A": "0978",
        "9F02": "000000001000",
        "9F03": "000000000000",
        "9F1A": "0276",
        "9F1E": b"WRIST001".hex(),
        "9F33": "000800",
        "9F34": "1f0302",
        "9F35": "21",
        "9F37": "11223344",
        "9F66": "20804000",
    }


def test_verification_on_the_device_is_reported() -> None:
    outcome = run(gpo("20C04000", 10_001), answer("9F6C=0080"), amount=10_001)
    assert outcome.data[tags.CVM_RESULTS_9F34].hex() == "010002"
    assert outcome.data[tags.CTQ_9F6C].hex() == "0080"
    assert run(gpo("20C04000", 10_001), answer(), amount=10_001).reason == UNCHECKED


def test_offers_and_needs_stand_in_the_qualifiers() -> None:
    config = replace(CONFIG, limits={3: Limits(floor_minor=5_000)})
    assert run(gpo("20004000"), answer(), config).kind is OutcomeKind.ONLINE_REQUEST
    assert run(gpo("20804000", 5_001), answer(), config, 5_001).kind is OutcomeKind.ONLINE_REQUEST
    assert run(gpo("20804000", 0), answer(), config, 0).kind is OutcomeKind.ONLINE_REQUEST
    assert run(gpo("21804000"), answer(), ODA_CONFIG).kind is OutcomeKind.ONLINE_REQUEST


def test_another_currency_needs_the_cardholder_and_the_issuer_at_any_amount() -> None:
    """No exchange rate opens a way around the limits."""
    config = replace(CONFIG, limits={3: Limits(10**9, 1, 10**9)})
    sale = replace(SALE, currency_numeric="392")
    steps = directory(entry(AID)), (select(AID), fci(AID, tlv("9F38", PDOL)))
    command = gpo("20C04000", currency="0392")
    assert tap(config, sale, *steps, (command, answer())).reason == UNCHECKED
    verified = tap(config, sale, *steps, (command, answer("9F6C=0080")))
    assert verified.data[tags.TRANSACTION_CURRENCY_CODE_5F2A].hex() == "0392"


@pytest.mark.parametrize(
    ("pdol", "reason"),
    [
        ("", "the card does not ask what the terminal can do (9F66)"),
        ("9F3704", "the card does not ask what the terminal can do (9F66)"),
        ("9F66", "the card's list of wanted data cannot be read"),
        ("9F", "the card's list of wanted data cannot be read"),
        ("9F6604" + "9F02FF", "the card asks for more data than a command holds"),
    ],
)
def test_a_pdol_that_is_of_no_use_ends_the_tap(pdol: str, reason: str) -> None:
    named = fci(AID, tlv("9F38", pdol))
    outcome = tap(CONFIG, SALE, directory(entry(AID)), (select(AID), named))
    assert (outcome.kind, outcome.reason) == (OutcomeKind.END_APPLICATION, reason)


def test_the_longest_pdol_that_fits_is_answered() -> None:
    named = fci(AID, tlv("9F38", "9F6604" + "9F02F8"))
    sent = f"80A80000FF8381FC20804000{1_000:0496d}00"
    steps = directory(entry(AID)), (select(AID), named), (sent, "6985")
    assert tap(CONFIG, SALE, *steps).kind is OutcomeKind.END_APPLICATION


def test_records_are_read_and_added() -> None:
    steps = directory(entry(AID)), (select(AID), fci(AID, tlv("9F38", PDOL)))
    given = answer("94=0801020010010100")
    outcome = tap(
        CONFIG,
        SALE,
        *steps,
        (gpo(), given),
        ("00B2010C00", tlv("70", tlv("5F24", "301231")) + "9000"),
        ("00B2020C00", tlv("70", tlv("5F28", "0276")) + "9000"),
        ("00B2011400", tlv("70", tlv("5A", PAN)) + "9000"),
    )
    assert outcome.kind is OutcomeKind.ONLINE_REQUEST
