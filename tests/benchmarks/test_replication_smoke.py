"""That measuring the replication works and that no wrong figure of rows passes: on few wallets, not timed."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from flexprice_wallets.replicate.tables import replicated_tables
from tests.benchmarks import replicas, replication
from tests.benchmarks.generated_warehouse import Scale
from tests.benchmarks.measurement import WrongResult
from tests.benchmarks.warehouse import CHANGED_EVERY, add_snapshot, copied, make_warehouse
from tests.views.test_postgres import programs

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs Linux")

WALLETS = 400
#: Of a day's snapshot: balance, real-time balance, free and purchased credits, the interval that ended, and the wallet.
ROWS_OF_A_CHANGED_WALLET = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("replicated")
    make_warehouse(folder / f"warehouse-{WALLETS}.duckdb", Scale(WALLETS, versions=8, spread=3))
    return folder


def row_counts(warehouse: Path) -> dict[str, int]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return {
            table.name: len(connection.execute(f"from flexprice_raw.{table.name}").fetchall())
            for table in replicated_tables()
        }


def rows_of_a_day(folder: Path) -> tuple[int, int]:
    """How many wallets a day's snapshot changes, and how many rows all tables have in the beginning."""
    warehouse = folder / f"warehouse-{WALLETS}.duckdb"
    with copied(warehouse) as file:
        before = row_counts(file)
        add_snapshot(file, CHANGED_EVERY)
        after = row_counts(file)
    return after["wallet_balances"] - before["wallet_balances"], sum(before.values())


@pytest.mark.replication
def test_what_is_measured_is_what_was_sent(folder: Path) -> None:
    if programs() is None:
        pytest.skip("PostgreSQL's server is not installed")
    said: list[str] = []
    sent, views = replication.measure(WALLETS, folder, say=said.append, runs=1)
    changed, all_rows = rows_of_a_day(folder)
    assert changed > 10
    figures = {
        (row[0], row[1].partition(":")[0]): int(row[-1].replace(",", "")) for row in sent.rows
    }
    of_a_day = figures["PostgreSQL", "a day's"]
    assert figures == {
        ("PostgreSQL", "first replication"): all_rows,
        ("Iceberg", "first replication"): all_rows,
        ("PostgreSQL", "a day's"): of_a_day,
        ("Iceberg", "a day's"): of_a_day,
    }
    # Beside them: the snapshot, what is kept by currency and day, and where the upkeep stands.
    assert 0 < of_a_day - ROWS_OF_A_CHANGED_WALLET * changed < 60
    assert [row[0] for row in views.rows] == [*replication.ASKED]
    assert all(int(row[-1].replace(",", "")) > 1 for row in views.rows)
    assert len(said) == 4


@pytest.mark.replication
def test_without_postgresql_a_lake_alone_is_measured(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "programs", lambda: None)
    said: list[str] = []
    [sent] = replication.measure(WALLETS, folder, say=said.append, runs=1)
    assert {row[0] for row in sent.rows} == {"Iceberg"}
    assert [line for line in said if "not installed" in line] == said[:1]


@pytest.mark.parametrize("counted", [{"a": 2}, {"a": 2, "b": 3, "c": 1}, {"a": 2, "b": 2}, {}])
def test_one_row_more_or_fewer_is_a_wrong_result(counted: dict[str, int]) -> None:
    replication.check_rows("this", {"a": 2, "b": 3}, {"b": 3, "a": 2})
    with pytest.raises(WrongResult, match="rows of"):
        replication.check_rows("this", counted, {"a": 2, "b": 3})


def test_rows_to_send_are_those_that_differ(folder: Path) -> None:
    warehouse = folder / f"warehouse-{WALLETS}.duckdb"
    with copied(warehouse) as file:
        assert replication.rows_to_send(warehouse, file) == {}
        assert sum(replication.rows_to_send(None, file).values()) == sum(row_counts(file).values())
        with duckdb.connect(str(file)) as connection:
            raw = "flexprice_raw"
            # One row gone, two others, and three more of a table whose rows never change.
            connection.execute(f"delete from {raw}.stored_customers where rowid = 3")
            connection.execute(
                f"update {raw}.stored_wallets set balance = balance + 1 where rowid < 2"
            )
            connection.execute(
                f"insert into {raw}.wallet_balances from {raw}.wallet_balances limit 3"
            )
        assert replication.rows_to_send(warehouse, file) == {
            "stored_customers": 1,
            "stored_wallets": 2,
            "wallet_balances": 3,
        }


def test_another_answer_is_a_wrong_result(folder: Path) -> None:
    warehouse = folder / f"warehouse-{WALLETS}.duckdb"
    name, *_ = replication.ASKED
    query = "* from flexprice.currency_balance_daily order by currency, date_day limit 5"
    _, rows = replication._answer_of_duckdb(warehouse, query)

    class Server(replicas.PostgresReplica):
        def __init__(self, rows: replicas.Rows) -> None:
            self.rows = rows

        def answer(self, query: str) -> tuple[float, replicas.Rows]:  # noqa: ARG002
            return 1.0, self.rows

    answered = replication.answer(name, query, warehouse, Server(rows[::-1]), 3)
    assert (answered.postgres, answered.rows) == (1.0, 5)
    for other in (rows[1:], [*rows[1:], rows[1]], []):
        with pytest.raises(WrongResult):
            replication.answer(name, query, warehouse, Server(other), 3)
