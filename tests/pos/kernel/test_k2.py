"""Kernel 2: profile, records, GENERATE AC, row by row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.payment_cards import PAN, text_table
from support.pos_cards import AID_2, CONFIG, SALE, directory, entry, fci, select, tlv
from support.scripted_card import tap
from support.vectors import load
from wristlet.pos.config import Limits, TerminalConfig
from wristlet.pos.kernel.outcome import Cvm, Display, OutcomeKind, TapOutcome
from wristlet.wire import products
from wristlet.wire.emv import tags

AID = AID_2 + "00000001"
GPO = "80A8000002830000"
READ = "00B2010C00"
CDOL1 = products.CDOL1_KERNEL_2.hex()
RECORD = {
    "57": f"{PAN}D30122010000000000000F",
    "5A": PAN,
    "5F24": "301231",
    "5F25": "250101",
    "5F28": "0276",
    "5F34": "01",
    "8C": CDOL1,
    "8E": "00000000000000001F03",
    "9F07": "FF00",
    "9F0E": "0000000000",
    "9F42": "0978",
    "4F": AID,
}
RESULT = {
    "9F27": "80",
    "9F36": "0001",
    "9F26": "0011223344556677",
    "9F10": "0115" + "80000000000000000000000000000000",
}
# TVR: ODA not performed, floor limit exceeded.
NORMAL = "8000008000"
DISPLAYS = {
    "AUTHORISING": Display.AUTHORISING,
    "DECLINED": Display.DECLINED,
    "TRY_ANOTHER": Display.TRY_ANOTHER_CARD,
    "SEE_PHONE": Display.SEE_PHONE,
}


def options(aip: str = "1280", locator: str = "08010100") -> str:
    return tlv("77", tlv("82", aip), tlv("94", locator)) + "9000"


def template(base: dict[str, str], changes: str, tag: str) -> str:
    """Objects in their template, with some replaced (`5F24=260101`) or left out (`5F24=`)."""
    if changes.startswith("raw:"):
        return changes[4:]
    objects = dict(base)
    for pair in changes.split(",") if "=" in changes else ():
        name, value = pair.split("=")
        objects[name] = value
    return tlv(tag, *(tlv(name, value) for name, value in objects.items() if value)) + "9000"


def generate_ac(
    p1: str = "80",
    tvr: str = NORMAL,
    cvm: str = "3F0002",
    amount: int = 1_000,
    currency: str = "0978",
) -> str:
    """What the terminal sends for the sale."""
    common = f"{amount:012d}{0:012d}0276{tvr}{currency}2601020011223344"
    return f"80AE{p1}002B{common}210000{0:016d}{cvm}00"


def run(
    last: tuple[str, str],
    *,
    aip: str = "1280",
    record: str = "-",
    amount: int = 1_000,
    config: TerminalConfig = CONFIG,
    currency: str = "978",
) -> TapOutcome:
    return tap(
        config,
        replace(SALE, amount_minor=amount, currency_numeric=currency),
        directory(entry(AID)),
        (select(AID), fci(AID)),
        (GPO, options(aip)),
        (READ, template(RECORD, record, "70")),
        last,
    )


# Terminal without scheme keys; the CVM limit is 100.00.
CARDS = """
amount AIP   record                    P1 TVR        CVM     | outcome         display     cvm
1000   1280  -                         80 8000008000 3F0002  | online_request  AUTHORISING no_cvm
0      1280  -                         80 8000000000 3F0002  | online_request  AUTHORISING no_cvm
10000  1280  -                         80 8000008000 3F0002  | online_request  AUTHORISING no_cvm
10001  1280  -                         80 8000008000 010002  | online_request  AUTHORISING cdcvm
10001  0280  -                         80 8000008000 010002  | online_request  AUTHORISING cdcvm
10001  1080  -                         00 8000808000 3F0001  | declined        DECLINED    no_cvm
1000   1080  -                         80 8000008000 1F0302  | online_request  AUTHORISING no_cvm
1000   1080  8E=00000000000000005E031F03  80 8000008000 1F0302  | online_request AUTHORISING no_cvm
1000   1080  8E=000000000000000042001F03  80 8000008000 1F0302  | online_request AUTHORISING no_cvm
1000   1080  8E=000000000000000002001F03  00 8000808000 020001  | declined    DECLINED    no_cvm
1000   1080  8E=00000000000000005E03      00 8000808000 3F0001  | declined    DECLINED    no_cvm
1000   1080  8E=00000000000000001F00      80 8000008000 1F0002  | online_request AUTHORISING no_cvm
1000   1080  8E=000003E9000000001F06      80 8000008000 1F0602  | online_request AUTHORISING no_cvm
1000   1080  8E=000003E8000000001F06      00 8000808000 3F0001  | declined    DECLINED    no_cvm
1000   1080  8E=000003E7000000001F07      80 8000008000 1F0702  | online_request AUTHORISING no_cvm
1000   1080  8E=00000000000003E91F08      80 8000008000 1F0802  | online_request AUTHORISING no_cvm
1000   1080  8E=00000000000003E81F09      00 8000808000 3F0001  | declined    DECLINED    no_cvm
1000   1080  8E=000003E9000000001F06,9F42=0392 00 8000808000 3F0001 | declined DECLINED no_cvm
1000   1080  8E=00000000000000001F01      00 8000808000 3F0001  | declined    DECLINED    no_cvm
1000   1080  8E=00000000000000001F        00 8000808000 3F0001  | declined    DECLINED    no_cvm
1000   1080  8E=                       80 8000008000 3F0000  | online_request  AUTHORISING no_cvm
1000   0080  -                         80 8000008000 3F0000  | online_request  AUTHORISING no_cvm
1000   1280  5F24=260102               80 8000008000 3F0002  | online_request  AUTHORISING no_cvm
1000   1280  5F24=260101               00 8040008000 3F0002  | declined        DECLINED    no_cvm
1000   1280  5F24=991231               00 8040008000 3F0002  | declined        DECLINED    no_cvm
1000   1280  5F25=260103               00 8020008000 3F0002  | declined        DECLINED    no_cvm
1000   1280  5F25=                     80 8000008000 3F0002  | online_request  AUTHORISING no_cvm
1000   1280  9F07=FE00                 00 8010008000 3F0002  | declined        DECLINED    no_cvm
1000   1280  9F07=D700                 00 8010008000 3F0002  | declined        DECLINED    no_cvm
1000   1280  9F07=D700,5F28=0392       80 8000008000 3F0002  | online_request  AUTHORISING no_cvm
1000   1280  9F07=2900,5F28=0392       00 8010008000 3F0002  | declined        DECLINED    no_cvm
1000   1280  9F07=0100,5F28=           80 8000008000 3F0002  | online_request  AUTHORISING no_cvm
1000   1280  9F07=                     80 8000008000 3F0002  | online_request  AUTHORISING no_cvm
1000   1280  9F0E=8000000000           00 8000008000 3F0002  | declined        DECLINED    no_cvm
1000   1280  9F0E=                     80 8000008000 3F0002  | online_request  AUTHORISING no_cvm
"""


@pytest.mark.parametrize(("asked", "expected"), text_table(CARDS))
def test_what_the_terminal_asks_for(asked: str, expected: str) -> None:
    """A terminal that declines never goes online, also when the card gives an ARQC."""
    amount, aip, record, p1, tvr, cvm = asked.split()
    kind, display, verified = expected.split()
    outcome = run(
        (generate_ac(p1, tvr, cvm, int(amount)), template(RESULT, "-", "77")),
        aip=aip,
        record=record,
        amount=int(amount),
    )
    assert (outcome.kind, outcome.display, outcome.cvm) == (
        OutcomeKind(kind),
        DISPLAYS[display],
        Cvm(verified),
    )
    if kind == "online_request":
        assert outcome.data[tags.TVR_95].hex().upper() == tvr
        assert outcome.data[tags.CVM_RESULTS_9F34].hex().upper() == cvm


ANSWERS = """
answer                                                  | outcome         display
-                                                       | online_request  AUTHORISING
9F27=88                                                 | online_request  AUTHORISING
9F27=00                                                 | declined        DECLINED
9F27=00,DF4B=000100                                     | try_again       SEE_PHONE
9F27=00,DF4B=000000                                     | declined        DECLINED
9F27=00,DF4B=0001                                       | declined        DECLINED
9F27=00,DF4B=00010000                                   | declined        DECLINED
9F27=80,DF4B=000100                                     | online_request  AUTHORISING
9F27=40                                                 | declined        DECLINED
9F27=C0                                                 | declined        DECLINED
9F27=                                                   | end_application TRY_ANOTHER
9F36=                                                   | end_application TRY_ANOTHER
9F26=                                                   | end_application TRY_ANOTHER
9F10=                                                   | end_application TRY_ANOTHER
9F36=00                                                 | end_application TRY_ANOTHER
raw:6985                                                | end_application TRY_ANOTHER
raw:6986                                                | end_application TRY_ANOTHER
raw:9000                                                | end_application TRY_ANOTHER
raw:779000                                              | end_application TRY_ANOTHER
raw:700080009000                                        | end_application TRY_ANOTHER
raw:80028000019000                                      | end_application TRY_ANOTHER
raw:8012800001001122334455667701158000009000             | end_application TRY_ANOTHER
raw:8012800001001122334455667701158000000000 9000      | online_request  AUTHORISING
raw:800B80000100112233445566779000                      | end_application TRY_ANOTHER
raw:80009000                                            | end_application TRY_ANOTHER
"""


@pytest.mark.parametrize(("changes", "expected"), text_table(ANSWERS))
def test_what_the_card_answers(changes: str, expected: str) -> None:
    kind, display = expected.split()
    outcome = run((generate_ac(), template(RESULT, changes, "77")))
    assert (outcome.kind, outcome.display) == (OutcomeKind(kind), DISPLAYS[display])


def test_the_short_form_of_answers_is_read() -> None:
    """Format 1 of both commands: values without tags."""
    result = "80" + "0001" + RESULT["9F26"] + RESULT["9F10"]
    outcome = tap(
        CONFIG,
        SALE,
        directory(entry(AID)),
        (select(AID), fci(AID)),
        (GPO, tlv("80", "1280", "08010100") + "9000"),
        (READ, template(RECORD, "-", "70")),
        (generate_ac(), tlv("80", result) + "9000"),
    )
    assert outcome.kind is OutcomeKind.ONLINE_REQUEST
    assert outcome.data[tags.AIP_82].hex() == "1280"
    assert {f"{tag:X}": outcome.data[tag].hex() for tag in (0x9F26, 0x9F27, 0x9F36, 0x9F10)} == {
        tag: value.lower() for tag, value in RESULT.items()
    }


OPTIONS = """
answer                                      | outcome          reason
779000                                      | end_application  the card's answer cannot be read
7704820212809000                            | end_application  the card left out mandatory data: 94
770694040801 01009000                       | end_application  the card left out mandatory data: 82
7709820112940408010100 9000                 | end_application  the card's 82 has a wrong size
800112809000                                | end_application  the card's answer cannot be read
8001129000                                  | end_application  the card's 82 has a wrong size
80009000                                    | end_application  the card's 82 has a wrong size
770A8202120094040801 01009000               | declined         the card offers magnetic-stripe
770A82021A0094040801 01009000               | declined         the card offers magnetic-stripe
80061200080101009000                        | declined         the card offers magnetic-stripe
770A8202128094040801 FF009000               | end_application  the card lists more than 64 records
770A8202128094040802 01009000               | end_application  the card's file locator cannot
770A8202128094040001 01009000               | end_application  the card's file locator cannot
77098202128094030801 019000                 | end_application  the card's file locator cannot
77148202128094040801010082021A8094040801 01009000 | end_application  the card gave 82 twice
"""


@pytest.mark.parametrize(("answer", "expected"), text_table(OPTIONS))
def test_profiles_and_locators_that_are_of_no_use(answer: str, expected: str) -> None:
    kind, reason = expected.split(maxsplit=1)
    steps = directory(entry(AID)), (select(AID), fci(AID)), (GPO, answer)
    outcome = tap(CONFIG, SALE, *steps)
    assert outcome.kind == kind
    assert outcome.reason.startswith(reason)


RECORDS = """
record                                       | reason
raw:6A83                                     | a record that the card lists cannot be read
raw:9000                                     | the card's answer is not the one template
raw:77009000                                 | the card's answer is not the one template
raw:700070009000                             | the card's answer is not the one template
raw:70815701009000                           | the card's answer cannot be read
raw:7003570501009000                         | the card's data cannot be read
raw:70039F36029000                           | the card's data cannot be read
57=                                          | the card left out mandatory data: 57
5F24=                                        | the card left out mandatory data: 5F24
8C=                                          | the card left out mandatory data: 8C
8C=9F                                        | the card's list of wanted data cannot be read
8C=9F02FF                                    | the card asks for more data than a command holds
5A=9998000000000026                          | the card gives two different card numbers
5F24=3012                                    | the card's 5F24 has a wrong size
5F34=0F                                      | the card's 5F34 is not made of digits
57=9998000000000025F3012201                  | the card's track 2 cannot be read
82=1380                                      | the card gave 82 twice, with different values
"""


@pytest.mark.parametrize(("record", "reason"), text_table(RECORDS))
def test_records_that_are_of_no_use(record: str, reason: str) -> None:
    outcome = tap(
        CONFIG,
        SALE,
        directory(entry(AID)),
        (select(AID), fci(AID)),
        (GPO, options()),
        (READ, template(RECORD, record, "70")),
    )
    assert outcome.kind is OutcomeKind.END_APPLICATION
    assert outcome.reason.startswith(reason)


def test_the_same_object_twice_is_one_object_but_two_values_are_an_error() -> None:
    twice = [tlv(tag, value) for tag, value in RECORD.items()]
    for extra, kind in ((RECORD["5A"], "online_request"), ("9998000000000026", "end_application")):
        steps = (
            directory(entry(AID)),
            (select(AID), fci(AID)),
            (GPO, options()),
            (READ, tlv("70", *twice, tlv("5A", extra)) + "9000"),
            (generate_ac(), template(RESULT, "-", "77")),
        )
        assert tap(CONFIG, SALE, *(steps if kind == "online_request" else steps[:-1])).kind == kind


@pytest.mark.parametrize(("last", "is_taken"), [(0x40, True), (0x41, False)])
def test_records_are_counted_before_they_are_read(last: int, is_taken: bool) -> None:
    steps = [
        directory(entry(AID)),
        (select(AID), fci(AID)),
        (GPO, options(locator=f"0801{last:02X}00")),
    ]
    if is_taken:
        steps += [(f"00B2{n:02X}0C00", template(RECORD, "-", "70")) for n in range(1, last + 1)]
        steps.append((generate_ac(), template(RESULT, "-", "77")))
    outcome = tap(CONFIG, SALE, *steps)
    assert (outcome.kind is OutcomeKind.ONLINE_REQUEST) is is_taken


def test_the_terminal_s_fields_are_not_taken_from_the_card() -> None:
    lies = "9F02=000000000001,5F2A=0392,9F37=00000000,9F34=010002,95=FFFFFFFFFF,9F35=99"
    outcome = run((generate_ac(), template(RESULT, "84=A0,9F33=FFFFFF", "77")), record=lies)
    assert {f"{tag:X}": value.hex().upper() for tag, value in outcome.data.items()} == {
        **RESULT,
        "57": RECORD["57"],
        "5F34": "01",
        "82": "1280",
        "84": AID.upper(),
        "95": NORMAL,
        "9A": "260102",
        "9C": "00",
        "5F2A": "0978",
        "9F02": "000000001000",
        "9F03": "000000000000",
        "9F1A": "0276",
        "9F1E": b"WRIST001".hex().upper(),
        "9F33": "000800",
        "9F34": "3F0002",
        "9F35": "21",
        "9F37": "11223344",
    }


def test_the_cryptogram_s_own_answer_counts() -> None:
    """Whatever the records said of the same tags before."""
    before = "9F36=FFFF,9F10=00,9F26=FFFFFFFFFFFFFFFF,9F27=00"
    outcome = run((generate_ac(), template(RESULT, "-", "77")), record=before)
    said = {tag: outcome.data[int(tag, 16)].hex() for tag in RESULT}
    assert said == {tag: value.lower() for tag, value in RESULT.items()}


def test_an_offline_approval_is_declined_and_says_so() -> None:
    outcome = run((generate_ac(), template(RESULT, "9F27=40", "77")))
    assert outcome.reason == "the card approved offline, which this terminal does not offer"


def test_another_currency_needs_the_cardholder_at_any_amount() -> None:
    config = replace(CONFIG, limits={2: Limits(10**9, 1, 10**9)})
    command = generate_ac(tvr=NORMAL, cvm="010002", amount=2, currency="0392")
    given = (command, template(RESULT, "-", "77"))
    outcome = run(given, amount=2, config=config, currency="392")
    assert outcome.cvm is Cvm.CDCVM


def test_a_recorded_magnetic_stripe_card_is_declined() -> None:
    """Its profile has no EMV mode; nothing is read and no dynamic number is asked for."""
    row = next(row for row in load("emv_traces")["rows"] if row["name"] == "contactless-msd")
    (_, selected), (_, opened) = row["apdus"][:2]
    steps = directory(entry(AID_2)), (select(AID_2), selected), (GPO, opened)
    outcome = tap(CONFIG, SALE, *steps)
    assert (outcome.kind, outcome.display) == (OutcomeKind.DECLINED, Display.DECLINED)
    assert outcome.reason == "the card offers magnetic-stripe mode only"
