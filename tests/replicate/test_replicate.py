from __future__ import annotations

from flexprice_wallets.replicate.replicate import replicate_to_postgres
from tests.replicate.comparison import differences


def test_a_destination_shows_what_the_warehouse_holds(history, database):
    result = replicate_to_postgres(history.warehouse)
    assert differences(history.warehouse, database) == []
    assert result.rows["wallet_balances"] > 0
    again = replicate_to_postgres(history.warehouse)
    assert again.is_up_to_date
    assert again.rows == {}
