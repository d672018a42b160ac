"""How well each day was observed: known answers."""

from __future__ import annotations

from tests.views.history import History, rows_of, wallet


def test_each_day_says_how_well_it_was_observed():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 1)])
    # 2 March: one load that missed a customer, then a complete one.
    history.snapshot("2026-03-02 08:00", failed=["c1"])
    history.snapshot("2026-03-02 20:00", [wallet("w1", 1)])
    # 3 March: nobody looked. 4 March: chosen customers only. 5 March: two loads that missed something.
    history.snapshot("2026-03-04 08:00", [wallet("w1", 1)], selected=["c1"])
    history.snapshot("2026-03-05 08:00", failed=["c1", "c2"])
    history.snapshot("2026-03-05 09:00", rejected=["w1"])
    columns = (
        "completeness, snapshots, complete_snapshots, partial_snapshots, selected_snapshots,"
        " failures, rejections, customers_expected, wallets_observed, last_snapshot_at"
    )
    assert rows_of(
        history.warehouse(time_zone="Asia/Kolkata"),
        f"select date_day, {columns} from flexprice.completeness_daily order by date_day",
    ) == [
        ("03-01", "complete", 1, 1, 0, 0, 0, 0, 1, 1, "03-01 08:00"),
        ("03-02", "complete", 2, 1, 1, 0, 1, 0, 1, 1, "03-02 20:00"),
        ("03-03", "none", 0, 0, 0, 0, 0, 0, None, None, None),
        ("03-04", "selected", 1, 0, 0, 1, 0, 0, None, None, "03-04 08:00"),
        ("03-05", "partial", 2, 0, 2, 0, 2, 1, 1, 0, "03-05 09:00"),
    ]


def test_a_day_is_that_of_utc():
    history = History()
    history.snapshot("2026-03-01 23:59", [wallet("w1", 1)])
    history.snapshot("2026-03-02 00:01", [wallet("w1", 1)])
    assert rows_of(
        history.warehouse(time_zone="America/New_York"),
        "select date_day, snapshots from flexprice.completeness_daily order by date_day",
    ) == [("03-01", 1), ("03-02", 1)]
