"""Whole loads of a ledger that moves, is withheld, breaks off or lies, against the truth of every transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flexprice_emulator import Emulator, Fault, Rates, World
from flexprice_wallets.errors import AccessRefused, ExitCode
from flexprice_wallets.extract import ledger as ledger_feed
from flexprice_wallets.snapshot.load import LoadResult
from tests.history.comparison import Warehouse
from tests.history.ledger_rows import ledger_faults
from tests.snapshot.loading import ask, load_from

PATH = "/v1/wallets/transactions/search"
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def world() -> World:
    world = World(30, seed=8, now=BEGIN)
    advance(world, 60)
    return world


@pytest.fixture
def emulator(world: World) -> Iterator[Emulator]:
    with Emulator(world=world) as running:
        yield running


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


def advance(world: World, hours: int) -> None:
    world.advance(timedelta(hours=1), steps=hours, rates=Rates.with_ledger())


def faults(emulator: Emulator, database: Path) -> list[str]:
    with Warehouse(database) as warehouse:
        return ledger_faults(warehouse, emulator.world.truth()["transactions"])


def rows(database: Path) -> int:
    [row] = ask(database, "select count(*) as n from flexprice_raw.wallet_transactions")
    return int(row["n"])


def of_ledger(result: LoadResult) -> tuple[Any, ...]:
    row = result.snapshot
    return row["ledger"], row["transactions_changed"], row["completeness"], result.exit_code


def test_the_whole_ledger_at_first_then_what_is_new(emulator: Emulator, database: Path) -> None:
    world = emulator.world
    first = load_from(emulator, database).snapshot
    count = len(world.truth()["transactions"])
    assert first["transactions_observed"] == first["transactions_changed"] == count > 200
    assert first["ledger_read_to"] == max(
        each["updated_at"] for each in world.truth()["transactions"].values()
    )
    for _ in range(3):
        before = len(world.truth()["transactions"])
        advance(world, 24)
        row = load_from(emulator, database).snapshot
        assert faults(emulator, database) == []
        assert 0 < (row["transactions_observed"] or 0) < before, "not the whole ledger again"
    assert rows(database) > len(world.truth()["transactions"]), "there were second versions"


def test_without_new_transactions_none_is_written(emulator: Emulator, database: Path) -> None:
    load_from(emulator, database)
    before = rows(database)
    for _ in range(2):
        emulator.world.pass_time(timedelta(minutes=3))
        assert of_ledger(load_from(emulator, database))[:2] == ("complete", 0)
    assert rows(database) == before


def test_the_whole_ledger_read_again_writes_nothing(emulator: Emulator, database: Path) -> None:
    load_from(emulator, database)
    advance(emulator.world, 10)
    load_from(emulator, database)
    before = rows(database)
    with duckdb.connect(str(database)) as connection:
        connection.execute("update flexprice_raw.snapshots set ledger_read_to = null")
    row = load_from(emulator, database).snapshot
    assert row["transactions_observed"] == len(emulator.world.truth()["transactions"])
    assert (row["transactions_changed"], rows(database)) == (0, before)


def test_a_warehouse_that_was_loaded_without_a_ledger_gets_the_whole(
    emulator: Emulator, database: Path
) -> None:
    load_from(emulator, database, ledger=False)
    with duckdb.connect(str(database)) as connection:
        # As version 0.2.0 left it.
        connection.execute("drop schema flexprice cascade")
        connection.execute("drop table flexprice_raw.wallet_transactions")
        for column in ("ledger", "ledger_read_to", "transactions_observed", "transactions_changed"):
            connection.execute(f"alter table flexprice_raw.snapshots drop column {column}")
        connection.execute("alter table flexprice_raw.rejected_records drop column transaction_id")
        connection.execute("update flexprice_raw.warehouse set contract_version = 2")
    count = len(emulator.world.truth()["transactions"])
    assert of_ledger(load_from(emulator, database)) == ("complete", count, "complete", 0)
    assert faults(emulator, database) == []
    assert [
        row["ledger"] for row in ask(database, "from flexprice.snapshots order by snapshot_at")
    ] == [
        None,
        "complete",
    ]


def test_no_ledger_asks_for_none_and_leaves_what_is_there(
    emulator: Emulator, database: Path
) -> None:
    assert of_ledger(load_from(emulator, database, ledger=False)) == (
        "not_asked",
        None,
        "complete",
        0,
    )
    assert emulator.requests.by_endpoint[f"POST {PATH}"] == 0
    load_from(emulator, database)
    before = rows(database)
    advance(emulator.world, 5)
    row = load_from(emulator, database, ledger=False).snapshot
    assert rows(database) == before
    load_from(emulator, database)
    assert faults(emulator, database) == []
    assert row["ledger_read_to"] is not None


@pytest.mark.parametrize("kind", ["forbidden", "not_found"])
def test_a_refused_ledger_is_no_failure_unless_it_was_there(
    kind: Any, emulator: Emulator, database: Path
) -> None:
    emulator.faults.add(Fault(kind, path=PATH))
    for _ in range(2):
        assert of_ledger(load_from(emulator, database)) == ("refused", None, "complete", 0)
    emulator.faults.clear()
    load_from(emulator, database)
    before = rows(database)
    advance(emulator.world, 5)
    emulator.faults.add(Fault(kind, path=PATH))
    result = load_from(emulator, database)
    assert of_ledger(result) == ("failed", None, "partial", ExitCode.PARTIAL)
    assert rows(database) == before
    [failure] = ask(database, "from flexprice_raw.fetch_failures")
    assert (failure["resource"], failure["resource_id"]) == ("transactions", "ledger")
    assert (failure["customer_id"], failure["wallet_id"]) == (None, None)
    emulator.faults.clear()
    load_from(emulator, database)
    assert faults(emulator, database) == []


@pytest.mark.parametrize("nth", [1, 6])
def test_a_failure_anywhere_costs_the_ledger_and_not_the_wallets(
    nth: int, emulator: Emulator, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_feed, "_PAGE", 40)
    key = next(iter(emulator.world.truth()["transactions"]))
    emulator.quirks.transaction_fields[key] = {"amount": "null"}
    emulator.faults.add(Fault("redirect", path=PATH, nth=nth))
    result = load_from(emulator, database)
    assert of_ledger(result) == ("failed", None, "partial", ExitCode.PARTIAL)
    assert result.snapshot["wallets_observed"] == len(emulator.world.listed_wallet_ids())
    assert rows(database) == 0
    assert ask(database, "from flexprice_raw.rejected_records") == []
    emulator.faults.clear()
    emulator.quirks.transaction_fields.clear()
    load_from(emulator, database)
    assert faults(emulator, database) == []


def test_a_refused_key_fails_the_run(emulator: Emulator, database: Path) -> None:
    emulator.faults.add(Fault("unauthorized", path=PATH))
    with pytest.raises(AccessRefused):
        load_from(emulator, database)
    assert not database.exists()


def test_passing_faults_change_nothing(
    emulator: Emulator, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_feed, "_PAGE", 25)
    for kind in ("server_error", "reset", "truncated", "html"):
        emulator.faults.add(Fault(kind, rate=0.05, path=PATH))
    load_from(emulator, database)
    assert emulator.faults.counts.total() > 0
    assert faults(emulator, database) == []


def test_a_selected_run_reads_its_wallets_and_moves_no_cursor(
    emulator: Emulator, database: Path
) -> None:
    world = emulator.world
    customer_id = world.wallets[world.listed_wallet_ids()[0]].customer_id
    own = {key for key, each in world.wallets.items() if each.customer_id == customer_id}

    def load_selected() -> Mapping[str, Any]:
        from flexprice_wallets.extract.selection import Selection

        return load_from(emulator, database, selection=Selection((customer_id,))).snapshot

    # Into an empty warehouse: whole ledgers of known wallets, again and again without effect.
    first = load_selected()
    assert {
        row["wallet_id"] for row in ask(database, "from flexprice_raw.wallet_transactions")
    } <= own
    assert (first["ledger_read_to"], first["transactions_changed"] > 0) == (None, True)
    assert load_selected()["transactions_changed"] == 0
    load_from(emulator, database)
    assert faults(emulator, database) == []
    before = rows(database)
    advance(world, 24)
    row = load_selected()
    new = ask(
        database,
        f"from flexprice_raw.wallet_transactions where snapshot_id = '{row['snapshot_id']}'",
    )
    assert {each["wallet_id"] for each in new} <= own
    assert rows(database) == before + row["transactions_changed"]
    load_from(emulator, database)
    assert faults(emulator, database) == []


def test_what_changes_while_it_is_read_is_there_once(
    emulator: Emulator, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_feed, "_PAGE", 20)
    monkeypatch.setattr(ledger_feed, "_MANY", 40)
    emulator.quirks.writes_per_transactions_page = 4
    row = load_from(emulator, database).snapshot
    count = ask(
        database,
        "select count(*) as n, count(distinct transaction_id) as ids from flexprice_raw.wallet_transactions",
    )
    assert count == [{"n": row["transactions_changed"], "ids": row["transactions_changed"]}]
    [stored] = ask(database, "from flexprice_raw.snapshots")
    assert stored["transactions_changed"] == row["transactions_changed"]
    observed, changed = row["transactions_observed"], row["transactions_changed"]
    assert observed is not None
    assert changed is not None
    assert observed > changed, "some were read twice"
    emulator.quirks.writes_per_transactions_page = 0
    load_from(emulator, database)
    assert faults(emulator, database) == []


def test_what_was_committed_late_is_read_by_the_next_load(
    emulator: Emulator, database: Path
) -> None:
    world = emulator.world
    wallet_id = world.listed_wallet_ids()[0]
    late = world.top_up(wallet_id, "5").id
    # What is read first is newer than what comes late.
    world.pass_time(timedelta(minutes=9))
    world.top_up(wallet_id, "7")
    emulator.quirks.withheld_transactions.add(late)
    load_from(emulator, database)
    assert faults(emulator, database) == [f"no transaction {late}"]
    emulator.quirks.withheld_transactions.clear()
    assert load_from(emulator, database).snapshot["transactions_changed"] == 1
    assert faults(emulator, database) == []


def test_a_rejected_transaction_makes_runs_partial_until_it_can_be_read(
    emulator: Emulator, database: Path
) -> None:
    world = emulator.world
    broken = next(iter(world.truth()["transactions"]))
    emulator.quirks.transaction_fields[broken] = {"credit_amount": '"1e-12"'}
    for _ in range(2):
        result = load_from(emulator, database)
        assert result.snapshot["records_rejected"] == 1
        assert of_ledger(result)[2:] == ("partial", ExitCode.PARTIAL)
        world.pass_time(timedelta(hours=1))
    assert of_ledger(load_from(emulator, database, ledger=False))[2:] == ("complete", 0)
    [rejected] = ask(database, "from flexprice_raw.rejected_records")
    assert (rejected["resource"], rejected["transaction_id"]) == ("transaction", broken)
    assert "credit_amount is the text '1e-12'" in rejected["reason"]
    in_view = ask(database, "select snapshot_id from flexprice.rejections order by snapshot_id")
    snapshots = ask(
        database, "select snapshot_id, ledger from flexprice.snapshots order by snapshot_at"
    )
    assert [each["snapshot_id"] for each in in_view] == [
        each["snapshot_id"] for each in snapshots if each["ledger"] == "complete"
    ]
    assert faults(emulator, database) == [f"no transaction {broken}"]
    # It has not changed, but it can be read.
    emulator.quirks.transaction_fields.clear()
    world.pass_time(timedelta(hours=1))
    result = load_from(emulator, database)
    assert of_ledger(result) == ("complete", 1, "complete", 0)
    assert faults(emulator, database) == []
    assert of_ledger(load_from(emulator, database)) == ("complete", 0, "complete", 0)
