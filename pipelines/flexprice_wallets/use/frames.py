"""Turns DuckDB's answers into tables of pandas, polars or Arrow, with amounts exact unless floats are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import duckdb

from flexprice_wallets.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

Amounts = Literal["decimal", "float"]


def arrow_table(result: duckdb.DuckDBPyRelation, amounts: Amounts) -> pa.Table:
    """An Arrow table of a result. DuckDB's own way into pandas would make every decimal a float."""
    import pyarrow as pa

    table = result.to_arrow_table()
    if amounts == "float":
        for position, field in enumerate(table.schema):
            if pa.types.is_decimal(field.type):
                table = table.set_column(
                    position, field.name, table.column(position).cast(pa.float64())
                )
    return table


def pandas_frame(table: pa.Table) -> pd.DataFrame:
    """A pandas DataFrame, with amounts as `decimal.Decimal` objects."""
    frame: pd.DataFrame = table.to_pandas(date_as_object=False)
    return frame


def polars_frame(table: pa.Table) -> pl.DataFrame:
    """A polars DataFrame, with amounts as `Decimal` columns."""
    import polars as pl

    return pl.DataFrame(table)


def require_polars() -> None:
    """Make sure that polars is installed, which is nobody's dependency here.

    Raises:
        ConfigurationError: it is not.
    """
    try:
        import polars  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            "as_polars() needs polars, which is not installed: pip install polars"
        ) from error
