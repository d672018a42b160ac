"""Airflow and Dagster run their recipes, headless, with the wheel beside them, against the emulator.

Left out of the suite: `make orchestrators` runs them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flexprice_emulator import Emulator, Fault
from tests.command_line import environment
from tests.schedules.environments import built_wheel, orchestrator, validators
from tests.schedules.recipes import RECIPES, another_run

pytestmark = [pytest.mark.slow, pytest.mark.orchestrators]

CLIENTS = Path(__file__).parent / "clients"
TRIES = 4
#: What the recipes wait before they try again; nobody has the time here.
WAITS = {"airflow": ("timedelta(minutes=15)", "timedelta(0)"), "dagster": ("delay=900", "delay=0")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_wheel(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def airflow(wheel: Path) -> Path:
    return orchestrator("airflow", wheel)


@pytest.fixture(scope="module")
def dagster(wheel: Path) -> Path:
    return orchestrator("dagster", wheel)


@dataclass(frozen=True)
class Orchestrator:
    """An orchestrator with a home of its own, and the recipe where it looks for it."""

    name: str
    python: Path
    recipe: Path
    variables: dict[str, str]
    database: Path

    def command(self, *command: str | Path) -> str:
        done = subprocess.run(
            command,
            cwd=self.database.parent,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    def run(self, at: datetime, runs: int = 1) -> dict[str, Any]:
        """What the client says of runs of the recipe; `said` is all that was printed before."""
        client = CLIENTS / f"try_{self.name}.py"
        out = self.command(self.python, client, self.recipe, at.isoformat(), str(runs))
        *said, answer = out.strip().splitlines()
        return {**json.loads(answer), "said": "\n".join(said)}


def _orchestrator(name: str, python: Path, folder: Path, emulator: Emulator) -> Orchestrator:
    homes = {
        "airflow": {
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        },
        "dagster": {"DAGSTER_HOME": str(folder / "dagster"), "DAGSTER_DISABLE_TELEMETRY": "yes"},
    }
    [original] = RECIPES.glob(f"{name}_*.py")
    recipe = folder / name / "dags" / original.name
    recipe.parent.mkdir(parents=True)
    text = original.read_text(encoding="utf-8")
    wait, none = WAITS[name]
    assert text.count(wait) == 1
    recipe.write_text(text.replace(wait, none), encoding="utf-8")
    variables = environment(
        folder,
        **homes[name],
        FLEXPRICE_API_KEY=emulator.api_key,
        FLEXPRICE_BASE_URL=emulator.base_url,
        FLEXPRICE_DATABASE=str(folder / "warehouse.duckdb"),
    )
    variables.pop("PYTHONPATH", None)
    # The wheel beside the orchestrator, not the checkout.
    variables["PATH"] = f"{python.parent}:{os.environ['PATH']}"
    return Orchestrator(name, python, recipe, variables, folder / "warehouse.duckdb")


@pytest.fixture
def in_airflow(airflow: Path, tmp_path: Path, emulator: Emulator) -> Orchestrator:
    there = _orchestrator("airflow", airflow, tmp_path, emulator)
    there.command(airflow.with_name("airflow"), "db", "migrate")
    return there


@pytest.fixture
def in_dagster(dagster: Path, tmp_path: Path, emulator: Emulator) -> Orchestrator:
    return _orchestrator("dagster", dagster, tmp_path, emulator)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def snapshots(database: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(
            "select snapshot_at, completeness from flexprice.snapshots order by 1"
        ).fetchall()


def cannot_read_a_customer(emulator: Emulator) -> None:
    emulator.faults.add(Fault("redirect", key=emulator.world.published_customer_ids()[0]))


def refuses_the_key(emulator: Emulator) -> None:
    emulator.faults.add(Fault("unauthorized"))


def lists_nothing(emulator: Emulator) -> None:
    emulator.faults.add(Fault("redirect", path="/v1/customers/search"))


# --- beside ---


@pytest.mark.parametrize("name", ["airflow", "dagster"])
def test_the_wheel_agrees_with_the_orchestrators_own_pins(
    name: str, request: pytest.FixtureRequest
) -> None:
    python: Path = request.getfixturevalue(name)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "check"]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    version = subprocess.run(
        [python.with_name("flexprice-wallets"), "--version"], capture_output=True, check=True
    )
    assert version.stdout


# --- Airflow ---


def test_airflow_loads_and_a_task_that_is_run_again_succeeds(in_airflow: Orchestrator) -> None:
    at = now()
    answer = in_airflow.run(at, runs=2)
    assert [run["state"] for run in answer["answers"]] == ["success", "success"]
    events = answer["answers"][-1]["events"]
    assert [event["already_loaded"] for event in events] == [False, True]
    assert {event["completeness"] for event in events} == {"complete"}
    assert snapshots(in_airflow.database) == [(at, "complete")]
    assert answer["configured"] == {
        "retries": TRIES - 1,
        "runs at once": 1,
        "catchup": False,
        "outlets": ["flexprice_wallets"],
    }
    assert "The load is partial" not in answer["said"]


def test_airflow_warns_of_a_partial_load(in_airflow: Orchestrator, emulator: Emulator) -> None:
    cannot_read_a_customer(emulator)
    answer = in_airflow.run(now())
    [run] = answer["answers"]
    assert (run["state"], run["tries"]) == ("success", 1)
    assert [event["completeness"] for event in run["events"]] == ["partial"]
    [line] = [line for line in answer["said"].splitlines() if "The load is partial" in line]
    assert "warning" in line


def test_airflow_skips_where_another_run_is_at_work(in_airflow: Orchestrator) -> None:
    with another_run(in_airflow.database):
        [run] = in_airflow.run(now())["answers"]
    assert run == {"state": "skipped", "tries": 1, "events": []}


@pytest.mark.parametrize("why", ["refused key", "wrong use", "failed"])
def test_airflow_tries_again_only_what_may_pass(
    why: str, in_airflow: Orchestrator, emulator: Emulator
) -> None:
    if why == "refused key":
        refuses_the_key(emulator)
    elif why == "wrong use":
        in_airflow.variables["FLEXPRICE_WORKERS"] = "-1"
    else:
        lists_nothing(emulator)
    [run] = in_airflow.run(now())["answers"]
    tries = TRIES if why == "failed" else 1
    assert run == {"state": "failed", "tries": tries, "events": []}
    assert not in_airflow.database.exists()


# --- Dagster ---


def passed(run: dict[str, Any]) -> dict[str, bool]:
    return {name: each["passed"] for name, each in run["checks"].items()}


def test_dagster_loads_and_a_run_that_is_repeated_succeeds(in_dagster: Orchestrator) -> None:
    at = now()
    runs = in_dagster.run(at, runs=2)["answers"]
    assert [(run["success"], run["warnings"]) for run in runs] == [(True, []), (True, [])]
    rows = [row for run in runs for row in run["materialized"]]
    assert [row["already_loaded"] for row in rows] == [False, True]
    assert min(row["wallets_observed"] for row in rows) > 0
    assert snapshots(in_dagster.database) == [(at, "complete")]
    for run in runs:
        assert passed(run) == {"complete": True, "fresh": True, "reconciled": True}


def test_dagster_checks_a_partial_load(in_dagster: Orchestrator, emulator: Emulator) -> None:
    cannot_read_a_customer(emulator)
    [run] = in_dagster.run(now())["answers"]
    assert [row["completeness"] for row in run["materialized"]] == ["partial"]
    assert (run["success"], run["tries"], len(run["warnings"])) == (True, 1, 1)
    assert passed(run) == {"complete": False, "fresh": False, "reconciled": True}
    assert "could not be read" in run["checks"]["complete"]["description"]


def test_dagster_checks_the_ledger(in_dagster: Orchestrator) -> None:
    at = now()
    [run] = in_dagster.run(at)["answers"]
    said = run["checks"]["reconciled"]["description"]
    with duckdb.connect(str(in_dagster.database)) as connection:
        views = "select view_name from duckdb_views() where view_name = 'ledger_reconciliation'"
        has_view = bool(connection.execute(views).fetchall())
        connection.execute(
            "create or replace view flexprice.ledger_reconciliation as select 'differs' as state"
        )
    # Where there is nothing to compare with, that is said.
    assert said is None if has_view else "has no view" in said
    [run] = in_dagster.run(at)["answers"]
    assert passed(run) == {"complete": True, "fresh": True, "reconciled": False}
    assert "1 wallets hold something else" in run["checks"]["reconciled"]["description"]


def test_dagster_materializes_nothing_where_another_run_is_at_work(
    in_dagster: Orchestrator,
) -> None:
    with another_run(in_dagster.database):
        [run] = in_dagster.run(now())["answers"]
    assert (run["success"], run["tries"], run["materialized"]) == (True, 1, [])
    assert ["Another run" in warning for warning in run["warnings"]] == [True]


@pytest.mark.parametrize("why", ["refused key", "wrong use", "failed"])
def test_dagster_tries_again_only_what_may_pass(
    why: str, in_dagster: Orchestrator, emulator: Emulator
) -> None:
    if why == "refused key":
        refuses_the_key(emulator)
    elif why == "wrong use":
        in_dagster.variables["FLEXPRICE_WORKERS"] = "-1"
    else:
        lists_nothing(emulator)
    [run] = in_dagster.run(now())["answers"]
    assert (run["success"], run["materialized"]) == (False, [])
    assert run["tries"] == (TRIES if why == "failed" else 1)
    assert not in_dagster.database.exists()


# --- schemas ---


@pytest.mark.parametrize(
    ("recipe", "command"),
    [
        ("kubernetes-cronjob.yaml", ("kubernetes-validate", "--strict")),
        (
            "github-actions.yml",
            ("check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
        ),
    ],
)
def test_a_manifest_keeps_to_its_schema(
    recipe: str, command: tuple[str, ...], tmp_path: Path
) -> None:
    program = validators().with_name(command[0])

    def validated(file: Path) -> subprocess.CompletedProcess[str]:
        validate: list[str | Path] = [program, *command[1:], file]
        return subprocess.run(validate, capture_output=True, text=True, check=False)

    done = validated(RECIPES / recipe)
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = tmp_path / recipe
    text = (RECIPES / recipe).read_text(encoding="utf-8")
    wrong.write_text(text.replace("restartPolicy", "restartPolizy").replace("runs-on", "runs-at"))
    assert validated(wrong).returncode != 0
