"""Channels by URL."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from support.cards import ScriptedPort
from wristlet.links.apdu_socket import CardServer, SocketChannel
from wristlet.links.open import open_channel
from wristlet.links.process import address_of, open_listener


@pytest.mark.parametrize("scheme", ["unix", "tcp"])
async def test_url_opens_a_card(scheme: str, tmp_path: Path) -> None:
    if scheme == "tcp":
        listener = open_listener("127.0.0.1:0")
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / "card.sock"))
        listener.listen()
    address = address_of(listener)
    server = CardServer(ScriptedPort())
    await server.start(listener)
    channel = await open_channel(f"{scheme}:{address}")
    assert isinstance(channel, SocketChannel)
    assert await channel.transmit(b"\x00\xa4\x00\x00") == b"\xa4\x90\x00"
    await channel.close()
    await server.close()


@pytest.mark.parametrize("url", ["", "unix", "unix:", "http://x", "/path"])
async def test_other_urls_are_refused_with_the_right_ones(url: str) -> None:
    with pytest.raises(ValueError, match="unix:PATH"):
        await open_channel(url)
