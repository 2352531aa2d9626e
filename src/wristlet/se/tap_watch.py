"""Keeps in memory what the last tap came to, so that the wired side can ask.

Noting costs a tap next to nothing: the decisive answer is only held, and judged when somebody
asks.
"""

from __future__ import annotations

from typing import Final

from wristlet.wire import ber
from wristlet.wire.emv.commands import Ins as EmvIns
from wristlet.wire.errors import DecodeError
from wristlet.wire.gp import aids
from wristlet.wire.gp.commands import Ins
from wristlet.wire.sw import SW
from wristlet.wire.tap_report import NUMBER_MASK, TapOutcome

_GET_PROCESSING_OPTIONS: Final = int(EmvIns.GET_PROCESSING_OPTIONS)
_GENERATE_AC: Final = int(EmvIns.GENERATE_AC)
_SELECT: Final = int(Ins.SELECT)
_TAG_ANSWER: Final = 0x77
_TAG_INFORMATION: Final = 0x9F27
_TAG_HINT: Final = 0xDF4B
_SW1_MORE: Final = 0x61
_ASKS_THE_BANK: Final = b"\x9f\x27\x01\x80"
_SEE_PHONE: Final = b"\x00\x01\x00"
_DECISIVE: Final = frozenset((_GET_PROCESSING_OPTIONS, _GENERATE_AC))
WATCHED: Final = _DECISIVE | {_SELECT}
_OUTCOMES: Final = {0x00: TapOutcome.DECLINED, 0x40: TapOutcome.SENT, 0x80: TapOutcome.SENT}


class TapWatch:
    """The last tap of one secure element; gone with its power."""

    __slots__ = ("_answer", "_is_final", "aid", "in_field", "number")

    def __init__(self) -> None:
        self.number = 0
        self.aid = b""
        self.in_field = False
        self._answer: tuple[bytes, int] | None = None
        self._is_final = False

    def saw(self, command: bytes, data: bytes, sw: int, aid: bytes) -> None:
        """Note one contactless command of `WATCHED` and its answer; `aid` is the selection."""
        self.in_field = True
        ins = command[1]
        if ins in _DECISIVE:
            if ins == _GET_PROCESSING_OPTIONS:
                self._begin(aid)
            self._answer = (data, sw)
            self._is_final = ins == _GENERATE_AC
        elif ins == _SELECT and sw == SW.NOT_FOUND and aids.PPSE in command:
            self._begin(b"")
            self._answer = None

    def field_off(self) -> None:
        """Note that the terminal's field is gone."""
        self.in_field = False

    @property
    def outcome(self) -> TapOutcome:
        """What the last tap came to so far."""
        if self._answer is None:
            return TapOutcome.NO_CARD if self.number else TapOutcome.NONE
        data, sw = self._answer
        if sw >> 8 == _SW1_MORE:  # the reader fetches the rest; the type stands in front
            return TapOutcome.SENT if _ASKS_THE_BANK in data else TapOutcome.UNFINISHED
        if sw != SW.OK:
            waits = sw == SW.COMMAND_NOT_ALLOWED
            return TapOutcome.SEE_PHONE if waits else TapOutcome.REFUSED
        try:
            answer = ber.require(data, _TAG_ANSWER)
            information = ber.find(answer, _TAG_INFORMATION)
            hint = ber.find(answer, _TAG_HINT)
        except DecodeError:
            return TapOutcome.REFUSED
        if information is None:
            return TapOutcome.REFUSED if self._is_final else TapOutcome.UNFINISHED
        if hint == _SEE_PHONE:
            return TapOutcome.SEE_PHONE
        return _OUTCOMES.get(information[0], TapOutcome.REFUSED)

    def _begin(self, aid: bytes) -> None:
        self.number = self.number + 1 & NUMBER_MASK or 1
        self.aid = aid
        self._is_final = False
