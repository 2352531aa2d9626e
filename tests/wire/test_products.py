"""The products as data: complete, unambiguous, with lists of terminal data of the right size."""

from __future__ import annotations

import pytest

from wristlet.wire import products
from wristlet.wire.gp import aids

ALL = pytest.mark.parametrize("product", products.PRODUCTS, ids=lambda product: product.name)


@ALL
def test_numbers_are_unique_and_registered_aids_fit_the_kernel(product: products.Product) -> None:
    numbers = [spec.number for spec in (*product.required, *product.optional)]
    assert len(set(numbers)) == len(numbers)
    assert aids.kernel_of(product.registered_aid) == product.kernel
    assert {18: 3, 21: 2}[product.cvn] == product.kernel


@ALL
def test_keys_are_secret_and_nothing_else(product: products.Product) -> None:
    rsa = set(range(0x8201, 0x8206)) if product.has_oda else set()
    assert product.secret_numbers == {0x8000} | rsa


@ALL
def test_every_product_is_found_again_by_its_data(product: products.Product) -> None:
    numbers = [spec.number for spec in product.required]
    assert products.product_for(product.module_aid, numbers) is product


@ALL
def test_missing_and_surplus_are_named(product: products.Product) -> None:
    numbers = [spec.number for spec in product.required]
    assert product.missing(numbers) == ()
    assert product.surplus(numbers) == ()
    assert [spec.number for spec in product.missing(numbers[1:])] == [numbers[0]]
    assert product.surplus([*numbers, 0x9999]) == (0x9999,)


def test_a_foreign_module_has_no_product() -> None:
    assert products.product_for(aids.PAYMENT_PACKAGE, [0x8000]) is None


@pytest.mark.parametrize(
    ("dol", "size"),
    [
        (products.PDOL_KERNEL_3, products.PDOL_DATA_SIZE),
        (products.CDOL1_KERNEL_2, products.CDOL1_DATA_SIZE),
    ],
)
def test_declared_sizes_of_terminal_data(dol: bytes, size: int) -> None:
    total = position = 0
    while position < len(dol):
        position += 2 if dol[position] & 0x1F == 0x1F else 1
        total += dol[position]
        position += 1
    assert total == size


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0x0101, True), (0x0AFF, True), (0x0100, False), (0x0B01, False), (0x8201, False)],
)
def test_record_numbers(number: int, expected: bool) -> None:
    assert products.is_record(number) is expected
