"""The time of each value of metadata: known answers."""

from __future__ import annotations

import pytest

from flexprice_wallets.warehouse.create_views import create_views
from flexprice_wallets.warehouse.upkeep import apply_snapshots
from tests.views.history import History, empty_warehouse, rows_of, wallet

OF_WALLETS = (
    "select wallet_id, key, value, valid_from, valid_to, is_current"
    " from flexprice.wallet_metadata_history order by wallet_id, key, valid_from"
)
OF_CUSTOMERS = (
    "select customer_id, key, value, valid_from, valid_to"
    " from flexprice.customer_metadata_history order by customer_id, key, valid_from"
)


def test_a_value_holds_until_another_is_seen():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 1, metadata={"plan": "free", "team": "a"})])
    # Another setting changes, the metadata does not.
    history.snapshot(
        "2026-03-02 08:00", [wallet("w1", 1, name="Main", metadata={"plan": "free", "team": "a"})]
    )
    history.snapshot("2026-03-03 08:00", [wallet("w1", 1, name="Main", metadata={"plan": "pro"})])
    # The team is back as it was: that is a new interval.
    history.snapshot(
        "2026-03-04 08:00", [wallet("w1", 1, name="Main", metadata={"plan": "pro", "team": "a"})]
    )
    connection = history.warehouse()
    assert rows_of(connection, OF_WALLETS) == [
        ("w1", "plan", "free", "03-01 08:00", "03-03 08:00", False),
        ("w1", "plan", "pro", "03-03 08:00", None, True),
        ("w1", "team", "a", "03-01 08:00", "03-03 08:00", False),
        ("w1", "team", "a", "03-04 08:00", None, True),
    ]


def test_a_value_ends_with_its_wallet_and_begins_again_with_its_return():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 1, metadata={"plan": "pro"})])
    history.snapshot(
        "2026-03-02 08:00", [wallet("w1", 0, metadata={"plan": "pro"}, ended="closed")]
    )
    history.snapshot("2026-03-03 08:00", [wallet("w1", 1, metadata={"plan": "pro"})])
    assert rows_of(history.warehouse(), OF_WALLETS) == [
        ("w1", "plan", "pro", "03-01 08:00", "03-02 08:00", False),
        ("w1", "plan", "pro", "03-03 08:00", None, True),
    ]


@pytest.mark.parametrize("at_once", [True, False])
def test_a_customers_values_have_their_time(at_once):
    history = History()
    for day in (1, 2, 3, 4):
        history.snapshot(f"2026-03-0{day} 08:00", [wallet("w1", day, customer="c1")])
    # What the loads read: from 1 March, 2 March and 4 March on. On 3 March nothing changed.
    versions = {
        1: '{"plan": "free", "$.region": "eu"}',
        2: '{"plan": "pro", "$.region": "eu"}',
        4: None,
    }
    connection = empty_warehouse()
    connection.execute("set timezone = 'UTC'")
    for number in range(4):
        history.load(connection, number, number + 1)
        if number + 1 in versions:
            connection.execute(
                "delete from flexprice_raw.customers where snapshot_at::date = make_date(2026, 3, $1)",
                [number + 1],
            )
            connection.execute(
                "insert into flexprice_raw.customers"
                " (customer_id, snapshot_id, snapshot_at, observed_at, version_hash, is_listed, metadata)"
                " select 'c1', snapshot_id, snapshot_at, snapshot_at, snapshot_id, true, $1"
                " from flexprice_raw.snapshots where snapshot_at::date = make_date(2026, 3, $2)",
                [versions[number + 1], number + 1],
            )
        if not at_once:
            apply_snapshots(connection)
    apply_snapshots(connection)
    create_views(connection)
    assert rows_of(connection, OF_CUSTOMERS) == [
        ("c1", "$.region", "eu", "03-01 08:00", "03-04 08:00"),
        ("c1", "plan", "free", "03-01 08:00", "03-02 08:00"),
        ("c1", "plan", "pro", "03-02 08:00", "03-04 08:00"),
    ]


def test_the_warehouse_splits_by_plan_now_and_then():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 10, metadata={"plan": "free"})])
    history.snapshot("2026-03-02 08:00", [wallet("w1", 30, metadata={"plan": "pro"})])
    connection = history.warehouse()

    def by_plan(moment: str) -> list[tuple[object, ...]]:
        at = f"timestamptz '{moment}+00'"
        return rows_of(
            connection,
            f"""
            select plans.value, sum(balances.balance)
            from flexprice.wallet_balance_history as balances
            inner join flexprice.wallet_metadata_history as plans
                on balances.wallet_id = plans.wallet_id and plans.key = 'plan'
                and plans.valid_from <= {at} and coalesce(plans.valid_to > {at}, true)
            where balances.valid_from <= {at} and coalesce(balances.valid_to > {at}, true)
            group by plans.value
            """,
        )

    assert by_plan("2026-03-01 12:00:00") == [("free", "10")]
    assert by_plan("2026-03-02 08:00:00") == [("pro", "30")]
