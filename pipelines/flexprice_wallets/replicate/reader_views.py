"""The views through which people read a lake's tables: committed rows only, the newest version of each. Pure.

They depend on the program's version alone, not on what was sent: created once, they show every shipment that is
committed, until the tables themselves change. Then they stay at the last shipment into the tables that they read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import sqlglot

from flexprice_wallets.replicate.plan import layout_of_names
from flexprice_wallets.replicate.shipping import SHIP_ID, SHIPMENTS
from flexprice_wallets.replicate.tables import ReplicatedColumn, ReplicatedTable, replicated_tables
from flexprice_wallets.replicate.view_statements import DescribedView
from flexprice_wallets.warehouse.sql_files import literal, quoted

#: The table that says which shipments hold a table whole: rows of earlier ones do not count.
FILLS: Final = "fills"

#: An engine looks up the newest state of one table after the other. Rows that were there when a query began are in
#: whatever state it finds; those of a shipment that is committed meanwhile may be in some tables and not yet in others.
_BEFORE_THE_QUERY: Final = "shipped_at <= current_timestamp"

#: Gives the full name of a table at the destination.
Named = Callable[[str], str]


def lake_name(table: ReplicatedTable) -> str:
    """What a table is called in a lake: another name where rows would no longer fit into it."""
    return f"{table.name.lstrip('_')}_{table.form[:8]}"


def lake_layout() -> str:
    """The layout of all tables in a lake, by this version of the program."""
    return layout_of_names({table.name: lake_name(table) for table in replicated_tables()})


def reader_views(dialect: str, rows: str, tables: str) -> tuple[DescribedView, ...]:
    """The view over each of a lake's tables.

    Args:
        dialect: of sqlglot.
        rows: schema of the rows as they were sent.
        tables: schema of the views.
    """

    def named(name: str) -> str:
        return f"{rows}.{quoted(name)}"

    def described(table: ReplicatedTable) -> DescribedView:
        shown = sqlglot.parse_one(_shown(table, named), read="duckdb")
        return DescribedView(
            tables,
            table.name,
            shown.sql(dialect=dialect, pretty=True),
            table.comment,
            {column.name: column.comment for column in table.columns},
        )

    return tuple(map(described, replicated_tables()))


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
    for view in reader_views(dialect, rows, tables):
        yield from view.statements(dialect)


def counted_shipments(named: Named, stored_as: str, layout: str, condition: str = "") -> str:
    """The query for the shipments whose rows count in a table: from its last fill to the last one of a layout.

    Both tables are read once: an engine runs it for each table of each view, and may refuse a query of many steps.

    Args:
        named: gives the full names of tables.
        stored_as: the table's name in the lake.
        layout: which.
        condition: on the last shipment, beginning with `and`.
    """
    return f"""
        select {SHIP_ID}, ship_number
        from (
            select
                {SHIP_ID},
                ship_number,
                max(case when is_fill then ship_number end) over () as first_number
            from (
                select
                    shipments.{SHIP_ID},
                    shipments.ship_number,
                    fills.{SHIP_ID} is not null as is_fill,
                    max(case when layout = {literal(layout)} {condition} then ship_number end) over () as last_number
                from {named(SHIPMENTS)} as shipments
                left join (
                    select distinct {SHIP_ID} from {named(FILLS)} where stored_as = {literal(stored_as)}
                ) as fills on shipments.{SHIP_ID} = fills.{SHIP_ID}
            ) as committed
            where ship_number <= last_number
        ) as shown
        where ship_number >= first_number
    """


def newest_rows(table: ReplicatedTable, columns: str, named: Named, condition: str = "") -> str:
    """The query for the newest version of each row of a table whose rows may change.

    Args:
        table: which table.
        columns: what is wanted of them.
        named: gives the full names of tables.
        condition: on the last shipment, beginning with `and`.
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
            {_counted_rows(table, named, condition)}
        ) as versions
        where versions.newest_first = 1 and not versions.is_deleted
    """


def _shown(table: ReplicatedTable, named: Named) -> str:
    condition = f"and {_BEFORE_THE_QUERY}"
    if table.appended_by is None:
        columns = ", ".join(_columns(table.columns, "versions"))
        return newest_rows(table, columns, named, condition)
    columns = ", ".join(_columns(table.columns, "sent"))
    return f"select {columns} {_counted_rows(table, named, condition)}"


def _counted_rows(table: ReplicatedTable, named: Named, condition: str) -> str:
    """The rows of a table that count, as `sent`, with their shipments, as `counted`."""
    counted = counted_shipments(named, lake_name(table), lake_layout(), condition)
    return (
        f"from {named(lake_name(table))} as sent inner join ({counted}) as counted "
        f"on sent.{SHIP_ID} = counted.{SHIP_ID}"
    )


def _columns(columns: tuple[ReplicatedColumn, ...], relation: str) -> Iterator[str]:
    return (f"{relation}.{quoted(c.sent_as)} as {quoted(c.name)}" for c in columns)
