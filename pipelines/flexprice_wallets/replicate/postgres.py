"""A PostgreSQL database as a destination: reads what is committed there, and makes indexes, views and comments."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import psycopg2
import pyarrow as pa

from flexprice_wallets.errors import AnotherRunAtWork, DestinationError
from flexprice_wallets.replicate.destination_errors import errors_named
from flexprice_wallets.replicate.plan import Committed, Contents, committed_by
from flexprice_wallets.replicate.postgres_copy import copy_rows
from flexprice_wallets.replicate.postgres_views import (
    SHOWN,
    ReaderViews,
    Schemas,
    newest_rows,
)
from flexprice_wallets.replicate.reading import ROW_HASH
from flexprice_wallets.replicate.shipping import SHIP_ID, SHIPMENTS, arrow_type, stored_columns
from flexprice_wallets.replicate.tables import ReplicatedTable
from flexprice_wallets.warehouse.sql_files import literal, quoted

_logger = logging.getLogger(__name__)

_FETCHED = 20_000
#: Columns by which views and people find rows.
_LOOKED_UP_BY: Final = ("wallet_id", "wallet_number", "customer_id", "snapshot_id")
_NOT_A_VIEW: Final = "42809"
_OTHER_COLUMNS: Final = "42P16"
_IS_DEPENDED_ON: Final = "2BP01"
_LOCK_NOT_AVAILABLE: Final = "55P03"


@contextmanager
def connected(address: str, schemas: Schemas) -> Iterator[PostgresDataset]:
    """Connect, and keep every other replication into the same dataset out.

    Args:
        address: as dlt's credentials give it.
        schemas: of the dataset.

    Raises:
        DestinationError: where the server cannot be reached or refuses.
        AnotherRunAtWork: where another replication into the dataset is at work.
    """
    with _errors_named():
        connection = psycopg2.connect(address)
    try:
        connection.autocommit = True
        destination = PostgresDataset(connection, schemas)
        with _errors_named():
            destination.execute("set timezone = 'UTC'")
            destination.execute("set lock_timeout = '60s'")
            [(is_free,)] = destination.query(
                "select pg_try_advisory_lock(hashtextextended(%s, 0))", [schemas.rows]
            )
        if not is_free:
            raise AnotherRunAtWork(
                f"Another run replicates into the dataset {schemas.views} at this moment: let it finish, and run again."
            )
        yield destination
    finally:
        connection.close()


def _errors_named() -> AbstractContextManager[None]:
    return errors_named("PostgreSQL", (psycopg2.Error,), ())


class PostgresDataset:
    """One dataset in a PostgreSQL database."""

    def __init__(self, connection: Any, schemas: Schemas) -> None:
        self._connection = connection
        self._schemas = schemas

    def execute(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def query(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(query, parameters or None)
            return cursor.fetchall()  # type: ignore[no-any-return]

    def committed(self) -> Committed | None:
        """What the destination has committed; None where nothing is."""
        if SHIPMENTS not in self._tables():
            return None
        names = (
            "ship_number",
            "format",
            "tenant_id",
            "environment_id",
            "snapshot_at",
            "snapshots",
            "contents",
        )
        rows = self.query(f"select {', '.join(names)} from {self._schemas.row_table(SHIPMENTS)}")
        return committed_by([dict(zip(names, row, strict=True)) for row in rows])

    def known_rows(self, table: ReplicatedTable, contents: Contents) -> Iterator[pa.Table]:
        """The grain and hash of every committed row of a table whose rows may change."""
        columns = [c for c in table.columns if c.name in table.grain]
        schema = pa.schema([*((c.sent_as, arrow_type(c)) for c in columns), (ROW_HASH, pa.int64())])
        yield schema.empty_table()
        # A cursor of the server's, which needs a transaction.
        self._connection.autocommit = False
        try:
            with self._connection.cursor("known_rows") as cursor:
                cursor.itersize = _FETCHED
                cursor.execute(newest_rows(self._schemas, table, contents))
                while rows := cursor.fetchmany(_FETCHED):
                    values = [list(column) for column in zip(*rows, strict=True)]
                    arrays = [pa.array(v, f.type) for v, f in zip(values, schema, strict=False)]
                    yield pa.Table.from_arrays(arrays, schema=schema)
            self._connection.commit()
        finally:
            self._connection.rollback()
            self._connection.autocommit = True

    def prepare_shipments(self) -> None:
        """Have the server refuse a second shipment of one number: of two runs at once, one commits."""
        self.execute(
            f"create unique index if not exists shipments_number on {self._schemas.row_table(SHIPMENTS)} (ship_number)"
        )

    def copy(self, stored_as: str, batches: Iterator[pa.Table]) -> int:
        """Append rows to a table, all or none of them; returns how many."""
        return copy_rows(self._connection, self._schemas.row_table(stored_as), batches)

    def rows_of(self, stored_as: str, ship_id: str) -> int:
        """How many rows of a shipment have arrived in a table."""
        [(count,)] = self.query(
            f"select count(*) from {self._schemas.row_table(stored_as)} where {SHIP_ID} = %s",
            [ship_id],
        )
        return int(count)

    def prepare_table(self, table: ReplicatedTable, stored_as: str) -> None:
        """Give a newly filled table its indexes and comments."""
        target = self._schemas.row_table(stored_as)
        columns = {column.name for column in table.columns}
        for name in _LOOKED_UP_BY:
            if name in columns:
                self.execute(f"create index on {target} ({quoted(name)})")
        self.execute(f"create index on {target} using brin ({SHIP_ID})")
        self.execute(f"comment on table {target} is {literal(table.comment)}")
        for column in stored_columns(table):
            self.execute(
                f"comment on column {target}.{quoted(column.sent_as)} is {literal(column.comment)}"
            )

    def analyze(self, stored_as: str) -> None:
        """Have the server take note of how many rows there are: without, some views take minutes."""
        self.execute(f"analyze {self._schemas.row_table(stored_as)}")

    def show(self, views: ReaderViews, last_number: int) -> bool:
        """Make the readers' views for a layout, all in one transaction, unless they are there; says whether."""
        if self._has(views):
            return False
        try:
            self._create(views, last_number)
        except psycopg2.Error as error:
            if error.pgcode != _OTHER_COLUMNS:
                raise self._named(error) from error
            try:
                self._create(views, last_number, drops=True)
            except psycopg2.Error as again:
                raise self._named(again) from again
        return True

    def _has(self, views: ReaderViews) -> bool:
        noted = self.query(
            "select obj_description(to_regclass(%s), 'pg_class')",
            [f"{quoted(self._schemas.rows)}.{SHOWN}"],
        )
        if noted != [(_note(views),)]:
            return False
        there = {*self._views()}
        return {(each.schema, each.name) for each in views.views} <= there

    def _views(self) -> list[tuple[Any, ...]]:
        names = [self._schemas.tables, self._schemas.views]
        return self.query(
            "select schemaname, viewname from pg_views where schemaname = any(%s)", [names]
        )

    def _create(self, views: ReaderViews, last_number: int, *, drops: bool = False) -> None:
        with self._transaction():
            for schema in (self._schemas.tables, self._schemas.views):
                self.execute(f"create schema if not exists {quoted(schema)}")
            grants = self._grants() if drops else []
            if drops:
                self._drop(views)
            self.execute(views.shown(last_number))
            for each in views.views:
                for statement in each.statements("postgres"):
                    self.execute(statement)
            for statement in (*grants, *views.schema_comments()):
                self.execute(statement)
            self.execute(
                f"comment on view {quoted(self._schemas.rows)}.{SHOWN} is {literal(_note(views))}"
            )

    def _drop(self, views: ReaderViews) -> None:
        """Drop our views, those that no version makes any more included, but nothing that depends on them."""
        known = {(each.schema, each.name) for each in views.views}
        names = [f"{quoted(s)}.{quoted(n)}" for s, n in self._views() if (s, n) in known]
        if names:
            # In one statement the order does not matter.
            self.execute(f"drop view {', '.join(names)}")

    def _grants(self) -> list[str]:
        """Statements that give everybody again what they may do with our views."""
        rows = self.query(
            "select table_schema, table_name, grantee, privilege_type from information_schema.role_table_grants "
            "where table_schema = any(%s) and grantee <> grantor",
            [[self._schemas.tables, self._schemas.views]],
        )
        return [
            f"grant {privilege} on {quoted(schema)}.{quoted(name)} to "
            + ("public" if grantee == "PUBLIC" else quoted(grantee))
            for schema, name, grantee, privilege in rows
        ]

    def drop_unused(self, contents: Mapping[str, Contents]) -> None:
        """Drop the tables that no committed contents name: replaced ones, and those of killed runs."""
        used = {each.stored_as for each in contents.values()} | {SHIPMENTS}
        for name in self._tables():
            if name in used or name.startswith("_dlt"):
                continue
            try:
                self.execute("set lock_timeout = '2s'")
                self.execute(f"drop table {self._schemas.row_table(name)}")
            except psycopg2.Error as error:
                if error.pgcode != _LOCK_NOT_AVAILABLE:
                    raise
                _logger.info("%s is still being read; a later run drops it.", name)

    def _tables(self) -> set[str]:
        rows = self.query(
            "select tablename from pg_tables where schemaname = %s", [self._schemas.rows]
        )
        return {name for (name,) in rows}

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.execute("begin")
        try:
            yield
        except BaseException:
            self.execute("rollback")
            raise
        self.execute("commit")

    def _named(self, error: psycopg2.Error) -> DestinationError:
        first, *rest = str(error).strip().splitlines()
        if error.pgcode == _IS_DEPENDED_ON:
            detail = next((line for line in rest if "depends on" in line), first)
            return DestinationError(
                f"A view has other columns now and cannot be replaced, as something of yours reads it ({detail}): drop "
                "that, run again, and create it anew. What is shown is what was shown before."
            )
        if error.pgcode == _NOT_A_VIEW:
            return DestinationError(
                f"The dataset {self._schemas.views} holds something else by the name of a view ({first}): name another "
                "--dataset."
            )
        if error.pgcode == _LOCK_NOT_AVAILABLE:
            return DestinationError(
                "The views are being read by a query that does not end, and could not be made again: run again later. "
                "What is shown is what was shown before."
            )
        return DestinationError(f"PostgreSQL refused a view ({first}): mend that and run again.")


def _note(views: ReaderViews) -> str:
    return f"Kept by the replication: the shipments that are shown. Views: {views.digest}"
