"""Signs a wearer in, as the brand's own backend would."""

from __future__ import annotations

import httpx2

from wristlet.links.http import HttpClient
from wristlet.links.wallet_client import WalletClient
from wristlet.model.wallet_messages import CreateWearer

WEARER = "Mika"


async def sign_in(
    api_key: str, wallet_url: str, transport: httpx2.AsyncBaseTransport | None = None
) -> WalletClient:
    """Create a wearer by the brand's API key and return the wearer's own client."""
    brand = WalletClient(HttpClient(wallet_url, api_key, transport))
    wearer = await brand.create_wearer(CreateWearer(WEARER))
    session = await brand.create_session(wearer.id)
    return WalletClient(HttpClient(wallet_url, session.token, transport))
