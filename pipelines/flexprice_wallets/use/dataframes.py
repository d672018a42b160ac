"""Reads a published warehouse into pandas, polars or Arrow: the interface for notebooks."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar, get_args

import duckdb

from flexprice_wallets.errors import ConfigurationError, NotFound
from flexprice_wallets.use.frames import (
    Amounts,
    arrow_table,
    pandas_frame,
    polars_frame,
    require_polars,
)
from flexprice_wallets.use.moments import age_in_words, days_between, moment
from flexprice_wallets.warehouse.database import damage_named, last_snapshot_at, open_published
from flexprice_wallets.warehouse.sql_files import quoted

if TYPE_CHECKING:
    import pandas as pd  # noqa: F401 - what Warehouse answers with
    import polars as pl
    import pyarrow as pa

Frame = TypeVar("Frame")

#: Where a name that a reader filters by must be known, so that a slip is not an empty answer.
_KNOWN_IN: Final = {"wallet_id": "wallets", "customer_id": "customers", "currency": "wallets"}


class Answers(Generic[Frame]):
    """Answers of one open warehouse, in the kind of table that it was asked for.

    Times are in UTC, days are UTC days. Every filter is exact; one that names a wallet, customer or currency which the
    warehouse does not know is refused.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        to_frame: Callable[[pa.Table], Frame],
        *,
        amounts: Amounts,
        raw_schema: str,
        schema: str,
    ) -> None:
        self._connection = connection
        self._to_frame = to_frame
        self._amounts = amounts
        self._raw_schema = raw_schema
        self._schema = schema

    def query(self, sql: str, parameters: list[Any] | None = None) -> Frame:
        """The answer to any SQL query.

        Raises:
            duckdb.Error: where the query is wrong.
            NotAWarehouse: where the file is damaged.
        """
        with damage_named("The warehouse"):
            result = self._connection.sql(sql, params=parameters or [])
            return self._to_frame(arrow_table(result, self._amounts))

    def balances(self, at: datetime | str | None = None) -> Frame:
        """Every wallet's balances at a moment: a row for each wallet that lived then.

        Args:
            at: The moment with its time zone, as a datetime or as text such as "2026-03-01T12:00:00Z". Without it:
                the last snapshot's.

        Raises:
            MomentError: where the moment cannot be read or has no time zone. It is a ValueError, too.
        """
        asked = last_snapshot_at(self._connection, self._raw_schema) if at is None else moment(at)
        return self.query(
            f"select * from {self._view('wallet_balance_as_of')}(cast(? as timestamptz)) order by wallet_id",
            [asked],
        )

    def history(self, wallet_id: str) -> Frame:
        """One wallet's balances from its first sight on: a row for each interval in which nothing changed.

        Raises:
            NotFound: where the warehouse knows no such wallet.
        """
        return self._rows("wallet_balance_history", "valid_from", wallet_id=wallet_id)

    def daily(
        self,
        wallet_id: str | None = None,
        currency: str | None = None,
        *,
        customer_id: str | None = None,
        start: date | str | None = None,
        end: date | str | None = None,
    ) -> Frame:
        """Balances by UTC day: a row for each wallet and day, of those that fit everything named.

        Args:
            wallet_id: only this wallet.
            currency: only this currency.
            customer_id: only this customer's wallets, on the days on which they were the customer's.
            start: the first day, as a date or as text such as "2026-03-01"; without it: from the first.
            end: the last day, itself included; without it: to the last.

        Raises:
            NotFound: where the warehouse knows no such wallet, customer or currency.
            MomentError: where a day cannot be read, or the first is after the last.
        """
        return self._rows(
            "wallet_balance_daily",
            "wallet_id, date_day",
            days_between(start, end),
            wallet_id=wallet_id,
            customer_id=customer_id,
            currency=currency,
        )

    def currency_daily(
        self,
        currency: str | None = None,
        *,
        start: date | str | None = None,
        end: date | str | None = None,
    ) -> Frame:
        """What is outstanding by UTC day: a row for each currency and day.

        Arguments and errors are those of `daily`.
        """
        return self._rows(
            "currency_balance_daily",
            "currency, date_day",
            days_between(start, end),
            currency=currency,
        )

    def month_end(self, currency: str | None = None) -> Frame:
        """What was outstanding at the end of each month: a row for each currency and month, the running one marked.

        Raises:
            NotFound: where the warehouse knows no such currency.
        """
        return self._rows("month_end", "currency, month", currency=currency)

    def customers(self) -> Frame:
        """Everybody as last known: a row for each customer."""
        return self._rows("customers", "customer_id")

    def overview(self, customer_id: str | None = None, currency: str | None = None) -> Frame:
        """What people look a wallet up for: a row for each wallet, with names, balances and what becomes of them.

        Raises:
            NotFound: where the warehouse knows no such customer or currency.
        """
        return self._rows(
            "wallet_overview", "wallet_id", customer_id=customer_id, currency=currency
        )

    def runway(self, customer_id: str | None = None, currency: str | None = None) -> Frame:
        """How long each living wallet's credits last: a row for each wallet.

        Raises:
            NotFound: where the warehouse knows no such customer or currency.
        """
        return self._rows("wallet_runway", "wallet_id", customer_id=customer_id, currency=currency)

    def alerts(self, customer_id: str | None = None, currency: str | None = None) -> Frame:
        """Balances against their thresholds now, reached or not: a row for each wallet and threshold.

        Raises:
            NotFound: where the warehouse knows no such customer or currency.
        """
        return self._rows(
            "wallet_alerts", "wallet_id, level", customer_id=customer_id, currency=currency
        )

    def ledger(self, wallet_id: str) -> Frame:
        """One wallet's transactions in the order of its ledger; those that are not completed come last.

        Raises:
            NotFound: where the warehouse knows no such wallet.
        """
        order = "ledger_position nulls last, source_created_at, transaction_id"
        return self._rows("wallet_transactions", order, wallet_id=wallet_id)

    def grants(
        self,
        wallet_id: str | None = None,
        customer_id: str | None = None,
        currency: str | None = None,
    ) -> Frame:
        """What became of the credits granted: a row for each completed credit, the oldest of a wallet first.

        Raises:
            NotFound: where the warehouse knows no such wallet, customer or currency.
        """
        order = "wallet_id, completed_at, transaction_id"
        return self._rows(
            "credit_grants", order, wallet_id=wallet_id, customer_id=customer_id, currency=currency
        )

    def roll_forward(self, currency: str | None = None) -> Frame:
        """The books by UTC month: a row for each currency and month, from opening to closing.

        Raises:
            NotFound: where the warehouse knows no such currency.
        """
        return self._rows("currency_roll_forward", "currency, month", currency=currency)

    def wallet_roll_forward(
        self, wallet_id: str | None = None, currency: str | None = None
    ) -> Frame:
        """The books of wallets by UTC month: a row for each wallet, currency and month.

        Raises:
            NotFound: where the warehouse knows no such wallet or currency.
        """
        order = "wallet_id, currency, month"
        return self._rows("wallet_roll_forward", order, wallet_id=wallet_id, currency=currency)

    def reconciliation(self, customer_id: str | None = None, currency: str | None = None) -> Frame:
        """Whether the ledger explains each wallet's last observed balance: a row for each wallet.

        Raises:
            NotFound: where the warehouse knows no such customer or currency.
        """
        view = "ledger_reconciliation"
        return self._rows(view, "wallet_id", customer_id=customer_id, currency=currency)

    def _rows(
        self,
        view: str,
        order: str,
        days: dict[str, date] | None = None,
        **named: str | None,
    ) -> Frame:
        """The rows of a view that fit the named ids and the days, each condition with its operator."""
        chosen = {column: value for column, value in named.items() if value is not None}
        for column, value in chosen.items():
            self._refuse_unknown(view, column, value)
        conditions = [*(f"{column} = ?" for column in chosen), *(days or ())]
        where = " and ".join(conditions) or "true"
        return self.query(
            f"select * from {self._view(view)} where {where} order by {order}",
            [*chosen.values(), *(days or {}).values()],
        )

    def _refuse_unknown(self, asked: str, column: str, value: str) -> None:
        # The ledger also knows wallets that were never observed, and currencies that no wallet has any more.
        view = self._view(_KNOWN_IN[column])
        for known in (view, self._view(asked)):
            if self._fetched(f"select 1 from {known} where {column} = ? limit 1", value):
                return
        noun = column.removesuffix("_id")
        if column == "currency":
            known = ", ".join(
                str(name)
                for (name,) in self._fetched(f"select distinct currency from {view} order by 1")
            )
            advice = f"it has {known}." if known else "it has none yet."
        else:
            advice = f"look for it in {noun}s of the schema {self._schema}."
        raise NotFound(f"The warehouse knows no {noun} {value!r}: {advice}")

    def _fetched(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with damage_named("The warehouse"):
            return self._connection.execute(sql, list(parameters)).fetchall()

    def _view(self, name: str) -> str:
        return f"{quoted(self._schema)}.{name}"


class Warehouse(Answers["pd.DataFrame"]):
    """A published warehouse, open for reading; use it in a `with` block.

    Methods return pandas DataFrames with times in UTC. Amounts are exact `decimal.Decimal` objects; with
    `amounts="float"` they are float64, quick to plot and no longer exact. `as_polars()` and `as_arrow()` have the
    same methods for other tables.

    What is open stays as it was when it was opened: to see a later load, open the file again.
    """

    def __init__(
        self,
        database: str | os.PathLike[str],
        *,
        amounts: Amounts = "decimal",
        raw_schema: str = "flexprice_raw",
        schema: str = "flexprice",
    ) -> None:
        """Open the file read-only.

        Args:
            database: the file; `~` is the user's home.
            amounts: "decimal" or "float".
            raw_schema: schema of the tables, as the load was told.
            schema: schema of the views, as the load was told.

        Raises:
            ConfigurationError: where an argument is wrong, there are no views in the schema, or DuckDB cannot tell the
                names apart.
            NotAWarehouse: where the file does not exist or is no warehouse.
            WarehouseTooNew: where a later version of this program wrote it.
        """
        if amounts not in get_args(Amounts):
            raise ConfigurationError(
                f"amounts is {amounts!r}, which is neither 'decimal' nor 'float': name one of them."
            )
        self._path = Path(database)
        with ExitStack() as stack:
            connection = stack.enter_context(
                open_published(database, raw_schema=raw_schema, schema=schema)
            )
            super().__init__(
                connection, pandas_frame, amounts=amounts, raw_schema=raw_schema, schema=schema
            )
            self._refuse_without_views()
            self._counts = self._counted()
            self._open = stack.pop_all()

    def as_polars(self) -> Answers[pl.DataFrame]:
        """The same methods, on the same open file, with polars DataFrames.

        Raises:
            ConfigurationError: where polars is not installed.
        """
        require_polars()
        return self._as(polars_frame)

    def as_arrow(self) -> Answers[pa.Table]:
        """The same methods, on the same open file, with Arrow tables."""
        return self._as(lambda table: table)

    def _as(self, to_frame: Callable[[pa.Table], Frame]) -> Answers[Frame]:
        return Answers(
            self._connection,
            to_frame,
            amounts=self._amounts,
            raw_schema=self._raw_schema,
            schema=self._schema,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; a `with` block does it by itself."""
        self._open.close()

    def __repr__(self) -> str:
        at, snapshots, customers, wallets = self._counts
        counts = f"{snapshots:,} snapshots, {customers:,} customers, {wallets:,} wallets"
        if at is None:
            return f"<Warehouse {self._path}: no snapshot yet>"
        age = age_in_words(datetime.now(UTC) - at)
        return f"<Warehouse {self._path}: as at {at:%Y-%m-%d %H:%M} UTC, {age}; {counts}>"

    def _refuse_without_views(self) -> None:
        found = self._fetched(
            "select 1 from duckdb_views() where schema_name = ? and view_name = 'freshness'",
            self._schema,
        )
        if not found:
            raise ConfigurationError(
                f"{self._path.name} has no views in the schema {self._schema!r}: give the schema= that the load was "
                "told, or make them with `flexprice-wallets views`."
            )

    def _counted(self) -> tuple[datetime | None, int, int, int]:
        raw = quoted(self._raw_schema)
        [(at, snapshots, customers, wallets)] = self._fetched(
            f"select max(snapshot_at), count(*), (select count(*) from {raw}.stored_customers), "
            f"(select count(*) from {raw}.stored_wallets) from {raw}.snapshots"
        )
        return at, snapshots, customers, wallets


def open(  # noqa: A001 - reads as flexprice_wallets.open(...)
    database: str | os.PathLike[str] = "warehouse.duckdb",
    *,
    amounts: Amounts = "decimal",
    raw_schema: str = "flexprice_raw",
    schema: str = "flexprice",
) -> Warehouse:
    """Open a warehouse for reading; see `Warehouse`."""
    return Warehouse(database, amounts=amounts, raw_schema=raw_schema, schema=schema)
