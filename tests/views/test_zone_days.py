"""Days that end at somebody's midnight: known answers, and the days of UTC beside them."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import pytest

from tests.views.history import History, moment, rows_of, wallet
from tests.views.random_history import random_history


def closings(history: History, zone: str, session: str = "UTC") -> list[tuple[object, ...]]:
    return rows_of(
        history.warehouse(time_zone=session),
        "select date_day, closing_balance, is_carried_forward, day_end"
        f" from flexprice.wallet_balance_daily_in('{zone}') order by date_day",
    )


@pytest.mark.parametrize("session", ["UTC", "Asia/Kolkata", "America/New_York"])
def test_a_day_in_kolkata_ends_at_half_past_six_in_the_evening_of_utc(session):
    history = History()
    history.snapshot("2026-03-01 18:29", [wallet("w1", 1)])
    history.snapshot("2026-03-01 18:30", [wallet("w1", 2)])
    history.snapshot("2026-03-03 18:29", [wallet("w1", 4)])
    assert closings(history, "Asia/Kolkata", session) == [
        ("03-01", "1", False, "03-01 18:30"),
        ("03-02", "2", False, "03-02 18:30"),
        ("03-03", "4", False, "03-03 18:30"),
    ]
    assert closings(history, "UTC", session) == [
        ("03-01", "2", False, "03-02 00:00"),
        ("03-02", "2", True, "03-03 00:00"),
        ("03-03", "4", False, "03-04 00:00"),
    ]


@pytest.mark.parametrize(
    ("zone", "day", "ends"),
    [
        # Clocks go forward on 29 March, back on 25 October.
        ("Europe/Berlin", "2026-03-28", ["03-28 23:00", "03-29 22:00", "03-30 22:00"]),
        ("Europe/Berlin", "2026-10-24", ["10-24 22:00", "10-25 23:00", "10-26 23:00"]),
        # In Havana they go from 0:00 to 1:00, and back from 1:00 to 0:00: no midnight, then two.
        ("America/Havana", "2026-03-07", ["03-08 05:00", "03-09 04:00", "03-10 04:00"]),
        ("America/Havana", "2024-11-02", ["11-03 04:00", "11-04 05:00", "11-05 05:00"]),
    ],
)
def test_days_of_23_and_25_hours_end_at_midnight(zone, day, ends):
    history = History()
    noon = moment(f"{day} 12:00")
    for when in (noon, noon + timedelta(days=2)):
        history.snapshot(when, [wallet("w1", 1)])
    assert [row[-1] for row in closings(history, zone, "Asia/Tokyo")] == ends


def test_an_unknown_zone_is_refused_by_its_name():
    history = History().snapshot("2026-03-01 08:00", [wallet("w1", 1)])
    with pytest.raises(duckdb.Error, match="Mars/Base"):
        closings(history, "Mars/Base")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_days_of_utc_are_those_of_the_daily_view(seed):
    connection = random_history(seed).warehouse()
    columns = (
        "wallet_id, date_day, customer_id, currency, life_number, closing_balance,"
        " closing_credit_balance, last_observed_at"
    )
    daily = connection.execute(
        f"select {columns} from flexprice.wallet_balance_daily where not is_ended order by all"
    ).fetchall()
    assert (
        connection.execute(
            f"select {columns} from flexprice.wallet_balance_daily_in('UTC') order by all"
        ).fetchall()
        == daily
    )
    assert daily
