"""That the measured warehouse is what loads would have made, and that measuring it works: on few wallets, not timed."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from flexprice_wallets.warehouse.database import open_database
from flexprice_wallets.warehouse.descriptions import derived_tables
from flexprice_wallets.warehouse.upkeep import rebuild_stored
from tests.benchmarks import warehouse
from tests.benchmarks.generated_warehouse import Scale, generate, wallet_id, write_snapshot

SCALE = Scale(1_000, versions=8, spread=3)
#: What replaying all snapshots has to make again.
REPLAYED = [
    table.name
    for table in derived_tables()
    if table.name not in {"stored_progress", "stored_data_dictionary", "stored_views"}
]
#: Nothing in a generated history is of this scope, and it has no ledger.
EMPTY = {"stored_selected_wallets", "stored_ledger_wallets", "stored_transactions", "stored_months"}
EMPTY |= {"stored_wallet_origins", "stored_origin_moves", "stored_customer_metadata"}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file: Path = tmp_path_factory.mktemp("generated") / "warehouse.duckdb"
    generate(file, SCALE)
    return file


def rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[object, ...]]:
    return connection.execute(f"from flexprice_raw.{table} order by all").fetchall()


def test_the_derived_tables_are_what_a_replay_makes(generated: Path) -> None:
    with open_database(generated) as connection:
        written = {table: rows(connection, table) for table in REPLAYED}
        rebuild_stored(connection)
        for table in REPLAYED:
            assert rows(connection, table) == written[table], table
            assert bool(written[table]) is (table not in EMPTY), table


def test_most_wallets_change_in_every_period(generated: Path) -> None:
    with open_database(generated, read_only=True) as connection:
        [(snapshots, wallets)] = connection.execute(
            "select count(*), sum(wallets_changed) from flexprice.snapshots"
        ).fetchall()
        versions = len(
            connection.execute(
                f"from flexprice.wallet_balance_history where wallet_id = '{wallet_id(21)}'"
            ).fetchall()
        )
    assert snapshots == SCALE.snapshots
    assert versions == SCALE.versions
    assert 0.8 < wallets / SCALE.wallets / SCALE.versions < 1


def test_a_later_snapshot_changes_one_wallet_in_twenty(generated: Path) -> None:
    with open_database(generated) as connection:
        count = write_snapshot(connection, every=20)
        [(latest,)] = connection.execute(
            "select count(*) from flexprice_raw.wallet_balances"
            " where snapshot_at = (select max(snapshot_at) from flexprice_raw.snapshots)"
        ).fetchall()
    assert count == latest
    assert 0.045 < count / SCALE.wallets <= 0.05


def test_everything_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warehouse, "Scale", lambda wallets: Scale(wallets, SCALE.versions, 3))
    results = warehouse.measure(400, tmp_path, runs=1)
    names = [result.name for result in results]
    assert set(warehouse.TARGETS) <= set(names)
    assert len(names) == len(set(names))
    assert all(result.seconds > 0 for result in results)
