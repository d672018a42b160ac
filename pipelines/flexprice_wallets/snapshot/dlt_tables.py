"""The tables of a new warehouse, as dlt would make them of the first rows."""

from __future__ import annotations

import dlt
from dlt.common.libs.pyarrow import py_arrow_to_table_schema_columns
from dlt.common.schema.typing import TTableSchema
from dlt.common.schema.utils import new_table

from flexprice_wallets.records.columns import ColumnType, Table
from flexprice_wallets.records.tables import TABLES
from flexprice_wallets.snapshot.arrow import arrow_schema
from flexprice_wallets.snapshot.source import SOURCE_NAME


def create_tables(pipeline: dlt.Pipeline) -> None:
    """Create all tables of the contract, empty, in the destination of `pipeline`."""
    schema = dlt.Schema(SOURCE_NAME)
    for table in TABLES:
        schema.update_table(_dlt_table(table))
    pipeline.schemas.save_schema(schema)
    pipeline.sync_schema(schema.name)


def _dlt_table(table: Table) -> TTableSchema:
    columns = py_arrow_to_table_schema_columns(arrow_schema(table))
    for column in table.columns:
        if column.type is ColumnType.JSON:
            columns[column.name]["data_type"] = "json"
    return new_table(table.name, write_disposition="append", columns=list(columns.values()))
