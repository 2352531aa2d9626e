"""Offline data authentication at the terminal: one changed field declines, never goes online."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from support.pos_cards import ABOVE, CDA, FDDA, ODA_CONFIG, SALE, Field, SignedCard
from support.rsa_keys import rsa_key
from support.scripted_card import play
from wristlet.crypto import oda
from wristlet.crypto.rsa import RsaPublicKey
from wristlet.pos.config import TerminalConfig
from wristlet.pos.kernel.entry import run_tap
from wristlet.pos.kernel.outcome import Display, OutcomeKind, TapOutcome
from wristlet.pos.kernel.sale import Sale
from wristlet.wire import ber
from wristlet.wire.emv import tags
from wristlet.wire.gp import aids

FAILED = "offline authentication failed: "
CARDS = pytest.mark.parametrize("card", [FDDA, CDA], ids=["fDDA", "CDA"])
CONSTRUCTED = (0x70, 0x77, 0x6F, 0xA5)


def pay(
    card: SignedCard,
    change: Callable[[int, bytes], bytes | None] = lambda tag, value: value,
    config: TerminalConfig = ODA_CONFIG,
    sale: Sale = SALE,
    *,
    unlocked: bool = False,
) -> TapOutcome:
    """Tap a card whose answers are changed, object by object (None takes one out), on the way."""
    field = Field(card, unlocked=unlocked)

    def rebuilt(content: bytes) -> bytes:
        parts = []
        for item in ber.parse(content):
            value = rebuilt(item.value) if item.tag in CONSTRUCTED else change(item.tag, item.value)
            parts.append(b"" if value is None else ber.encode(item.tag, value))
        return b"".join(parts)

    def answer(command: bytes) -> bytes:
        said = field.answer(command)
        is_selection = command[1] == 0xA4
        return said if is_selection else rebuilt(said[:-2]) + said[-2:]

    return play(run_tap(config, sale), answer)


def flipped(value: bytes, at: int = -1, mask: int = 1) -> bytes:
    changed = bytearray(value)
    changed[at] ^= mask
    return bytes(changed)


def test_untouched_cards_go_online() -> None:
    for card in (FDDA, CDA):
        outcome = pay(card)
        assert outcome.kind is OutcomeKind.ONLINE_REQUEST, outcome.reason
        assert outcome.data[tags.TERMINAL_CAPABILITIES_9F33].hex() == "000848"
        assert len(outcome.data[tags.APPLICATION_CRYPTOGRAM_9F26]) == 8
        assert tags.SIGNED_DYNAMIC_APPLICATION_DATA_9F4B not in outcome.data
    assert pay(CDA).data[tags.TVR_95].hex() == "0000008000"
    assert pay(FDDA).data[tags.TTQ_9F66].hex() == "21804000"


@CARDS
def test_the_device_s_own_verification_is_signed_too(card: SignedCard) -> None:
    assert pay(card, sale=ABOVE, unlocked=True).kind is OutcomeKind.ONLINE_REQUEST
    assert pay(card, sale=ABOVE).display is Display.SEE_PHONE


@CARDS
def test_a_terminal_without_scheme_keys_takes_the_card_online(card: SignedCard) -> None:
    outcome = pay(card, config=replace(ODA_CONFIG, ca_keys={}))
    assert outcome.kind is OutcomeKind.ONLINE_REQUEST


BOTH = {
    "CA index": 0x8F,
    "issuer certificate": 0x90,
    "issuer exponent": 0x9F32,
    "card certificate": 0x9F46,
    "card exponent": 0x9F47,
    "card remainder": 0x9F48,
    "signature": 0x9F4B,
    "name": 0x4F,
    "tag list": 0x9F4A,
    "ATC": 0x9F36,
    "card number": 0x5A,
}


@CARDS
@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("how", ["first", "last", "out", "short", "long"])
def test_one_changed_field_declines(card: SignedCard, name: str, how: str) -> None:
    """A03: no damage of the chain, of what it covers or of the signature opens the way online."""
    changes: dict[str, Callable[[bytes], bytes | None]] = {
        "first": lambda value: flipped(value, 0),
        "last": flipped,
        "out": lambda value: None,
        "short": lambda value: value[:-1],
        "long": lambda value: value + b"\0",
    }
    hit = []

    def change(tag: int, value: bytes) -> bytes | None:
        if tag != BOTH[name]:
            return value
        hit.append(tag)
        return changes[how](value)

    outcome = pay(card, change)
    assert hit
    assert outcome.kind in (OutcomeKind.DECLINED, OutcomeKind.END_APPLICATION), outcome.reason
    if how in ("first", "last") and name != "card number":
        assert outcome.reason.startswith(FAILED)
        assert outcome.display is Display.DECLINED


@CARDS
@pytest.mark.parametrize("bit", range(16))
def test_a_changed_profile_declines(card: SignedCard, bit: int) -> None:
    """Also one from which the function itself was taken out (AIP is static data)."""

    def change(tag: int, value: bytes) -> bytes:
        return flipped(value, bit // 8, 0x80 >> bit % 8) if tag == tags.AIP_82 else value

    outcome = pay(card, change)
    assert outcome.kind is OutcomeKind.DECLINED
    if card is FDDA:
        assert outcome.reason.startswith(FAILED)


@pytest.mark.parametrize("bit", range(16))
def test_changed_qualifiers_decline(bit: int) -> None:
    """A01: what the card says about the cardholder is signed."""

    def change(tag: int, value: bytes) -> bytes:
        return flipped(value, bit // 8, 0x80 >> bit % 8) if tag == tags.CTQ_9F6C else value

    outcome = pay(FDDA, change)
    assert outcome.reason == FAILED + "the card's qualifiers are not the signed ones"
    outcome = pay(FDDA, change, sale=ABOVE, unlocked=True)
    assert outcome.kind is OutcomeKind.DECLINED


@pytest.mark.parametrize("at", range(7))
def test_changed_related_data_decline(at: int) -> None:
    def change(tag: int, value: bytes) -> bytes:
        return flipped(value, at) if tag == 0x9F69 else value

    assert pay(FDDA, change).reason.startswith(FAILED)


@pytest.mark.parametrize("missing", [tags.CTQ_9F6C, tags.CARD_AUTHENTICATION_RELATED_DATA_9F69])
def test_qualifiers_and_related_data_must_be_there(missing: int) -> None:
    outcome = pay(FDDA, lambda tag, value: None if tag == missing else value)
    assert outcome.reason.startswith(FAILED)


def test_qualifiers_changed_in_both_places_decline() -> None:
    def change(tag: int, value: bytes) -> bytes:
        is_told = tag in (tags.CTQ_9F6C, tags.CARD_AUTHENTICATION_RELATED_DATA_9F69)
        return value[:-1] + b"\x80" if is_told else value

    assert pay(FDDA, change).reason.startswith(FAILED)


def test_a_cryptogram_beside_the_signature_is_not_taken() -> None:
    """A04: the cryptogram comes out of the signature; another one beside it ends the tap."""
    field = Field(CDA)

    def answer(command: bytes) -> bytes:
        said = field.answer(command)
        if command[1] != 0xAE:
            return said
        content = ber.require(said[:-2], 0x77) + bytes.fromhex("9F260800112233445566770000")[:11]
        return ber.encode(0x77, content) + said[-2:]

    outcome = play(run_tap(ODA_CONFIG, SALE), answer)
    assert outcome.reason.startswith(FAILED)


@pytest.mark.parametrize("mask", [0x40, 0x80, 0x01, 0xC0])
def test_another_kind_of_cryptogram_than_the_signed_one_declines(mask: int) -> None:
    outcome = pay(CDA, lambda tag, value: flipped(value, 0, mask) if tag == 0x9F27 else value)
    assert outcome.kind is OutcomeKind.DECLINED


def test_an_unsigned_answer_where_a_signed_one_was_asked_for_declines() -> None:
    """The command's request for a signature is taken out on the way."""
    field = Field(CDA)

    def answer(command: bytes) -> bytes:
        if command[1] == 0xAE:
            command = command[:2] + b"\x80" + command[3:]
        return field.answer(command)

    outcome = play(run_tap(ODA_CONFIG, SALE), answer)
    assert outcome.reason == FAILED + "the card did not sign"


@pytest.mark.parametrize("at", [1, 3, 19, 25, 28, 40])
def test_changed_terminal_data_break_the_combined_signature(at: int) -> None:
    """Amount, currency, number: the signature covers what the card itself received."""
    field = Field(CDA, unlocked=True)

    def answer(command: bytes) -> bytes:
        changed = flipped(command, 5 + at) if command[1] == 0xAE else command
        return field.answer(changed)

    outcome = play(run_tap(ODA_CONFIG, SALE), answer)
    assert outcome.kind is OutcomeKind.DECLINED


@pytest.mark.parametrize("at", [5, 9, 23, 24, 29, 32])
def test_changed_terminal_data_break_the_dynamic_signature(at: int) -> None:
    field = Field(FDDA, unlocked=True)

    def answer(command: bytes) -> bytes:
        return field.answer(flipped(command, 7 + at) if command[1] == 0xA8 else command)

    outcome = play(run_tap(ODA_CONFIG, SALE), answer)
    assert outcome.reason.startswith(FAILED)


@CARDS
def test_the_signed_name_is_the_selected_one(card: SignedCard) -> None:
    """A02: the whole instance name or the registered one; another brand's declines."""
    own, other = card.product.registered_aid, aids.KERNEL_2
    if card is CDA:
        other = aids.KERNEL_3
    for name, kind in (
        (aids.instance_aid(own, 1), OutcomeKind.ONLINE_REQUEST),
        (own, OutcomeKind.ONLINE_REQUEST),
        (aids.instance_aid(own, 2), OutcomeKind.DECLINED),
        (other, OutcomeKind.DECLINED),
        (aids.instance_aid(other, 1), OutcomeKind.DECLINED),
        (own[:5], OutcomeKind.DECLINED),
    ):
        outcome = pay(replace(card, name=name))
        assert outcome.kind is kind, name.hex()


@CARDS
def test_a_brand_swapped_on_the_way_does_not_go_online(card: SignedCard) -> None:
    """The directory and all names say the other kernel than the one of the card behind them."""
    field = Field(card)
    own, other = aids.KERNEL_3, aids.KERNEL_2
    named, renamed = b"\x9f\x2a\x01\x03", b"\x9f\x2a\x01\x02"
    if card is CDA:
        own, other, named, renamed = other, own, renamed, named

    def answer(command: bytes) -> bytes:
        said = field.answer(command.replace(other, own))
        return said.replace(own, other).replace(named, renamed) if command[1] == 0xA4 else said

    assert play(run_tap(ODA_CONFIG, SALE), answer).kind is OutcomeKind.END_APPLICATION
    assert own in field.heard[1], "the card was selected under its own name"


@CARDS
@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({(b"\xa0\0\0\0\x25", 0xF1): rsa_key("ca").public}, "does not know the card scheme's key"),
        ({(aids.KERNEL_3[:5], 0xF0): rsa_key("ca").public}, "does not know the card scheme's key"),
        ("icc_other", "no such format"),
    ],
)
def test_the_scheme_s_key_must_be_known(
    card: SignedCard, keys: dict[tuple[bytes, int], RsaPublicKey] | str, reason: str
) -> None:
    if isinstance(keys, str):
        keys = dict.fromkeys(ODA_CONFIG.ca_keys, rsa_key("issuer").public)
        reason = "certificate"
    outcome = pay(card, config=replace(ODA_CONFIG, ca_keys=keys))
    assert outcome.kind is OutcomeKind.DECLINED
    assert reason in outcome.reason


@CARDS
def test_expired_certificates_decline(card: SignedCard) -> None:
    """The chain counts to the end of 12/30; the card's own date would allow that day too."""
    in_time = pay(card, sale=replace(SALE, date_yymmdd="301231"))
    assert in_time.kind is OutcomeKind.ONLINE_REQUEST
    late = pay(card, sale=replace(SALE, date_yymmdd="310101"))
    assert late.kind is OutcomeKind.DECLINED


@CARDS
def test_records_left_out_of_the_locator_decline(card: SignedCard) -> None:
    for locator in ("08010100", "08020300", "08010300", "08010302"):

        def change(tag: int, value: bytes, locator: str = locator) -> bytes:
            return bytes.fromhex(locator) if tag == tags.AFL_94 else value

        assert pay(card, change).kind in (OutcomeKind.DECLINED, OutcomeKind.END_APPLICATION)


def test_no_reason_shows_a_number() -> None:
    for card in (FDDA, CDA):
        for tag in (0x90, 0x9F46, 0x9F4B, 0x4F, 0x5A, 0x57):

            def change(seen: int, value: bytes, tag: int = tag) -> bytes:
                return flipped(value) if seen == tag else value

            outcome = pay(card, change)
            assert not any(digits in repr(outcome) for digits in ("99980", "9998000000000025"))


# ------------------------------------------------------------------ cards that sign something else

ICC = rsa_key("icc")
UN = SALE.unpredictable_number


def signed_anew(
    said: bytes, cdol_data: bytes, *, pdol_data: bytes = b"", cid: int = 0x80, beside: bytes = b""
) -> bytes:
    """A GENERATE AC answer with a signature of the right key over what the test wants."""
    items = ber.parse(ber.require(said[:-2], 0x77))
    rest = b"".join(ber.encode(one.tag, one.value) for one in items if one.tag != 0x9F4B) + beside
    covered = oda.transaction_hash(pdol_data, cdol_data, rest)
    signature = oda.sign_cda(ICC, b"\0\1", cid, bytes.fromhex("0011223344556677"), covered, UN)
    return ber.encode(0x77, rest + ber.encode(0x9F4B, signature)) + said[-2:]


@pytest.mark.parametrize(
    ("cid", "beside", "kind"),
    [
        (0x80, "", OutcomeKind.ONLINE_REQUEST),
        (0x40, "", OutcomeKind.DECLINED),
        (0x80, "9F26080011223344556677", OutcomeKind.ONLINE_REQUEST),
        (0x80, "9F26080011223344556678", OutcomeKind.DECLINED),
    ],
)
def test_what_the_signature_says_is_what_the_answer_says(
    cid: int, beside: str, kind: OutcomeKind
) -> None:
    field = Field(CDA)

    def answer(command: bytes) -> bytes:
        said = field.answer(command)
        if command[1] != 0xAE:
            return said
        return signed_anew(said, command[5:48], cid=cid, beside=bytes.fromhex(beside))

    outcome = play(run_tap(ODA_CONFIG, SALE), answer)
    assert outcome.kind is kind
    if kind is OutcomeKind.ONLINE_REQUEST:
        assert outcome.data[tags.APPLICATION_CRYPTOGRAM_9F26].hex() == "0011223344556677"


@pytest.mark.parametrize(
    ("signed", "kind"),
    [(UN, OutcomeKind.ONLINE_REQUEST), (b"", OutcomeKind.DECLINED)],
)
def test_the_combined_signature_covers_the_pdol_data(signed: bytes, kind: OutcomeKind) -> None:
    """A card that asks for data at GET PROCESSING OPTIONS signs them too."""
    field = Field(CDA)

    def answer(command: bytes) -> bytes:
        if command[1] == 0xA8:
            assert command.hex() == "80a80000068304" + UN.hex() + "00"
            return field.answer(bytes.fromhex("80A8000002830000"))
        said = field.answer(command)
        if command[1] == 0xA4 and b"2PAY" not in command:
            proprietary = ber.require(said[:-2], 0x6F, 0xA5) + bytes.fromhex("9F38039F3704")
            content = ber.encode(0x84, field.aid) + ber.encode(0xA5, proprietary)
            return ber.encode(0x6F, content) + said[-2:]
        if command[1] == 0xAE:
            return signed_anew(said, command[5:48], pdol_data=signed)
        return said

    assert play(run_tap(ODA_CONFIG, SALE), answer).kind is kind


@pytest.mark.parametrize(
    ("version", "atc", "kind"),
    [
        (1, "0001", OutcomeKind.ONLINE_REQUEST),
        (2, "0001", OutcomeKind.DECLINED),
        (1, "0002", OutcomeKind.DECLINED),
    ],
)
def test_related_data_have_one_version_and_the_number_is_the_counter(
    version: int, atc: str, kind: OutcomeKind
) -> None:
    related = bytes((version,)) + b"abcd\0\0"
    amount, currency = bytes.fromhex("000000001000"), bytes.fromhex("0978")
    signature = oda.sign_fdda(ICC, bytes.fromhex(atc), UN, amount, currency, related)

    def change(tag: int, value: bytes) -> bytes:
        return {0x9F4B: signature, 0x9F69: related}.get(tag, value)

    assert pay(FDDA, change).kind is kind


@pytest.mark.parametrize("listed", ["9F10", "828F", "8282", ""])
def test_static_data_beside_the_profile_are_refused(listed: str) -> None:
    def change(tag: int, value: bytes) -> bytes:
        return bytes.fromhex(listed) if tag == tags.SDA_TAG_LIST_9F4A else value

    reason = "the card's list of static data names more than the AIP"
    assert pay(FDDA, change).reason == FAILED + reason
