"""What differs between engines and sqlglot does not know of, each by an expression as the views have it."""

from __future__ import annotations

import re

import pytest
from sqlglot import exp

from flexprice_wallets.replicate.dialects import (
    DIALECTS,
    EXECUTED,
    SETTINGS,
    query_of,
    render,
    rendered_views,
)
from flexprice_wallets.replicate.view_statements import DescribedView
from tests.views.columns import view_columns


def rendered(expression: str, dialect: str) -> str:
    """An expression of a view in a dialect, on one line."""
    statement = f"create or replace view flexprice.some_view as select {expression} as answer from flexprice_raw.rows"
    text = render(query_of(statement), dialect, "flexprice_raw", "flexprice")
    query = " ".join(text.split())
    found = re.fullmatch(r"SELECT (.*) AS answer FROM .*", query)
    assert found
    return found[1].replace("( ", "(").replace(" )", ")")


@pytest.mark.parametrize("dialect", ["trino", "snowflake"])
@pytest.mark.parametrize("function", ["greatest", "least"])
def test_greatest_and_least_skip_nulls(function: str, dialect: str) -> None:
    assert rendered(f"{function}(a, b, c)", dialect) == (
        f"{function.upper()}(COALESCE(a, b, c), COALESCE(b, a, c), COALESCE(c, a, b))"
    )


@pytest.mark.parametrize("dialect", ["postgres", "spark"])
def test_where_they_skip_nulls_they_are_left_as_they_are(dialect: str) -> None:
    assert rendered("greatest(a, b)", dialect) == "GREATEST(a, b)"


@pytest.mark.parametrize(
    ("dialect", "seconds"),
    [
        ("postgres", "EXTRACT(EPOCH FROM at)"),
        ("trino", "TO_UNIXTIME(at)"),
        ("spark", "(CAST(UNIX_MICROS(at) AS DOUBLE) / 1000000)"),
    ],
)
def test_seconds_since_1970(dialect: str, seconds: str) -> None:
    """With their fraction, and without rounding what they are divided by."""
    assert rendered("extract(epoch from at)", dialect) == seconds
    assert rendered("extract(hour from at)", dialect) == "EXTRACT(HOUR FROM at)"


@pytest.mark.parametrize("dialect", ["spark", "databricks"])
def test_a_day_in_utc_does_not_depend_on_the_session(dialect: str) -> None:
    day = rendered("cast(at at time zone 'UTC' as date)", dialect)
    assert day == (
        "CAST((CAST('1970-01-01 00:00:00' AS TIMESTAMP_NTZ) + "
        "MAKE_DT_INTERVAL(0, 0, 0, CAST(UNIX_MICROS(at) AS DECIMAL(20, 0)) * 0.000001)) AS DATE)"
    )


def test_days_after_a_day() -> None:
    days = "cast(at as date) + cast(floor(days) as integer)"
    assert rendered(days, "trino") == (
        "DATE_ADD('day', CAST(FLOOR(days) AS INTEGER), CAST(at AS DATE))"
    )
    assert rendered("a + b", "trino") == "a + b"


@pytest.mark.parametrize("dialect", ["spark", "databricks"])
def test_spark_is_told_to_keep_every_digit(dialect: str) -> None:
    assert "set spark.sql.decimalOperations.allowPrecisionLoss = false" in SETTINGS[dialect]


#: What sqlglot writes and no engine takes, or takes for something else.
PASSED_THROUGH = {
    "postgres": (),
    # A time zone of the session's, an interval in the plural, and what only other engines know.
    "spark": ("FROM_UTC_TIMESTAMP", r"EXTRACT\(EPOCH", r"AT TIME ZONE"),
    "trino": (r"EXTRACT\(EPOCH", r"AS DATE\) \+", r"INTERVAL '\d+' \w+S\b"),
}


@pytest.mark.parametrize("dialect", sorted(EXECUTED))
def test_no_view_holds_what_the_dialect_does_not_know(dialect: str) -> None:
    everywhere = (r"CONCAT_WS", r"GENERATE_SERIES", r"'infinity'", r"::")
    for view in rendered_views(dialect):
        text = " ".join(view.query.split())
        for pattern in (*everywhere, *PASSED_THROUGH[dialect]):
            assert not re.search(pattern, text, re.IGNORECASE), (view.name, pattern)


def test_bigquery_is_told_which_union() -> None:
    for view in rendered_views("bigquery"):
        assert not re.search(r"\bUNION\b(?! (ALL|DISTINCT)\b)", " ".join(view.query.split()))


def test_only_known_dialects_are_said_to_be_executed() -> None:
    assert set(DIALECTS) >= EXECUTED


@pytest.mark.parametrize("dialect", sorted(EXECUTED))
def test_every_view_says_what_it_and_its_columns_mean(dialect: str) -> None:
    rendered = rendered_views(dialect)
    assert rendered
    for each in rendered:
        assert [*each.columns] == view_columns()[each.name]
        statements = "\n".join(each.statements(dialect))
        for text in (each.comment, *each.columns.values()):
            assert exp.Literal.string(text).sql(dialect=dialect) in statements


def test_a_comment_with_quotes_stays_as_it_is() -> None:
    view = DescribedView("s", "v", "select 1 as a", r"it's \n", {"a": 'a "b"'})
    assert list(view.statements("trino")) == [
        "create or replace view s.v comment 'it''s \\n' as\nselect 1 as a",
        'comment on column s.v."a" is \'a "b"\'',
    ]
    assert list(view.statements("postgres")) == [
        'create or replace view "s"."v" as\nselect 1 as a',
        "comment on view \"s\".\"v\" is 'it''s \\n'",
        'comment on column "s"."v"."a" is \'a "b"\'',
    ]
    [spark] = view.statements("spark")
    assert spark == (
        "create or replace view s.v (\n  `a` comment 'a \"b\"'\n)\n"
        r"comment 'it\'s \\n' as" + "\nselect 1 as a"
    )
    assert list(view.statements("snowflake")) == ["create or replace view s.v as\nselect 1 as a"]
