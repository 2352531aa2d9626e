"""What opens a door is not printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from wristlet.model.wallet_messages import Session
from wristlet.wallet.serve import Settings
from wristlet.wallet.setup import NewTenant

TOKEN = "ws_0123456789"


@pytest.mark.parametrize(
    "holder",
    [
        Session(TOKEN, "wear_1", 1),
        NewTenant("tnt_1", TOKEN, b"", b""),
        Settings("127.0.0.1:0", Path("state"), "http://tsp", TOKEN),
    ],
)
def test_tokens_do_not_show(holder: object) -> None:
    assert TOKEN not in repr(holder)
