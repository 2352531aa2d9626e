"""Signs a wearer in, as the brand's own backend would."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx2

from wristlet.links.http import HttpClient
from wristlet.links.wallet_client import WalletClient
from wristlet.model.wallet_messages import CreateWearer

WEARER = "Mika"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A wearer's session, as the brand hands it to the phone."""

    wearer_id: str
    token: str = field(repr=False)
    client: WalletClient


async def open_session(
    api_key: str,
    wallet_url: str,
    transport: httpx2.AsyncBaseTransport | None = None,
    *,
    wearer_id: str = "",
) -> SignedIn:
    """Open a session by the brand's API key, for a wearer who is there or for a new one."""
    http = HttpClient(wallet_url, api_key, transport)
    brand = WalletClient(http)
    try:
        known = wearer_id or (await brand.create_wearer(CreateWearer(WEARER))).id
        session = await brand.create_session(known)
    finally:
        await http.close()
    client = WalletClient(HttpClient(wallet_url, session.token, transport))
    return SignedIn(known, session.token, client)


async def sign_in(
    api_key: str, wallet_url: str, transport: httpx2.AsyncBaseTransport | None = None
) -> WalletClient:
    """Create a wearer by the brand's API key and return the wearer's own client."""
    return (await open_session(api_key, wallet_url, transport)).client
