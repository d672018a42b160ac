"""A lake as a destination: rows by dlt in Delta or Iceberg tables, which readers' views pick from. Heavy: imports dlt.

No server keeps two runs apart. A run commits by adding the row of `shipments` to the very state of that table which it
had read when it began: the table's own format lets only one of several do so.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import duckdb
import pyarrow as pa

from flexprice_wallets.errors import AnotherRunAtWork
from flexprice_wallets.replicate.destination import Upkeep
from flexprice_wallets.replicate.plan import Committed, Contents, committed_by
from flexprice_wallets.replicate.reader_views import (
    FILLS,
    counted_shipments,
    lake_name,
    newest_rows,
)
from flexprice_wallets.replicate.reading import ROW_HASH
from flexprice_wallets.replicate.shipping import (
    SHIP_ID,
    SHIPMENT_COLUMNS,
    SHIPMENTS,
    Sender,
    arrow_schema,
    stored_columns,
)
from flexprice_wallets.replicate.tables import ReplicatedColumn, ReplicatedTable, replicated_tables
from flexprice_wallets.warehouse.memory import limit_reading
from flexprice_wallets.warehouse.sql_files import literal, quoted

_logger = logging.getLogger(__name__)

_BATCH: Final = 20_000
#: Rows of one table in one file.
_ROWS_AT_ONCE: Final = 500_000
#: How long after the beginning of a query an engine may look up the state of a table.
_LONGEST_QUERY: Final = timedelta(hours=1)
FILL_COLUMNS: Final = (
    ReplicatedColumn("stored_as", "text", "Table of the rows."),
    ReplicatedColumn(SHIP_ID, "text", "The shipment that brought all of its rows."),
)


class LakeTable(Protocol):
    """One table of a lake, in the state in which it was opened."""

    def rows(self, columns: Sequence[str], ship_id: str | None = None) -> pa.RecordBatchReader:
        """Its rows, or those of one shipment."""

    def append(self, row: pa.Table) -> None:
        """Add a row to this very state.

        Raises:
            AnotherRunAtWork: where the table is in another state since.
        """

    def remove(self, ship_ids: Sequence[str]) -> int:
        """Remove all rows of shipments; returns how many there were."""

    def compact(self) -> None:
        """Make one file of many, and remove files that no query can be reading any more."""

    def files(self) -> int:
        """How many files its rows are in."""


class LakeTables(Protocol):
    """The tables of one dataset."""

    def open(self, name: str) -> LakeTable | None:
        """A table as it is now; None where there is none."""


def lake_tables() -> dict[str, tuple[ReplicatedColumn, ...]]:
    """The columns of every table in a lake, by its name there."""
    rows = {lake_name(table): stored_columns(table) for table in replicated_tables()}
    return {SHIPMENTS: SHIPMENT_COLUMNS, FILLS: FILL_COLUMNS, **rows}


def _portion(batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The next rows, as many as dlt and the formats' libraries may hold in memory at once."""
    held = 0
    while held < _ROWS_AT_ONCE and (batch := next(batches, None)) is not None:
        held += batch.num_rows
        yield batch


def brought_by(ship_ids: Iterable[str]) -> str:
    """The condition for the rows of shipments, as both formats' libraries read it."""
    return f"{SHIP_ID} in ({', '.join(map(literal, ship_ids))})"


class LakeDestination:
    """A dataset in a lake; implements `Destination`.

    Args:
        tables: of the dataset.
        sender: sends to them.
        folder: for what is too much for memory.
    """

    def __init__(self, tables: LakeTables, sender: Sender, folder: Path) -> None:
        self._tables = tables
        self._sender = sender
        self._folder = folder
        self._shipments: LakeTable | None = None
        self._filled: frozenset[str] = frozenset()

    def committed(self) -> Committed | None:
        self._shipments = self._tables.open(SHIPMENTS)
        return committed_by(self._committed_rows())

    def _committed_rows(self) -> list[dict[str, Any]]:
        if self._shipments is None:
            return []
        rows = self._shipments.rows([column.sent_as for column in SHIPMENT_COLUMNS])
        return rows.read_all().to_pylist()  # type: ignore[no-any-return]

    def stored_name(self, table: ReplicatedTable, ship_id: str) -> str:  # noqa: ARG002 - always the same
        return lake_name(table)

    def prepare(self, filled: Mapping[str, ReplicatedTable], ship_id: str) -> None:  # noqa: ARG002
        self._filled = frozenset(filled)
        if self._shipments is None:
            self._sender.create_shipments()
            if self.committed() is not None:
                raise AnotherRunAtWork(
                    "Another run has sent its first rows meanwhile: let it finish, and run again."
                )

    def known_rows(self, table: ReplicatedTable, contents: Contents) -> Iterator[pa.Table]:
        grain = [c.sent_as for c in table.columns if c.name in table.grain]
        wanted = [*grain, ROW_HASH]
        columns = [c for c in stored_columns(table) if c.sent_as in wanted]
        yield arrow_schema(columns).empty_table()
        sent = self._tables.open(contents.stored_as)
        if sent is None:
            return
        with duckdb.connect() as connection:
            limit_reading(connection, self._folder / "known")
            connection.execute("set timezone = 'UTC'")
            self._register_shipments(connection)
            connection.register(contents.stored_as, sent.rows([*wanted, "is_deleted", SHIP_ID]))
            names = ", ".join(f'versions."{c.sent_as}"' for c in columns)
            query = newest_rows(table, names, quoted)
            for batch in connection.sql(query).to_arrow_reader(_BATCH):
                yield pa.Table.from_batches([batch])

    def _register_shipments(self, connection: duckdb.DuckDBPyConnection) -> None:
        fills = self._tables.open(FILLS)
        for name, table, columns in (
            (SHIPMENTS, self._shipments, SHIPMENT_COLUMNS),
            (FILLS, fills, FILL_COLUMNS),
        ):
            rows = arrow_schema(columns).empty_table()
            if table is not None:
                rows = table.rows([column.sent_as for column in columns]).read_all()
            connection.register(name, rows)

    def send(
        self, rows: Mapping[str, tuple[ReplicatedTable, Iterator[pa.Table]]], ship_id: str
    ) -> dict[str, int]:
        fills = pa.Table.from_pylist(
            [{"stored_as": name, SHIP_ID: ship_id} for name in sorted(self._filled)],
            schema=arrow_schema(FILL_COLUMNS),
        )
        beside = {FILLS: (fills, FILL_COLUMNS)} if self._filled else {}
        sent = dict.fromkeys(rows, 0)
        left = {name: self._with_a_table(name, *each) for name, each in rows.items()}
        while left:
            portion = {name: (rows[name][0], _portion(left[name])) for name in left}
            for name, count in self._sender.send_rows(portion, ship_id, beside).items():
                sent[name] += count
            beside = {}
            left = {
                name: itertools.chain([following], batches)
                for name, batches in left.items()
                if (following := next(batches, None)) is not None
            }
        return sent

    def _with_a_table(
        self, name: str, table: ReplicatedTable, batches: Iterator[pa.Table]
    ) -> Iterator[pa.Table]:
        """A table without rows comes to be by a batch without rows."""
        if name not in self._filled:
            return iter(batches)
        columns = [column for column in stored_columns(table) if column.sent_as != SHIP_ID]
        return itertools.chain([arrow_schema(columns).empty_table()], batches)

    def arrived(self, stored_as: str, ship_id: str) -> int:
        table = self._tables.open(stored_as)
        if table is None:
            return 0
        return sum(batch.num_rows for batch in table.rows([SHIP_ID], ship_id))

    def finish(self, filled: Mapping[str, ReplicatedTable], changed: frozenset[str]) -> None:
        """Nothing: files carry their own statistics."""

    def commit(self, shipment: Mapping[str, Any], ship_id: str) -> None:  # noqa: ARG002 - in the row
        assert self._shipments is not None, "`prepare` comes before"
        last = max(self._committed_rows(), key=lambda row: int(row["ship_number"]), default=None)
        self._shipments.append(
            pa.Table.from_pylist([shipment], schema=arrow_schema(SHIPMENT_COLUMNS))
        )
        if last is None or last["layout"] != shipment["layout"]:
            _logger.warning(
                "The tables are new: create the views over them with what `flexprice-wallets sql` prints.%s",
                f" Those that are there stay at the snapshot of {last['snapshot_at']:%Y-%m-%d %H:%M} UTC."
                if last
                else "",
            )

    def show(self, committed: Committed) -> None:
        """Nothing: what is committed shows in the readers' views."""

    def maintain(self, close: Callable[[], None]) -> Upkeep:
        names = [name for name in lake_tables() if name not in (SHIPMENTS, FILLS)]
        # First what is there, then no more commits by runs that have sent it: nothing is removed that may still count.
        sent = {name: self._ship_ids(name) for name in names}
        close()
        needed = self._needed()
        removed = before = after = 0
        for name in (*names, FILLS, SHIPMENTS):
            if (table := self._tables.open(name)) is None:
                continue
            before += table.files()
            removed += table.remove(sorted(sent.get(name, set()) - needed.get(name, set())))
            table.compact()
            table = self._tables.open(name)
            after += table.files() if table else 0
        return Upkeep(removed, before, after)

    def _ship_ids(self, name: str) -> set[str]:
        table = self._tables.open(name)
        if table is None:
            return set()
        return {ship_id for batch in table.rows([SHIP_ID]) for ship_id in batch[0].to_pylist()}

    def _needed(self) -> dict[str, set[str]]:
        """The shipments whose rows count, by table: for views of this layout and of every earlier one.

        Queries that began a while ago still see what counted then.
        """
        needed: dict[str, set[str]] = {}
        with duckdb.connect() as connection:
            self._register_shipments(connection)
            layouts = connection.execute(f"select distinct layout from {SHIPMENTS}").fetchall()
            filled = connection.execute(f"select distinct stored_as from {FILLS}").fetchall()
            for (stored_as,), (layout,), last in itertools.product(
                filled, layouts, self._still_read()
            ):
                query = counted_shipments(quoted, stored_as, layout, f"and ship_number <= {last}")
                counted = connection.execute(query).fetchall()
                needed.setdefault(stored_as, set()).update(ship_id for ship_id, _ in counted)
        return needed

    def _still_read(self) -> list[int]:
        """The last shipment, and those that were the last one not long ago."""
        rows = sorted(self._committed_rows(), key=lambda row: int(row["ship_number"]))
        long_ago = datetime.now(UTC) - _LONGEST_QUERY
        superseded = [
            row["ship_number"]
            for row, following in itertools.pairwise(rows)
            if following["shipped_at"] > long_ago
        ]
        return [*superseded, *(row["ship_number"] for row in rows[-1:])]
