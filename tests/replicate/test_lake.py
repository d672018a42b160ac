"""What is particular to lakes: tables of their own formats, upkeep, and where they are."""

from __future__ import annotations

import json
import os
import shutil
import time
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from flexprice_wallets.errors import AnotherRunAtWork, ConfigurationError
from flexprice_wallets.replicate.destination import engine
from flexprice_wallets.replicate.reader_views import lake_name
from flexprice_wallets.replicate.replicate import replicate
from flexprice_wallets.replicate.shipping import arrow_schema, stored_columns
from flexprice_wallets.replicate.tables import replicated_tables
from tests.command_line import run_program
from tests.replicate.changes import change, with_another_snapshot
from tests.replicate.places import LakePlace, differences, lake_in

BALANCES = lake_name(next(t for t in replicated_tables() if t.name == "wallet_balances"))
RAISED = "update flexprice_raw.wallet_balances set credit_balance = credit_balance + 1"


@pytest.fixture(params=["delta", pytest.param("iceberg", marks=pytest.mark.replication)])
def lake(request, tmp_path, monkeypatch) -> LakePlace:
    """A new lake of each format, to which dlt's configuration leads."""
    return leading_to(lake_in(tmp_path / "lake", request.param), monkeypatch)


def leading_to(lake: LakePlace, monkeypatch: pytest.MonkeyPatch) -> LakePlace:
    for name, value in lake.variables.items():
        monkeypatch.setenv(name, value)
    return lake


def kill_before_commit(lake: LakePlace, warehouse: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(lake.implementation(), "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            replicate(lake.destination, warehouse)


@pytest.mark.slow
def test_upkeep_removes_what_nobody_reads_and_nothing_else(warehouse, lake, monkeypatch):
    replicate(lake.destination, warehouse)
    with_another_snapshot(warehouse)
    change(warehouse, RAISED)
    kill_before_commit(lake, warehouse, monkeypatch)
    replicate(lake.destination, warehouse)
    sent = lake.table("flexprice", BALANCES)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        [(held,)] = connection.execute(
            "select count(*) from flexprice_raw.wallet_balances"
        ).fetchall()
    # The first fill, the killed run's and the one that counts.
    assert sent.num_rows == 3 * held
    # Queries that began before the table was filled again may still be reading what it held.
    done = replicate(lake.destination, warehouse, maintains=True)
    assert done.is_up_to_date
    assert done.upkeep is not None
    assert done.upkeep.rows_removed >= held
    assert done.upkeep.files_after < done.upkeep.files_before
    assert lake.table("flexprice", BALANCES).num_rows == 2 * held
    monkeypatch.setattr("flexprice_wallets.replicate.lake._LONGEST_QUERY", timedelta(0))
    done = replicate(lake.destination, warehouse, maintains=True)
    assert done.upkeep is not None
    assert done.upkeep.rows_removed == held
    assert lake.table("flexprice", BALANCES).num_rows == held
    assert differences(warehouse, lake) == []
    again = replicate(lake.destination, warehouse, maintains=True).upkeep
    assert again is not None
    assert (again.rows_removed, again.files_after) == (0, done.upkeep.files_after)
    change(warehouse, "update flexprice_raw.stored_wallets set is_listed = not is_listed")
    replicate(lake.destination, warehouse)
    assert differences(warehouse, lake) == []


@pytest.mark.replication
def test_a_run_that_began_before_upkeep_does_not_commit(warehouse, lake, monkeypatch):
    """Upkeep takes its rows for those of a killed run."""
    replicate(lake.destination, warehouse)
    older = Path(shutil.copyfile(warehouse, warehouse.with_name("older.duckdb")))
    with_another_snapshot(warehouse)
    destination = lake.implementation()
    commit = destination.commit

    def slow(self, shipment, ship_id):
        with monkeypatch.context() as patched:
            patched.setattr(destination, "commit", commit)
            replicate(lake.destination, older, maintains=True)
        commit(self, shipment, ship_id)

    with monkeypatch.context() as patched:
        patched.setattr(destination, "commit", slow)
        with pytest.raises(AnotherRunAtWork):
            replicate(lake.destination, warehouse)
    replicate(lake.destination, warehouse)
    assert differences(warehouse, lake) == []


@pytest.mark.slow
def test_many_rows_are_sent_in_portions(tmp_path, monkeypatch):
    lake = leading_to(lake_in(tmp_path / "lake", "delta"), monkeypatch)
    monkeypatch.setattr("flexprice_wallets.replicate.lake._ROWS_AT_ONCE", 2)
    [table] = [table for table in replicated_tables() if table.name == "wallet_balances"]
    columns = [column for column in stored_columns(table) if column.sent_as != "ship_id"]
    rows = [
        pa.Table.from_pylist([{"wallet_id": f"w{number}"}], schema=arrow_schema(columns))
        for number in range(5)
    ]
    with engine("delta").open("flexprice", tmp_path) as destination:
        assert destination.committed() is None
        destination.prepare({BALANCES: table}, "a")
        assert destination.send({BALANCES: (table, iter(rows))}, "a") == {BALANCES: 5}
        assert destination.arrived(BALANCES, "a") == 5
    sent, fills = lake.table("flexprice", BALANCES), lake.table("flexprice", "fills")
    assert sent is not None
    assert fills is not None
    assert sorted(sent["wallet_id"].to_pylist()) == [f"w{number}" for number in range(5)]
    assert len(list((tmp_path / "lake" / "flexprice_rows" / BALANCES).glob("*.parquet"))) == 3
    assert fills.num_rows == 1


@pytest.mark.replication
def test_types_are_exact(warehouse, lake):
    replicate(lake.destination, warehouse)
    [stored_wallets] = [table for table in replicated_tables() if table.name == "stored_wallets"]
    schema = lake.table("flexprice", lake_name(stored_wallets)).schema
    types = {field.name: str(field.type) for field in schema}
    assert types["real_time_balance"] == "decimal128(38, 16)"
    assert types["balance"] == "decimal128(28, 9)"
    assert types["conversion_rate"] == "decimal128(10, 5)"
    assert types["first_observed_at"] == "timestamp[us, tz=UTC]"


@pytest.mark.slow
@pytest.mark.parametrize("destination", ["delta", "iceberg"])
def test_a_place_that_is_missing_is_a_sentence(history, tmp_path, destination):
    lake_in(tmp_path / "lake", destination)
    done = run_program(tmp_path, {}, "replicate", "--destination", destination, "--database",
                       str(history.warehouse))  # fmt: skip
    assert done.code == 2, done.err
    assert "DESTINATION__FILESYSTEM__BUCKET_URL" in done.err
    assert "Traceback" not in done.err


@pytest.mark.slow
def test_a_package_that_is_missing_is_a_sentence(history, tmp_path):
    lake_in(tmp_path / "lake", "delta")
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "s3fs.py").write_text("raise ImportError")
    credentials = "DESTINATION__FILESYSTEM__CREDENTIALS__AWS"
    variables = {
        "DESTINATION__FILESYSTEM__BUCKET_URL": "s3://bucket/lake",
        f"{credentials}_ACCESS_KEY_ID": "unused",
        f"{credentials}_SECRET_ACCESS_KEY": "unused",
        "PYTHONPATH": os.pathsep.join(
            [str(tmp_path / "modules"), os.environ.get("PYTHONPATH", "")]
        ),
    }
    done = run_program(tmp_path, variables, "replicate", "--destination", "delta", "--database",
                       str(history.warehouse))  # fmt: skip
    assert done.code == 2, done.err
    assert "flexprice-wallets[s3]" in done.err
    assert "Traceback" not in done.err


def test_iceberg_without_a_catalog_that_stays_is_refused(warehouse, tmp_path, monkeypatch):
    lake_in(tmp_path / "other", "iceberg")
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", str(tmp_path / "lake"))
    with pytest.raises(ConfigurationError, match="catalog that outlives the run"):
        replicate("iceberg", warehouse)


@pytest.mark.slow
def test_the_command_tells_what_upkeep_did(history, tmp_path):
    lake = lake_in(tmp_path / "lake", "delta")
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "secrets.toml").write_text(
        f'[destination.filesystem]\nbucket_url = "{tmp_path / "lake"}"\n'
    )
    done = run_program(tmp_path, {}, "replicate", "--destination", "delta", "--database",
                       str(history.warehouse), "--dataset", "billing", "--maintain", "--json")  # fmt: skip
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["upkeep"]["rows_removed"] == 0
    assert told["upkeep"]["files_after"] > 0
    assert "flexprice-wallets sql" in done.err
    assert differences(history.warehouse, lake, "billing") == []


@pytest.mark.replication
def test_files_of_killed_runs_go_once_no_run_can_be_at_work_on_them(
    warehouse, tmp_path, monkeypatch
):
    lake = leading_to(lake_in(tmp_path / "lake", "delta"), monkeypatch)
    replicate("delta", warehouse)
    folder = tmp_path / "lake" / "flexprice_rows" / BALANCES
    known = next(folder.glob("*.parquet"))
    old, young = folder / f"old-{known.name}", folder / f"young-{known.name}"
    for file in (old, young):
        file.write_bytes(known.read_bytes())
    week_ago = time.time() - 8 * 24 * 3600
    os.utime(old, (week_ago, week_ago))
    replicate("delta", warehouse, maintains=True)
    assert (old.exists(), young.exists()) == (False, True)
    assert differences(warehouse, lake) == []
