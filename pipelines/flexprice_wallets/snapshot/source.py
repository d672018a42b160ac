"""The dlt source: what one observation found to differ, as Arrow tables for every table of the contract."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import dlt
import duckdb
import pyarrow as pa
from dlt.common.schema.typing import TColumnSchema
from dlt.common.storages.exceptions import CurrentLoadPackageStateNotAvailable
from dlt.extract import DltResource, DltSource
from dlt.extract.items import DataItemWithMeta

from flexprice_wallets.extract.feed import Feed
from flexprice_wallets.records.columns import ColumnType, Table
from flexprice_wallets.records.fingerprints import HASH_RECIPE
from flexprice_wallets.records.records import CustomerRecord, Settings
from flexprice_wallets.records.tables import CONTRACT_VERSION, TABLES
from flexprice_wallets.snapshot.arrow import RowBuffer, arrow_schema
from flexprice_wallets.snapshot.comparison import Comparison
from flexprice_wallets.snapshot.free_memory import give_back_memory
from flexprice_wallets.snapshot.known import Known
from flexprice_wallets.snapshot.ledger import LedgerBefore, LedgerReading
from flexprice_wallets.snapshot.observation import LastVersions, Observation
from flexprice_wallets.snapshot.options import LoadOptions
from flexprice_wallets.snapshot.progress import Progress
from flexprice_wallets.snapshot.snapshot_time import SnapshotTime, choose_snapshot_time
from flexprice_wallets.snapshot.transactions import TransactionComparison, WriteColumns
from flexprice_wallets.version import __version__
from flexprice_wallets.warehouse.stored_versions import read_last_customers, read_last_settings

_logger = logging.getLogger(__name__)

SOURCE_NAME: Final = "flexprice_wallets"
#: Transactions have many columns, and all go into one table.
_TRANSACTIONS_AT_ONCE: Final = 5_000
#: So many ended wallets take a handful of requests, and all are looked at; of more, those that the ledger names.
_FEW_ENDED_WALLETS: Final = 500


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
) -> DltSource:
    """The dlt source of one snapshot, taken when dlt extracts.

    Args:
        options: what to ask for, and of whom.
        read_before: reads what to compare with.
        open_feed: what the answers come from; it is stopped when all is read, or at an error.
        row_of_snapshot: is filled with the snapshot's row of `snapshots`.
        started_at: when the load started; without it, when dlt extracts.
        on_progress: hears how far the load is.

    The destination has all tables: those without rows are not mentioned.
    """

    @dlt.resource(name="snapshot", write_disposition="append", max_table_nesting=0)
    def snapshot() -> Iterator[DataItemWithMeta]:
        # Each table that dlt hears of costs it some time, also without rows.
        undeclared = {table.name: table for table in TABLES}
        for name, rows in snapshot_tables(
            options, read_before, open_feed, row_of_snapshot, started_at, on_progress
        ):
            if name in undeclared:
                yield _declaration(undeclared.pop(name))
            yield dlt.mark.with_table_name(rows, name)

    @dlt.source(name=SOURCE_NAME, max_table_nesting=0)
    def flexprice_wallets() -> DltResource:
        return snapshot

    return flexprice_wallets()


def snapshot_tables(
    options: LoadOptions,
    read_before: Callable[[], Before],
    open_feed: Callable[[], Feed],
    row_of_snapshot: dict[str, Any],
    started_at: datetime | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Iterator[tuple[str, pa.Table]]:
    """Take one snapshot: gives the rows of each table, some ten thousand at once. Arguments as of `snapshot_source`.

    Raises:
        FlexpriceWalletsError: where the run must be given up.
    """
    began_at = started_at or datetime.now(UTC)
    before = read_before()
    time = _snapshot_time(began_at, before.last_snapshot_at, options.snapshot_at)
    feed = open_feed()
    try:
        run = _Run(options, before, feed, time, began_at, on_progress)
        yield from run.rows(row_of_snapshot)
    finally:
        feed.stop()
        # Of a large tenant it takes as much memory as what follows.
        before.known.clear()
        give_back_memory()


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
        buffer = RowBuffer(shared=self._key())
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
        ended = comparison.ended_wallets()
        is_told_by_ledger = self.options.ledger and len(ended) > _FEW_ENDED_WALLETS
        if not is_told_by_ledger:
            observation.look_at_ended_wallets(ended)
        reading = self._ledger(comparison, buffer.write_columns, ended if is_told_by_ledger else [])
        if self.options.ledger:
            # Pages of transactions take the most at once: what the wallets took is not kept beside them.
            give_back_memory()
            is_all = self.options.selection.is_all
            wallet_ids = None if is_all else comparison.covered_wallets()
            for _ in reading.read(self.feed, wallet_ids):
                yield from buffer.drain(at_most=_TRANSACTIONS_AT_ONCE)
            comparison.tally.records_rejected += reading.rejections_held
            comparison.tally.has_ledger_failed = reading.state == "failed"
        if is_told_by_ledger:
            observation.look_at_ended_wallets(reading.choose_ended(ended))
        observation.finish()
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

    def _ledger(
        self, comparison: Comparison, write: WriteColumns, ended_wallets: list[str]
    ) -> LedgerReading:
        transactions = TransactionComparison(
            self.time.id,
            self.time.at,
            write,
            comparison.ownership,
            comparison.rejections,
            self.before.ledger.last_hashes,
            frozenset(ended_wallets),
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
    columns: list[TColumnSchema] = [
        {"name": column.name, "data_type": "json", "nullable": column.nullable}
        for column in table.columns
        if column.type is ColumnType.JSON
    ]
    hints = dlt.mark.make_hints(table_name=table.name, columns=columns, write_disposition="append")
    return dlt.mark.with_hints(arrow_schema(table).empty_table(), hints, create_table_variant=True)
