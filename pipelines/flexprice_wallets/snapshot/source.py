"""The dlt source: what one observation found to differ, as Arrow tables for every table of the contract."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import dlt
import duckdb
from dlt.common.storages.exceptions import CurrentLoadPackageStateNotAvailable
from dlt.extract import DltResource, DltSource
from dlt.extract.items import DataItemWithMeta

from flexprice_wallets.configuration import configured_api_key, configured_value
from flexprice_wallets.errors import ConfigurationError
from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.attempts import open_api
from flexprice_wallets.extract.calls import Figures
from flexprice_wallets.extract.endpoints import DEFAULT_BASE_URL
from flexprice_wallets.extract.feed import Feed
from flexprice_wallets.extract.secret import Secret
from flexprice_wallets.extract.selection import Selection
from flexprice_wallets.extract.threads import ThreadFeed
from flexprice_wallets.records.columns import ColumnType, Table
from flexprice_wallets.records.fingerprints import HASH_RECIPE
from flexprice_wallets.records.records import CustomerRecord, Settings
from flexprice_wallets.records.tables import CONTRACT_VERSION, TABLES
from flexprice_wallets.snapshot.arrow import RowBuffer, arrow_schema
from flexprice_wallets.snapshot.comparison import Comparison
from flexprice_wallets.snapshot.known import Known
from flexprice_wallets.snapshot.ledger import LedgerBefore, LedgerReading
from flexprice_wallets.snapshot.ledger_rows import read_ledger_before
from flexprice_wallets.snapshot.observation import LastVersions, Observation
from flexprice_wallets.snapshot.options import LoadOptions
from flexprice_wallets.snapshot.progress import Progress
from flexprice_wallets.snapshot.read_known import read_known
from flexprice_wallets.snapshot.snapshot_time import SnapshotTime, choose_snapshot_time
from flexprice_wallets.snapshot.transactions import TransactionComparison
from flexprice_wallets.snapshot.versions import Write
from flexprice_wallets.version import __version__
from flexprice_wallets.warehouse.database import last_snapshot_at, open_database, open_published
from flexprice_wallets.warehouse.paths import WarehousePaths
from flexprice_wallets.warehouse.stored_versions import read_last_customers, read_last_settings

_logger = logging.getLogger(__name__)

SOURCE_NAME: Final = "flexprice_wallets"
#: Transactions have many columns, and all go into one table.
_TRANSACTIONS_AT_ONCE: Final = 5_000


@dataclass(slots=True)
class Before:
    """What a warehouse held before the snapshot: what to compare with, and where whole records are read from."""

    known: Known = field(default_factory=Known)
    last_snapshot_at: datetime | None = None
    ledger: LedgerBefore = field(default_factory=LedgerBefore)
    versions: LastVersions | None = None


@dataclass(slots=True)
class WarehouseVersions:
    """Reads whole records from a warehouse; `connect` is called only where any are asked for."""

    connect: Callable[[], duckdb.DuckDBPyConnection]
    raw_schema: str

    def settings(self, wallet_ids: list[str]) -> dict[str, Settings]:
        with self.connect() as connection:
            return read_last_settings(connection, self.raw_schema, wallet_ids)

    def customers(self, customer_ids: list[str]) -> list[CustomerRecord]:
        with self.connect() as connection:
            return read_last_customers(connection, self.raw_schema, customer_ids)


def snapshot_source(
    options: LoadOptions,
    read_before: Callable[[], Before],
    open_feed: Callable[[], Feed],
    row_of_snapshot: dict[str, Any],
    *,
    started_at: datetime | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    has_tables: bool = False,
) -> DltSource:
    """The dlt source of one snapshot, taken when dlt extracts.

    Args:
        options: what to ask for, and of whom.
        read_before: reads what to compare with.
        open_feed: what the answers come from; it is stopped when all is read, or at an error.
        row_of_snapshot: is filled with the snapshot's row of `snapshots`.
        started_at: when the load started; without it, when dlt extracts.
        on_progress: hears how far the load is.
        has_tables: the destination has all tables, so that those without rows need not be mentioned.
    """

    @dlt.resource(name="snapshot", write_disposition="append", max_table_nesting=0)
    def snapshot() -> Iterator[DataItemWithMeta]:
        began_at = started_at or datetime.now(UTC)
        before = read_before()
        time = _snapshot_time(began_at, before.last_snapshot_at, options.snapshot_at)
        feed = open_feed()
        try:
            # Each table that dlt hears of costs it some time, also without rows.
            undeclared = {table.name: table for table in TABLES}
            if not has_tables:
                yield from map(_declaration, TABLES)
                undeclared.clear()
            run = _Run(options, before, feed, time, began_at, on_progress)
            for name, rows in run.rows(row_of_snapshot):
                if name in undeclared:
                    yield _declaration(undeclared.pop(name))
                yield dlt.mark.with_table_name(rows, name)
        finally:
            feed.stop()
            # Of a large tenant it takes as much memory as what follows.
            before.known.clear()

    @dlt.source(name=SOURCE_NAME, max_table_nesting=0)
    def flexprice_wallets() -> DltResource:
        return snapshot

    return flexprice_wallets()


def _snapshot_time(
    started_at: datetime, last: datetime | None, wanted: datetime | None
) -> SnapshotTime:
    time = choose_snapshot_time(started_at, last, wanted)
    if time.moved_by:
        _logger.warning(
            "The clock is behind the last snapshot: the time of this one is moved by %s to %s.",
            time.moved_by,
            time.id,
        )
    return time


def flexprice_source(
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    environment_id: str | None = None,
    include_real_time_balance: bool = True,
    include_credits_available_breakdown: bool = True,
    include_ledger: bool = True,
    customer_ids: Sequence[str] = (),
    lookup_keys: Sequence[str] = (),
    snapshot_at: datetime | None = None,
    warehouse: str | os.PathLike[str] | None = None,
    raw_schema: str = "flexprice_raw",
    workers: int = 64,
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
        include_ledger: Read the ledger. Where a snapshot's `ledger` is not 'complete', its transactions are only some
            of those that there are; where one stands in it twice, the later `source_updated_at` counts.
        customer_ids: Flexprice ids of the customers to read; none and no lookup keys means all.
        lookup_keys: The same by their ids in your own system.
        snapshot_at: Logical time of the snapshot, aware; without it the clock's.
        warehouse: A warehouse file of `flexprice-wallets load` to compare with. Without it every record is new, and the
            snapshot is a whole one.
        raw_schema: The schema of that file's tables.
        workers: The most requests that may be under way at once; how many are finds itself.

    Raises:
        ConfigurationError: where an option is missing or wrong.
        FlexpriceWalletsError: in dlt's extract step, as the cause of dlt's exception, where the run must be given up.
    """
    if snapshot_at is not None and snapshot_at.tzinfo is None:
        raise ConfigurationError(
            f"snapshot_at {snapshot_at.isoformat()} has no time zone, so it could mean two moments: "
            "give it one, such as UTC."
        )
    for name, words in (("customer_ids", customer_ids), ("lookup_keys", lookup_keys)):
        if isinstance(words, str):
            raise ConfigurationError(
                f"{name} is a text, which would be read letter by letter: give a list of texts."
            )
    options = LoadOptions(
        ApiOptions(
            base_url=base_url or configured_value("base_url") or DEFAULT_BASE_URL,
            environment_id=environment_id or configured_value("environment_id"),
            api_key=Secret(api_key) if api_key else configured_api_key(),
            workers=workers,
        ),
        selection=Selection(tuple(customer_ids), tuple(lookup_keys)),
        figures=Figures(
            include_real_time_balance,
            include_credits_available_breakdown and include_real_time_balance,
        ),
        ledger=include_ledger,
        snapshot_at=None if snapshot_at is None else snapshot_at.astimezone(UTC),
    )
    options.api.check()
    return snapshot_source(
        options,
        lambda: _before_of(warehouse, raw_schema),
        lambda: ThreadFeed(open_api(options.api), options.selection, options.figures),
        {},
    )


def _before_of(warehouse: str | os.PathLike[str] | None, raw_schema: str) -> Before:
    if warehouse is None:
        return Before()
    path = WarehousePaths.of(warehouse, raw_schema).published
    versions = WarehouseVersions(lambda: open_database(path, read_only=True), raw_schema)
    with open_published(path, raw_schema=raw_schema, schema="flexprice") as connection:
        return Before(
            read_known(connection, raw_schema),
            last_snapshot_at(connection, raw_schema),
            read_ledger_before(connection, raw_schema, lambda: open_database(path, read_only=True)),
            versions,
        )


@dataclass(slots=True)
class _Run:
    """One snapshot being taken."""

    options: LoadOptions
    before: Before
    feed: Feed
    time: SnapshotTime
    started_at: datetime
    on_progress: Callable[[Progress], None]

    def rows(self, row_of_snapshot: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """Everything the snapshot writes, by table; its own row comes last."""
        buffer = RowBuffer()
        comparison = Comparison(
            self.before.known,
            self.time.id,
            self.time.at,
            self.options.figures,
            buffer.write,
            None if self.options.selection.is_all else set(),
        )
        observation = Observation(
            self.feed, comparison, self.before.versions, self.options.limits, self.on_progress
        )
        for _ in observation.observe():
            yield from buffer.drain()
        reading = self._ledger(comparison, buffer.write)
        if self.options.ledger:
            is_all = self.options.selection.is_all
            wallet_ids = None if is_all else comparison.covered_wallets()
            for _ in reading.read(self.feed, wallet_ids):
                yield from buffer.drain(at_most=_TRANSACTIONS_AT_ONCE)
            comparison.tally.records_rejected += reading.rejections_held
            comparison.tally.has_ledger_failed = reading.state == "failed"
        if (failure := reading.failure_row()) is not None:
            buffer.write("fetch_failures", {**self._key(), **failure})
        for customer_id in sorted(comparison.covered or ()):
            buffer.write("snapshot_customers", {**self._key(), "customer_id": customer_id})
        row_of_snapshot.update(self._snapshot_row(comparison, reading))
        buffer.write("snapshots", row_of_snapshot)
        if self.before.known.is_first:
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

    def _ledger(self, comparison: Comparison, write: Write) -> LedgerReading:
        transactions = TransactionComparison(
            self.time.id,
            self.time.at,
            write,
            comparison.ownership,
            comparison.rejections,
            self.before.ledger.last_hashes,
        )
        return LedgerReading(
            self.before.ledger,
            transactions,
            self.options.limits.rejected,
            comparison.covered,
            self.on_progress,
        )

    def _key(self) -> dict[str, Any]:
        return {"snapshot_id": self.time.id, "snapshot_at": self.time.at}

    def _snapshot_row(self, comparison: Comparison, reading: LedgerReading) -> dict[str, Any]:
        tally, counts, figures = comparison.tally, self.feed.counts, self.options.figures
        return {
            **self._key(),
            "started_at": self.started_at,
            "finished_at": datetime.now(UTC),
            "completeness": tally.completeness,
            "scope": "all" if self.options.selection.is_all else "selected",
            "include_real_time_balance": figures.real_time_balance,
            "include_credits_available_breakdown": figures.credits_available_breakdown,
            "customers_expected": tally.customers_expected,
            "customers_observed": tally.customers_observed,
            "customers_failed": tally.customers_failed,
            "wallets_observed": tally.wallets_observed,
            "wallets_changed": tally.wallets_changed,
            "records_rejected": tally.records_rejected,
            "api_requests": counts.requests,
            "api_retries": counts.retries,
            **reading.row(),
            "tenant_id": comparison.ownership.tenant_id,
            "environment_id": comparison.ownership.environment_id,
            "pipeline_version": __version__,
            "_dlt_load_id": _load_id(),
        }


def _load_id() -> str:
    """The load that dlt is at work on."""
    try:
        return str(dlt.current.load_package_state()["load_id"])
    except CurrentLoadPackageStateNotAvailable:  # somebody reads the source without a pipeline
        return "no load"


def _declaration(table: Table) -> DataItemWithMeta:
    """An empty table with its columns' hints: it exists from the first load on, and JSON stays JSON."""
    columns = [
        {"name": column.name, "data_type": "json", "nullable": column.nullable}
        for column in table.columns
        if column.type is ColumnType.JSON
    ]
    hints = dlt.mark.make_hints(table_name=table.name, columns=columns, write_disposition="append")
    return dlt.mark.with_hints(arrow_schema(table).empty_table(), hints, create_table_variant=True)
