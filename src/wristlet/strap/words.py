"""What the firmware itself says, in each of its languages; every text fits 16 cells."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from wristlet.wire.strap.settings import Language


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one language; braces take a number."""

    card: str
    card_of: str
    pay_now: str
    hold_near: str
    no_card: str
    add_card: str
    sent: str
    wait: str
    hold_again: str
    see_phone: str
    enter_pin: str
    declined: str
    other_card: str
    refused: str
    taps_to_pin: str
    pin_next: str
    compare: str
    code: str
    paired: str
    not_paired: str
    battery: str
    charge_soon: str
    shutting_down: str
    reserve_taps: str
    finding: str
    ringing: str
    no_phone: str
    normal: str
    standalone: str
    sleep: str
    failed: str
    settings_lost: str


ENGLISH: Final = Words(
    card="Card {}",
    card_of="{} of {}",
    pay_now="Pay now",
    hold_near="Hold to reader",
    no_card="No card active",
    add_card="Use the phone",
    sent="Card read",
    wait="Wait for bank",
    hold_again="Hold again",
    see_phone="See phone",
    enter_pin="Enter your PIN",
    declined="Declined",
    other_card="Try another card",
    refused="Not accepted",
    taps_to_pin="Taps to PIN: {}",
    pin_next="PIN needed next",
    compare="Same digits?",
    code="Pairing code",
    paired="Paired",
    not_paired="Not paired",
    battery="Battery {}%",
    charge_soon="Charge soon",
    shutting_down="Shutting down",
    reserve_taps="Taps left: {}",
    finding="Here I am",
    ringing="Phone is ringing",
    no_phone="No phone near",
    normal="Normal mode",
    standalone="Bluetooth off",
    sleep="Payments only",
    failed="Not possible now",
    settings_lost="Settings lost",
)
JAPANESE: Final = Words(
    card="カード{}",
    card_of="{} / {}",
    pay_now="今すぐ支払い",
    hold_near="かざしてください",
    no_card="カードなし",
    add_card="スマホで設定",
    sent="読み取りました",
    wait="銀行の返事待ち",
    hold_again="もう一度かざす",
    see_phone="スマホを確認",
    enter_pin="パスコード入力",
    declined="使えません",
    other_card="別のカードで",
    refused="使えない端末です",
    taps_to_pin="あと{}回で入力",
    pin_next="次はパスコード",
    compare="同じ数字ですか",
    code="登録コード",
    paired="登録しました",
    not_paired="登録できません",
    battery="電池 {}%",
    charge_soon="充電してください",
    shutting_down="電源を切ります",
    reserve_taps="支払いあと{}回",
    finding="ここです",
    ringing="スマホを鳴らす",
    no_phone="スマホが遠い",
    normal="通常モード",
    standalone="通信オフ",
    sleep="支払いのみ",
    failed="今はできません",
    settings_lost="設定が消えました",
)
WORDS: Final = MappingProxyType({Language.ENGLISH: ENGLISH, Language.JAPANESE: JAPANESE})
