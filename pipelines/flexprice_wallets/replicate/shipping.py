"""Sends rows through dlt's destination, append-only. Heavy: imports dlt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

import dlt
import pyarrow as pa
from dlt.common.data_types import TDataType
from dlt.common.destination import Destination
from dlt.common.schema.typing import TColumnSchema
from dlt.common.schema.utils import new_table

from flexprice_wallets.replicate.reading import IS_DELETED, ROW_HASH
from flexprice_wallets.replicate.tables import Kind, ReplicatedColumn, ReplicatedTable

LakeFormat = Literal["delta", "iceberg"]

SHIP_ID: Final = "ship_id"
SHIPMENTS: Final = "shipments"

#: Name of the schema and pipeline that send to a lake.
_IN_A_LAKE: Final = "rows"

#: By section, as in a `.dlt/config.toml`.
DLT_SETTINGS: Final[dict[str, Any]] = {
    "runtime": {"intercept_signals": False, "dlthub_telemetry": False, "log_level": "ERROR"},
    "enable_runtime_trace": False,
    # What the destination has committed is the only state.
    "restore_from_destination": False,
    "schema": {"naming": "snake_case"},
    "normalize": {"parquet_normalizer": {"add_dlt_load_id": False, "add_dlt_id": False}},
    "data_writer": {"buffer_max_items": 5000},
    "load": {
        "workers": 1,
        "delete_completed_jobs": True,
        "raise_on_failed_jobs": True,
        # A job whose connection broke may have been done: to repeat it could send rows twice. The next run sends
        # them in another shipment.
        "raise_on_max_retries": 1,
    },
}
#: JSON goes as text: a type of the engine's own might word it otherwise.
_DLT_TYPES: Final[dict[Kind, TDataType]] = {
    "text": "text",
    "json": "text",
    "boolean": "bool",
    "integer": "bigint",
    "timestamp": "timestamp",
    "date": "date",
    "decimal": "decimal",
}
_ARROW_TYPES: Final[dict[Kind, pa.DataType]] = {
    "text": pa.string(),
    "json": pa.string(),
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
}
_MARKS: Final = (
    ReplicatedColumn(
        ROW_HASH, "integer", "Kept by the replication: by which a changed row is found."
    ),
    ReplicatedColumn(IS_DELETED, "boolean", "Kept by the replication: the row is gone since."),
)
_SHIP: Final = ReplicatedColumn(SHIP_ID, "text", "The shipment that brought the row.")
#: The table whose rows commit shipments. It is never altered: whatever may change with the program is text.
SHIPMENT_COLUMNS: Final = (
    ReplicatedColumn("ship_number", "integer", "Number of the shipment, counted from 1."),
    ReplicatedColumn(SHIP_ID, "text", "Its id, which its rows carry."),
    ReplicatedColumn("format", "integer", "Version of the way in which it is written."),
    ReplicatedColumn("shipped_at", "timestamp", "When it was committed, by the sender's clock."),
    ReplicatedColumn(
        "snapshot_at", "timestamp", "Time of the last snapshot that it brought up to."
    ),
    ReplicatedColumn("tenant_id", "text", "Tenant of the warehouse."),
    ReplicatedColumn("environment_id", "text", "Environment of the warehouse."),
    ReplicatedColumn("pipeline_version", "text", "Version of flexprice-wallets that sent it."),
    ReplicatedColumn("layout", "text", "Changes with the set of tables that hold the rows."),
    ReplicatedColumn(
        "snapshots", "text", "JSON: the snapshots that it brought, each with its dlt load."
    ),
    ReplicatedColumn("contents", "text", "JSON: what each table holds since."),
)


class Sender:
    """Sends to one dataset of a dlt destination. To be used within dlt settings of `DLT_SETTINGS`.

    Args:
        destination: of dlt.
        dataset: schema of the rows.
        folder: where dlt keeps its files; new for every run.
        table_format: of a lake's tables; None for a database.
    """

    def __init__(
        self,
        destination: Destination[Any, Any],
        dataset: str,
        folder: Path,
        table_format: LakeFormat | None = None,
    ) -> None:
        self._destination = destination
        self._dataset = dataset
        self._folder = folder
        self._format = table_format
        self._in_format: dict[str, Any] = (
            {} if table_format is None else {"table_format": table_format}
        )

    def create_tables(self, tables: Mapping[str, ReplicatedTable], ship_id: str) -> None:
        """Create tables, empty, by the names that they get at the destination."""
        if tables:
            columns = {name: stored_columns(table) for name, table in tables.items()}
            self._create(f"rows_{ship_id[-8:]}_new", columns)

    def create_shipments(self) -> None:
        """Create the table whose rows commit shipments, empty, where it is missing."""
        if self._format is None:
            self._create(SHIPMENTS, {SHIPMENTS: SHIPMENT_COLUMNS})
        else:
            nothing = arrow_schema(SHIPMENT_COLUMNS).empty_table()
            self._run(SHIPMENTS, [self._resource(SHIPMENTS, [nothing], SHIPMENT_COLUMNS)])

    def lake_client(self, tables: Mapping[str, Sequence[ReplicatedColumn]]) -> Any:
        """A context with dlt's client of the destination, which opens these tables of a lake where they are."""
        pipeline = self._saved(_IN_A_LAKE, tables)
        return pipeline.destination_client(_IN_A_LAKE)

    def _create(self, name: str, tables: Mapping[str, Sequence[ReplicatedColumn]]) -> None:
        self._saved(name, tables).sync_schema(name)

    def _saved(self, name: str, tables: Mapping[str, Sequence[ReplicatedColumn]]) -> dlt.Pipeline:
        """A pipeline with a schema of these tables."""
        schema = dlt.Schema(name)
        for table, columns in tables.items():
            told = [_hints(column) for column in columns]
            schema.update_table(
                new_table(table, write_disposition="append", columns=told, **self._in_format)
            )
        pipeline = self._pipeline(f"{name}_tables")
        pipeline.schemas.save_schema(schema)
        return pipeline

    def send_rows(
        self,
        rows: Mapping[str, tuple[ReplicatedTable, Iterator[pa.Table]]],
        ship_id: str,
        beside: Mapping[str, tuple[pa.Table, Sequence[ReplicatedColumn]]] = MappingProxyType({}),
    ) -> dict[str, int]:
        """Send rows of several tables; returns how many of each.

        Args:
            rows: by the table's name at the destination.
            ship_id: that they carry.
            beside: tables of the replication's own that are sent with them as they are.
        """
        sent = dict.fromkeys(rows, 0)

        def counted(name: str, batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
            for batch in with_ship_id(batches, ship_id):
                sent[name] += batch.num_rows
                yield batch

        resources = [
            self._resource(name, counted(name, batches), stored_columns(table))
            for name, (table, batches) in rows.items()
        ]
        resources += [
            self._resource(name, [table], columns) for name, (table, columns) in beside.items()
        ]
        self._run(f"rows_{ship_id[-8:]}", resources)
        return sent

    def commit(self, shipment: Mapping[str, Any], ship_id: str) -> None:
        """Send the one row of `shipments` that makes the rows of the shipment count."""
        row = pa.Table.from_pylist([shipment], schema=arrow_schema(SHIPMENT_COLUMNS))
        resource = self._resource(SHIPMENTS, [row], SHIPMENT_COLUMNS)
        self._run(f"commit_{ship_id[-8:]}", [resource])

    def _resource(
        self, name: str, batches: Iterable[pa.Table], columns: Iterable[ReplicatedColumn]
    ) -> Any:
        return dlt.resource(
            iter(batches),
            name=name,
            write_disposition="append",
            columns={column.sent_as: _hints(column) for column in columns},
            **self._in_format,
        )

    def _run(self, name: str, resources: list[Any]) -> None:
        if self._format is not None:
            # A name that stays: dlt keeps files beside a lake's tables for each.
            self._pipeline(_IN_A_LAKE).run(
                resources, schema=dlt.Schema(_IN_A_LAKE), loader_file_format="parquet"
            )
            return
        # CSV would make null of empty text.
        self._pipeline(name).run(
            resources, schema=dlt.Schema(name), loader_file_format="insert_values"
        )

    def _pipeline(self, name: str) -> dlt.Pipeline:
        return dlt.pipeline(
            pipeline_name=f"flexprice_{name}",
            pipelines_dir=str(self._folder),
            destination=self._destination,
            dataset_name=self._dataset,
        )


def with_ship_id(batches: Iterable[pa.Table], ship_id: str) -> Iterator[pa.Table]:
    """Rows with the shipment that brings them."""
    for batch in batches:
        yield batch.append_column(SHIP_ID, pa.repeat(pa.scalar(ship_id), batch.num_rows))


def stored_columns(table: ReplicatedTable) -> tuple[ReplicatedColumn, ...]:
    """The columns of a table at the destination."""
    marks = () if table.appended_by is not None else _MARKS
    return (*table.columns, *marks, _SHIP)


def arrow_schema(columns: Iterable[ReplicatedColumn]) -> pa.Schema:
    """The exact Arrow types of columns, by their names at the destination."""
    return pa.schema([(column.sent_as, arrow_type(column)) for column in columns])


def arrow_type(column: ReplicatedColumn) -> pa.DataType:
    """The exact Arrow type of a column."""
    if column.kind == "decimal":
        return pa.decimal128(column.precision, column.scale)
    return _ARROW_TYPES[column.kind]


def _hints(column: ReplicatedColumn) -> TColumnSchema:
    # What a row may lack is the file's matter; rows that mark a deletion lack nearly all.
    told: TColumnSchema = {
        "name": column.sent_as,
        "data_type": _DLT_TYPES[column.kind],
        "nullable": True,
    }
    if column.kind == "decimal" and column.precision is not None and column.scale is not None:
        told |= {"precision": column.precision, "scale": column.scale}
    if column.kind == "timestamp":
        told |= {"precision": 6, "timezone": True}
    return told
