"""What PostgreSQL's planner expects of the views: where it expects one row, it goes through others once for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from flexprice_emulator import Emulator
from flexprice_wallets.replicate import dialects
from flexprice_wallets.replicate.replicate import replicate
from tests.replicate.server import Database
from tests.snapshot.loading import load_from

VIEWS = ("wallets", "outstanding_wallets", "wallet_alerts", "wallet_runway", "wallet_overview")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    database = tmp_path_factory.mktemp("plans") / "warehouse.duckdb"
    with Emulator(customers=300, seed=5) as emulator:
        for _ in range(2):
            load_from(emulator, database)
            emulator.world.advance(steps=5)
    return database


def worst_repetition(database: Database, view: str) -> int:
    """How many rows the most repeated step of a view's plan goes through in all."""
    [(plan,)] = database.query(
        f"explain (analyze, timing off, format json) select * from flexprice.{view}"
    )
    steps = [plan[0]["Plan"]]
    worst = 0
    while steps:
        step = steps.pop()
        steps += step.get("Plans", [])
        if step["Actual Loops"] > 1:
            worst = max(worst, int(step["Actual Loops"] * step["Actual Rows"]))
    return worst


def test_no_step_is_repeated_for_every_wallet(warehouse: Path, database: Database) -> None:
    replicate("postgres", warehouse)
    [(wallets,)] = database.query("select count(*) from flexprice.wallets")
    assert wallets > 300
    for view in VIEWS:
        assert worst_repetition(database, view) < 10 * wallets, view


@pytest.mark.parametrize("rewrite", [dialects._last_version, dialects._most_have_not_ended])
def test_without_what_the_planner_is_told_it_is(
    warehouse: Path, database: Database, monkeypatch: pytest.MonkeyPatch, rewrite: dialects.Rewrite
) -> None:
    others = tuple(each for each in dialects.REWRITES["postgres"] if each is not rewrite)
    monkeypatch.setitem(dialects.REWRITES, "postgres", others)
    dialects.rendered_views.cache_clear()
    try:
        replicate("postgres", warehouse)
    finally:
        dialects.rendered_views.cache_clear()
    [(wallets,)] = database.query("select count(*) from flexprice.wallets")
    assert max(worst_repetition(database, view) for view in VIEWS) >= 10 * wallets
