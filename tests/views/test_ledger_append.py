"""That appending transactions leaves what putting each wallet's whole ledger in order leaves, row by row."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from decimal import Decimal

import duckdb
import pytest

from flexprice_wallets.warehouse import ledger_upkeep
from flexprice_wallets.warehouse.upkeep import apply_snapshots
from tests.views.history import empty_warehouse
from tests.views.ledger import LedgerHistory, Row, credit, debit
from tests.views.random_ledger import random_ledger

STORED = (
    "stored_transactions", "stored_rates", "stored_ledger_wallets", "stored_months", "stored_wallet_origins",
    "stored_origin_moves",
)  # fmt: skip


def made(seed: int) -> LedgerHistory:
    return random_ledger(seed, snapshots=7, wallets=10, calm_wallets=8)[0]


def disturbed(seed: int) -> LedgerHistory:
    """A ledger made by chance, in which rows are withheld for a while, changed afterwards, or told late."""
    ledger = made(seed)
    rng = random.Random(seed)
    for number, rows in enumerate(ledger.ledgers):
        assert rows is not None
        told = [dict(row) for row in rows if rng.random() < 0.995]
        for row in told:
            chance = rng.random()
            if chance < 0.002:
                row["credit_amount"] += 1
            elif chance < 0.004:
                row["source_created_at"] += timedelta(days=rng.choice((-3, 3)))
            elif chance < 0.006:
                row["description"] = f"changed in {number}"
            elif chance < 0.008 and row["transaction_type"] == "credit":
                row["credits_available"] = Decimal(rng.randint(0, 25))
            elif chance < 0.01:
                row["transaction_status"] = "failed"
        ledger.ledgers[number] = told
    return ledger


def stored(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[object, ...]]]:
    return {
        table: connection.execute(f"select * from flexprice_raw.{table} order by all").fetchall()
        for table in STORED
    }


def kept_up(
    ledger: LedgerHistory, monkeypatch: pytest.MonkeyPatch, *, appends: bool, batch: int
) -> tuple[dict[str, list[tuple[object, ...]]], Counter[bool]]:
    """The derived tables after all snapshots, and how many ledgers were appended to and rebuilt."""
    read, ways = ledger_upkeep._sql, Counter[bool]()

    def sql(name: str, raw_schema: str) -> str:
        text = read(name, raw_schema)
        if name == "ledger_touched" and not appends:
            text += "\nupdate touched_ledgers set is_candidate = false;"
        if name == "ledger_batches":
            text += "\ninsert into ways select is_appended from touched_ledgers;"
        return text

    monkeypatch.setattr(ledger_upkeep, "_sql", sql)
    with empty_warehouse() as connection:
        connection.execute("set timezone = 'UTC'; create temp table ways (is_appended boolean)")
        for number in range(len(ledger.ledgers)):
            ledger.load(connection, number, number + 1)
            apply_snapshots(connection, transactions_at_once=batch)
        ways.update(row[0] for row in connection.execute("from ways").fetchall())
        monkeypatch.undo()
        return stored(connection), ways


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("is_disturbed", [False, True])
def test_appending_leaves_what_a_rebuild_of_every_wallet_leaves(
    seed: int, is_disturbed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = disturbed(seed) if is_disturbed else made(seed)
    rebuilt, ways = kept_up(ledger, monkeypatch, appends=False, batch=100_000)
    assert set(ways) == {False}
    batch = random.Random(seed).choice((5, 40, 100_000))
    appended, ways = kept_up(ledger, monkeypatch, appends=True, batch=batch)
    for table in STORED:
        assert appended[table] == rebuilt[table], table
    assert ways[True] >= 5
    assert ways[False] >= 5


USED = credit("t1", 100, at="2026-01-01 10:00", left=50, updated="2026-01-03 10:00")
USE = debit("t2", 50, before=100, at="2026-01-03 10:00")


@pytest.mark.parametrize(
    "later",
    [
        # Created before the last transaction, though its balance says that it came after it.
        [USED, USE, credit("t3", 10, before=50, at="2026-01-02 10:00")],
        # More is left of the grant than before.
        [USED | {"credits_available": Decimal(60)}, USE],
        # Its balance does not follow the last one.
        [USED, USE, debit("t3", 10, before=40, at="2026-01-04 10:00")],
    ],
)
def test_what_does_not_come_after_the_rest_is_not_appended(
    later: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = LedgerHistory()
    ledger.snapshot("2026-01-05 08:00", [], [USED, USE]).snapshot("2026-01-06 08:00", [], later)
    rebuilt, _ = kept_up(ledger, monkeypatch, appends=False, batch=100)
    appended, ways = kept_up(ledger, monkeypatch, appends=True, batch=100)
    assert appended == rebuilt
    assert ways == {True: 1, False: 1}


def test_hashes_that_another_duckdb_made_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = LedgerHistory()
    ledger.snapshot("2026-01-05 08:00", [], [USED, USE])
    again = credit("t1", 100, at="2026-01-01 10:00", left=30, updated="2026-01-05 10:00")
    used = debit("t3", 20, before=50, at="2026-01-05 10:00")
    ledger.snapshot("2026-01-06 08:00", [], [again, USE, used])
    expected, ways = kept_up(ledger, monkeypatch, appends=True, batch=100)
    assert set(ways) == {True}
    with empty_warehouse() as connection:
        connection.execute("set timezone = 'UTC'")
        ledger.load(connection, 0, 1)
        apply_snapshots(connection)
        connection.execute(
            "update flexprice_raw.stored_transactions set fixed_hash = 1 - fixed_hash"
        )
        ledger.load(connection, 1, 2)
        apply_snapshots(connection)
        [(kept,)] = connection.execute(
            "select count(*) from flexprice_raw.stored_transactions where fixed_hash < 0"
        ).fetchall()
        # Only what was written again has a hash of this DuckDB's.
        assert kept == 1
        connection.execute(
            "update flexprice_raw.stored_transactions set fixed_hash = 1 - fixed_hash where fixed_hash < 0"
        )
        assert stored(connection) == expected
