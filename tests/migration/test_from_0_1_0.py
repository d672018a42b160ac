"""A warehouse that version 0.1.0 loaded is continued: nothing in it changes, and nothing is written without cause."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flexprice_wallets.records.fingerprints import HASH_RECIPE
from flexprice_wallets.records.tables import CONTRACT_VERSION
from flexprice_wallets.snapshot.limits import Limits, Tolerance
from flexprice_wallets.snapshot.load import rebuild_views, take_snapshot
from flexprice_wallets.snapshot.options import LoadOptions
from tests.command_line import environment
from tests.migration.recorded import Answers, serving, warehouse_of_0_1_0

#: Views whose rows tell of the moment of asking, or of the tables themselves.
_OF_THE_MOMENT = {"freshness", "data_dictionary"}
#: What views say otherwise since then, of the same history; CHANGELOG.md says so.
_SAID_OTHERWISE = {
    # Credits of several rates have no sum, and an old split is none.
    "currency_balance_daily": {
        "outstanding_credits",
        "overdrawn_credits",
        "frozen_credits",
        "free_credits",
        "purchased_credits",
        "broken_down_wallets",
    },
    "customer_balance_daily": {"closing_credit_balance"},
    # A change of currency was a change of rate, and the first load made wallets appear.
    "wallet_balance_changes": {"cause"},
    "wallet_lifecycle": {"event"},
    # The time of day counts.
    "wallet_runway": {"depletion_day_7_days", "depletion_day_30_days"},
    # No restriction is ALL.
    "wallet_settings_history": {"allowed_price_types"},
    "wallets": {"allowed_price_types"},
}
_HISTORY = "wallet_balance_history"
_ANY = Limits(*[Tolerance.parse("100%")] * 3)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return warehouse_of_0_1_0(tmp_path)


def rows_by_view(database: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of every view of the old version, whichever program made it."""
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        names = [
            name
            for (name,) in connection.execute(
                "select view_name from duckdb_views() where schema_name = 'flexprice' order by all"
            ).fetchall()
        ]
        found = {}
        for name in names:
            result = connection.execute(f"select * from flexprice.{name} order by all")
            columns = [column[0] for column in result.description]
            found[name] = [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
        return found


def faults(
    before: dict[str, list[dict[str, Any]]], after: dict[str, list[dict[str, Any]]]
) -> list[str]:
    """Every view in which a column of before has other values after; new columns and views may come."""
    found = []
    for name, rows in before.items():
        if name in _OF_THE_MOMENT:
            continue
        # Money that an ended wallet holds has rows of its own, which version 0.1.0 did not write.
        now = [row for row in after[name] if not (name == _HISTORY and row["ended"])]
        columns = [*rows[0]] if rows else []
        same = [column for column in columns if column not in _SAID_OTHERWISE.get(name, ())]
        kept, wanted = (
            [repr([row[column] for column in same]) for row in both] for both in (now, rows)
        )
        if sorted(kept) != sorted(wanted):
            found.append(name)
    return found


def versions(database: Path) -> dict[str, int]:
    """How many rows each version table holds."""
    tables: tuple[str, ...] = (
        "customers",
        "wallets",
        "wallet_balances",
        "wallet_real_time_balances",
    )
    tables += (
        "wallet_credits_available",
        "wallet_figures_given",
        "rejected_records",
        "wallet_metadata",
    )
    with duckdb.connect(str(database), read_only=True) as connection:
        return {
            table: connection.execute(f"select count(*) from flexprice_raw.{table}").fetchall()[0][
                0
            ]
            for table in tables
        }


def options(api: Any, database: Path, at: datetime) -> LoadOptions:
    return LoadOptions(api, database, snapshot_at=at, limits=_ANY)


def test_views_say_the_same_before_and_after(database: Path) -> None:
    before, rows = rows_by_view(database), versions(database)
    assert len(before["wallet_balance_daily"]) > 500
    rebuild_views(database, raw_schema="flexprice_raw", schema="flexprice", rebuild=False)
    assert faults(before, rows_by_view(database)) == []
    assert versions(database) == rows
    with duckdb.connect(str(database), read_only=True) as connection:
        [(version, recipe)] = connection.execute(
            "select contract_version, hash_recipe from flexprice_raw.warehouse"
        ).fetchall()
    assert (version, recipe) == (CONTRACT_VERSION, HASH_RECIPE)


def test_the_next_load_writes_no_version_that_the_api_did_not_cause(database: Path) -> None:
    rows, answers = versions(database), Answers()
    with serving(answers) as api:
        for days in (1, 2):
            at = answers.snapshot_at + timedelta(days=days)
            snapshot = take_snapshot(options(api, database, at)).snapshot
            assert (snapshot["wallets_changed"], snapshot["wallets_observed"]) == (0, 35)
            assert versions(database) == rows
        customer_id, body = next(
            (key, body) for key, body in answers.customer_wallets.items() if '"name":"' in body
        )
        answers.customer_wallets[customer_id] = body.replace('"name":"', '"name":"New ', 1)
        at = answers.snapshot_at + timedelta(days=3)
        assert take_snapshot(options(api, database, at)).snapshot["wallets_changed"] == 1
    assert versions(database)["wallets"] == rows["wallets"] + 1


def test_rejections_of_before_are_known(database: Path) -> None:
    answers = Answers()
    with serving(answers) as api:
        take_snapshot(options(api, database, answers.snapshot_at + timedelta(days=1)))
    with duckdb.connect(str(database), read_only=True) as connection:
        [(held, counted)] = connection.execute("""
            select
                count(*) filter (rejections.snapshot_id = snapshots.snapshot_id),
                any_value(snapshots.records_rejected)
            from flexprice.rejections as rejections,
                (from flexprice.snapshots order by snapshot_at desc limit 1) as snapshots
        """).fetchall()
        [(in_all, in_views)] = connection.execute("""
            select
                (select sum(records_rejected) from flexprice.snapshots),
                (select count(*) from flexprice.rejections)
        """).fetchall()
    assert held == counted > 0
    assert in_all == in_views


_MIGRATION = """
import sys
from pathlib import Path
from flexprice_wallets.snapshot.load import rebuild_views
rebuild_views(Path(sys.argv[1]), raw_schema="flexprice_raw", schema="flexprice", rebuild=False)
"""


@pytest.mark.slow
def test_killed_in_its_middle_it_leaves_the_old_warehouse(database: Path) -> None:
    before = database.read_bytes()
    command = [sys.executable, "-c", _MIGRATION, str(database)]
    working = database.with_name(f".{database.name}.loading") / database.name
    kills = 0
    for delay in (0.05, 0.5, 1.5, 3.0):
        process = subprocess.Popen(command, env=environment(database.parent))
        while not working.exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(delay)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
        if process.returncode != 0:
            assert database.read_bytes() == before
    assert kills >= 2
    rows = rows_by_view(database)
    subprocess.run(command, check=True, env=environment(database.parent))
    assert faults(rows, rows_by_view(database)) == []
