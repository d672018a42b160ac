"""Writes every view as files: small ones as one file each, daily ones in a folder for each day."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import duckdb

from flexprice_wallets.errors import NotAWarehouse, StorageError
from flexprice_wallets.use.export.folder import Manifest, replaced_folder
from flexprice_wallets.warehouse.database import damage_named, open_published
from flexprice_wallets.warehouse.descriptions import Relation, views
from flexprice_wallets.warehouse.sql_files import literal, quoted

FileFormat = Literal["parquet", "csv"]

#: Views with a row for each wallet or customer and day; their folders are named `date_day=2026-03-01`.
_PARTITIONED: Final = frozenset({"wallet_balance_daily", "customer_balance_daily"})
_COPY_OPTIONS: Final = {
    "parquet": "format parquet, compression zstd",
    # An empty text is written "", and null as nothing.
    "csv": "format csv, header true, timestampformat '%Y-%m-%dT%H:%M:%S.%fZ', dateformat '%Y-%m-%d'",
}


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote: rows by view, and the snapshot that they are the state after (None: before the first)."""

    folder: Path
    rows: dict[str, int]
    snapshot_id: str | None


def export_views(
    database: Path,
    folder: Path,
    file_format: FileFormat,
    *,
    raw_schema: str = "flexprice_raw",
    schema: str = "flexprice",
) -> Exported:
    """Write every view of a warehouse into a folder, which is replaced as a whole and only when all is written.

    All views are of one state of the warehouse, whatever is loaded meanwhile.

    Raises:
        WarehouseError: where the database is no warehouse of this program, or cannot be read.
        ConfigurationError: where the folder holds what no export wrote.
        StorageError: where the file system refuses.
        AnotherRunAtWork: where another export into the folder is under way.
    """
    with (
        open_published(database, raw_schema=raw_schema, schema=schema) as connection,
        replaced_folder(folder) as new,
    ):
        snapshot_id, rows = _write(connection, schema, new.path, file_format)
        new.manifest = Manifest(file_format, snapshot_id, rows)
    return Exported(folder, rows, snapshot_id)


def _write(
    connection: duckdb.DuckDBPyConnection, schema: str, folder: Path, file_format: FileFormat
) -> tuple[str | None, dict[str, int]]:
    spill = folder / ".spill"
    connection.execute(f"set temp_directory = {literal(str(spill))}")
    chosen = [view for view in views() if view.type == "view"]
    try:
        with damage_named("The warehouse"):
            rows = {
                view.name: _copy(connection, schema, view, folder, file_format) for view in chosen
            }
        result = connection.execute(f"select max(snapshot_id) from {quoted(schema)}.snapshots")
        [(snapshot_id,)] = result.fetchall()
        connection.execute("reset temp_directory")
        if spill.exists():
            spill.rmdir()
    except duckdb.IOException as error:
        raise StorageError(
            f"The views cannot be written beside {folder.parent / folder.name} "
            f"({_first_line(error)}): free space, or name another folder."
        ) from error
    except duckdb.Error as error:
        raise NotAWarehouse(
            f"A view of this warehouse cannot be read ({_first_line(error)}): "
            "run `flexprice-wallets views --rebuild`, or restore a backup."
        ) from error
    return snapshot_id, rows


def _copy(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    view: Relation,
    folder: Path,
    file_format: FileFormat,
) -> int:
    query = f"select * from {quoted(schema)}.{quoted(view.name)}"
    options = _COPY_OPTIONS[file_format]
    if view.name in _PARTITIONED:
        target = folder / view.name
        target.mkdir()
        options += ", partition_by (date_day)"
    else:
        target = folder / f"{view.name}.{file_format}"
        if view.grain:
            query += f" order by {', '.join(map(quoted, view.grain))}"
    copy = f"copy ({query}) to {literal(str(target))} ({options})"
    [(count,)] = connection.execute(copy).fetchall()
    return int(count)


def _first_line(error: duckdb.Error) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
