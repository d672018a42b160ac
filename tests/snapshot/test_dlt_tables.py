"""The tables of a new warehouse, against those that dlt makes of the rows themselves."""

from __future__ import annotations

from pathlib import Path

import dlt
import pytest

from flexprice_emulator import Emulator, World
from flexprice_wallets import flexprice_source
from flexprice_wallets.warehouse.brought_tables import BROUGHT_TABLES
from tests.snapshot.loading import ask, load_from

#: Not the schema's name: these are two databases, in which it differs.
_COLUMNS = """
    select table_name, column_name, ordinal_position, data_type, is_nullable, column_default
    from information_schema.columns
    where table_schema = ? and table_name not like 'stored%' order by all
"""


def test_tables_made_beforehand_are_those_that_dlt_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.setenv("RESTORE_FROM_DESTINATION", "false")  # no table for a state to restore
    warehouse, made_by_dlt = tmp_path / "warehouse.duckdb", tmp_path / "lake.duckdb"
    with Emulator(world=World(20, seed=3)) as emulator:
        load_from(emulator, warehouse)
        pipeline = dlt.pipeline(
            "own",
            pipelines_dir=str(tmp_path / "dlt"),
            destination=dlt.destinations.duckdb(str(made_by_dlt)),
            dataset_name="own",
        )
        source = flexprice_source(api_key=emulator.api_key, base_url=emulator.base_url)
        pipeline.run(source, loader_file_format="parquet")
    wanted = ask(made_by_dlt, _COLUMNS, "own")
    assert {"snapshots", "wallets", "_dlt_loads"} <= {row["table_name"] for row in wanted}
    filled_by_people = {table.name for table in BROUGHT_TABLES}
    made = [
        row
        for row in ask(warehouse, _COLUMNS, "flexprice_raw")
        if row["table_name"] not in filled_by_people
    ]
    for row in made:
        # The source gives JSON as text.
        row["data_type"] = row["data_type"].replace("JSON", "VARCHAR")
    assert made == wanted


def test_a_first_load_is_one_load_of_dlt(tmp_path: Path) -> None:
    database = tmp_path / "warehouse.duckdb"
    with Emulator(world=World(20, seed=3)) as emulator:
        for _ in range(2):
            load_from(emulator, database)
    loads = ask(database, "select load_id, status, schema_name from flexprice_raw._dlt_loads")
    assert [(row["status"], row["schema_name"]) for row in loads] == [(0, "flexprice_wallets")] * 2
    snapshots = ask(database, "select _dlt_load_id from flexprice_raw.snapshots")
    assert {row["_dlt_load_id"] for row in snapshots} == {row["load_id"] for row in loads}
