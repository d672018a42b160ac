"""dbt-duckdb on the warehouse: the views as sources with tests and freshness, and a model on each.

Left out of the suite: `make bi` runs it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from flexprice_wallets.warehouse.database import open_database
from flexprice_wallets.warehouse.descriptions import Relation, views
from tests.bi.environments import python_of
from tests.command_line import environment
from tests.small_history import SmallHistory
from tests.views.columns import view_columns

pytestmark = [pytest.mark.slow, pytest.mark.bi]

VIEWS = [view for view in views() if view.type == "view"]
Dbt = Callable[..., tuple[int, str]]


def source(view: Relation) -> dict[str, Any]:
    """What dbt is told of a view: its columns, and that its grain is there."""
    described: dict[str, Any] = {
        "name": view.name,
        "description": view.description,
        "columns": [
            {
                "name": name,
                "description": view.column_comment(name),
                "data_tests": ["not_null"] if name in view.grain else [],
            }
            for name in view_columns()[view.name]
        ],
    }
    if view.name == "snapshots":
        described["loaded_at_field"] = "snapshot_at"
        described["config"] = {"freshness": {"error_after": {"count": 26, "period": "hour"}}}
    return described


def rows_of_one_grain(view: Relation) -> str:
    """The query of a dbt test, which fails where it finds any: a grain that is there twice."""
    relation = f"{{{{ source('flexprice', '{view.name}') }}}}"
    if not view.grain:
        return f"select count(*) from {relation} having count(*) <> 1"
    grain = ", ".join(view.grain)
    return f"select {grain} from {relation} group by {grain} having count(*) > 1"


@pytest.fixture
def project(tmp_path: Path, history: SmallHistory) -> Path:
    """A dbt project beside a copy of the warehouse, which it attaches read-only."""
    warehouse = history.copy(tmp_path)
    folder = tmp_path / "project"
    for part in ("models", "tests"):
        (folder / part).mkdir(parents=True)
    files = {
        "dbt_project.yml": {"name": "wallets", "profile": "wallets", "version": "1.0"},
        "profiles.yml": {
            "wallets": {
                "target": "here",
                "outputs": {
                    "here": {
                        "type": "duckdb",
                        "path": str(folder / "analytics.duckdb"),
                        "attach": [
                            {"path": str(warehouse), "alias": "warehouse", "read_only": True}
                        ],
                        "settings": {"TimeZone": "UTC"},
                    }
                },
            }
        },
        "models/sources.yml": {
            "sources": [
                {
                    "name": "flexprice",
                    "database": "warehouse",
                    "schema": "flexprice",
                    "tables": [source(view) for view in VIEWS],
                }
            ]
        },
    }
    for name, content in files.items():
        (folder / name).write_text(yaml.safe_dump(content), encoding="utf-8")
    for view in VIEWS:
        model = (
            "{{ config(materialized='table') }}\n"
            f"select * from {{{{ source('flexprice', '{view.name}') }}}}\n"
        )
        (folder / "models" / f"stg_{view.name}.sql").write_text(model, encoding="utf-8")
        (folder / "tests" / f"{view.name}_grain.sql").write_text(
            rows_of_one_grain(view), encoding="utf-8"
        )
    return folder


@pytest.fixture
def dbt(project: Path) -> Dbt:
    def run(*arguments: str) -> tuple[int, str]:
        variables = {k: v for k, v in environment(project).items() if k != "PYTHONPATH"}
        done = subprocess.run(
            [python_of("dbt").with_name("dbt"), *arguments, "--profiles-dir", "."],
            cwd=project,
            env={**variables, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_every_view_can_be_a_source_and_a_model(dbt: Dbt, project: Path) -> None:
    code, said = dbt("build")
    assert code == 0, said[-4000:]
    warehouse = project.parent / "warehouse.duckdb"
    with (
        open_database(warehouse, read_only=True) as connection,
        duckdb.connect(str(project / "analytics.duckdb"), read_only=True) as analytics,
    ):
        analytics.execute("set timezone = 'UTC'")
        for view in VIEWS:
            if view.name == "freshness":  # its age goes on
                continue
            expected = connection.execute(f"from flexprice.{view.name} order by all").fetchall()
            found = analytics.execute(f"from stg_{view.name} order by all").fetchall()
            assert found == expected, view.name


def test_freshness_is_that_of_the_last_load(dbt: Dbt, project: Path) -> None:
    code, said = dbt("source", "freshness")
    [result] = json.loads((project / "target" / "sources.json").read_text())["results"]
    loaded_at = datetime.fromisoformat(result["max_loaded_at"])
    with open_database(project.parent / "warehouse.duckdb", read_only=True) as connection:
        [(last,)] = connection.execute(
            "select max(snapshot_at) from flexprice.snapshots"
        ).fetchall()
    assert loaded_at == last
    is_old = datetime.now(UTC) - last > timedelta(hours=26)
    assert (code != 0) == is_old, said


def test_a_grain_that_is_there_twice_fails(dbt: Dbt, project: Path) -> None:
    (project / "tests" / "wallets_grain.sql").write_text(
        "select currency from {{ source('flexprice', 'wallets') }} "
        "group by currency having count(*) > 1"
    )
    code, said = dbt("test", "--select", "wallets_grain")
    assert code == 1, said
