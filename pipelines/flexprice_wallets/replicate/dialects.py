"""The views' SQL for other engines: rendered by sqlglot from the one source in `sql/`.

sqlglot passes expressions that it does not know through in silence, and an engine may take them for something else:
only execution proves a view. `EXECUTED` names the dialects for which the suite does that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

import sqlglot
from sqlglot import exp

from flexprice_wallets.replicate.view_statements import DescribedView
from flexprice_wallets.warehouse.descriptions import Relation, views
from flexprice_wallets.warehouse.sql_files import RAW_SCHEMA, SCHEMA, sql_texts

#: Takes an expression of the source and gives what the dialect has for it.
Rewrite = Callable[[exp.Expr], exp.Expr]

DIALECTS: Final = (
    "postgres", "trino", "spark", "databricks", "snowflake", "bigquery", "redshift",
)  # fmt: skip
EXECUTED: Final = frozenset({"postgres", "spark", "trino"})


def _epoch_of_trino(node: exp.Expr) -> exp.Expr:
    """`extract(epoch from …)`, which Trino does not know; sqlglot would ask for what the session's clock shows."""
    if isinstance(node, exp.Extract) and node.name.lower() == "epoch":
        return exp.func("to_unixtime", node.expression, dialect="trino")
    return node


def _day_of_trino(node: exp.Expr) -> exp.Expr:
    """A day and a number of days after it, which Trino does not add."""
    if not isinstance(node, exp.Add) or not node.this.is_type(exp.DType.DATE):
        return node
    day, days = node.this, node.expression
    return exp.Anonymous(this="date_add", expressions=[exp.Literal.string("day"), days, day])


def _epoch_of_spark(node: exp.Expr) -> exp.Expr:
    """`extract(epoch from …)`, which Spark does not know."""
    if isinstance(node, exp.Extract) and node.name.lower() == "epoch":
        seconds = exp.cast(_micros_of_spark(node.expression), "double", dialect="spark")
        return exp.paren(exp.Div(this=seconds, expression=exp.Literal.number(1_000_000)))
    return node


def _utc_of_spark(node: exp.Expr) -> exp.Expr:
    """`… at time zone 'UTC'`, whatever the zone of the session.

    sqlglot's `from_utc_timestamp` moves a time by nothing at all; which day it is then depends on the session.
    """
    if not isinstance(node, exp.AtTimeZone):
        return node
    begin = exp.cast(exp.Literal.string("1970-01-01 00:00:00"), "timestamp_ntz", dialect="spark")
    micros = exp.cast(_micros_of_spark(node.this), "decimal(20, 0)")
    seconds = exp.Mul(this=micros, expression=exp.Literal.number("0.000001"))
    nothing = [exp.Literal.number(0) for _ in range(3)]
    passed = exp.Anonymous(this="make_dt_interval", expressions=[*nothing, seconds])
    return exp.paren(exp.Add(this=begin, expression=passed))


def _micros_of_spark(moment: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this="unix_micros", expressions=[moment.copy()])


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


def _last_version(node: exp.Expr) -> exp.Expr:
    """The join of a wallet or customer with its last version, by its id alone as far as PostgreSQL's planner can see.

    The planner takes the time of the version, and a wallet's customer, for independent of the id, expects one row
    instead of one for each wallet, and goes through everything else once for each of those. What stands in `coalesce`
    it does not look into.
    """
    if not isinstance(node, exp.Join) or not isinstance(condition := node.args.get("on"), exp.And):
        return node
    equalities = [each for each in condition.flatten() if isinstance(each, exp.EQ)]
    names = [{column.name for column in each.find_all(exp.Column)} for each in equalities]
    if {"settings_snapshot_at", "snapshot_at"} in names:
        key = {"wallet_id"}
    elif names == [{"customer_id"}, {"snapshot_at"}]:
        key = {"customer_id"}
    else:
        return node
    for equality, named in zip(equalities, names, strict=True):
        if named != key:
            equality.replace(exp.func("coalesce", equality.copy(), exp.false()))
    return node


def _most_have_not_ended(node: exp.Expr) -> exp.Expr:
    """The condition `ended is null`, of which PostgreSQL's planner expects one row in two hundred to meet it."""
    if isinstance(node, exp.Is) and isinstance(node.this, exp.Column) and node.this.name == "ended":
        return exp.func("coalesce", node.copy(), exp.false())
    return node


_OF_SPARK: Final = (_epoch_of_spark, _utc_of_spark)
#: The expressions that differ, by dialect.
REWRITES: Final[Mapping[str, tuple[Rewrite, ...]]] = {
    "postgres": (_last_version, _most_have_not_ended),
    "trino": (_epoch_of_trino, _day_of_trino, _skipping_nulls),
    "spark": _OF_SPARK,
    "databricks": _OF_SPARK,
    "snowflake": (_skipping_nulls,),
}

#: Without it Spark rounds products of decimals, in silence. A view keeps the setting with which it was created.
_ALL_DIGITS: Final = ("set spark.sql.decimalOperations.allowPrecisionLoss = false",)
#: What has to be said before the views are created, by dialect.
SETTINGS: Final[Mapping[str, tuple[str, ...]]] = {"spark": _ALL_DIGITS, "databricks": _ALL_DIGITS}


@cache
def rendered_views(
    dialect: str, *, raw_schema: str = RAW_SCHEMA, schema: str = SCHEMA
) -> tuple[DescribedView, ...]:
    """Every view, each after those that it reads. DuckDB's macros are none.

    Args:
        dialect: one of `DIALECTS`.
        raw_schema: schema of the tables.
        schema: schema of the views.
    """
    texts = dict(sql_texts())
    return tuple(
        _described(view, texts[f"{view.name}.sql"], dialect, raw_schema, schema)
        for view in views()
        if view.type == "view"
    )


def _described(
    view: Relation, statement: str, dialect: str, raw_schema: str, schema: str
) -> DescribedView:
    query = query_of(statement)
    columns = {name: view.column_comment(name) for name in query.named_selects}
    rendered = render(query, dialect, raw_schema, schema)
    return DescribedView(schema, view.name, rendered, view.description, columns)


def query_of(statement: str) -> exp.Query:
    """The query of a statement `create or replace view …` of the source."""
    [parsed] = sqlglot.parse(statement, read="duckdb")
    if not isinstance(parsed, exp.Create) or not isinstance(parsed.expression, exp.Query):
        raise ValueError(f"no view is created by {statement[:60]!r}")
    return parsed.expression


def render(query: exp.Expr, dialect: str, raw_schema: str, schema: str) -> str:
    """A query of the source in a dialect, its schemas renamed."""
    renamed = {RAW_SCHEMA: raw_schema, SCHEMA: schema}
    for table in query.find_all(exp.Table):
        if table.db in renamed:
            table.set("db", exp.to_identifier(renamed[table.db], quoted=dialect == "postgres"))
    for rewrite in REWRITES.get(dialect, ()):
        query = query.transform(rewrite)
    return str(query.sql(dialect=dialect, pretty=True, comments=False))
