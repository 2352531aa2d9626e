"""What the phone knows of a notification, and what of it goes onto the strap.

Pure functions: texts are cut to the wire's and the strap's sizes, and content that the strap may
never show does not leave the phone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from wristlet.companion.errors import InputError
from wristlet.model.graphemes import cut_bytes
from wristlet.wire.strap.message_choices import Category, Hide, Level
from wristlet.wire.strap.messages import (
    ACTIONS_MAX,
    APP_BYTES,
    BODY_BYTES,
    LABEL_BYTES,
    MERCHANT_BYTES,
    NAME_BYTES,
    TITLE_BYTES,
    Action,
    AppRule,
    Notice,
    Payment,
    Rules,
)

KEY_BYTES_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification of the phone; the same `app` and `key` again means new content of it."""

    app: str
    key: str
    time_ms: int
    name: str = ""
    """What the wearer calls the app."""
    title: str = ""
    body: str = ""
    category: Category = Category.OTHER
    level: Level = Level.NORMAL
    expires_ms: int = 0
    favourite: bool = False
    actions: tuple[Action, ...] = ()
    payment: Payment | None = None


def notice_of(found: Notification) -> Notice:
    """Return a notification's content as it is kept for the strap; raises InputError."""
    if not 0 < len(found.app.encode("utf-8", "replace")) <= APP_BYTES or found.app.startswith("#"):
        raise InputError("app", f"an id of 1 to {APP_BYTES} bytes that does not begin with #")
    if not 0 < len(found.key.encode("utf-8", "replace")) <= KEY_BYTES_MAX:
        raise InputError("key", f"1 to {KEY_BYTES_MAX} bytes that tell one message from another")
    if len(found.actions) > ACTIONS_MAX:
        raise InputError("actions", f"at most {ACTIONS_MAX}; leave the least used out")
    payment = found.payment and replace(
        found.payment,
        merchant=cut_bytes(found.payment.merchant, MERCHANT_BYTES),
        card_name=cut_bytes(found.payment.card_name, NAME_BYTES),
    )
    return Notice(
        cut_bytes(found.app, APP_BYTES),
        cut_bytes(found.name, NAME_BYTES),
        found.time_ms,
        cut_bytes(found.title, TITLE_BYTES),
        cut_bytes(found.body, BODY_BYTES),
        Category.PAYMENT if payment else found.category,
        found.level,
        found.expires_ms,
        found.favourite,
        tuple(replace(a, label=cut_bytes(a.label, LABEL_BYTES)) for a in found.actions),
        payment,
    )


def rule_for(app: str, rules: Rules) -> AppRule:
    """Return the rule of an app: its own, else the one for all others."""
    by_app = {rule.app: rule for rule in rules.apps}
    return by_app.get(app) or by_app.get("") or AppRule()


def fitted(notice: Notice, rules: Rules, *, title_bytes: int, body_bytes: int) -> Notice:
    """Return what goes onto the strap: no content that is always hidden, no more than it keeps."""
    if rules.hide is Hide.ALWAYS or rule_for(notice.app, rules).hidden:
        return replace(notice, title="", body="", actions=(), payment=None)
    return replace(
        notice,
        title=cut_bytes(notice.title, title_bytes),
        body=cut_bytes(notice.body, body_bytes),
    )
