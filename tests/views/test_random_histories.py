"""What must hold of every history, on histories made by chance."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import cache
from itertools import pairwise

import duckdb
import pytest

from flexprice_wallets.warehouse.create_views import create_views
from flexprice_wallets.warehouse.descriptions import views
from flexprice_wallets.warehouse.upkeep import apply_snapshots, rebuild_stored
from tests.views.history import History, empty_warehouse
from tests.views.oracle import expected_daily, expected_history
from tests.views.random_history import random_history

SEEDS = range(6)

HISTORY = """
    select
        wallet_id, valid_from, valid_to, customer_id, life_number, ended, currency,
        conversion_rate, balance, credit_balance,
        real_time_balance, pending_amount, free_credits, purchased_credits,
        balance_observed_at, real_time_observed_at, credits_observed_at
    from flexprice.wallet_balance_history
    order by wallet_id, valid_from
"""
DAILY = """
    select
        wallet_id, date_day, customer_id, currency, life_number, observation,
        opening_balance, closing_balance, lowest_balance, highest_balance,
        closing_real_time_balance, closing_free_credits, last_observed_at
    from flexprice.wallet_balance_daily
    order by wallet_id, date_day
"""


@cache
def made(seed: int) -> tuple[History, duckdb.DuckDBPyConnection]:
    """A history and its warehouse, which these tests only read."""
    history = random_history(seed)
    return history, history.warehouse()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_history_is_what_the_snapshots_saw(seed):
    history, connection = made(seed)
    assert connection.execute(HISTORY).fetchall() == expected_history(history)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_day_is_what_the_snapshots_saw(seed):
    history, connection = made(seed)
    assert connection.execute(DAILY).fetchall() == expected_daily(history)


@pytest.mark.parametrize("time_zone", ["Asia/Tokyo", "America/New_York"])
def test_the_time_zone_of_a_session_does_not_matter(time_zone):
    history = random_history(0)
    connection = history.warehouse(time_zone=time_zone)
    assert connection.execute(HISTORY).fetchall() == expected_history(history)
    assert connection.execute(DAILY).fetchall() == expected_daily(history)
    _, elsewhere = made(0)
    for view in views():
        if view.type != "view" or view.name == "freshness":
            continue
        rows = f"select * from flexprice.{view.name} order by all"
        assert connection.execute(rows).fetchall() == elsewhere.execute(rows).fetchall(), view.name


@pytest.mark.parametrize("seed", SEEDS)
def test_intervals_neither_overlap_nor_leave_gaps_within_a_life(seed):
    _, connection = made(seed)
    assert (
        connection.execute("""
        select one.* from flexprice.wallet_balance_history as one
        inner join flexprice.wallet_balance_history as two
            on one.wallet_id = two.wallet_id and one.valid_from < two.valid_from
            and coalesce(one.valid_to, 'infinity') > two.valid_from
        """).fetchall()
        == []
    )
    assert (
        connection.execute("""
        select one.* from flexprice.wallet_balance_history as one
        left join flexprice.wallet_balance_history as two
            on one.wallet_id = two.wallet_id and one.valid_to = two.valid_from and one.life_number = two.life_number
        left join flexprice_raw.stored_wallet_lives as lives
            on one.wallet_id = lives.wallet_id and one.valid_to = lives.ended_at and one.life_number = lives.life_number
        left join flexprice_raw.stored_wallet_lives as returns
            on one.wallet_id = returns.wallet_id and one.valid_to = returns.started_at and one.ended is not null
        where
            one.valid_to is not null
            and two.wallet_id is null and lives.wallet_id is null and returns.wallet_id is null
        """).fetchall()
        == []
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_day_closes_with_what_held_at_its_end(seed):
    _, connection = made(seed)
    days = connection.execute(
        "select distinct date_day from flexprice.wallet_balance_daily order by date_day"
    ).fetchall()
    for (day,) in days:
        end = datetime.combine(day + timedelta(days=1), time(), UTC) - timedelta(microseconds=1)
        daily = """
            select wallet_id, customer_id, currency, closing_balance, closing_credit_balance, last_observed_at
            from flexprice.wallet_balance_daily where date_day = $1 and not is_ended
        """
        held = """
            select wallet_id, customer_id, currency, balance, credit_balance, last_observed_at
            from flexprice.wallet_balance_as_of($2)
        """
        for query in (f"{daily} except {held}", f"{held} except {daily}"):
            assert connection.execute(query, [day, end]).fetchall() == []


@pytest.mark.parametrize("seed", SEEDS)
def test_every_view_has_one_row_per_grain(seed):
    _, connection = made(seed)
    for view in views():
        source = f"flexprice.{view.name}" + (f"({view.arguments})" if view.type == "macro" else "")
        rows = len(connection.execute(f"from {source}").fetchall())
        if not view.grain:
            assert rows == 1
            continue
        key = ", ".join(view.grain)
        keys = len(connection.execute(f"select distinct {key} from {source}").fetchall())
        assert rows == keys, view.name


@pytest.mark.parametrize("seed", range(2))
def test_one_snapshot_at_a_time_gives_what_a_rebuild_gives(seed):
    history = random_history(seed)
    grown = empty_warehouse()
    for number in range(len(history.snapshots)):
        history.load(grown, number, number + 1)
        assert apply_snapshots(grown) == 1
    create_views(grown)
    assert apply_snapshots(grown) == 0
    tables = [
        name
        for (name,) in grown.execute(
            "select table_name from duckdb_tables() where table_name like 'stored!_%' escape '!'"
        ).fetchall()
    ]
    before = {t: grown.execute(f"from flexprice_raw.{t} order by all").fetchall() for t in tables}
    assert rebuild_stored(grown) == len(history.snapshots)
    create_views(grown)
    after = {t: grown.execute(f"from flexprice_raw.{t} order by all").fetchall() for t in tables}
    assert before == after
    rebuild_stored(grown, wallets_per_batch=2)
    create_views(grown)
    batched = {t: grown.execute(f"from flexprice_raw.{t} order by all").fetchall() for t in tables}
    assert before == batched


@pytest.mark.parametrize("seed", SEEDS)
def test_sums_of_customers_and_of_currencies_agree(seed):
    _, connection = made(seed)
    assert (
        connection.execute("""
        select * from (
            select currency, date_day, sum(closing_balance) as balance, sum(living_wallets) as wallets
            from flexprice.customer_balance_daily group by currency, date_day
        ) as customers
        full join flexprice.currency_balance_daily as currencies
            on customers.currency = currencies.currency and customers.date_day = currencies.date_day
        where coalesce(customers.balance, 0) <> currencies.outstanding_balance - currencies.overdrawn_balance
            or coalesce(customers.wallets, 0) <> currencies.wallets
        """).fetchall()
        == []
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_changes_lead_from_the_first_balance_to_the_last(seed):
    _, connection = made(seed)
    rows = connection.execute("""
        select wallet_id, balance_before, balance_after, currency_before, currency_after, changed_after, changed_by
        from flexprice.wallet_balance_changes order by wallet_id, changed_by
        """).fetchall()
    for one, two in pairwise(rows):
        if one[0] == two[0]:
            assert (one[2], one[4]) == (two[1], two[3]), (one, two)
            assert one[6] <= two[5] < two[6]
