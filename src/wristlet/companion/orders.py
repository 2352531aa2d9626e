"""What only the wearer's bank can vouch for: a forgotten PIN, and a phone without an old one.

The token service writes the order for the secure element once a card's bank knows that it is the
wearer; neither brand nor wallet can give it. It runs with the strap's log like any other script.
"""

from __future__ import annotations

import msgspec

from wristlet.companion.commits import CommitLog
from wristlet.companion.errors import CodeRefused
from wristlet.companion.inputs import read_code
from wristlet.companion.sync import PartReport
from wristlet.companion.tools import Tools
from wristlet.model.wallet_messages import (
    DeviceOrder,
    FinishVerification,
    StartFurtherPhone,
    StartPinReset,
    StartVerification,
)


async def start_pin_reset(tools: Tools, card_id: str | None = None) -> DeviceOrder:
    """Begin to have the PIN cleared; choose one of `verification_methods` next."""
    request = StartPinReset(card_id)
    return await tools.call(
        lambda key: tools.wallet.start_pin_reset(tools.device_id, request, key=key)
    )


async def start_further_phone(
    tools: Tools, device_id: str, name: str, card_id: str | None = None
) -> DeviceOrder:
    """Begin to bring this phone onto a strap without another phone's help."""
    request = StartFurtherPhone(tools.public_point().hex(), name, card_id)
    return await tools.call(
        lambda key: tools.wallet.start_further_phone(device_id, request, key=key)
    )


async def send_code(tools: Tools, order: DeviceOrder, method_id: str) -> DeviceOrder:
    """Have the bank send its code."""
    request = StartVerification(method_id)
    step = await tools.call(
        lambda key: tools.wallet.send_order_code(order.device_id, order.id, request, key=key)
    )
    return step.order


async def confirm_code(tools: Tools, order: DeviceOrder, code: str) -> DeviceOrder:
    """Enter the code; then the order waits in the strap's log. Raises CodeRefused, InputError."""
    payload = msgspec.json.encode({"code": read_code(code).reveal()})
    request = FinishVerification(await tools.seal_for_tsp(payload))
    step = await tools.call(
        lambda key: tools.wallet.confirm_order(order.device_id, order.id, request, key=key)
    )
    if step.result != "success":
        raise CodeRefused(step.result, step.tries_left)
    return step.order


async def carry_out(tools: Tools, device_id: str) -> PartReport:
    """Run the strap's log, also of a strap that does not know this phone yet."""
    return await CommitLog(tools.env, tools.wallet, device_id, tools.strap).run()
