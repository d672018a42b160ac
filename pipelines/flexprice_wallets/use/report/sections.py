"""The sections of the report: each asks its questions and says what came of them, in charts, tables and words."""

from __future__ import annotations

from collections import Counter

from flexprice_wallets.use.report import charts, queries
from flexprice_wallets.use.report.html import Column, Markup, details, element, joined, plain, table
from flexprice_wallets.use.report.parts import (
    CURRENCY,
    CUSTOMER,
    DAYS_LISTED,
    WALLET,
    Draw,
    Section,
    by,
    count,
    empty,
    left_out,
    listed_days,
)
from flexprice_wallets.use.report.queries import Asked, Row


def overview(ask: Asked) -> Section:
    """How fresh the warehouse is and what is outstanding, in a few figures."""
    [fresh] = ask(queries.FRESHNESS)
    if fresh["last_snapshot_at"] is None:
        return Section("overview", "Overview", element("p", "The warehouse holds no snapshot yet."))
    latest = ask(queries.LATEST)
    cards = [
        element(
            "div",
            element("dt", f"Outstanding in {row['currency']}"),
            element("dd", row["outstanding_balance"]),
            element("dd", f"{plain(row['wallets'])} wallets", class_="note"),
            class_="card",
        )
        for row in latest
    ]
    since = fresh["failures_since_complete"] + fresh["rejections_since_complete"]
    state = element(
        "p",
        "The last snapshot is of ",
        element("strong", f"{plain(fresh['last_snapshot_at'])} UTC"),
        f" ({fresh['last_snapshot_completeness']}, scope {fresh['last_snapshot_scope']}); ",
        "the last complete one of all customers "
        + (
            f"is of {plain(fresh['last_complete_snapshot_at'])} UTC."
            if fresh["last_complete_snapshot_at"]
            else "has yet to be taken."
        ),
        f" Since then {count(since, 'record')} could not be read or taken." if since else "",
    )
    return Section("overview", "Overview", state + element("dl", *cards, class_="cards"))


def liability(ask: Asked, draw: Draw) -> Section:
    """What is outstanding in each currency over time, split into free and purchased."""
    rows = ask(queries.LIABILITY)
    if not rows:
        return empty("liability", "Outstanding liability", "No balance was observed yet.")
    explanation = element(
        "p",
        "The settled balance is what customers hold: the sum of the positive balances at the end of each day "
        "(UTC). Free and purchased credits are those still available, as last observed, each wallet's at its own "
        "rate; where they do not add up to the settled balance, the API's breakdown does not either, or was "
        "not asked for.",
        class_="note",
    )
    blocks = []
    for currency, days in by(rows, "currency"):
        first, last = days[0], days[-1]
        summary = (
            f"Outstanding in {currency}: {plain(first['outstanding_balance'])} on {first['date_day']}, "
            f"{plain(last['outstanding_balance'])} on {last['date_day']}, of which free "
            f"{plain(last['free_amount'])} and purchased {plain(last['purchased_amount'])}."
        )
        blocks.append(
            element(
                "section",
                element("h3", str(currency).upper()),
                draw(charts.liability(currency, days, summary)),
                element("p", summary),
                details(
                    f"Figures in {currency}",
                    table(
                        f"Outstanding in {currency} by day: the last {DAYS_LISTED} days, before them each "
                        "month's last",
                        (
                            Column("Day", "date_day"),
                            Column("Outstanding", "outstanding_balance", "figure"),
                            Column("Free", "free_amount", "figure"),
                            Column("Purchased", "purchased_amount", "figure"),
                            Column("Overdrawn", "overdrawn_balance", "figure"),
                            Column("Wallets", "wallets", "figure"),
                        ),
                        listed_days(days),
                    ),
                ),
            )
        )
    return Section(
        "liability",
        "Outstanding liability",
        explanation + element("div", *blocks, class_="grid"),
    )


def running_out(ask: Asked) -> Section:
    """Wallets whose credits will be gone within 30 days at the present rate of use."""
    rows = ask(queries.RUNNING_OUT)
    heading = "Wallets about to run out"
    if not rows:
        return empty(
            "running-out", heading, "At its present rate, no wallet runs out within 30 days."
        )
    soon = sum(row["days_left"] <= 7 for row in rows)
    return Section(
        "running-out",
        heading,
        element(
            "p",
            f"{count(rows[0]['total'], 'wallet')} will have used up the credits within 30 days, {soon} of those shown "
            "within 7, at the faster of their rates over the last 7 and 30 days.",
        )
        + table(
            "Wallets by the day on which their credits will be gone",
            (
                WALLET,
                CUSTOMER,
                Column("Gone on", "depletion_day"),
                Column("Days left", "days_left", "figure"),
                Column("Credits", "credit_balance", "figure"),
                Column("Balance", "balance", "figure"),
                CURRENCY,
                Column("Credits per day, 7 days", "credits_per_day_7_days", "figure"),
                Column("30 days", "credits_per_day_30_days", "figure"),
            ),
            rows,
        )
        + left_out(rows),
    )


def alerts(ask: Asked) -> Section:
    """Thresholds that are reached now, of wallets with alerts switched on."""
    rows = ask(queries.ALERTS)
    if not rows:
        return empty("alerts", "Alerts", "No wallet with alerts has reached a threshold.")
    shown = [
        row
        | {
            "limit": f"{row['condition']} {plain(row['threshold'])}",
            "by": _reached_by(row),
        }
        for row in map(dict, rows)
    ]
    return Section(
        "alerts",
        "Alerts",
        element(
            "p",
            f"{count(rows[0]['total'], 'threshold')} reached, by the settled balance or by the "
            "real-time balance as last observed.",
        )
        + table(
            "Thresholds that are reached, the most urgent and the latest first",
            (
                Column("Level", "level"),
                WALLET,
                CUSTOMER,
                Column("Threshold", "limit", "figure"),
                Column("Balance", "balance", "figure"),
                Column("Real-time balance", "real_time_balance", "figure"),
                CURRENCY,
                Column("Reached by", "by"),
                Column("Since (UTC)", "reached_since"),
                Column("Flexprice says", "alert_state"),
            ),
            shown,
        )
        + left_out(rows),
    )


def movements(ask: Asked) -> Section:
    """The biggest movements of each currency in the last seven days."""
    rows = ask(queries.MOVEMENTS)
    if not rows:
        return empty("movements", "Biggest movements", "No balance moved in the last 7 days.")
    return Section(
        "movements",
        "Biggest movements",
        element(
            "p",
            "The five largest in each currency of the 7 days before the last snapshot. A movement happened after "
            "the one run and by the other.",
        )
        + table(
            "Largest movements by currency",
            (
                CURRENCY,
                WALLET,
                CUSTOMER,
                Column("Movement", "balance_delta", "figure"),
                Column("Before", "balance_before", "figure"),
                Column("After", "balance_after", "figure"),
                Column("After the run of (UTC)", "changed_after"),
                Column("By (UTC)", "changed_by"),
            ),
            rows,
        ),
    )


def loads(ask: Asked, draw: Draw) -> Section:
    """How fresh and complete the last loads were, what failed, and what looks wrong in the data."""
    runs = ask(queries.RUNS)
    if not runs:
        return empty("loads", "Loads", "There was no load yet.")
    partial = sum(run["completeness"] == "partial" for run in runs)
    summary = (
        f"The last {count(len(runs), 'run')} from {plain(runs[-1]['snapshot_at'])} to "
        f"{plain(runs[0]['snapshot_at'])} UTC: {partial} partial, "
        f"{plain(min(run['wallets_changed'] for run in runs))} to "
        f"{plain(max(run['wallets_changed'] for run in runs))} wallets changed in each."
    )
    content = [
        draw(charts.runs(runs[::-1], summary)),
        element("p", summary),
        details(
            "The runs one by one",
            table(
                f"The last {count(len(runs), 'run')}",
                (
                    Column("Snapshot (UTC)", "snapshot_at"),
                    Column("Completeness", "completeness"),
                    Column("Scope", "scope"),
                    Column("Customers read", "customers_observed", "figure"),
                    Column("Customers failed", "customers_failed", "figure"),
                    Column("Wallets read", "wallets_observed", "figure"),
                    Column("Wallets changed", "wallets_changed", "figure"),
                    Column("Rejected", "records_rejected", "figure"),
                    Column("Seconds", "duration_seconds", "figure"),
                ),
                runs,
            ),
        ),
        element("h3", "What failed"),
        _failures(ask),
        element("h3", "What looks wrong in the data"),
        _findings(ask),
    ]
    return Section("loads", "Loads", joined(content))


def _failures(ask: Asked) -> Markup:
    rows = ask(queries.FAILURES)
    if not rows:
        return element("p", "Nothing since the last complete run of all customers.")
    kinds = Counter(row["what"] for row in rows)
    listing = ", ".join(f"{count} {what}" for what, count in sorted(kinds.items()))
    return (
        element("p", f"Since the last complete run of all customers, of those shown: {listing}.")
        + table(
            "What could not be read or taken since the last complete run",
            (
                Column("Snapshot (UTC)", "snapshot_at"),
                Column("What", "what"),
                Column("Customer", "customer_id", "id"),
                WALLET,
                Column("HTTP", "http_status", "figure"),
                Column("Why", "why"),
            ),
            rows,
        )
        + left_out(rows)
    )


def _findings(ask: Asked) -> Markup:
    rows = ask(queries.FINDINGS)
    if not rows:
        return element("p", "Nothing was found.")
    return table(
        "Findings of the view wallet_data_quality",
        (
            Column("Finding", "finding"),
            Column("How many", "findings", "figure"),
            Column("First (UTC)", "first_found_at"),
            Column("Last (UTC)", "last_found_at"),
        ),
        rows,
    )


def _reached_by(row: Row) -> str:
    if row["is_reached"] and row["is_reached_in_real_time"]:
        return "both"
    return "settled balance" if row["is_reached"] else "real-time balance"
