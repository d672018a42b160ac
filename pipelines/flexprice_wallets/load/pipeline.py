"""Loads one snapshot into the working copy. Heavy: imports dlt, DuckDB and Arrow."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dlt
import duckdb

from flexprice_wallets.api.calls import Figures
from flexprice_wallets.compare.known import Known
from flexprice_wallets.compare.snapshot_time import choose_snapshot_time
from flexprice_wallets.errors import FlexpriceWalletsError, NotAWarehouse, RunFailed, StorageError
from flexprice_wallets.fetch.feed import Feed, Selection
from flexprice_wallets.fetch.process import ProcessFeed
from flexprice_wallets.load.known import read_known
from flexprice_wallets.load.observation import Limits, Progress
from flexprice_wallets.load.source import SnapshotRequest, WarehouseVersions, snapshot_source
from flexprice_wallets.publish.database import (
    create_database,
    last_snapshot_at,
    migrate_warehouse,
    open_database,
)
from flexprice_wallets.publish.paths import WarehousePaths
from flexprice_wallets.publish.working_copy import copy_published
from flexprice_wallets.views import apply_snapshots, create_views

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SnapshotOptions:
    """What a snapshot is to hold, and where it goes."""

    selection: Selection
    figures: Figures
    limits: Limits
    snapshot_at: datetime | None
    raw_schema: str
    schema: str


def load_snapshot(
    paths: WarehousePaths,
    options: SnapshotOptions,
    feed: Feed | ProcessFeed,
    started_at: datetime,
    on_progress: Callable[[Progress], None],
) -> dict[str, Any]:
    """Load what `feed` brings into a copy of the published file; returns the snapshot's row.

    Raises:
        FlexpriceWalletsError: where the run must be given up.
    """
    known, last = _prepare_copy(paths, options.raw_schema)
    time = choose_snapshot_time(started_at, last, options.snapshot_at)
    if time.moved_by:
        _logger.warning(
            "The clock is behind the last snapshot: this one's time is moved by %s to %s.",
            time.moved_by,
            time.id,
        )
    request = SnapshotRequest(
        time,
        started_at,
        options.selection,
        options.figures,
        known,
        WarehouseVersions(paths.copy, options.raw_schema),
        feed,
        options.limits,
        on_progress,
    )
    row: dict[str, Any] = {}
    _run_dlt(paths, options.raw_schema, request, row)
    # Of a large tenant it takes as much memory as what follows.
    known.clear()
    _finish_copy(paths, options, row)
    return row


def _prepare_copy(paths: WarehousePaths, raw_schema: str) -> tuple[Known, datetime | None]:
    try:
        if not copy_published(paths):
            create_database(paths.copy)
            return Known(), None
        with open_database(paths.copy) as connection:
            migrate_warehouse(connection, raw_schema, paths.published.name)
            apply_snapshots(connection, raw_schema=raw_schema)
            return read_known(connection, raw_schema), last_snapshot_at(connection, raw_schema)
    except duckdb.Error as error:
        raise _own_error(error) from error


def _run_dlt(
    paths: WarehousePaths, raw_schema: str, request: SnapshotRequest, row: dict[str, Any]
) -> None:
    source = snapshot_source(lambda: request, row)
    try:
        pipeline = dlt.pipeline(
            pipeline_name="flexprice_wallets",
            pipelines_dir=str(paths.pipelines_folder),
            destination=dlt.destinations.duckdb(str(paths.copy)),
            dataset_name=raw_schema,
        )
        pipeline.run(source, loader_file_format="parquet")
    except Exception as error:
        raise _own_error(error) from error


def _finish_copy(paths: WarehousePaths, options: SnapshotOptions, row: dict[str, Any]) -> None:
    """Bring the derived tables, views and comments up to date, and close the copy for good."""
    try:
        with open_database(paths.copy) as connection:
            # One thread takes the least memory, and is no slower with what changes in a run.
            connection.execute("set threads = 1")
            connection.execute(
                f'update "{options.raw_schema}".warehouse set tenant_id = ?, environment_id = ? '
                "where tenant_id is null and environment_id is null",
                [row["tenant_id"], row["environment_id"]],
            )
            apply_snapshots(connection, raw_schema=options.raw_schema)
            create_views(connection, raw_schema=options.raw_schema, schema=options.schema)
            connection.execute("checkpoint")
    except duckdb.Error as error:
        raise _own_error(error) from error


def _own_error(error: BaseException) -> FlexpriceWalletsError:
    """The error of this package behind one of dlt's or DuckDB's, or one that names it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, FlexpriceWalletsError):
            return seen
        if isinstance(seen, OSError) and seen.errno is not None:
            return StorageError(
                f"The file system refused ({seen.strerror}); nothing was published. Free space or mend the "
                "permissions, and run again."
            )
        if isinstance(seen, duckdb.Error) and "corrupt" in str(seen).lower():
            return NotAWarehouse(
                f"The database is damaged ({_first_line(seen)}). It was left as it is; restore a backup."
            )
        if isinstance(seen, duckdb.IOException | duckdb.OutOfMemoryException):
            return StorageError(
                f"DuckDB could not write ({_first_line(seen)}); nothing was published. "
                "Free space or memory and run again."
            )
        innermost = seen
        seen = seen.__cause__ or seen.__context__
    return RunFailed(
        f"The load failed in dlt or DuckDB ({type(innermost).__name__}: {_first_line(innermost)}); nothing was "
        "published. Run again with -v to see more."
    )


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "")[:300]
