"""Every sentence that the companion says about cards, locks and waiting, in English and Japanese.

One catalogue: a key, then both texts with the same placeholders. Amounts and times come in as
text, already written for the wearer.
"""

from __future__ import annotations

from typing import Final, Literal

Language = Literal["en", "ja"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "ja")

CATALOGUE: Final[dict[str, tuple[str, str]]] = {
    # ---- a card, both layers in one sentence
    "card.declined": (
        "Your bank did not accept this card; ask your bank or use another one.",
        "このカードは銀行に承認されませんでした。銀行に確認するか、別のカードを使ってください。",
    ),
    "card.deleted": ("This card was removed.", "このカードは削除されました。"),
    "card.deleted_waiting": (
        "This card was removed and cannot pay; it leaves the strap with the next sync.",
        "このカードは削除され、支払いには使えません。次の同期でデバイスから消えます。",
    ),
    "card.needs_code": (
        "Your bank wants to make sure that it is you; ask for a code and enter it.",
        "銀行による本人確認が必要です。確認コードを受け取って入力してください。",
    ),
    "card.loading": (
        "This card is on its way to the strap; keep the strap near and sync.",
        "カードをデバイスに登録中です。デバイスを近くに置いて同期してください。",
    ),
    "card.being_activated": (
        "This card is on the strap and waits for its bank; sync again in a moment.",
        "カードは登録済みで、銀行の有効化を待っています。少し待って同期してください。",
    ),
    "card.lost": (
        "Stopped because the strap is reported lost; your plastic card still works.",
        "デバイスの紛失届により停止中です。プラスチックカードは使えます。",
    ),
    "card.issuer": (
        "Your bank paused this card on the strap; only your bank can resume it.",
        "銀行がこのデバイスのカードを一時停止しました。再開できるのは銀行だけです。",
    ),
    "card.pin_locked": (
        "Paused because the PIN was entered wrongly too often; unlock or reset the PIN.",
        "パスコードの入力ミスが続いたため停止中です。解除または再設定してください。",
    ),
    "card.paused": (
        "You paused this card on the strap; resume it to pay, your plastic card still works.",
        "このカードは一時停止中です。再開すると支払えます。プラスチックカードは使えます。",
    ),
    "card.pays": ("This card pays when you tap.", "かざすとこのカードで支払います。"),
    "card.ready": (
        "Ready; make it the main card to pay with it.",
        "利用できます。支払うにはメインカードに設定してください。",
    ),
    "card.resuming": (
        "Resumed; the strap takes part again after the next sync.",
        "停止を解除しました。次の同期のあとデバイスで使えます。",
    ),
    "card.not_heard": (
        "The strap has not heard of it yet: a tap is refused all the same.",
        "デバイスには未反映ですが、かざしても支払いは拒否されます。",
    ),
    "card.renewal": (
        "A new number for it is on its way; you need not do anything.",
        "新しい番号に更新中です。操作は必要ありません。",
    ),
    "card.unknown": (
        "How this card stands is not known here; sync to find out.",
        "カードの状態が確認できません。同期してください。",
    ),
    # ---- the lock
    "lease.no_pin": (
        "There is no PIN yet; create one before the first card.",
        "パスコードが未設定です。最初のカードの前に作成してください。",
    ),
    "lease.blocked": (
        "The PIN is blocked after three wrong entries; your cards stay, reset the PIN.",
        "入力ミスが3回続きロックされました。カードは残っています。再設定してください。",
    ),
    "lease.locked": (
        "Locked: small amounts go on for a while, enter the PIN for larger ones.",
        "ロック中です。少額は支払えますが、高額の支払いにはパスコードが必要です。",
    ),
    "lease.too_old": (
        "The last PIN entry is too old, larger amounts are refused; enter the PIN again.",
        "前回の入力から時間が経ったため高額の支払いは拒否されます。再入力してください。",
    ),
    "lease.open": (
        "Unlocked: {taps} taps and {amount} left, until {until}.",
        "解除中: あと{taps}回、{amount}まで。期限は{until}。",
    ),
    "lease.soon": (
        "The unlock runs out soon: {taps} taps and {amount} left, until {until}; enter the PIN.",
        "まもなくロックされます: あと{taps}回、{amount}まで、期限{until}。入力してください。",
    ),
    "lease.until_unknown": ("an unknown time", "不明"),
    "free.left": (
        "Without PIN: {taps} taps and {amount} left on this card.",
        "パスコードなしの残り: このカードはあと{taps}回、{amount}まで。",
    ),
    "free.soon": (
        "Only {taps} taps or {amount} left without PIN on this card; enter the PIN soon.",
        "パスコードなしはあと{taps}回または{amount}です。早めに入力してください。",
    ),
    "free.out": (
        "This card asks for the PIN at the next tap.",
        "次の支払いではパスコードが必要です。",
    ),
    "free.always_pin": (
        "This card asks for the PIN at every amount.",
        "このカードは金額にかかわらずパスコードが必要です。",
    ),
    # ---- waiting
    "queued.suspend": (
        "The pause is kept on this phone, the card still pays until it is handed in.",
        "一時停止は保存されました。送信されるまでカードは使えます。",
    ),
    "queued.resume": (
        "The resumption is kept on this phone.",
        "停止解除の依頼は保存されました。",
    ),
    "queued.remove": (
        "The removal is kept on this phone, the card still pays until it is handed in.",
        "削除の依頼は保存されました。送信されるまでカードは使えます。",
    ),
    "queued.lost": (
        (
            "The loss is kept on this phone and not reported yet: the cards on the strap still pay;"
            " use another connection or call your bank."
        ),
        (
            "紛失届はまだ送信されていません。カードはまだ使えます。"
            "別の通信手段を使うか銀行に電話してください。"
        ),
    ),
    "queued.found": (
        "The find is kept on this phone, the cards stay stopped until it is handed in.",
        "発見の届けは保存されました。送信されるまでカードは停止したままです。",
    ),
    "queued.rename": ("The new name is kept on this phone.", "新しい名前は保存されました。"),
    "queued.revoke_phone": (
        "The other phone's removal is kept on this phone.",
        "電話の解除依頼は保存されました。",
    ),
    "queued.active_card": (
        "The strap switched; the server hears of it later.",
        "デバイスは切り替わりました。サーバーには後で伝わります。",
    ),
    "queued.lease_report": (
        "Unlocked; the server hears of it later.",
        "解除しました。サーバーには後で伝わります。",
    ),
    "queued.pin_statement": (
        "The server hears of the PIN later.",
        "パスコードの状態は後でサーバーに伝わります。",
    ),
    "queued.server_away": (
        "It is handed in as soon as the server answers; nothing else is needed.",
        "サーバーに接続でき次第、自動で送信されます。",
    ),
    "queued.server_busy": (
        "It is handed in with the next sync; the server said: {reason}",
        "次の同期で送信されます。サーバーの応答: {reason}",
    ),
    "server_away": ("The server does not answer.", "サーバーに接続できません。"),
    "older_first": (
        "server: older requests for this strap wait to be handed in; sync, then try again",
        "サーバー: このデバイスの以前の依頼が送信待ちです。同期してから再度お試しください",
    ),
    "look_again": ("Look at the card or strap again.", "カードまたはデバイスを確認してください。"),
    "cancel.sent": (
        "It may have reached the server already.",
        "すでにサーバーに届いている可能性があります。",
    ),
    "cancel.sent.next": (
        "Sync to see how it ended, then undo it (resume, found, the old name).",
        "同期して結果を確認し、取り消してください(停止解除、発見、元の名前)。",
    ),
    "cancel.unknown": ("Nothing of that number waits.", "その番号の依頼はありません。"),
    "cancel.unknown.next": ("List what waits.", "送信待ちの一覧を確認してください。"),
    "revoke.strap": (
        "The phone is no longer the brand's; the strap itself still knows it.",
        "電話の登録は解除されましたが、デバイスにはまだ残っています。",
    ),
    "revoke.server": (
        "The strap no longer accepts the phone; the server hears of it later.",
        "デバイスはその電話を受け付けません。サーバーには後で伝わります。",
    ),
    "revoke.next": (
        "Sync near the strap to finish it.",
        "デバイスの近くで同期して完了してください。",
    ),
    # ---- a lost strap
    "lost.done": (
        "Reported lost: every card on the strap is stopped. Your plastic cards still work.",
        "紛失を届け出ました。デバイスのカードはすべて停止しました。プラスチックカードは使えます。",
    ),
    "lost.phone": (
        "Messages, activity and finding the strap still work from a phone that is paired with it.",
        "通知、活動記録、デバイスを探す機能は登録済みの電話から使えます。",
    ),
    "lost.undo": (
        "Found it? Report it found: the cards that this stopped are resumed.",
        "見つかったら発見を届けてください。この届けで停止したカードが再開します。",
    ),
    "found.done": (
        "Reported found: the cards that the loss stopped are resumed; sync the strap.",
        "発見を届け出ました。停止したカードを再開します。デバイスを同期してください。",
    ),
    "found.pin": (
        "Enter the PIN on the strap's own phone before larger amounts.",
        "高額の支払いの前にパスコードを入力してください。",
    ),
}


def say(key: str, language: Language = "en", **values: object) -> str:
    """Return one text of the catalogue with its placeholders filled; KeyError for a wrong key."""
    text = CATALOGUE[key][LANGUAGES.index(language)]
    return text.format(**values) if values else text
