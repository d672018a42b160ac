"""The SQL that shows committed rows on PostgreSQL: the tables' views, the analysts' views, comments. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Final

from flexprice_wallets.replicate.dialects import rendered_views
from flexprice_wallets.replicate.plan import Contents
from flexprice_wallets.replicate.shipping import SHIP_ID, SHIPMENTS, stored_columns
from flexprice_wallets.replicate.tables import ReplicatedColumn, ReplicatedTable, replicated_tables
from flexprice_wallets.replicate.view_statements import DescribedView
from flexprice_wallets.warehouse.sql_files import literal, quoted

#: The view of the shipments whose rows are shown.
SHOWN: Final = "shown_shipments"
_RAW_COMMENT: Final = "The tables of flexprice-wallets as of the last committed shipment."
_VIEWS_COMMENT: Final = "The views of flexprice-wallets: query these."
_ROWS_COMMENT: Final = (
    "Rows as flexprice-wallets sent them, those of killed runs and earlier versions included: "
    "query the views instead."
)


@dataclass(frozen=True, slots=True)
class Schemas:
    """The three schemas of a dataset: the analysts' views, the tables' views, and the rows as they were sent."""

    views: str

    @property
    def tables(self) -> str:
        return f"{self.views}_raw"

    @property
    def rows(self) -> str:
        return f"{self.views}_rows"

    def row_table(self, name: str) -> str:
        return f"{quoted(self.rows)}.{quoted(name)}"


@dataclass(frozen=True)
class ReaderViews:
    """What readers see of a layout, the tables that committed contents name."""

    schemas: Schemas
    contents: Mapping[str, Contents]
    layout: str

    @cached_property
    def views(self) -> tuple[DescribedView, ...]:
        """Every view, each after those that it reads; that of the shown shipments is not among them."""
        tables = (
            DescribedView(
                self.schemas.tables,
                table.name,
                self._query(table),
                table.comment,
                {column.name: column.comment for column in table.columns},
            )
            for table in replicated_tables()
        )
        analysts = rendered_views(
            "postgres", raw_schema=self.schemas.tables, schema=self.schemas.views
        )
        return (*tables, *analysts)

    @cached_property
    def digest(self) -> str:
        """Differs where the views, or what is said of them, have to be made again."""
        texts = [text for view in self.views for text in view.statements("postgres")]
        return sha256("\n".join([self.layout, *texts]).encode()).hexdigest()

    def shown(self, last_number: int) -> str:
        """The statement for the view of the shipments that count: those up to now, and later ones of this layout.

        Rows of a later layout are in tables that these views do not read: its shipments stay hidden until the views
        for it are made, all at once.
        """
        return (
            f"create or replace view {self.schemas.row_table(SHOWN)} as "
            f"select {SHIP_ID}, ship_number from {self.schemas.row_table(SHIPMENTS)} "
            f"where ship_number <= {last_number} or layout = {literal(self.layout)}"
        )

    def schema_comments(self) -> Iterator[str]:
        for schema, comment in (
            (self.schemas.views, _VIEWS_COMMENT),
            (self.schemas.tables, _RAW_COMMENT),
            (self.schemas.rows, _ROWS_COMMENT),
        ):
            yield f"comment on schema {quoted(schema)} is {literal(comment)}"

    def _query(self, table: ReplicatedTable) -> str:
        rows = self.schemas.row_table(self.contents[table.name].stored_as)
        shown = f"{quoted(self.schemas.rows)}.{SHOWN}"
        columns = ", ".join(f"rows.{_shown_as(column)}" for column in table.columns)
        if table.appended_by is not None:
            return (
                f"select {columns} from {rows} as rows "
                f"where rows.{SHIP_ID} in (select {SHIP_ID} from {shown})"
            )
        # The newest version of a row counts. Conditions on the grain reach into `distinct on`, so that an index helps.
        stored = ", ".join(
            f"rows.{quoted(c.sent_as)}" for c in (*table.columns, *stored_columns(table)[-3:-1])
        )
        key = ", ".join(f"rows.{quoted(c.sent_as)}" for c in table.columns if c.name in table.grain)
        newest = (
            f"select {f'distinct on ({key}) ' if key else ''}{stored} from {rows} as rows "
            f"inner join {shown} as shown on rows.{SHIP_ID} = shown.{SHIP_ID} "
            f"order by {f'{key}, ' if key else ''}shown.ship_number desc, rows.is_deleted"
            f"{'' if key else ' limit 1'}"
        )
        return f"select {columns} from ({newest}) as rows where not rows.is_deleted"


def newest_rows(schemas: Schemas, table: ReplicatedTable, contents: Contents) -> str:
    """The query for the grain and hash of what is committed of a table, whatever is shown yet."""
    key = ", ".join(f"rows.{quoted(c.sent_as)}" for c in table.columns if c.name in table.grain)
    names = f"{key}, " if key else ""
    return (
        f"select * from (select {f'distinct on ({key}) ' if key else ''}{names}rows.row_hash, rows.is_deleted "
        f"from {schemas.row_table(contents.stored_as)} as rows "
        f"inner join {schemas.row_table(SHIPMENTS)} as shipments on rows.{SHIP_ID} = shipments.{SHIP_ID} "
        f"order by {names}shipments.ship_number desc, rows.is_deleted{'' if key else ' limit 1'}) as newest "
        "where not is_deleted"
    )


def _shown_as(column: ReplicatedColumn) -> str:
    cast = "::json" if column.kind == "json" else ""
    return f"{quoted(column.sent_as)}{cast} as {quoted(column.name)}"
