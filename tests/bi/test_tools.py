"""The tools that people query with open the published file, find their way in it, and read the same everywhere."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flexprice_wallets.warehouse.database import open_database
from flexprice_wallets.warehouse.descriptions import views
from tests.bi.conftest import Loads, Read
from tests.bi.environments import CHECKOUT, python_of
from tests.readme.fenced_blocks import fenced_blocks
from tests.small_history import SmallHistory
from tests.views.columns import view_columns

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        duckdb.__version__.startswith("1."),
        reason="the tools bring their own DuckDB: once is enough, on what the newest has written",
    ),
]

DUCKDB_CLIENTS = ("duckdb-1.2", "duckdb-1.4", "duckdb-1.5", "duckdb-2.0")
EXPECTED = {view.name: view for view in views() if view.type == "view"}

Client = tuple[str, str]
CLIENTS: tuple[Client, ...] = (
    *((name, "read_duckdb.py") for name in DUCKDB_CLIENTS),
    ("sqlalchemy", "read_sqlalchemy.py"),
    ("dataframes", "read_dataframes.py"),
)


@pytest.fixture(scope="module")
def of_duckdb(read: Read, history: SmallHistory) -> Callable[[str], dict[str, Any]]:
    answers: dict[str, dict[str, Any]] = {}

    def answer(name: str) -> dict[str, Any]:
        if name not in answers:
            answers[name] = read(name, "read_duckdb.py", history.warehouse)
        return answers[name]

    return answer


def check_columns(views: dict[str, Any]) -> None:
    """Every view is there with its columns in order, and everything has its comment."""
    assert set(views) == set(EXPECTED)
    for name, view in views.items():
        assert view["comment"] == EXPECTED[name].description
        assert [column for column, *_ in view["columns"]] == view_columns()[name]
        for column, _, comment in view["columns"]:
            assert comment == EXPECTED[name].column_comment(column)


@pytest.mark.parametrize("name", DUCKDB_CLIENTS)
def test_a_client_of_its_own_version(
    of_duckdb: Callable[[str], dict[str, Any]], name: str, queries: list[str]
) -> None:
    answer = of_duckdb(name)
    assert answer["client"].startswith(name.removeprefix("duckdb-"))
    assert {"flexprice", "flexprice_raw"} <= set(answer["schemas"])
    check_columns(answer["views"])
    assert len(answer["queries"]) == len(queries) >= 6


@pytest.mark.parametrize("name", DUCKDB_CLIENTS[:-1])
def test_every_client_reads_the_same(of_duckdb: Callable[[str], dict[str, Any]], name: str) -> None:
    newest, other = of_duckdb(DUCKDB_CLIENTS[-1]), of_duckdb(name)
    for view, answer in newest["views"].items():
        assert other["views"][view]["columns"] == answer["columns"], view
        assert other["views"][view]["digest"] == answer["digest"], view
    assert other["as_of"] == newest["as_of"]
    assert other["queries"] == newest["queries"]


def test_sqlalchemy_reflects_everything(read: Read, history: SmallHistory) -> None:
    answer = read("sqlalchemy", "read_sqlalchemy.py", history.warehouse)
    assert any(schema.endswith("flexprice") for schema in answer["schemas"])
    check_columns(answer["views"])
    types = {column: kind for column, kind, _ in answer["views"]["wallets"]["columns"]}
    assert types["balance"] == "NUMERIC(28, 9)"
    assert "TIMESTAMP" in types["last_observed_at"]
    with open_database(history.warehouse, read_only=True) as connection:
        for name, view in answer["views"].items():
            expected = connection.execute(f"select count(*) from flexprice.{name}").fetchall()
            assert [(view["rows"],)] == expected
            assert view["read"] == min(view["rows"], 5)
        sums = connection.execute(
            "select date_day, currency, sum(closing_balance) from flexprice.wallet_balance_daily "
            "group by all order by all"
        ).fetchall()
    assert answer["daily_sums"] == [list(map(str, row)) for row in sums]


def test_the_readmes_way_with_sqlalchemy(history: SmallHistory, tmp_path: Path) -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    [block] = [each for each in fenced_blocks(readme) if each.language == "python sqlalchemy"]
    history.copy(tmp_path)
    done = subprocess.run(
        [python_of("sqlalchemy"), "-c", block.text],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "Decimal" in done.stdout or "datetime" in done.stdout


def test_pandas_polars_and_adbc_read_every_view(read: Read, history: SmallHistory) -> None:
    answer = read("dataframes", "read_dataframes.py", history.warehouse)
    assert set(answer["views"]) == set(EXPECTED) == set(answer["listed_by_adbc"])
    assert answer["balance_type"] == "Decimal(precision=28, scale=9)"
    with open_database(history.warehouse, read_only=True) as connection:
        for name, counts in answer["views"].items():
            [(rows,)] = connection.execute(f"select count(*) from flexprice.{name}").fetchall()
            assert counts == {"pandas": rows, "polars": rows, "adbc": rows}


def test_the_command_line(history: SmallHistory, queries: list[str]) -> None:
    program = python_of("command-line").with_name("duckdb")
    for query in queries:
        done = subprocess.run(
            [program, "-readonly", "-json", history.warehouse, "-c", query],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        with open_database(history.warehouse, read_only=True) as connection:
            expected = len(connection.execute(query).fetchall())
        assert len(json.loads(done.stdout or "[]")) == expected
    describe: list[str | Path] = [
        program,
        "-readonly",
        history.warehouse,
        "-c",
        "describe flexprice.wallets",
    ]
    described = subprocess.run(describe, capture_output=True, text=True, timeout=60, check=True)
    assert "real_time_balance" in described.stdout


def test_all_of_them_read_while_loads_go_on(read: Read, loads: Loads) -> None:
    seen = []
    for name, script in (*CLIENTS, CLIENTS[0]):
        before = loads.published
        answer = read(name, script, loads.warehouse)
        seen.append(answer["snapshots"])
        assert set(answer["views"]) == set(EXPECTED)
        assert before + 5 <= answer["snapshots"] <= loads.published + 5
    # Each opened the file anew, and so saw what had been published meanwhile.
    assert seen == sorted(seen)
    assert seen[-1] > seen[0]
    assert loads.published >= 2


def test_what_is_open_stays_as_it_was_until_it_is_opened_anew(loads: Loads) -> None:
    with open_database(loads.warehouse, read_only=True) as connection:
        count = "select count(*) from flexprice.snapshots"
        first = connection.execute(count).fetchall()
        reached = loads.published + 1
        while loads.published < reached and not loads.failures:
            assert connection.execute(count).fetchall() == first
    with open_database(loads.warehouse, read_only=True) as connection:
        assert connection.execute(count).fetchall() > first
