"""Card programmes: what the token service knows of each bank's cards, by the first six digits.

Data only. The sandbox banks of `SANDBOX` are fictional; leading 9999 and 9998 belong to no scheme.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from wristlet.model.testcards import AOBA, KITA, MINAMI, Bank, Outcome, outcome_of
from wristlet.model.tsp_messages import Terms
from wristlet.tsp.decisions import Opinion, Vote
from wristlet.wire import products
from wristlet.wire.products import Product

BIN_DIGITS: Final = 6
PRODUCTS: Final = {product.name: product for product in products.PRODUCTS}


@dataclass(frozen=True, slots=True)
class Program:
    """One bank's cards: names for people, the product they become, and its limits.

    `label` is what a terminal shows (tag 50); amounts are minor units of `currency_numeric`.
    """

    card_bin: str
    token_bin: str
    issuer_name: str
    card_name: str
    card_art: str
    label: bytes
    product: Product
    terms: Terms
    currency_numeric: str = "392"
    country_numeric: str = "392"
    country_alpha2: str = "JP"
    no_cvm_taps_max: int = 5
    no_cvm_sum_max_minor: int = 30_000
    cdcvm_always: bool = False
    token_years: int = 3


def by_bin(programs: Iterable[Program]) -> dict[str, Program]:
    """Index programmes by card BIN; ValueError if two share one."""
    table: dict[str, Program] = {}
    for program in programs:
        if program.card_bin in table:
            raise ValueError("two programmes share a card BIN: give each its own")
        table[program.card_bin] = program
    return table


def eligible(pan: str) -> bool:
    """Whether the network lets this card into wallets at all (sandbox: by its number)."""
    return outcome_of(pan) is not Outcome.NOT_ELIGIBLE


def network_opinion(pan: str) -> Opinion:
    """The network's own vote on a card (sandbox: by its number)."""
    if outcome_of(pan) is Outcome.RED_NETWORK:
        return Opinion("network", Vote.RED, "card_refused_by_network")
    return Opinion("network", Vote.GREEN, "no_objection")


def _sandbox(bank: Bank, card_name: str, art: str, product: Product) -> Program:
    text = (
        f"{bank.name} lets you pay with this card from your strap. Keep the PIN to yourself. "
        "Report a lost strap at once: the card on it is then suspended."
    )
    return Program(
        card_bin=bank.card_bin,
        token_bin=bank.token_bin,
        issuer_name=bank.name,
        card_name=card_name,
        card_art=art,
        label=card_name.upper().encode(),
        product=product,
        terms=Terms(id="terms_1", title=f"{bank.name}: card on a strap", text=text),
    )


SANDBOX: Final = (
    _sandbox(AOBA, "Aoba Credit", "aoba", products.K3),
    _sandbox(KITA, "Kita Gold", "kita", products.K2),
    _sandbox(MINAMI, "Minami Debit", "minami", products.K3),
)
