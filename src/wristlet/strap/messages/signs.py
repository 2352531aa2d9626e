"""How messages, calls, alarms and timers look and feel: contents become signals.

Pure functions; what may be seen is decided here at the moment it is shown, by the wearer's rules
and by whether the strap is on the wrist.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from wristlet.model.money import CURRENCIES, Money
from wristlet.strap.messages.store import Origin
from wristlet.strap.messages.words import Words
from wristlet.strap.signals import Colour, Light, Signal, Urgency, Vibration
from wristlet.wire.strap.message_choices import (
    Buzz,
    Hide,
    Hue,
    Level,
    Override,
    Verdict,
)
from wristlet.wire.strap.messages import Alarm, AppRule, Notice, Payment, Rules

HOLD_MS: Final = 4_000
HOLD_MAX_MS: Final = 12_000
HOLD_SIGNS: Final = 24
"""So many signs are read in `HOLD_MS`; each further one holds the text longer."""
MS_PER_SIGN: Final = 80
RING_PERIOD_MS: Final = 3_000

_COLOURS: Final = MappingProxyType(dict(zip(Hue, Colour, strict=True)))
BUZZES: Final = MappingProxyType(
    {
        Buzz.NONE: None,
        Buzz.SHORT: Vibration((150,)),
        Buzz.LONG: Vibration((600,)),
        Buzz.DOUBLE: Vibration((150, 120, 150)),
        Buzz.TRIPLE: Vibration((150, 120, 150, 120, 150)),
        Buzz.HEARTBEAT: Vibration((80, 80, 200, 500, 80, 80, 200)),
    }
)
CALL_BUZZ: Final = Vibration((400, 200, 400, 200, 400))
ALARM_BUZZ: Final = Vibration((300, 150, 300, 150, 300, 150, 300))
_URGENCIES: Final = MappingProxyType(
    {Level.QUIET: Urgency.QUIET, Level.NORMAL: Urgency.NORMAL, Level.URGENT: Urgency.URGENT}
)
_OVERRIDES: Final = MappingProxyType(
    {Override.QUIET: Level.QUIET, Override.NORMAL: Level.NORMAL, Override.URGENT: Level.URGENT}
)
_ANY_APP: Final = AppRule()
OWN_APPS: Final = MappingProxyType(
    {Origin.CALL: "#call", Origin.ALARM: "#alarm", Origin.TIMER: "#timer"}
)
"""No phone's app is called so: rules for apps leave the strap's own notices alone."""


def rule_for(app: str, rules: Rules) -> AppRule:
    """Return the rule of an app: its own, else the one for all others, else the house's."""
    if app in OWN_APPS.values():
        return _ANY_APP
    by_app = {rule.app: rule for rule in rules.apps}
    return by_app.get(app) or by_app.get("") or _ANY_APP


def level_of(notice: Notice, rules: Rules) -> Level:
    """Return how pressing a message is, after its app's rule."""
    return _OVERRIDES.get(rule_for(notice.app, rules).level, notice.level)


def hides(rules: Rules, *, worn: bool) -> bool:
    """Tell whether contents are hidden now."""
    return rules.hide is Hide.ALWAYS or (rules.hide is Hide.NOT_WORN and not worn)


def is_hidden(notice: Notice, rules: Rules, *, worn: bool) -> bool:
    """Tell whether only the app may be named now."""
    return rule_for(notice.app, rules).hidden or hides(rules, worn=worn)


def message(
    notice: Notice, rules: Rules, words: Words, *, worn: bool, alert: bool, buzz: bool
) -> Signal:
    """Return a message as it is shown now; without `alert` it only stands there."""
    rule = rule_for(notice.app, rules)
    lines = _lines(notice, words, hidden=is_hidden(notice, rules, worn=worn), worn=worn)
    urgency = _URGENCIES[level_of(notice, rules)]
    if not alert or urgency is Urgency.QUIET:
        return Signal(lines, urgency=urgency, hold_ms=_hold_ms(lines))
    light, vibration = Light(_COLOURS[rule.hue], 2), BUZZES[rule.buzz]
    if notice.payment is not None:
        declined = notice.payment.verdict is Verdict.DECLINED
        light = Light(Colour.RED, 3) if declined else Light(Colour.GREEN)
        vibration = BUZZES[Buzz.LONG if declined else Buzz.SHORT]
    return Signal(lines, light, vibration if buzz else None, urgency, _hold_ms(lines))


def call(caller: str, words: Words, *, hidden: bool, silent: bool) -> Signal:
    """Return one ring of a call; it is repeated while the call rings."""
    lines = (words.call, "" if hidden else caller or words.unknown_caller)
    light = Light(Colour.GREEN, 3)
    return Signal(
        _shown(*lines), light, None if silent else CALL_BUZZ, Urgency.URGENT, RING_PERIOD_MS
    )


def alarm(set_: Alarm, words: Words, *, silent: bool) -> Signal:
    """Return one ring of an alarm, with its local time."""
    clock = f"{set_.minute // 60}:{set_.minute % 60:02}"
    return _ring(f"{words.alarm} {clock}", set_.label, silent=silent)


def timer(label: str, words: Words, *, silent: bool) -> Signal:
    """Return one ring of a timer."""
    return _ring(words.timer, label, silent=silent)


def _ring(name: str, label: str, *, silent: bool) -> Signal:
    buzz = None if silent else ALARM_BUZZ
    light = Light(Colour.YELLOW, 3)
    return Signal(_shown(name, label), light, buzz, Urgency.URGENT, RING_PERIOD_MS)


def more(count: int, words: Words) -> Signal:
    """Return the sign that messages were left out, with their number."""
    lines = (words.more.format(count), words.on_the_phone)
    return Signal(lines, Light(Colour.WHITE), urgency=Urgency.NORMAL, hold_ms=HOLD_MS)


def finding(words: Words, *, connected: bool) -> Signal:
    """Return what is shown when the wearer looks for the phone."""
    if not connected:
        return Signal((words.no_phone,), Light(Colour.RED, 2), BUZZES[Buzz.LONG])
    return Signal((words.finding, words.wait), Light(Colour.BLUE, 3), BUZZES[Buzz.SHORT])


def amount_text(payment: Payment) -> str:
    """Return an amount with its currency; one whose minor unit is not known stands in that unit."""
    if payment.currency in CURRENCIES:
        return str(Money(payment.amount_minor, payment.currency))
    return f"{payment.amount_minor:,} minor units of {payment.currency}"


def _lines(notice: Notice, words: Words, *, hidden: bool, worn: bool) -> tuple[str, ...]:
    if notice.payment is not None:
        if hidden:
            return (words.payment,)
        return _payment_lines(notice.payment, words, worn=worn)
    heading = _own_heading(notice, words)
    if heading:
        return _shown(heading, "" if hidden else notice.title)
    if hidden:
        return _shown(notice.name or words.new_message, words.new_message)
    return _shown(notice.title or notice.name, notice.body)


def _own_heading(notice: Notice, words: Words) -> str:
    """Return what the strap calls a notice of its own, nothing for an app's message."""
    headings = {
        OWN_APPS[Origin.CALL]: words.missed_call,
        OWN_APPS[Origin.ALARM]: words.missed_alarm,
        OWN_APPS[Origin.TIMER]: words.timer_over,
    }
    return headings.get(notice.app, "")


def _payment_lines(payment: Payment, words: Words, *, worn: bool) -> tuple[str, ...]:
    """Return merchant, verdict and card; the amount is for the wearer's eyes."""
    approved = payment.verdict is Verdict.APPROVED
    verdict = words.paid if approved else words.declined[payment.reason]
    amount = amount_text(payment) if worn else ""
    card = f"{payment.card_name} ··{payment.last_four}".strip()
    return _shown(f"{amount} {verdict}".strip(), payment.merchant, card)


def _shown(*lines: str) -> tuple[str, ...]:
    """Return the lines that say something, each once."""
    return tuple(dict.fromkeys(line for line in lines if line.strip()))


def _hold_ms(lines: tuple[str, ...]) -> int:
    signs = sum(map(len, lines))
    return min(HOLD_MS + MS_PER_SIGN * max(0, signs - HOLD_SIGNS), HOLD_MAX_MS)
