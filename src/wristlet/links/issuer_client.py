"""Token service → issuer: identification and verification of the cardholder."""

from __future__ import annotations

from wristlet.links.http import HttpClient
from wristlet.model.issuer_messages import (
    CodeSent,
    CodeVerified,
    IdvDecision,
    IdvRequest,
    IssuerKey,
    ProveHolder,
    SendCode,
    VerifyCode,
)

_BASE = "/issuer/v1"


class IssuerClient:
    """Calls the issuer's HTTP side; every method raises RemoteProblem or RemoteUnavailable."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def key(self) -> IssuerKey:
        """Fetch the key to which card data and codes for this issuer are encrypted."""
        return await self._http.get(f"{_BASE}/keys", IssuerKey)

    async def decide(self, request: IdvRequest) -> IdvDecision:
        """Ask whether the card may be digitised."""
        return await self._http.post(f"{_BASE}/idv", request, IdvDecision)

    async def prove_holder(self, request: ProveHolder) -> IdvDecision:
        """Ask in which ways the holder of a digitised card can prove identity."""
        return await self._http.post(f"{_BASE}/idv/holder", request, IdvDecision)

    async def send_code(self, request: SendCode) -> CodeSent:
        """Have the issuer send a one-time code."""
        return await self._http.post(f"{_BASE}/idv/code", request, CodeSent)

    async def verify_code(self, request: VerifyCode) -> CodeVerified:
        """Have the issuer check a one-time code."""
        return await self._http.post(f"{_BASE}/idv/verify", request, CodeVerified)
