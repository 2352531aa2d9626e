"""What a second screen draws: level M, dark on white, four modules of margin."""

from __future__ import annotations

import re
import sys

import pytest
import segno

from wristlet.lab.second_screen import QrMissing, qr_svg, qr_terminal
from wristlet.wire.strap.invitation import Invitation

URL = Invitation.of(bytes(16), bytes(8)).url("pay.example")


def test_the_svg_is_dark_on_white_with_its_margin() -> None:
    drawn = qr_svg(URL)
    symbol = segno.make_qr(URL, error="m", boost_error=False)
    modules = symbol.symbol_size(border=4)[0]
    assert f'fill="#fff" d="M0 0h{modules}v{modules}h-{modules}z"' in drawn
    assert 'stroke="#000"' in drawn
    assert re.search(r'd="M4 4\.5h7', drawn), "the first finder pattern begins behind the margin"
    assert symbol.error == "M"


def test_a_terminal_gets_blocks() -> None:
    lines = qr_terminal(URL).splitlines()
    assert len({len(line) for line in lines if line}) == 1


def test_without_the_library_the_code_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "segno", None)
    with pytest.raises(QrMissing, match=r"install wristlet\[qr\]"):
        qr_svg(URL)
