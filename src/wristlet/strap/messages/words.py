"""The few texts that a strap says by itself, in the languages it speaks."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from wristlet.wire.strap.message_choices import Reason


@dataclass(frozen=True, slots=True)
class Words:
    """One language; `{}` stands for a number."""

    new_message: str
    more: str
    on_the_phone: str
    call: str
    missed_call: str
    unknown_caller: str
    alarm: str
    missed_alarm: str
    timer: str
    timer_over: str
    payment: str
    paid: str
    declined: MappingProxyType[Reason, str]
    finding: str
    no_phone: str
    wait: str


ENGLISH: Final = Words(
    new_message="New message",
    more="+{} more",
    on_the_phone="see your phone",
    call="Call",
    missed_call="Missed call",
    unknown_caller="Unknown caller",
    alarm="Alarm",
    missed_alarm="Missed alarm",
    timer="Timer",
    timer_over="Time was up",
    payment="Payment",
    paid="paid",
    declined=MappingProxyType(
        {
            Reason.FUNDS: "declined: not enough money",
            Reason.LIMIT: "declined: over the limit",
            Reason.CARD_PAUSED: "declined: card is paused",
            Reason.PIN_NEEDED: "declined: PIN needed",
            Reason.SECURITY: "declined for safety",
            Reason.BANK_AWAY: "declined: bank not reached",
            Reason.OTHER: "declined",
        }
    ),
    finding="Looking for phone",
    no_phone="Phone out of reach",
    wait="ringing",
)

JAPANESE: Final = Words(
    new_message="新着メッセージ",
    more="ほか{}件",
    on_the_phone="スマホで確認",
    call="着信",
    missed_call="不在着信",
    unknown_caller="非通知",
    alarm="アラーム",
    missed_alarm="鳴らなかったアラーム",
    timer="タイマー",
    timer_over="終了していました",
    payment="お支払い",
    paid="支払い完了",
    declined=MappingProxyType(
        {
            Reason.FUNDS: "不可: 残高不足",
            Reason.LIMIT: "不可: 限度額超過",
            Reason.CARD_PAUSED: "不可: カード停止中",
            Reason.PIN_NEEDED: "不可: PINが必要",
            Reason.SECURITY: "不可: 安全のため",
            Reason.BANK_AWAY: "不可: 銀行に接続できず",
            Reason.OTHER: "利用不可",
        }
    ),
    finding="スマホを探しています",
    no_phone="スマホが圏外です",
    wait="呼び出し中",
)

_LANGUAGES: Final = MappingProxyType({"en": ENGLISH, "ja": JAPANESE})


def words(language: str) -> Words:
    """Return the texts of a language by its two-letter code; English for any other."""
    return _LANGUAGES.get(language, ENGLISH)
