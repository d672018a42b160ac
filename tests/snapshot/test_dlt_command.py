"""What `dlt pipeline` shows of somebody's pipeline with the source in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dlt
import pytest
import yaml

from flexprice_emulator import Emulator, World
from flexprice_wallets import flexprice_source
from flexprice_wallets.records.tables import TABLES

_CUSTOMERS = 8


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """What a subcommand prints of a pipeline that has run."""
    folder = tmp_path_factory.mktemp("project")
    with Emulator(world=World(_CUSTOMERS, seed=4)) as emulator:
        pipeline = dlt.pipeline(
            "theirs",
            destination=dlt.destinations.duckdb(str(folder / "file.duckdb")),
            dataset_name="theirs",
            pipelines_dir=str(folder),
        )
        pipeline.run(flexprice_source(api_key=emulator.api_key, base_url=emulator.base_url))

    def show(subcommand: str) -> str:
        done = subprocess.run(
            [Path(sys.executable).parent / "dlt", "pipeline", "--pipelines-dir", folder, "theirs", subcommand],
            cwd=folder, capture_output=True, text=True, timeout=120, check=False,
            env={**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false", "COLUMNS": "200"},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return show


def test_info_names_every_resource(shown: Callable[[str], str]) -> None:
    info = shown("info")
    assert [t.name for t in TABLES if f"{t.name} with 1 table(s)" not in info] == []


def test_trace_tells_what_was_loaded(shown: Callable[[str], str]) -> None:
    trace = shown("trace")
    assert "COMPLETED" in trace
    assert f"- customers: {_CUSTOMERS} row(s)" in trace
    assert "contains no failed jobs" in trace


def test_schema_describes_every_column(shown: Callable[[str], str]) -> None:
    text = shown("schema")
    schema = yaml.safe_load(text[text.index("version:") :])
    undescribed = [
        f"{table.name}.{column.name}"
        for table in TABLES
        for column in table.columns
        if not schema["tables"][table.name]["columns"][column.name].get("description")
    ]
    assert undescribed == []
