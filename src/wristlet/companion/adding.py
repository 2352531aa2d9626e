"""A card comes onto the strap: typed, checked, its terms accepted, loaded, its code entered."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from wristlet.companion import se_client
from wristlet.companion.errors import CardRefused, CodeRefused, PinRequired
from wristlet.companion.inputs import CardInput, read_card, read_code
from wristlet.companion.tools import Tools, reaching_strap
from wristlet.model.wallet_messages import (
    AddCard,
    Card,
    CheckEligibility,
    Eligibility,
    FinishVerification,
    StartVerification,
)


async def check_card(tools: Tools, number: str, expiry: str, security_code: str) -> Eligibility:
    """Check a typed card on the phone and then with TSP and issuer; the number leaves only as a
    JWE. Raises InputError, PinRequired.
    """
    today = datetime.fromtimestamp(tools.env.clock.now_ms() / 1000, UTC).strftime("%y%m")
    card = read_card(number, expiry, security_code, today)
    with reaching_strap():
        state = await se_client.read_state(tools.strap)
    if not state.pin_set:
        raise PinRequired
    request = CheckEligibility(tools.device_id, await tools.seal_for_tsp(_card_payload(card)))
    return await tools.call(lambda key: tools.wallet.check_eligibility(request, key=key))


async def accept_terms(tools: Tools, eligibility: Eligibility) -> Card:
    """Accept the issuer's terms and digitise; the loading itself happens in the next sync."""
    with reaching_strap():
        statement = await se_client.pin_statement(tools.strap, bytes.fromhex(eligibility.challenge))
    request = AddCard(eligibility.id, terms_accepted=True, pin_statement=statement.hex())
    card = await tools.call(lambda key: tools.wallet.add_card(request, key=key))
    if card.decision == "declined":
        raise CardRefused(card.party, card.reason)
    return card


async def send_code(tools: Tools, card_id: str, method_id: str) -> None:
    """Have the issuer send a one-time code."""
    request = StartVerification(method_id)
    await tools.call(lambda key: tools.wallet.start_verification(card_id, request, key=key))


async def hand_in_code(tools: Tools, card_id: str, code: str) -> Card:
    """Send the typed code, encrypted, to the TSP; raises CodeRefused, InputError."""
    payload = msgspec.json.encode({"code": read_code(code).reveal()})
    request = FinishVerification(await tools.seal_for_tsp(payload))
    answer = await tools.call(
        lambda key: tools.wallet.confirm_verification(card_id, request, key=key)
    )
    if answer.result != "success":
        raise CodeRefused(answer.result, answer.tries_left)
    return answer.card


def _card_payload(card: CardInput) -> bytes:
    fields = {
        "pan": card.pan.reveal(),
        "expiry_yymm": card.expiry_yymm,
        "security_code": card.security_code.reveal(),
    }
    return msgspec.json.encode(fields)
