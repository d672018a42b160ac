"""Loads one snapshot into the working copy. Heavy: imports dlt, DuckDB and Arrow."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from typing import Any

import dlt
import duckdb
from dlt.common.exceptions import DltException

from flexprice_wallets.errors import (
    FlexpriceWalletsError,
    NotAWarehouse,
    RunFailed,
    StorageError,
    chain_of,
)
from flexprice_wallets.extract.feed import Feed
from flexprice_wallets.snapshot.dlt_tables import create_tables
from flexprice_wallets.snapshot.free_memory import give_back_memory
from flexprice_wallets.snapshot.ledger_rows import read_ledger_before, settle_ledger
from flexprice_wallets.snapshot.options import LoadOptions
from flexprice_wallets.snapshot.progress import Progress
from flexprice_wallets.snapshot.read_known import read_known
from flexprice_wallets.snapshot.snapshot_row import SnapshotRow, as_snapshot_row
from flexprice_wallets.snapshot.source import (
    SOURCE_NAME,
    Before,
    WarehouseVersions,
    snapshot_source,
)
from flexprice_wallets.warehouse.database import (
    create_database,
    last_snapshot_at,
    open_database,
)
from flexprice_wallets.warehouse.memory import limit_memory
from flexprice_wallets.warehouse.migrations import migrate_warehouse
from flexprice_wallets.warehouse.paths import WarehousePaths
from flexprice_wallets.warehouse.refresh_views import refresh_views
from flexprice_wallets.warehouse.upkeep import apply_snapshots
from flexprice_wallets.warehouse.working_copy import copy_published

_logger = logging.getLogger(__name__)

#: The second is a file that ends too early.
_SIGNS_OF_DAMAGE = ("corrupt", "could not read enough bytes")


def load_snapshot(
    paths: WarehousePaths,
    options: LoadOptions,
    feed: Feed,
    started_at: datetime,
    on_progress: Callable[[Progress], None],
) -> SnapshotRow:
    """Load what `feed` brings into a copy of the published file; returns the snapshot's row.

    Raises:
        FlexpriceWalletsError: where the run must be given up.
    """
    try:
        is_continued = copy_published(paths)
        if not is_continued:
            create_database(paths.copy)
        row: dict[str, Any] = {}
        relations: AbstractContextManager[Callable[[Progress], None]]
        # Open throughout, as dlt would open and close it for every table.
        with open_database(paths.copy) as connection:
            limit_memory(connection, paths.copy)
            # Copying the new rows in on one thread takes the least memory.
            connection.execute("set threads = 1")
            pipeline = _dlt_pipeline(connection, paths, options.raw_schema)
            if is_continued:
                before = _read_before(connection, paths, options.raw_schema)
                relations = nullcontext(on_progress)
            else:
                before = Before()
                relations = _relations_made_beside(connection, pipeline, options, on_progress)
            with relations as tell:
                source = snapshot_source(
                    options,
                    lambda: before,
                    lambda: feed,
                    row,
                    started_at=started_at,
                    on_progress=tell,
                )
                pipeline.extract(source, loader_file_format="parquet")
                pipeline.normalize()
            pipeline.load()
        give_back_memory()
        # Reopened: the file has grown, and with it what DuckDB may take.
        with open_database(paths.copy) as connection:
            limit_memory(connection, paths.copy)
            _finish_copy(connection, options, row)
    except (DltException, duckdb.Error, OSError) as error:
        # dlt wraps whatever it is that a step raises.
        failure = _own_failure(error)
        if failure is None:
            raise _named_failure(error) from error
    else:
        return as_snapshot_row(row)
    # Not within the handler: its chain would lead back to itself.
    raise failure


def _read_before(
    connection: duckdb.DuckDBPyConnection, paths: WarehousePaths, raw_schema: str
) -> Before:
    """What the copy holds."""
    migrate_warehouse(connection, raw_schema, paths.published.name)
    apply_snapshots(connection, raw_schema=raw_schema)
    return Before(
        read_known(connection, raw_schema),
        last_snapshot_at(connection, raw_schema),
        read_ledger_before(connection, raw_schema, connection.cursor),
        WarehouseVersions(connection.cursor, raw_schema),
    )


def _dlt_pipeline(
    connection: duckdb.DuckDBPyConnection, paths: WarehousePaths, raw_schema: str
) -> dlt.Pipeline:
    return dlt.pipeline(
        pipeline_name=SOURCE_NAME,
        pipelines_dir=str(paths.pipelines_folder),
        destination=dlt.destinations.duckdb(connection),
        dataset_name=raw_schema,
    )


@contextmanager
def _relations_made_beside(
    connection: duckdb.DuckDBPyConnection,
    pipeline: dlt.Pipeline,
    options: LoadOptions,
    on_progress: Callable[[Progress], None],
) -> Iterator[Callable[[Progress], None]]:
    """Make all that a new warehouse has without rows, while answers are read within; it is there after the block.

    Gives `on_progress`, which fails as soon as that has failed. Where the block fails, no more of it is made.
    """
    create_tables(pipeline)
    with connection.cursor() as cursor, ThreadPoolExecutor(1) as beside:
        made = beside.submit(_create_relations, cursor, options)

        def tell(progress: Progress) -> None:
            if made.done():
                made.result()
            on_progress(progress)

        try:
            yield tell
            made.result()
        except BaseException:
            _interrupt(cursor, made)
            raise


def _create_relations(connection: duckdb.DuckDBPyConnection, options: LoadOptions) -> None:
    """Make the derived tables and the views of a new warehouse, empty."""
    apply_snapshots(connection, raw_schema=options.raw_schema)
    refresh_views(connection, raw_schema=options.raw_schema, schema=options.schema)
    give_back_memory()


def _interrupt(connection: duckdb.DuckDBPyConnection, at_work: Future[None]) -> None:
    """End what another thread does with a connection."""
    while not at_work.done():
        connection.interrupt()
        # A statement that begins just then has not heard of it.
        wait([at_work], timeout=0.01)


def _finish_copy(
    connection: duckdb.DuckDBPyConnection, options: LoadOptions, row: dict[str, Any]
) -> None:
    """Bring the derived tables, views and comments up to date, and write all of it to the file."""
    # More threads take more memory, and are hardly faster with what one run changes.
    connection.execute("set threads = 2")
    connection.execute(
        f'update "{options.raw_schema}".warehouse set tenant_id = ?, environment_id = ? '
        "where tenant_id is null and environment_id is null",
        [row["tenant_id"], row["environment_id"]],
    )
    settle_ledger(connection, options.raw_schema, row)
    apply_snapshots(connection, raw_schema=options.raw_schema)
    refresh_views(connection, raw_schema=options.raw_schema, schema=options.schema)
    connection.execute("checkpoint")


def _own_failure(error: BaseException) -> FlexpriceWalletsError | None:
    """The error of this package behind one of dlt's or DuckDB's, where there is one."""
    own = (each for each in chain_of(error) if isinstance(each, FlexpriceWalletsError))
    return next(own, None)


def _named_failure(error: BaseException) -> FlexpriceWalletsError:
    """The error of this package that names one of dlt's, DuckDB's or the system's."""
    for seen in chain_of(error):
        if isinstance(seen, OSError) and seen.errno is not None:
            return StorageError(
                f"The file system refused ({seen.strerror}); nothing was published. Free space or mend the "
                "permissions, and run again."
            )
        if isinstance(seen, duckdb.Error) and any(
            sign in str(seen).lower() for sign in _SIGNS_OF_DAMAGE
        ):
            return NotAWarehouse(
                f"The database is damaged ({_first_line(seen)}). It was left as it is; restore a backup."
            )
        if isinstance(seen, duckdb.Error) and (
            isinstance(seen, duckdb.IOException | duckdb.OutOfMemoryException)
            # A commit or checkpoint that cannot write fails as that.
            or "could not write" in str(seen).lower()
        ):
            return StorageError(
                f"DuckDB could not write ({_first_line(seen)}); nothing was published. "
                "Free space or memory and run again."
            )
        innermost = seen
    return RunFailed(
        f"The load failed in dlt or DuckDB ({type(innermost).__name__}: {_first_line(innermost)}); nothing was "
        "published. Run again with -v to see more."
    )


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "")[:300]
