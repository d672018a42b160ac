"""The dlt source: what one observation found to differ, as Arrow tables for every table of the contract."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import dlt
import duckdb
from dlt.extract import DltResource, DltSource
from dlt.extract.items import DataItemWithMeta

from flexprice_wallets.configuration import configured_api_key, configured_value
from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.attempts import open_api
from flexprice_wallets.extract.calls import Figures
from flexprice_wallets.extract.endpoints import DEFAULT_BASE_URL
from flexprice_wallets.extract.feed import Feed
from flexprice_wallets.extract.secret import Secret
from flexprice_wallets.extract.selection import Selection
from flexprice_wallets.extract.threads import ThreadFeed
from flexprice_wallets.records.columns import ColumnType, Table
from flexprice_wallets.records.records import CustomerRecord, WalletSettings
from flexprice_wallets.records.tables import CONTRACT_VERSION, HASH_RECIPE, TABLES
from flexprice_wallets.snapshot.arrow import RowBuffer, arrow_schema
from flexprice_wallets.snapshot.comparison import Comparison
from flexprice_wallets.snapshot.known import Known
from flexprice_wallets.snapshot.last_versions import (
    read_known,
    read_last_customers,
    read_last_settings,
)
from flexprice_wallets.snapshot.limits import Limits
from flexprice_wallets.snapshot.observation import LastVersions, Observation
from flexprice_wallets.snapshot.progress import Progress
from flexprice_wallets.snapshot.snapshot_time import SnapshotTime, choose_snapshot_time
from flexprice_wallets.version import __version__
from flexprice_wallets.warehouse.database import last_snapshot_at

SOURCE_NAME: Final = "flexprice_wallets"


@dataclass(slots=True)
class WarehouseVersions:
    """Reads whole records from a warehouse; `connect` is called only where any are asked for."""

    connect: Callable[[], duckdb.DuckDBPyConnection]
    raw_schema: str

    def settings(self, wallet_ids: list[str]) -> dict[str, WalletSettings]:
        with self.connect() as connection:
            return read_last_settings(connection, self.raw_schema, wallet_ids)

    def customers(self, customer_ids: list[str]) -> list[CustomerRecord]:
        with self.connect() as connection:
            return read_last_customers(connection, self.raw_schema, customer_ids)


@dataclass(slots=True)
class SnapshotRequest:
    """One snapshot to be taken: when, of whom, of what, compared with what, and read through which feed.

    `has_tables`: the destination has all tables, so that those without rows need not be mentioned.
    """

    time: SnapshotTime
    started_at: datetime
    selection: Selection
    figures: Figures
    known: Known
    last_versions: LastVersions
    feed: Feed
    limits: Limits
    on_progress: Callable[[Progress], None] = lambda _: None
    has_tables: bool = False


def snapshot_source(
    open_request: Callable[[], SnapshotRequest], row_of_snapshot: dict[str, Any]
) -> DltSource:
    """The dlt source of the snapshot that `open_request` gives when dlt extracts.

    `row_of_snapshot` is filled with its row of `snapshots`. The feed is stopped when all is read, or at an error.
    """

    @dlt.resource(name="snapshot", write_disposition="append", max_table_nesting=0)
    def snapshot() -> Iterator[DataItemWithMeta]:
        request = open_request()
        try:
            # Each table that dlt hears of costs it some time, also without rows.
            undeclared = {table.name: table for table in TABLES}
            if not request.has_tables:
                yield from map(_declaration, TABLES)
                undeclared.clear()
            for name, rows in _rows(request, row_of_snapshot):
                if name in undeclared:
                    yield _declaration(undeclared.pop(name))
                yield dlt.mark.with_table_name(rows, name)
        finally:
            request.feed.stop()
            # Of a large tenant it takes as much memory as what follows.
            request.known.clear()

    @dlt.source(name=SOURCE_NAME, max_table_nesting=0)
    def flexprice_wallets() -> DltResource:
        return snapshot

    return flexprice_wallets()


def flexprice_source(
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    environment_id: str | None = None,
    include_real_time_balance: bool = True,
    include_credits_available_breakdown: bool = True,
    customer_ids: Sequence[str] = (),
    lookup_keys: Sequence[str] = (),
    snapshot_at: datetime | None = None,
    warehouse: str | os.PathLike[str] | None = None,
    raw_schema: str = "flexprice_raw",
    workers: int = 8,
) -> DltSource:
    """A dlt source of one snapshot of wallets, for a dlt pipeline of your own.

    Yields Arrow tables; run the pipeline with `loader_file_format="parquet"`. Requests begin when dlt extracts.

    Args:
        api_key: Flexprice API key; without it FLEXPRICE_API_KEY or dlt's secrets are used.
        base_url: Base URL of the API, `/v1` included. Without it FLEXPRICE_BASE_URL or dlt's configuration is used, and
            without those Flexprice's own.
        environment_id: Flexprice environment, for a key that is not bound to one; configured in the same way.
        include_real_time_balance: Ask for real-time figures.
        include_credits_available_breakdown: Ask for the breakdown of available credits (needs the real-time figures).
        customer_ids: Flexprice ids of the customers to read; none and no lookup keys means all.
        lookup_keys: The same by their ids in your own system.
        snapshot_at: Logical time of the snapshot, aware; without it the clock's.
        warehouse: A warehouse file of `flexprice-wallets load` to compare with. Without it every record is new, and the
            snapshot is a whole one.
        raw_schema: The schema of that file's tables.
        workers: Connections at once.

    Raises:
        ConfigurationError: where an option is missing or wrong.
        FlexpriceWalletsError: in dlt's extract step, as the cause of dlt's exception, where the run must be given up.
    """
    figures = Figures(include_real_time_balance, include_credits_available_breakdown)
    options = ApiOptions(
        base_url=base_url or configured_value("base_url") or DEFAULT_BASE_URL,
        environment_id=environment_id or configured_value("environment_id"),
        api_key=Secret(api_key) if api_key else configured_api_key(),
        workers=workers,
    )
    selection = Selection(tuple(customer_ids), tuple(lookup_keys))

    def open_request() -> SnapshotRequest:
        now = datetime.now(UTC)
        known, last = _known_of(warehouse, raw_schema)
        return SnapshotRequest(
            choose_snapshot_time(now, last, snapshot_at),
            now,
            selection,
            figures,
            known,
            WarehouseVersions(
                lambda: duckdb.connect(os.fspath(warehouse or ""), read_only=True), raw_schema
            ),
            ThreadFeed(open_api(options), selection, figures, workers),
            Limits(),
        )

    return snapshot_source(open_request, {})


def _known_of(
    warehouse: str | os.PathLike[str] | None, raw_schema: str
) -> tuple[Known, datetime | None]:
    if warehouse is None:
        return Known(), None
    with duckdb.connect(os.fspath(warehouse), read_only=True) as connection:
        return read_known(connection, raw_schema), last_snapshot_at(connection, raw_schema)


def _rows(request: SnapshotRequest, row_of_snapshot: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Everything the snapshot writes, by table; its own row comes last."""
    buffer = RowBuffer()
    comparison = Comparison(
        request.known,
        request.time.id,
        request.time.at,
        request.figures,
        buffer.write,
        None if request.selection.is_all else set(),
    )
    observation = Observation(
        request.feed, comparison, request.last_versions, request.limits, request.on_progress
    )
    for _ in observation.observe():
        yield from buffer.drain()
    for customer_id in sorted(comparison.covered or ()):
        buffer.write(
            "snapshot_customers",
            {
                "snapshot_id": request.time.id,
                "snapshot_at": request.time.at,
                "customer_id": customer_id,
            },
        )
    row_of_snapshot.update(_snapshot_row(request, comparison, observation.finished_at))
    buffer.write("snapshots", row_of_snapshot)
    if request.known.is_first:
        buffer.write(
            "warehouse",
            {
                "contract_version": CONTRACT_VERSION,
                "tenant_id": comparison.ownership.tenant_id,
                "environment_id": comparison.ownership.environment_id,
                "hash_recipe": HASH_RECIPE,
            },
        )
    yield from buffer.drain(is_last=True)


def _snapshot_row(
    request: SnapshotRequest, comparison: Comparison, finished_at: datetime | None
) -> dict[str, Any]:
    tally = comparison.tally
    counts = request.feed.counts
    return {
        "snapshot_id": request.time.id,
        "snapshot_at": request.time.at,
        "started_at": request.started_at,
        "finished_at": finished_at,
        "completeness": tally.completeness,
        "scope": "all" if request.selection.is_all else "selected",
        "include_real_time_balance": request.figures.real_time_balance,
        "include_credits_available_breakdown": request.figures.credits_available_breakdown,
        "customers_expected": tally.customers_expected,
        "customers_observed": tally.customers_observed,
        "customers_failed": tally.customers_failed,
        "wallets_observed": tally.wallets_observed,
        "wallets_changed": tally.wallets_changed,
        "records_rejected": tally.records_rejected,
        "api_requests": counts.requests,
        "api_retries": counts.retries,
        "tenant_id": comparison.ownership.tenant_id,
        "environment_id": comparison.ownership.environment_id,
        "pipeline_version": __version__,
        "_dlt_load_id": dlt.current.load_package_state()["load_id"],
    }


def _declaration(table: Table) -> DataItemWithMeta:
    """An empty table with its columns' hints: it exists from the first load on, and JSON stays JSON."""
    columns = [
        {"name": column.name, "data_type": "json", "nullable": column.nullable}
        for column in table.columns
        if column.type is ColumnType.JSON
    ]
    hints = dlt.mark.make_hints(table_name=table.name, columns=columns, write_disposition="append")
    return dlt.mark.with_hints(arrow_schema(table).empty_table(), hints, create_table_variant=True)
