"""What is known now: settings, alerts, runway, findings, customers and runs of small histories."""

from __future__ import annotations

from tests.views.history import History, rows_of, wallet


def test_wallets_show_their_settings_as_columns():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100, name="Main")])
    history.snapshot(
        "2026-03-02 08:00",
        [
            wallet(
                "w1",
                100,
                name="Main",
                thresholds=[("critical", 10, "below"), ("info", "99.5", "below")],
                price_types=["USAGE", "FIXED"],
            )
        ],
    )
    connection = history.warehouse()
    columns = (
        "alert_threshold_critical, alert_condition_critical, alert_threshold_info,"
        " allowed_price_types"
    )
    assert rows_of(
        connection, f"select name, {columns}, settings_valid_from from flexprice.wallets"
    ) == [("Main", "10", "below", "99.5", "FIXED, USAGE", "03-02 08:00")]
    assert rows_of(
        connection,
        f"select valid_from, valid_to, is_current, {columns} from flexprice.wallet_settings_history"
        " order by valid_from",
    ) == [
        ("03-01 08:00", "03-02 08:00", False, None, None, None, "ALL"),
        ("03-02 08:00", None, True, "10", "below", "99.5", "FIXED, USAGE"),
    ]
    assert rows_of(
        connection, "select event, detail from flexprice.wallet_lifecycle order by event_at"
    ) == [("first_load", None), ("settings_changed", "allowed_price_types, alert_thresholds")]


def test_alerts_say_since_when_a_threshold_is_reached():
    thresholds = [("critical", 10, "below"), ("warning", 50, "below"), ("info", 500, "above")]
    history = History()
    for day, balance in ((1, 40), (2, 60), (3, 50), (4, 45)):
        history.snapshot(
            f"2026-03-0{day} 08:00", [wallet("w1", balance, real_time=5, thresholds=thresholds)]
        )
    assert rows_of(
        history.warehouse(),
        "select level, is_reached, is_reached_in_real_time, distance, reached_since "
        "from flexprice.wallet_alerts order by level",
    ) == [
        ("critical", False, True, "35", None),
        ("info", False, False, "-455", None),
        ("warning", True, True, "-5", "03-03 08:00"),
    ]


def test_runway_counts_decreases_and_leaves_out_top_ups():
    history = History()
    for day, (one, two) in enumerate(
        ((100, 50), (90, 50), (190, 50), (180, 50), (180, 50), (180, 50)), start=1
    ):
        history.snapshot(f"2026-03-0{day} 08:00", [wallet("w1", one), wallet("w2", two)])
    assert rows_of(
        history.warehouse(),
        "select wallet_id, credits_used_7_days, credits_per_day_7_days, days_left_7_days, "
        "depletion_day_7_days, observed_share_7_days "
        "from flexprice.wallet_runway order by wallet_id",
    ) == [
        # 20 credits in the five days observed: four a day, 180 left for 45 days from 6 March.
        ("w1", "20", "4", "45", "04-20", "0.7143"),
        ("w2", "0", "0", None, None, "0.7143"),
    ]


def test_runway_windows_end_with_the_last_snapshot():
    history = History()
    history.snapshot("2026-03-01 00:00", [wallet("w1", 100)])
    history.snapshot("2026-03-05 00:00", [wallet("w1", 80)])
    history.snapshot("2026-03-21 00:00", [wallet("w1", 73)])
    assert rows_of(
        history.warehouse(),
        "select credits_used_7_days, credits_used_30_days, credits_per_day_30_days,"
        " observed_share_30_days from flexprice.wallet_runway",
    ) == [("7", "27", "1.35", "0.6667")]


def test_a_change_of_rate_or_currency_is_no_use_of_credits():
    history = History()
    stated = ((1, "usd"), (2, "usd"), (2, "eur"), (1, "eur"))
    for day, (rate, currency) in enumerate(stated, start=1):
        history.snapshot(f"2026-03-0{day} 08:00", [wallet("w1", 100, rate=rate, currency=currency)])
    # 100, 50, 50 and 100 credits: restated, not used.
    assert rows_of(
        history.warehouse(),
        "select credit_balance, credits_used_7_days, credits_used_30_days from flexprice.wallet_runway",
    ) == [("100", "0", "0")]


def test_a_wallet_runs_out_at_the_hour_and_not_at_midnight():
    history = History()
    # 100 a day: 50 left at 18:45 last half a day, until 06:45 tomorrow.
    history.snapshot("2026-03-01 18:45", [wallet("w1", 250), wallet("w2", 230)])
    history.snapshot("2026-03-02 18:45", [wallet("w1", 150), wallet("w2", 130)])
    history.snapshot("2026-03-03 18:45", [wallet("w1", 50), wallet("w2", 20)])
    assert rows_of(
        history.warehouse(),
        "select wallet_id, days_left_7_days, depletion_day_7_days, depletion_day_30_days,"
        " days_left, depletion_day from flexprice.wallet_runway order by wallet_id",
    ) == [
        ("w1", "0.5", "03-04", "03-04", "0.5", "03-04"),
        # 105 a day: 20 are gone before midnight.
        ("w2", "0.19", "03-03", "03-03", "0.19", "03-03"),
    ]


def test_runway_answers_for_those_who_can_run_out():
    history = History()
    for day, used in ((1, 0), (3, 20)):
        history.snapshot(
            f"2026-03-0{day} 08:00",
            [
                # Ten a day; 80 left, of which 50 are pending: three days.
                wallet("running", 100 - used, customer="c1", real_time=50 - used),
                # Pending charges take everything.
                wallet("spent", 100 - used, customer="c2", real_time=-5),
                wallet("pending_only", 100, customer="c3", real_time=0),
                wallet("no_real_time", 100 - used, customer="c4"),
                wallet("empty", 20 - used, customer="c5"),
                wallet("frozen", 100 - used, customer="c6", status="frozen"),
                wallet("not_used", 100, customer="c7", real_time=100),
                wallet("post_paid", -used, customer="c8", wallet_type="POST_PAID"),
                # At two dollars a credit, ten credits a day: 160 less 100 pending last three days.
                wallet("rate", 200 - 2 * used, customer="c9", rate=2, real_time=100 - 2 * used),
            ],
        )
    assert rows_of(
        history.warehouse(),
        "select wallet_id, state, balance_after_pending, days_left, days_left_7_days, depletion_day"
        " from flexprice.wallet_runway order by wallet_id",
    ) == [
        ("empty", "empty", None, None, "0", None),
        ("frozen", "frozen", None, None, "8", None),
        ("no_real_time", "running", None, "8", "8", "03-11"),
        ("not_used", "not_used", "100", None, None, None),
        ("pending_only", "running", "0", "0", None, "03-03"),
        ("post_paid", "post_paid", None, None, "0", None),
        ("rate", "running", "60", "3", "8", "03-06"),
        ("running", "running", "30", "3", "8", "03-06"),
        ("spent", "running", "-5", "0", "8", "03-03"),
    ]


def test_what_was_used_before_last_week_still_gives_a_pace():
    history = History()
    history.snapshot("2026-03-01 00:00", [wallet("w1", 100)])
    history.snapshot("2026-03-03 00:00", [wallet("w1", 80)])
    history.snapshot("2026-03-21 00:00", [wallet("w1", 80)])
    # 20 in 20 days.
    assert rows_of(
        history.warehouse(),
        "select state, days_left_7_days, days_left_30_days, days_left from flexprice.wallet_runway",
    ) == [("running", None, "80", "80")]


def test_a_termination_and_a_return_are_no_use():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100), wallet("w2", 100)])
    history.snapshot(
        "2026-03-02 08:00", [wallet("w1", 0, ended="closed"), wallet("w2", 30, ended="closed")]
    )
    history.snapshot("2026-03-03 08:00", [wallet("w1", 60), wallet("w2", 20)])
    history.snapshot("2026-03-05 08:00", [wallet("w1", 60), wallet("w2", 18)])
    assert rows_of(
        history.warehouse(),
        "select wallet_id, state, credits_used_30_days from flexprice.wallet_runway order by wallet_id",
    ) == [("w1", "not_used", "0"), ("w2", "running", "2")]


def test_an_alert_says_since_when_its_threshold_is_set():
    history = History()
    for day, balance, thresholds in (
        (1, 40, ()),
        (2, 40, [("warning", 10, "below")]),
        (3, 40, [("warning", 50, "below"), ("info", 5, "below")]),
        (4, 30, [("warning", 50, "below"), ("info", 5, "below"), ("critical", 1, "below")]),
    ):
        history.snapshot(
            f"2026-03-0{day} 08:00",
            [
                wallet("w1", balance, thresholds=thresholds),
                wallet("w2", balance, thresholds=[("warning", 35, "below")]),
            ],
        )
    assert rows_of(
        history.warehouse(),
        "select wallet_id, level, threshold, reached_since, threshold_set_at"
        " from flexprice.wallet_alerts order by wallet_id, level",
    ) == [
        ("w1", "critical", "1", None, "03-04 08:00"),
        ("w1", "info", "5", None, "03-03 08:00"),
        # Below 50 all along, which nobody minded before the third.
        ("w1", "warning", "50", "03-01 08:00", "03-03 08:00"),
        ("w2", "warning", "35", "03-04 08:00", "03-01 08:00"),
    ]


def test_what_counts_now_is_what_is_outstanding():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100), wallet("w5", 7)])
    history.snapshot(
        "2026-03-02 08:00",
        [
            wallet("w1", 40, ended="closed"),
            wallet("w2", 30, free=10, purchased=20),
            wallet("w3", -8),
            wallet("w4", 20, status="frozen"),
            wallet("w5", ended="not_found"),
            wallet("w6", 0),
        ],
    )
    connection = history.warehouse()
    assert rows_of(
        connection,
        "select wallet_id, external_id, customer_name, is_frozen, outstanding_balance,"
        " purchased_balance from flexprice.outstanding_wallets order by wallet_id",
    ) == [
        ("w2", "ext-c1", "Customer c1", False, "30", "20"),
        ("w4", "ext-c1", "Customer c1", True, "20", None),
    ]
    assert rows_of(
        connection,
        "select outstanding_balance, overdrawn_balance, closed_balance"
        " from flexprice.currency_balance_daily where date_day = '2026-03-02'",
    ) == [("50", "8", "40")]
    # As it should not be asked.
    assert rows_of(connection, "select sum(balance) from flexprice.wallets") == [("89",)]


def test_a_wallet_that_was_there_before_has_not_appeared():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100)])
    history.snapshot("2026-03-02 08:00", [wallet("w1", 100), wallet("w2", 50)])
    assert rows_of(
        history.warehouse(), "select wallet_id, event from flexprice.wallet_lifecycle order by all"
    ) == [("w1", "first_load"), ("w2", "appeared")]


def test_what_looks_wrong_is_found():
    history = History()
    history.snapshot(
        "2026-03-01 08:00",
        [
            wallet("w1", 100, real_time=90, free=60, purchased=50),
            wallet("w2", 50, real_time=30),
            wallet("w3", 5, customer="c2"),
        ],
    )
    history.snapshot(
        "2026-03-01 09:00",
        [
            wallet("w1", 100, real_time=90, free=60, purchased=50),
            wallet("w2", 50, real_time=30),
        ],
        failed=["c2"],
    )
    history.snapshot(
        "2026-03-01 10:00",
        [wallet("w1", 100, real_time=90, free=60, purchased=50)],
        rejected=["w2"],
    )
    connection = history.warehouse()
    connection.execute(
        "update flexprice_raw.stored_wallets set credit_balance = 6 where wallet_id = 'w3'"
    )
    assert rows_of(
        connection,
        "select finding, wallet_id, customer_id, actual_value, expected_value "
        "from flexprice.wallet_data_quality order by finding",
    ) == [
        ("breakdown_above_balance", "w1", "c1", "110", "100"),
        ("rate_mismatch", "w3", "c2", "5", "6"),
        ("rejected", "w2", "c1", "1", "0"),
        ("stale", "w2", "c1", "3600", "0"),
    ]


def test_wallets_read_by_one_run_must_agree_on_what_is_pending():
    history = History()
    history.snapshot(
        "2026-03-01 08:00", [wallet("w1", 100, real_time=90), wallet("w2", 50, real_time=30)]
    )
    assert rows_of(
        history.warehouse(),
        "select finding, wallet_id, customer_id, actual_value, expected_value from"
        " flexprice.wallet_data_quality",
    ) == [("pending_disagrees", None, "c1", "20", "10")]


def test_customers_say_when_they_were_observed():
    history = History()
    history.snapshot(
        "2026-03-01 08:00",
        [wallet(f"w{number}", 1, customer=f"c{number}") for number in (1, 2, 3, 4)],
    )
    history.snapshot("2026-03-02 08:00", failed=["c4"], unlisted_customers=["c3"])
    history.snapshot("2026-03-03 08:00", failed=["c2"])
    history.snapshot("2026-03-04 08:00", failed=["c1", "c2", "c4"])
    history.snapshot("2026-03-05 08:00", selected=["c2"])
    assert rows_of(
        history.warehouse(),
        "select customer_id, is_listed, first_observed_at, last_observed_at, living_wallets "
        "from flexprice.customers order by customer_id",
    ) == [
        ("c1", True, "03-01 08:00", "03-03 08:00", 1),
        ("c2", True, "03-01 08:00", "03-05 08:00", 1),
        ("c3", False, "03-01 08:00", "03-02 08:00", 1),
        ("c4", True, "03-01 08:00", "03-03 08:00", 1),
    ]


def test_snapshots_and_freshness_say_how_runs_went():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 1)])
    history.snapshot("2026-03-02 08:00", failed=["c1"])
    history.snapshot("2026-03-03 08:00", rejected=["w1"])
    connection = history.warehouse()
    connection.execute(
        "insert into flexprice_raw._dlt_loads (load_id, inserted_at) "
        "select snapshot_id, snapshot_at + interval 5 minute from flexprice_raw.snapshots"
    )
    assert rows_of(
        connection,
        "select date_day, completeness, duration_seconds, loaded_at from flexprice.snapshots order"
        " by snapshot_at",
    ) == [
        ("03-01", "complete", "60", "03-01 08:05"),
        ("03-02", "partial", "60", "03-02 08:05"),
        ("03-03", "partial", "60", "03-03 08:05"),
    ]
    assert rows_of(
        connection,
        "select snapshots, last_snapshot_at, last_complete_snapshot_at,"
        " partial_snapshots_since_complete, failures_since_complete,"
        " customers_failed_since_complete, rejections_since_complete,"
        " last_complete_snapshot_age_seconds - last_snapshot_age_seconds from flexprice.freshness",
    ) == [(3, "03-03 08:00", "03-01 08:00", 2, 1, 1, 1, 2 * 86400)]


def test_an_empty_warehouse_answers():
    connection = History().warehouse()
    assert rows_of(connection, "select snapshots, last_snapshot_at from flexprice.freshness") == [
        (0, None)
    ]
    for view in ("wallets", "wallet_balance_daily", "currency_balance_daily", "wallet_runway"):
        assert rows_of(connection, f"from flexprice.{view}") == []
