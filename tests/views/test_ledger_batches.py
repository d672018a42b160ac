"""How many transactions the upkeep carries over at once: little memory must do, and much is not left unused."""

from __future__ import annotations

import pytest

from flexprice_wallets.warehouse.ledger_upkeep import transactions_per_batch


@pytest.mark.parametrize(
    ("memory", "transactions"),
    [
        (1_000_000, 50_000),
        (128_000_000, 51_200),
        (500_000_000, 200_000),
        (64_000_000_000, 400_000),
    ],
)
def test_batches_grow_with_the_memory_between_two_bounds(memory: int, transactions: int) -> None:
    assert transactions_per_batch(memory) == transactions
