"""The views through which people read a lake's tables: committed rows only, the newest version of each. Pure.

They depend on the program's version alone, not on what was sent: created once, they show every shipment that is
committed, until the tables themselves change. Then they stay at the last shipment into the tables that they read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import sqlglot

from flexprice_wallets.replicate.plan import layout_of_names
from flexprice_wallets.replicate.shipping import SHIP_ID, SHIPMENTS
from flexprice_wallets.replicate.tables import ReplicatedColumn, ReplicatedTable, replicated_tables
from flexprice_wallets.warehouse.sql_files import literal, quoted

#: The table that says which shipments hold a table whole: rows of earlier ones do not count.
FILLS: Final = "fills"
#: The view of the shipments whose rows count, for each table.
COUNTED: Final = "counted_shipments"

#: An engine looks up the newest state of one table after the other. Rows that were there when a query began are in
#: whatever state it finds; those of a shipment that is committed meanwhile may be in some tables and not yet in others.
_BEFORE_THE_QUERY: Final = "shipped_at <= current_timestamp"

#: Gives the full name of a table at the destination.
Named = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class ReaderView:
    """A view that is to be created: its schema, name, and query in DuckDB's dialect."""

    schema: str
    name: str
    query: str

    def statement(self, dialect: str) -> str:
        """The statement that creates it, in a dialect of sqlglot."""
        query = sqlglot.parse_one(self.query, read="duckdb").sql(dialect=dialect, pretty=True)
        return f"create or replace view {self.schema}.{self.name} as\n{query}"


def lake_name(table: ReplicatedTable) -> str:
    """What a table is called in a lake: another name where rows would no longer fit into it."""
    return f"{table.name.lstrip('_')}_{table.form[:8]}"


def lake_layout() -> str:
    """The layout of all tables in a lake, by this version of the program."""
    return layout_of_names({table.name: lake_name(table) for table in replicated_tables()})


def reader_views(rows: str, tables: str) -> tuple[ReaderView, ...]:
    """Every view over a lake's tables, each after those that it reads.

    Args:
        rows: schema of the rows as they were sent.
        tables: schema of the views.
    """

    def named(name: str) -> str:
        return f"{rows}.{quoted(name)}"

    counted = ReaderView(
        rows, COUNTED, counted_shipments(named, lake_layout(), f"and {_BEFORE_THE_QUERY}")
    )
    shown = (ReaderView(tables, table.name, _shown(table, named)) for table in replicated_tables())
    return (counted, *shown)


def lake_statements(dialect: str, dataset: str, place: str | None = None) -> Iterator[str]:
    """The statements that make the tables' views over a lake, in a dialect, and the schemas for all views.

    Args:
        dialect: of sqlglot.
        dataset: schema of the analysts' views.
        place: of the lake's datasets, as a URL, where its Delta tables have to be registered first.
    """
    rows, tables = f"{dataset}_rows", f"{dataset}_raw"
    for schema in (rows, tables, dataset):
        yield f"create schema if not exists {schema}"
    if place is not None:
        for name in (SHIPMENTS, FILLS, *map(lake_name, replicated_tables())):
            where = literal(f"{place.rstrip('/')}/{rows}/{name}")
            yield f"create table if not exists {rows}.{name} using delta location {where}"
    for view in reader_views(rows, tables):
        yield view.statement(dialect)


def counted_shipments(named: Named, layout: str, condition: str = "") -> str:
    """The query for the shipments whose rows count, by table: from its last fill to the last one of a layout.

    Args:
        named: gives the full names of tables.
        layout: which.
        condition: on the last shipment, beginning with `and`.
    """
    return f"""
        with shown as (
            select max(ship_number) as last_number from {named(SHIPMENTS)}
            where layout = {literal(layout)} {condition}
        ),
        filled as (
            select fills.stored_as, max(shipments.ship_number) as first_number
            from {named(FILLS)} as fills
            inner join {named(SHIPMENTS)} as shipments on fills.{SHIP_ID} = shipments.{SHIP_ID}
            cross join shown
            where shipments.ship_number <= shown.last_number
            group by fills.stored_as
        )
        select filled.stored_as, shipments.{SHIP_ID}, shipments.ship_number
        from {named(SHIPMENTS)} as shipments
        cross join shown
        inner join filled on filled.first_number <= shipments.ship_number
        where shipments.ship_number <= shown.last_number
    """


def newest_rows(table: ReplicatedTable, columns: str, named: Named) -> str:
    """The query for the newest version of each row of a table whose rows may change.

    Args:
        table: which table.
        columns: what is wanted of them.
        named: gives the full names, that of `COUNTED` included.
    """
    grain = [f"sent.{quoted(c.sent_as)}" for c in table.columns if c.name in table.grain]
    partition = f"partition by {', '.join(grain)} " if grain else ""
    return f"""
        select {columns}
        from (
            select
                sent.*,
                row_number() over (
                    {partition}order by counted.ship_number desc, sent.is_deleted
                ) as newest_first
            from {named(lake_name(table))} as sent
            inner join {named(COUNTED)} as counted
                on sent.{SHIP_ID} = counted.{SHIP_ID} and counted.stored_as = {literal(lake_name(table))}
        ) as versions
        where versions.newest_first = 1 and not versions.is_deleted
    """


def _shown(table: ReplicatedTable, named: Named) -> str:
    if table.appended_by is None:
        return newest_rows(table, ", ".join(_columns(table.columns, "versions")), named)
    return f"""
        select {", ".join(_columns(table.columns, "sent"))}
        from {named(lake_name(table))} as sent
        inner join {named(COUNTED)} as counted
            on sent.{SHIP_ID} = counted.{SHIP_ID} and counted.stored_as = {literal(lake_name(table))}
    """


def _columns(columns: tuple[ReplicatedColumn, ...], relation: str) -> Iterator[str]:
    return (f"{relation}.{quoted(c.sent_as)} as {quoted(c.name)}" for c in columns)
