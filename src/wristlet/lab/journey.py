"""One tap, from a card number to an approved payment, and what stops it when the strap is lost.

The whole story in nine calls. Everything behind them is real: SCP11 channels, an SCP11c script,
EMV contactless, ISO 8583, cryptograms, a double-entry ledger; only the metal is missing.
"""

from __future__ import annotations

import asyncio
import sys

from wristlet.lab.city import City, running_city
from wristlet.model.money import Money
from wristlet.model.testcards import AOBA, Outcome, find_card
from wristlet.pos.terminal import Payment

PIN = "482615"
COFFEE = Money(480, "JPY")


async def journey(city: City) -> tuple[Payment, Payment, Payment]:
    """Pair, make a PIN, add a card, pay; lose the strap, be declined; find it, pay again."""
    phone, terminal, field = city.bench.phone, city.bench.terminal, city.bench.field
    card = find_card(AOBA, Outcome.GREEN)

    # 1. Phone and strap meet: certificates are checked, six digits compared, a button pressed.
    await phone.pair("Mika's strap", confirm=city.press)

    # 2. The PIN goes from the phone into the secure element; nothing in between can read it.
    await phone.create_pin(PIN)

    # 3. The card number leaves the phone once, encrypted for the token service; back comes a
    #    script for this one secure element, which becomes real in one durable write.
    await phone.add_card(card.number.reveal(), "12/30", card.security_code.reveal())

    # 4. A tap: the terminal sees a device number and a cryptogram, the bank approves.
    paid = await terminal.pay(field, COFFEE)

    # 5. The strap is gone: one call suspends every token, though the strap has not heard of it.
    await phone.mark_lost()

    # 6. The next tap is declined.
    declined = await terminal.pay(field, COFFEE)

    # 7. It turns up again, 8. and catches up with what it missed.
    await phone.mark_found()
    await phone.sync()

    # 9. It pays again.
    again = await terminal.pay(field, COFFEE)

    return paid, declined, again


async def main() -> None:
    """Run the journey once and tell how it went."""
    async with running_city() as city:
        for payment in await journey(city):
            sys.stdout.write(f"{payment.amount}: {payment.display} ({payment.reason})\n")


if __name__ == "__main__":
    asyncio.run(main())
