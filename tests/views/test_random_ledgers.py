"""What must hold of every ledger, on ledgers made by chance."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import cache

import duckdb
import pytest

from flexprice_wallets.warehouse.create_views import create_views
from flexprice_wallets.warehouse.upkeep import apply_snapshots, rebuild_stored
from tests.views.history import empty_warehouse, rows_of
from tests.views.ledger import LedgerHistory
from tests.views.random_ledger import Made, random_ledger

SEEDS = range(4)
FLOWS = (
    "purchased", "granted", "refunded", "adjusted", "used", "expired", "terminated", "other",
    "revaluation",
)  # fmt: skip
STORED = (
    "stored_transactions", "stored_rates", "stored_ledger_wallets", "stored_months", "stored_wallet_origins",
    "stored_origin_moves",
)  # fmt: skip


@cache
def made(seed: int) -> tuple[LedgerHistory, list[Made], duckdb.DuckDBPyConnection]:
    """A ledger, what its wallets held, and its warehouse, which these tests only read."""
    ledger, wallets = random_ledger(seed)
    return ledger, wallets, ledger.warehouse()


def stored(connection: duckdb.DuckDBPyConnection) -> list[list[tuple[object, ...]]]:
    return [
        connection.execute(f"select * from flexprice_raw.{table} order by all").fetchall()
        for table in STORED
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_balances_of_every_wallet_make_a_chain(seed):
    _, _, connection = made(seed)
    assert rows_of(
        connection,
        "select transaction_id, missing_credits from flexprice.wallet_transactions where missing_credits <> 0",
    ) == []  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_the_history_is_what_was_held(seed):
    _, wallets, connection = made(seed)
    compared = 0
    for each in wallets:
        unsure = connection.execute(
            "select completed_after, completed_at from flexprice.wallet_transactions "
            "where wallet_id = ? and completed_after < completed_at",
            [each.wallet_id],
        ).fetchall()
        for level, (at, _) in enumerate(each.levels):
            for moment in (at - timedelta(microseconds=1), at):
                if any(low <= moment < high for low, high in unsure):
                    continue
                held = [credits_ for since, credits_ in each.levels if since <= moment]
                told = connection.execute(
                    "select credit_balance from flexprice.wallet_ledger_as_of(?) where wallet_id = ?",
                    [moment, each.wallet_id],
                ).fetchall()
                assert told == ([(held[-1],)] if held else []), (each.wallet_id, level)
                compared += 1
    assert compared > 100


@pytest.mark.parametrize("seed", SEEDS)
def test_all_books_close(seed):
    _, wallets, connection = made(seed)
    for view in ("wallet_roll_forward", "currency_roll_forward"):
        for unit in ("credits", "amount"):
            flows = " + ".join(f"{flow}_{unit}" for flow in FLOWS)
            faults = rows_of(
                connection,
                f"select * from flexprice.{view} where unexplained_{unit} <> 0 "
                f"or opening_{unit} + {flows} <> closing_{unit} + unexplained_{unit}",
            )
            assert faults == []
    closing = connection.execute(
        "select sum(closing_amount) from flexprice.currency_roll_forward where not is_over"
    ).fetchone()
    assert closing == (sum((each.held * each.rate for each in wallets), Decimal(0)),)
    assert rows_of(connection, "select distinct state from flexprice.ledger_reconciliation") == [
        ("reconciled",)
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_month_opens_with_what_the_one_before_closed_with(seed):
    _, _, connection = made(seed)
    assert rows_of(
        connection,
        """
        select * from (
            select
                opening_credits, opening_amount,
                lag(closing_credits) over months as closed_credits, lag(closing_amount) over months as closed_amount,
                lag(month) over months as last_month, month
            from flexprice.wallet_roll_forward
            window months as (partition by wallet_id, currency order by month)
        )
        where opening_credits <> coalesce(closed_credits, 0) or opening_amount <> coalesce(closed_amount, 0)
            or last_month + interval '1 month' <> month
        """,
    ) == []  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_upkeep_in_small_batches_and_load_by_load_gives_what_a_rebuild_gives(seed):
    ledger, _, connection = made(seed)
    whole = stored(connection)
    assert whole == stored(ledger.warehouse(transactions_per_batch=7))
    step_by_step = empty_warehouse()
    step_by_step.execute("set timezone = 'UTC'")
    for number in range(len(ledger.ledgers)):
        ledger.load(step_by_step, number, number + 1)
        assert apply_snapshots(step_by_step) == 1
    assert stored(step_by_step) == whole
    rebuild_stored(step_by_step)
    assert stored(step_by_step) == whole
    create_views(step_by_step)


def test_a_load_without_transactions_changes_nothing():
    ledger, wallets = random_ledger(1)
    last = ledger.history.snapshots[-1]
    ledger.snapshot(last.at + timedelta(minutes=5), last.seen, ledger.ledgers[-1])
    connection = empty_warehouse()
    ledger.load(connection, 0, len(ledger.ledgers) - 1)
    apply_snapshots(connection)
    before = connection.execute("select rowid, * from flexprice_raw.stored_transactions").fetchall()
    ledger.load(connection, len(ledger.ledgers) - 1)
    assert apply_snapshots(connection) == 1
    after = connection.execute("select rowid, * from flexprice_raw.stored_transactions").fetchall()
    assert before == after
    assert wallets


@pytest.mark.parametrize("seed", SEEDS)
def test_the_split_is_what_is_left_of_the_grants(seed):
    _, wallets, connection = made(seed)
    left = [
        (row["transaction_reason"], row["credits_available"] * each.rate)
        for each in wallets
        for row in each.rows.values()
    ]
    purchased = {"PURCHASED_CREDIT_DIRECT", "PURCHASED_CREDIT_INVOICED"}
    [(day, *parts)] = connection.execute(
        "select date_day, ledger_purchased_balance, ledger_free_balance, ledger_other_balance "
        "from flexprice.currency_balance_daily order by date_day desc limit 1"
    ).fetchall()
    assert parts == [
        sum((amount for reason, amount in left if reason in purchased), Decimal(0)),
        sum((amount for reason, amount in left if reason == "FREE_CREDIT_GRANT"), Decimal(0)),
        sum(
            (amount for reason, amount in left if reason not in {*purchased, "FREE_CREDIT_GRANT"}),
            Decimal(0),
        ),
    ]
    assert day
