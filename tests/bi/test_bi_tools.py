"""The heavy tools, headless: Apache Superset from its package, and JDBC as DBeaver, Tableau and Metabase use it.

Left out of the suite: `make bi` runs them.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flexprice_wallets.warehouse.database import open_database
from flexprice_wallets.warehouse.descriptions import views
from tests.bi.conftest import Loads
from tests.bi.environments import CHECKOUT, HOME, python_of
from tests.command_line import environment
from tests.small_history import SmallHistory
from tests.views.columns import view_columns

pytestmark = [pytest.mark.slow, pytest.mark.bi]

CLIENTS = Path(__file__).parent / "clients"
EXPECTED = {view.name: view for view in views() if view.type == "view"}
#: The driver names its versions with a fourth number. 1.4.0 and 1.4.1 cannot call a macro that has several CTEs.
JDBC_DRIVERS = ("1.4.4.0", "1.5.2.0", "2.0.0.1")


def run_client(command: list[Any], folder: Path) -> str:
    variables = {name: value for name, value in environment(folder).items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def test_the_readme_says_how_they_are_connected_here() -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert '{"connect_args": {"read_only": true}}' in readme
    assert '{"connect_args": {"read_only": True}}' in (CLIENTS / "try_superset.py").read_text()
    java = (CLIENTS / "ReadWarehouse.java").read_text()
    for part in ("jdbc:duckdb:", "duckdb.read_only"):
        assert part in readme
        assert part in java


@pytest.fixture(scope="module")
def superset(
    history: SmallHistory, queries: list[str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What Superset says of the warehouse."""
    folder = tmp_path_factory.mktemp("superset")
    asked = folder / "queries.json"
    asked.write_text(json.dumps(queries), encoding="utf-8")
    command = [
        python_of("superset"),
        CLIENTS / "try_superset.py",
        history.warehouse,
        asked,
        folder,
    ]
    # Its migrations talk, too.
    answer: dict[str, Any] = json.loads(run_client(command, folder).strip().splitlines()[-1])
    return answer


def test_superset_lists_the_views_with_types_and_comments(superset: dict[str, Any]) -> None:
    assert superset["views"] == sorted(EXPECTED)
    columns = {
        name: (kind, is_time, comment) for name, kind, is_time, comment in superset["columns"]
    }
    assert list(columns) == view_columns()["wallet_balance_daily"]
    for name, (_, _, comment) in columns.items():
        assert comment == EXPECTED["wallet_balance_daily"].column_comment(name)
    assert columns["closing_balance"][:2] == ("NUMERIC(28, 9)", False)
    assert columns["date_day"][:2] == ("DATE", True)


def test_superset_draws_by_currency_and_week(
    superset: dict[str, Any], history: SmallHistory
) -> None:
    expected: dict[tuple[str, date], Decimal] = {}
    with open_database(history.warehouse, read_only=True) as connection:
        rows = connection.execute(
            "select currency, date_day, closing_balance from flexprice.wallet_balance_daily "
            "where closing_balance is not null"
        ).fetchall()
    highest: dict[tuple[str, date], list[Decimal]] = defaultdict(list)
    for currency, day, balance in rows:
        highest[currency, day - timedelta(days=day.weekday())].append(balance)
    expected = {key: max(balances) for key, balances in highest.items()}
    found = {
        (row["currency"], datetime.fromtimestamp(row["date_day"] / 1000, UTC).date()): row[
            "highest closing balance"
        ]
        for row in superset["chart"]
    }
    assert set(found) == set(expected)
    assert len({week for _, week in found}) == 2
    for key, balance in found.items():
        assert balance == pytest.approx(float(expected[key]))


def test_superset_answers_the_readmes_queries(
    superset: dict[str, Any], history: SmallHistory, queries: list[str]
) -> None:
    # Superset 6.1 puts its own limit in the place of a query's, when asked through its API.
    limit = re.compile(r"\blimit \d+$")
    with open_database(history.warehouse, read_only=True) as connection:
        expected = [len(connection.execute(limit.sub("", query)).fetchall()) for query in queries]
    assert superset["queries"] == expected


@pytest.fixture(scope="module", params=JDBC_DRIVERS)
def driver(request: pytest.FixtureRequest) -> Path:
    """The driver's jar, fetched by Maven when it is first asked for."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian: apt-get install default-jdk maven)")
    folder = HOME / "jdbc"
    jar: Path = folder / f"duckdb_jdbc-{request.param}.jar"
    if not jar.is_file():
        artifact = f"-Dartifact=org.duckdb:duckdb_jdbc:{request.param}"
        copy = ["mvn", "--batch-mode", "--quiet", "dependency:copy", artifact]
        subprocess.run([*copy, f"-DoutputDirectory={folder}"], check=True)
    return jar


def read_with_jdbc(
    driver: Path, warehouse: Path, queries: list[str], folder: Path
) -> dict[str, list[list[str]]]:
    files = []
    for number, query in enumerate(queries):
        files.append(folder / f"query-{number}.sql")
        files[-1].write_text(query, encoding="utf-8")
    program = ["java", "-cp", driver, CLIENTS / "ReadWarehouse.java", warehouse, *files]
    answer: dict[str, list[list[str]]] = defaultdict(list)
    for line in run_client(program, folder).splitlines():
        kind, *values = line.split("\t")
        answer[kind].append(values)
    return answer


def test_jdbc_reads_everything(
    driver: Path, history: SmallHistory, queries: list[str], tmp_path: Path
) -> None:
    answer = read_with_jdbc(driver, history.warehouse, queries, tmp_path)
    assert {"flexprice", "flexprice_raw"} <= {name for (name, *_) in answer["schema"]}
    assert answer["view"] == [
        [name, "VIEW", EXPECTED[name].description] for name in sorted(EXPECTED)
    ]
    columns = {(view, column): (kind, comment) for view, column, kind, comment in answer["column"]}
    assert set(columns) == {
        (view.name, name) for view in EXPECTED.values() for name in view_columns()[view.name]
    }
    for (view, column), (_, comment) in columns.items():
        assert comment == EXPECTED[view].column_comment(column)
    assert columns["wallets", "balance"][0] == "DECIMAL(28,9)"
    with open_database(history.warehouse, read_only=True) as connection:
        for name, count in answer["rows"]:
            source = "('2026-03-01 00:00:00+00')" if name.endswith("_as_of") else ""
            sql = f"select count(*) from flexprice.{name}{source}"
            assert connection.execute(sql).fetchall() == [(int(count),)], name
        counts = [len(connection.execute(query).fetchall()) for query in queries]
        [(highest,)] = connection.execute("select max(balance) from flexprice.wallets").fetchall()
    assert answer["query"] == [[str(count)] for count in counts]
    assert answer["exact"] == [[str(highest)]]


def test_jdbc_reads_while_loads_go_on(driver: Path, loads: Loads, tmp_path: Path) -> None:
    before = loads.published
    while loads.published < before + 2 and not loads.failures:
        answer = read_with_jdbc(driver, loads.warehouse, [], tmp_path)
        assert len(answer["view"]) == len(EXPECTED)
