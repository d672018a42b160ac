"""The second amount, in a reporting currency: known answers.

A rate counts on its own day alone, a missing one is unknown, and no rate makes two rows of one.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb
import pytest

from flexprice_wallets.warehouse.create_views import create_views
from flexprice_wallets.warehouse.refresh_views import refresh_views
from flexprice_wallets.warehouse.upkeep import rebuild_stored
from tests.views.history import History, rows_of, wallet

RATES = [
    ("2026-01-30", "eur", "usd", "1.2"),
    ("2026-01-31", "eur", "usd", "1.25"),
    ("2026-01-31", "jpy", "usd", "0.0064123457"),
    # Of a day long before: never carried over.
    ("2025-12-31", "inr", "usd", "0.011"),
]


def history() -> History:
    seen = [
        wallet("w1", 100, customer="c1", free=10, purchased=90),
        wallet("w2", 80, customer="c1", currency="eur", free=20, purchased=60),
        wallet("w3", -5, customer="c1", currency="eur"),
        wallet("w4", 1001, customer="c2", currency="jpy"),
        wallet("w5", 7, customer="c2", currency="inr"),
    ]
    return History().snapshot("2026-01-30 08:00", seen).snapshot("2026-01-31 08:00", seen)


def bring(
    connection: duckdb.DuckDBPyConnection, rates: list[tuple[str, str, str, str]] = RATES
) -> duckdb.DuckDBPyConnection:
    connection.executemany("insert into flexprice_raw.exchange_rates values (?, ?, ?, ?)", rates)
    return connection


@pytest.fixture(scope="module")
def warehouse() -> duckdb.DuckDBPyConnection:
    return bring(history().warehouse(time_zone="America/New_York"))


def test_what_is_outstanding_in_the_reporting_currency(warehouse):
    assert rows_of(
        warehouse,
        "select date_day, currency, reporting_currency, reporting_rate, reporting_outstanding_balance,"
        " reporting_purchased_balance from flexprice.currency_balance_daily order by date_day, currency",
    ) == [
        ("01-30", "eur", "usd", "1.2", "96", "72"),
        # None of that day: unknown, not one.
        ("01-30", "inr", None, None, None, None),
        ("01-30", "jpy", None, None, None, None),
        # The reporting currency itself.
        ("01-30", "usd", "usd", "1", "100", "90"),
        ("01-31", "eur", "usd", "1.25", "100", "75"),
        ("01-31", "inr", None, None, None, None),
        # 1001 x 0.0064123457, to the last digit; of its split nobody knows.
        ("01-31", "jpy", "usd", "0.0064123457", "6.4187580457", None),
        ("01-31", "usd", "usd", "1", "100", "90"),
    ]


def test_a_month_ends_with_the_rate_of_its_last_day(warehouse):
    assert rows_of(
        warehouse,
        "select currency, date_day, reporting_currency, reporting_rate, reporting_outstanding_balance,"
        " reporting_purchased_balance from flexprice.month_end order by currency",
    ) == [
        ("eur", "01-31", "usd", "1.25", "100", "75"),
        ("inr", "01-31", None, None, None, None),
        ("jpy", "01-31", "usd", "0.0064123457", "6.4187580457", None),
        ("usd", "01-31", "usd", "1", "100", "90"),
    ]


def test_wallets_and_customers_in_the_reporting_currency(warehouse):
    assert rows_of(
        warehouse,
        "select wallet_id, reporting_currency, reporting_rate, reporting_closing_balance"
        " from flexprice.wallet_balance_daily where date_day = '2026-01-31' order by wallet_id",
    ) == [
        ("w1", "usd", "1", "100"),
        ("w2", "usd", "1.25", "100"),
        ("w3", "usd", "1.25", "-6.25"),
        ("w4", "usd", "0.0064123457", "6.4187580457"),
        ("w5", None, None, None),
    ]
    assert rows_of(
        warehouse,
        "select customer_id, currency, reporting_currency, reporting_rate, reporting_closing_balance,"
        " reporting_closing_outstanding_balance"
        " from flexprice.customer_balance_daily where date_day = '2026-01-31' order by customer_id, currency",
    ) == [
        ("c1", "eur", "usd", "1.25", "93.75", "100"),
        ("c1", "usd", "usd", "1", "100", "100"),
        ("c2", "inr", None, None, None, None),
        ("c2", "jpy", "usd", "0.0064123457", "6.4187580457", "6.4187580457"),
    ]


def test_the_largest_amounts_that_the_api_holds_are_exact():
    large = Decimal("99999999999.123456789")
    held = History().snapshot("2026-01-31 08:00", [wallet("w1", large, currency="kwd")])
    rates = [("2026-01-31", "kwd", "usd", "99999999.0123456789")]
    connection = bring(held.warehouse(), rates)
    [(exact, kind)] = connection.execute(
        "select reporting_closing_balance, typeof(reporting_closing_balance)"
        " from flexprice.wallet_balance_daily"
    ).fetchall()
    assert (str(exact), kind) == ("9999999901146913569.7657216899750190521", "DECIMAL(38,19)")


def test_without_rates_there_is_no_second_amount_and_no_row_more():
    connection = history().warehouse()
    for view in (
        "month_end",
        *(f"{each}_balance_daily" for each in ("currency", "customer", "wallet")),
    ):
        [(rows, currencies, rates)] = connection.execute(
            f"select count(*), count(reporting_currency), count(reporting_rate) from flexprice.{view}"
        ).fetchall()
        assert (currencies, rates) == (0, 0)
        with_rates = bring(history().warehouse()).execute(f"select count(*) from flexprice.{view}")
        assert with_rates.fetchall() == [(rows,)]


def test_a_currency_is_found_however_the_api_spells_it():
    held = History().snapshot("2026-01-31 08:00", [wallet("w1", 8, currency="EUR")])
    query = "select reporting_closing_balance from flexprice.wallet_balance_daily"
    assert rows_of(bring(held.warehouse()), query) == [("10",)]


def test_rates_to_two_reporting_currencies_give_no_amount_rather_than_a_mixture():
    connection = bring(history().warehouse(), [*RATES, ("2026-01-31", "inr", "eur", "0.01")])
    assert rows_of(connection, "from flexprice.exchange_rates") == []
    assert rows_of(
        connection,
        "select count(*), count(reporting_outstanding_balance) from flexprice.currency_balance_daily",
    ) == [(8, 0)]


@pytest.mark.parametrize(
    "row",
    [
        # A second rate for the day: every figure would be there twice.
        ("2026-01-31", "eur", "usd", "1.3"),
        ("2026-01-31", "eur", "gbp", "0.9"),
        # Upper case would never be found, or be found twice.
        ("2026-02-01", "EUR", "usd", "1.3"),
        ("2026-02-01", "eur", "USD", "1.3"),
        ("2026-02-01", "eur", "usd", "0"),
        ("2026-02-01", "usd", "usd", "1.1"),
        ("2026-02-01", "eur", "usd", None),
    ],
)
def test_the_table_takes_no_rate_that_would_spoil_figures(row):
    connection = bring(history().warehouse())
    with pytest.raises(duckdb.ConstraintException):
        bring(connection, [row])


def test_rates_stay_where_everything_else_is_made_again():
    connection = bring(history().warehouse())
    rebuild_stored(connection)
    create_views(connection)
    refresh_views(connection, always=True)
    [(count,)] = connection.execute("select count(*) from flexprice_raw.exchange_rates").fetchall()
    assert count == len(RATES)


def test_a_warehouse_from_before_gets_the_table():
    connection = history().warehouse()
    refresh_views(connection)
    connection.execute("drop schema flexprice cascade; drop table flexprice_raw.exchange_rates")
    assert refresh_views(connection)
    [(stored,)] = connection.execute(
        "select comment from duckdb_tables() where table_name = 'exchange_rates'"
    ).fetchall()
    assert stored.startswith("What people bring")
    query = "select rate from flexprice.exchange_rates where currency = 'eur' and date_day = ?"
    assert rows_of(bring(connection), query, date(2026, 1, 31)) == [("1.25",)]
