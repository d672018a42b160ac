"""Episodes of alerts: known answers."""

from __future__ import annotations

from tests.views.history import History, rows_of, wallet

EPISODES = (
    "select level, valid_from, valid_to, duration_seconds / 86400, lowest_balance, highest_threshold"
    " from flexprice.wallet_alert_history where level <> 'alert_state' order by level, valid_from"
)


def history_of(*days: tuple[int, list[tuple[str, int, str]]]) -> History:
    """A look each day: the balance, and the thresholds."""
    history = History()
    for day, (balance, thresholds) in enumerate(days, start=1):
        history.snapshot(f"2026-03-0{day} 08:00", [wallet("w1", balance, thresholds=thresholds)])
    return history


def test_an_episode_lasts_from_reached_to_cleared():
    low, high = ("critical", 10, "below"), ("info", 100, "above")
    balances = (50, 10, 4, 11, 120, 9)
    history = history_of(*((balance, [low, high]) for balance in balances))
    assert rows_of(history.warehouse(), EPISODES) == [
        ("critical", "03-02 08:00", "03-04 08:00", 2.0, "4", "10"),
        # It lasts; the last load is the one that saw it.
        ("critical", "03-06 08:00", None, 0.0, "9", "10"),
        ("info", "03-05 08:00", "03-06 08:00", 1.0, "120", "100"),
    ]


def test_an_episode_goes_on_while_its_threshold_moves():
    history = history_of(
        (5, []),
        # Set on a balance that is below it already: reached when it was set.
        (5, [("warning", 10, "below")]),
        (5, [("warning", 20, "below")]),
        # Cleared by the threshold, not by the balance.
        (5, [("warning", 4, "below")]),
    )
    assert rows_of(history.warehouse(), EPISODES) == [
        ("warning", "03-02 08:00", "03-04 08:00", 2.0, "5", "20")
    ]


def test_an_episode_ends_with_its_wallet_and_with_its_currency():
    low = [("critical", 10, "below")]
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 5, thresholds=low)])
    history.snapshot("2026-03-02 08:00", [wallet("w1", 3, thresholds=low, currency="eur")])
    history.snapshot("2026-03-03 08:00", [wallet("w1", 0, thresholds=low, ended="closed")])
    history.snapshot("2026-03-04 08:00", [wallet("w1", 2, thresholds=low)])
    assert rows_of(
        history.warehouse(),
        "select currency, valid_from, valid_to, lowest_balance from flexprice.wallet_alert_history"
        " order by valid_from",
    ) == [
        ("usd", "03-01 08:00", "03-02 08:00", "5"),
        ("eur", "03-02 08:00", "03-03 08:00", "3"),
        ("usd", "03-04 08:00", None, "2"),
    ]


def test_the_api_has_episodes_of_its_own():
    history = History()
    states = ("ok", "warning", "warning", "in_alarm", "ok", "warning")
    for day, state in enumerate(states, start=1):
        history.snapshot(
            f"2026-03-0{day} 08:00",
            # A name changes in between, the state does not.
            [wallet("w1", 60 - 10 * day, alert_state=state, name=f"Name {day}")],
        )
    assert rows_of(
        history.warehouse(),
        "select alert_state, valid_from, valid_to, lowest_balance, highest_balance, condition"
        " from flexprice.wallet_alert_history where level = 'alert_state' order by valid_from",
    ) == [
        ("warning", "03-02 08:00", "03-04 08:00", "30", "40", None),
        ("in_alarm", "03-04 08:00", "03-05 08:00", "20", "20", None),
        ("warning", "03-06 08:00", None, "0", "0", None),
    ]
