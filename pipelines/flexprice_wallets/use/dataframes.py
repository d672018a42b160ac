"""Reads a published warehouse into pandas: the interface for notebooks."""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import duckdb

from flexprice_wallets.errors import ConfigurationError
from flexprice_wallets.warehouse.database import damage_named, last_snapshot_at, open_published

if TYPE_CHECKING:
    import pandas as pd

Amounts = Literal["decimal", "float"]


class Warehouse:
    """A published warehouse, open for reading; use it in a `with` block.

    Methods return pandas DataFrames with times in UTC. Amounts are exact `decimal.Decimal` objects; with
    `amounts="float"` they are float64, quick to plot and no longer exact.

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

        Raises:
            ConfigurationError: where an argument is wrong, or DuckDB cannot tell the names apart.
            NotAWarehouse: where the file does not exist or is no warehouse.
            WarehouseTooNew: where a later version of this program wrote it.
        """
        if amounts not in get_args(Amounts):
            raise ConfigurationError(
                f"amounts is {amounts!r}, which is neither 'decimal' nor 'float': name one of them."
            )
        self._amounts = amounts
        self._raw_schema = raw_schema
        self._schema = schema
        with ExitStack() as stack:
            self._connection = stack.enter_context(
                open_published(database, raw_schema=raw_schema, schema=schema)
            )
            self._open = stack.pop_all()

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

    def query(self, sql: str, parameters: list[Any] | None = None) -> pd.DataFrame:
        """The answer to any SQL query.

        Raises:
            duckdb.Error: where the query is wrong.
            NotAWarehouse: where the file is damaged.
        """
        with damage_named("The warehouse"):
            return _dataframe(self._connection.sql(sql, params=parameters or []), self._amounts)

    def balances(self, at: datetime | None = None) -> pd.DataFrame:
        """Every wallet's balances at a moment: a row for each wallet that lived then.

        Args:
            at: The moment, with a time zone. Without it: the last snapshot's.

        Raises:
            ValueError: where the moment has no time zone.
        """
        if at is None:
            at = last_snapshot_at(self._connection, self._raw_schema)
        elif at.tzinfo is None:
            raise ValueError(
                "the moment needs a time zone, such as datetime(2026, 3, 1, tzinfo=UTC)"
            )
        return self.query(
            f'select * from "{self._schema}".wallet_balance_as_of(cast(? as timestamptz)) order by wallet_id',
            [at],
        )

    def history(self, wallet_id: str) -> pd.DataFrame:
        """One wallet's balances from its first sight on: a row for each interval in which nothing changed."""
        return self.query(
            f'select * from "{self._schema}".wallet_balance_history where wallet_id = ? order by valid_from',
            [wallet_id],
        )

    def daily(self, wallet_id: str | None = None, currency: str | None = None) -> pd.DataFrame:
        """Balances by UTC day: a row for each wallet and day, of one wallet or one currency if named."""
        named = {"wallet_id": wallet_id, "currency": currency}
        chosen = {column: value for column, value in named.items() if value is not None}
        where = " and ".join(f"{column} = ?" for column in chosen) or "true"
        return self.query(
            f'select * from "{self._schema}".wallet_balance_daily where {where} order by wallet_id, date_day',
            list(chosen.values()),
        )


def open(  # noqa: A001 - reads as flexprice_wallets.open(...)
    database: str | os.PathLike[str] = "warehouse.duckdb",
    *,
    amounts: Amounts = "decimal",
    raw_schema: str = "flexprice_raw",
    schema: str = "flexprice",
) -> Warehouse:
    """Open a warehouse for reading; see `Warehouse`."""
    return Warehouse(database, amounts=amounts, raw_schema=raw_schema, schema=schema)


def _dataframe(result: duckdb.DuckDBPyRelation, amounts: Amounts) -> pd.DataFrame:
    """A DataFrame of a result. By way of Arrow, because DuckDB's own way makes every decimal a float."""
    import pyarrow as pa

    table = result.to_arrow_table()
    if amounts == "float":
        for position, field in enumerate(table.schema):
            if pa.types.is_decimal(field.type):
                table = table.set_column(
                    position, field.name, table.column(position).cast(pa.float64())
                )
    frame: pd.DataFrame = table.to_pandas(date_as_object=False)
    return frame
