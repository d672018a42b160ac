"""The tables that people fill: created empty, carried on from load to load, and never derived or rebuilt."""

from __future__ import annotations

from typing import Final

from flexprice_wallets.records.columns import Column, ColumnType, Table
from flexprice_wallets.warehouse.sql_files import quoted

EXCHANGE_RATES: Final = Table(
    "exchange_rates",
    ("date_day", "currency"),
    "What people bring: the exchange rates that give the daily views and month_end a second amount, in one reporting "
    "currency. Loads and rebuilding leave it as it is. Fill it with `flexprice-wallets rates`.",
    (
        Column(
            "date_day",
            ColumnType.DATE,
            "The day (UTC) that the rate holds for, and no other.",
            nullable=False,
        ),
        Column(
            "currency",
            ColumnType.TEXT,
            "The currency that is converted: a lower-case code such as eur.",
            nullable=False,
        ),
        Column(
            "reporting_currency",
            ColumnType.TEXT,
            "The currency that it is converted to: a lower-case code, the same in every row.",
            nullable=False,
        ),
        Column(
            "rate",
            ColumnType.EXCHANGE_RATE,
            "Units of the reporting currency per unit of the currency. A rate: never summed.",
            nullable=False,
        ),
    ),
)

#: One rate for each currency and day, so that no view has a row twice.
_CONSTRAINTS: Final = {
    EXCHANGE_RATES.name: (
        "check (currency = lower(trim(currency)) and currency <> '')",
        "check (reporting_currency = lower(trim(reporting_currency)) and reporting_currency <> '')",
        "check (rate > 0)",
        "check (currency <> reporting_currency or rate = 1)",
    )
}

BROUGHT_TABLES: Final = (EXCHANGE_RATES,)


def create_brought(raw_schema: str) -> str:
    """Return the SQL that creates the tables that people fill where they are missing."""
    return "\n".join(_create(table, raw_schema) for table in BROUGHT_TABLES)


def _create(table: Table, raw_schema: str) -> str:
    columns = (f"{quoted(column.name)} {column.type.value} not null" for column in table.columns)
    key = f"primary key ({', '.join(map(quoted, table.grain))})"
    parts = ", ".join((*columns, key, *_CONSTRAINTS[table.name]))
    return f"create table if not exists {quoted(raw_schema)}.{quoted(table.name)} ({parts});"
