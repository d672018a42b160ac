"""Views keep to SQL that other engines execute, and that older clients of DuckDB can read."""

from __future__ import annotations

import re

import pytest
import sqlglot
from sqlglot import exp

from flexprice_wallets.warehouse.descriptions import views
from flexprice_wallets.warehouse.sql_files import read_sql, sql_folder

ONLY_DUCKDB = {
    "qualify": r"\bqualify\b",
    "ignore nulls": r"\bignore\s+nulls\b",
    "asof": r"\basof\b",
    "arg_max and arg_min": r"\barg_(max|min)\b",
    "exclude": r"\bexclude\b",
    "group by all": r"\b(group|order)\s+by\s+all\b",
    "lag or lead with an offset": r"\b(lag|lead)\s*\([^()]*,",
    "any_value": r"\bany_value\b",
    "double colon": r"::",
    "the session's day": r"cast\(\s*[\w.]*_at\s+as\s+date\s*\)",
    # A file written for older clients loses it without a word.
    "a hint to materialize": r"\bmaterialized\b",
    "list functions": r"\blist_\w+\s*\(",
    "a bare integer interval": r"\binterval\s+\d",
    # Only their singular is standard, and some engines know no other.
    "a unit of an interval in the plural": r"\binterval\s+'\d+\s*'?\s*\w+s\b|\binterval\s+'\d+\s+\w",
    "a zone without its minutes": r":\d\d[+-]\d\d'",
    # Some engines know one way alone: from a moment to what a clock shows.
    "a moment from a clock": r"as timestamp\)[^\n]*\bat time zone\b",
    # With a fraction in some engines.
    "the second of a minute": r"(?<!floor\()extract\(second\b",
    # Null beside a null in some engines, and skipped in others.
    "greatest or least of what may be null": r"\b(greatest|least)\(\s*(?!coalesce|extract|[\w.]*(_at|_from|_to)\b)\w",
    "concat_ws": r"\bconcat_ws\b",
    "generated series": r"\bgenerate_series\b|\blateral\b",
    "infinity": r"infinity",
    "an untyped null in a union": r"(?m)^\s*null as \w+",
    "union without a word": r"\bunion\b(?!\s+(all|distinct))",
    # It loses the last digit on Spark.
    "a sum or difference of 38 digits": r"decimal\(38, \d+\)\)\s*[-+]|(?<!cast\()coalesce\(\w+_credits, 0\) [-+]",
    # Spark keeps six decimals of it.
    "a division of decimals": r"[\w)]\s*/\s*(?!86400\b|cast\(|7\b|30\b)[\w(]",
}


def code(name: str) -> str:
    return re.sub(r"--[^\n]*", "", read_sql(name))


@pytest.mark.parametrize(
    "view", [v for v in views() if v.type == "view"], ids=lambda view: view.name
)
@pytest.mark.parametrize("what", ONLY_DUCKDB)
def test_a_view_does_without(view, what):
    assert not re.search(ONLY_DUCKDB[what], code(view.name), re.IGNORECASE)


@pytest.mark.parametrize("view", views(), ids=lambda view: view.name)
def test_each_qualified_column_has_an_alias(view):
    """Some engines name it by its whole path, where a column of that name alone is read later."""
    text = code(view.name)
    if view.type == "macro":
        # Only DuckDB knows the statement; what it returns is a query like any other.
        text = text[text.index("(", text.index(" as table ")) + 1 : text.rindex(")")]
    without = [
        column.sql()
        for select in sqlglot.parse_one(text, read="duckdb").find_all(exp.Select)
        for column in select.expressions
        if isinstance(column, exp.Column) and column.table and not column.is_star
    ]
    assert without == []


@pytest.mark.parametrize("view", views(), ids=lambda view: view.name)
def test_a_file_begins_with_its_grain_and_is_one_statement(view):
    text = (sql_folder() / f"{view.name}.sql").read_text(encoding="utf-8")
    assert text.startswith("-- grain: ")
    kind = "macro" if view.type == "macro" else "view"
    assert text.split("\n")[1].startswith(f"create or replace {kind} flexprice.{view.name}")
    assert code(view.name).count(";") == 1
