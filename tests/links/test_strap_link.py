"""What every firmware answers: the status, and the requests that are spelled out."""

from __future__ import annotations

import pytest

from wristlet.links.channel import LinkLost
from wristlet.links.strap_link import (
    PAIR_OFFER,
    PAIR_REVEAL,
    AskedStrap,
    StrapStatus,
    decode_status,
    encode_status,
)
from wristlet.wire.strap.concerns import Concern

STATUS = StrapStatus(worn=True, paired_pending=False, display="✓ 12:00")


class Noting(AskedStrap):
    """Answers with what it knows and notes what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Concern, bytes]] = []

    async def ask(self, concern: Concern, message: bytes) -> bytes:
        self.asked.append((concern, message))
        return encode_status(STATUS) if concern is Concern.STATE else b"answer"


async def test_each_request_goes_to_its_concern() -> None:
    strap = Noting()
    assert await strap.transmit(b"\x00\xa4") == b"answer"
    assert await strap.pair_offer(b"point") == b"answer"
    assert await strap.pair_reveal(b"nonce") == b"answer"
    assert await strap.status() == STATUS
    assert strap.asked == [
        (Concern.APDU, b"\x00\xa4"),
        (Concern.PAIRING, bytes((PAIR_OFFER,)) + b"point"),
        (Concern.PAIRING, bytes((PAIR_REVEAL,)) + b"nonce"),
        (Concern.STATE, b""),
    ]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"worn": true}', b"\xff", b"1"])
def test_status_that_is_none_is_a_lost_link(body: bytes) -> None:
    with pytest.raises(LinkLost):
        decode_status(body)
