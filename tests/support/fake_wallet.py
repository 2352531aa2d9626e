"""A wallet server as the outbox sees one: idempotent by key, sometimes away, busy or unwilling."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from wristlet.links.http import RemoteProblem, RemoteUnavailable
from wristlet.links.wallet_client import WalletClient
from wristlet.model.tsp_messages import Problem
from wristlet.model.wallet_messages import Card, Device

BUSY, UNWILLING = (429, "device_busy"), (409, "action_not_allowed")


@dataclass
class FakeWallet:
    """Carries each key out once; `mood` says what happens to the next requests."""

    carried_out: list[tuple[str, str, str]] = field(default_factory=list)
    by_key: dict[str, Any] = field(default_factory=dict)
    mood: str = "well"
    requests: int = 0

    def client(self) -> WalletClient:
        """This server behind the client's methods."""
        return _Client(self)

    def perform(self, operation: str, subject: str, value: str, key: str, answer: Any) -> Any:
        """Answer one request as the mood is."""
        self.requests += 1
        if self.mood == "away":
            raise RemoteUnavailable("away")
        is_busy = self.mood == "busy" or (self.mood == "stutters" and self.requests % 2)
        if (is_busy or self.mood == "unwilling") and key not in self.by_key:
            status, code = BUSY if is_busy else UNWILLING
            raise RemoteProblem(status, Problem("conflict_error", code, "The server says no."))
        if key not in self.by_key:
            self.by_key[key] = answer
            self.carried_out.append((operation, subject, value))
        if self.mood == "loses":
            raise RemoteUnavailable("the answer is lost")
        return self.by_key[key]


def card(card_id: str, device_id: str = "dev_1", **changes: Any) -> Card:
    """A card as the wallet shows one."""
    values: dict[str, Any] = {
        "id": card_id,
        "device_id": device_id,
        "token_reference": f"tok-{card_id}",
        "state": "active",
        "suspended_by": [],
        "se_state": "ready",
        "card_last4": "0001",
        "token_last4": "4821",
        "issuer_name": "Aoba Bank",
        "product": "Aoba Debit",
        "card_art": "",
        "instance_aid": "a000000003101000000001",
        "decision": "approved",
        "reason": "",
        "created_ms": 0,
    }
    return Card(**{**values, **changes})


def device(device_id: str, name: str = "strap", state: str = "paired") -> Device:
    """A strap as the wallet shows one."""
    return Device(device_id, name, "00" * 16, "wristlet-se-1", state, 0, 0, 0)


CARD_CALLS = {"suspend_card": "suspend", "resume_card": "resume", "delete_card": "remove"}


class _Client(WalletClient):
    """The operations that may wait."""

    def __init__(self, server: FakeWallet) -> None:
        self._server = server

    def __getattribute__(self, name: str) -> Any:
        if name in CARD_CALLS:
            return _card_call(object.__getattribute__(self, "_server"), CARD_CALLS[name])
        return object.__getattribute__(self, name)

    async def mark_lost(self, device_id: str, request: Any, *, key: str | None = None) -> Device:
        answer = device(device_id, state="lost")
        return self._device("lost", device_id, "", key, answer)

    async def mark_found(self, device_id: str, request: Any, *, key: str | None = None) -> Device:
        return self._device("found", device_id, "", key, device(device_id))

    async def rename_device(
        self, device_id: str, request: Any, *, key: str | None = None
    ) -> Device:
        answer = device(device_id, request.name)
        return self._device("rename", device_id, request.name, key, answer)

    async def report_active_card(
        self, device_id: str, request: Any, *, key: str | None = None
    ) -> Card:
        answer = card(request.card_id, device_id, se_state="selected")
        found: Card = self._server.perform("active_card", request.card_id, "", key or "", answer)
        return found

    def _device(
        self, operation: str, subject: str, value: str, key: str | None, answer: Device
    ) -> Device:
        found: Device = self._server.perform(operation, subject, value, key or "", answer)
        return found


def _card_call(server: FakeWallet, operation: str) -> Callable[..., Coroutine[Any, Any, Card]]:
    async def call(card_id: str, request: Any, *, key: str | None = None) -> Card:
        answer: Card = server.perform(operation, card_id, "", key or "", card(card_id))
        return answer

    return call
