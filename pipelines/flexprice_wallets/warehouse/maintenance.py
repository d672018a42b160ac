"""Work on a warehouse beside loading: heavy, as it imports DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from flexprice_wallets.errors import NotAWarehouse
from flexprice_wallets.warehouse.database import open_database
from flexprice_wallets.warehouse.migrations import migrate_warehouse
from flexprice_wallets.warehouse.paths import WarehousePaths
from flexprice_wallets.warehouse.refresh_views import refresh_views
from flexprice_wallets.warehouse.upkeep import apply_snapshots, rebuild_stored
from flexprice_wallets.warehouse.working_copy import copy_published


@contextmanager
def opened_working_copy(
    paths: WarehousePaths, raw_schema: str
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Copy the published file and open the copy, migrated; what is done inside is written to it in the end.

    Raises:
        NotAWarehouse: where there is no published file, or one that is no warehouse.
    """
    if not copy_published(paths):
        raise NotAWarehouse(
            f"{paths.published} does not exist: run `flexprice-wallets load` first."
        )
    with open_database(paths.copy) as connection:
        migrate_warehouse(connection, raw_schema, paths.published.name)
        yield connection
        connection.execute("checkpoint")


def renew_views(paths: WarehousePaths, *, raw_schema: str, schema: str, rebuild: bool) -> None:
    """Make the views again in the working copy; `rebuild`: the derived tables, too.

    Raises:
        NotAWarehouse: where there is no published file, or one that is no warehouse.
    """
    with opened_working_copy(paths, raw_schema) as connection:
        if rebuild:
            rebuild_stored(connection, raw_schema=raw_schema)
        else:
            apply_snapshots(connection, raw_schema=raw_schema)
        refresh_views(connection, raw_schema=raw_schema, schema=schema, always=True)
