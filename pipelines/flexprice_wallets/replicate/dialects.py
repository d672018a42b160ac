"""The views' SQL for other engines: rendered by sqlglot from the one source in `sql/`.

sqlglot passes expressions that it does not know through in silence, and an engine may take them for something else:
only execution proves a view. `EXECUTED` names the dialects for which the suite does that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import sqlglot
from sqlglot import exp

from flexprice_wallets.warehouse.descriptions import views
from flexprice_wallets.warehouse.sql_files import RAW_SCHEMA, SCHEMA, sql_texts

#: Takes an expression of the source and gives what the dialect has for it.
Rewrite = Callable[[exp.Expr], exp.Expr]

DIALECTS: Final = (
    "postgres", "trino", "spark", "databricks", "snowflake", "bigquery", "redshift",
)  # fmt: skip
EXECUTED: Final = frozenset({"postgres"})


@dataclass(frozen=True, slots=True)
class RenderedView:
    """A view's name and the query that it stands for, in some dialect."""

    name: str
    query: str


def _epoch_of_trino(node: exp.Expr) -> exp.Expr:
    """`extract(epoch from …)`, which Trino does not know."""
    if isinstance(node, exp.Extract) and node.name.lower() == "epoch":
        return exp.func("to_unixtime", node.expression, dialect="trino")
    return node


def _skipping_nulls(node: exp.Expr) -> exp.Expr:
    """`greatest` and `least`, which are null in Trino and Snowflake where one argument is."""
    if not isinstance(node, exp.Greatest | exp.Least):
        return node
    arguments = [node.this, *node.expressions]
    safe = [
        exp.func("coalesce", one.copy(), *(a.copy() for a in arguments if a is not one))
        for one in arguments
    ]
    return type(node)(this=safe[0], expressions=safe[1:])


#: The expressions that differ, by dialect.
REWRITES: Final[Mapping[str, tuple[Rewrite, ...]]] = {
    "trino": (_epoch_of_trino, _skipping_nulls),
    "snowflake": (_skipping_nulls,),
}


@cache
def rendered_views(
    dialect: str, *, raw_schema: str = RAW_SCHEMA, schema: str = SCHEMA
) -> tuple[RenderedView, ...]:
    """Every view, each after those that it reads. DuckDB's macros are none.

    Args:
        dialect: one of `DIALECTS`.
        raw_schema: schema of the tables.
        schema: schema of the views.
    """
    texts = dict(sql_texts())
    return tuple(
        RenderedView(view.name, render(texts[f"{view.name}.sql"], dialect, raw_schema, schema))
        for view in views()
        if view.type == "view"
    )


def render(statement: str, dialect: str, raw_schema: str, schema: str) -> str:
    """The query of a statement `create or replace view …` in a dialect, its schemas renamed."""
    [parsed] = sqlglot.parse(statement, read="duckdb")
    if not isinstance(parsed, exp.Create):
        raise ValueError(f"no view is created by {statement[:60]!r}")
    query = parsed.expression
    renamed = {RAW_SCHEMA: raw_schema, SCHEMA: schema}
    for table in query.find_all(exp.Table):
        if table.db in renamed:
            table.set("db", exp.to_identifier(renamed[table.db], quoted=dialect == "postgres"))
    for rewrite in REWRITES.get(dialect, ()):
        query = query.transform(rewrite)
    return str(query.sql(dialect=dialect, pretty=True, comments=False))
