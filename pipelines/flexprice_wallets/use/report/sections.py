"""The sections of the report: each asks its questions and hands what came of them to its template."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import localcontext
from typing import Any, Final

from flexprice_wallets.use.report import charts, queries
from flexprice_wallets.use.report.asked import Asked, Row
from flexprice_wallets.use.report.calendar_days import months
from flexprice_wallets.use.report.findings import worded
from flexprice_wallets.use.report.formats import change, code, count, money, plain
from flexprice_wallets.use.report.parts import (
    CURRENCY,
    CUSTOMER,
    DAYS_LISTED,
    WALLET,
    Column,
    Draw,
    Section,
    Table,
    by,
    listed_days,
)

_BALANCE: Final = Column("Balance", "balance", "money")


def overview(ask: Asked) -> Section:
    """How fresh the warehouse is and what is outstanding, with the change on a week and a month ago."""
    [fresh] = ask(queries.FRESHNESS)
    days = ask(queries.OUTSTANDING)
    cards = [_card(currency, rows) for currency, rows in by(days, "currency")]
    return Section(
        "overview",
        "Overview",
        "overview.html",
        {"at": fresh["last_snapshot_at"], "state": _state(fresh), "cards": cards},
    )


def _card(currency: str, days: list[Row]) -> dict[str, Any]:
    now = days[-1]
    held: dict[date, Row] = {day["date_day"]: day for day in days}
    changes = []
    for label, back in (("Change in 7 days", 7), ("Change in 30 days", 30)):
        then = held.get(now["date_day"] - timedelta(days=back))
        before = then["outstanding_balance"] if then else None
        changes.append((label, change(now["outstanding_balance"], before, currency)))
    with localcontext(prec=60):
        unsplit = now["outstanding_balance"] - now["broken_down_balance"]
    now = {**now, "unsplit_balance": unsplit}
    parts = (
        ("Purchased", "purchased_balance"),
        ("Free", "free_balance"),
        ("Other", "other_balance"),
        ("Without a current split", "unsplit_balance"),
        ("Frozen, part of it", "frozen_balance"),
        ("Overdrawn, not deducted", "overdrawn_balance"),
        ("In ended wallets, not part of it", "closed_balance"),
    )
    always = {"purchased_balance", "free_balance", "overdrawn_balance"}
    return {
        "currency": currency,
        "outstanding": now["outstanding_balance"],
        "changes": changes,
        "parts": [(label, now[name]) for label, name in parts if now[name] or name in always],
        "wallets": now["wallets"],
    }


def _state(fresh: Row) -> str:
    if fresh["last_snapshot_at"] is None:
        return ""
    complete = fresh["last_complete_snapshot_at"]
    if complete == fresh["last_snapshot_at"]:
        return ". Every customer was read."
    problems = fresh["failures_since_complete"] + fresh["rejections_since_complete"]
    since = (
        f"every customer was last read at {plain(complete)} UTC"
        if complete
        else "never yet was every customer read"
    )
    return f". Not every customer is as recent: {since}; {count(problems, 'record')} could not be read since."


def outstanding(ask: Asked, draw: Draw) -> Section:
    """What is outstanding in each currency over time, in its parts."""
    items = []
    for currency, days in by(ask(queries.OUTSTANDING), "currency"):
        first, last = days[0], days[-1]
        unseen = sum(not day["is_observed"] for day in days)
        summary = (
            f"Outstanding in {code(currency)}: {_said(first, currency)} on {first['date_day']}, "
            f"{_said(last, currency)} on {last['date_day']}"
            + (f"; {count(unseen, 'day')} without a load." if unseen else ".")
        )
        columns = (
            Column("Day", "date_day", "time"),
            Column("Outstanding", "outstanding_balance", "money"),
            Column("Purchased", "purchased_balance", "money"),
            Column("Free", "free_balance", "money"),
            Column("Other", "other_balance", "money"),
            Column("Overdrawn", "overdrawn_balance", "money"),
            Column("Wallets", "wallets", "number"),
            Column("Load that day", "is_observed"),
        )
        table = Table(
            f"Outstanding in {code(currency)}: the last {DAYS_LISTED} days, before them each month's last",
            columns,
            listed_days(days),
        )
        place = draw(charts.outstanding(currency, days, summary))
        items.append({"currency": currency, "place": place, "table": table})
    return Section("outstanding", "Outstanding", "outstanding.html", {"currencies": items})


def _said(day: Row, currency: str) -> str:
    return money(day["outstanding_balance"], currency).shown


def running_out(ask: Asked, *, names_owner: bool = True) -> Section:
    """Wallets whose credits will be used up within 30 days, the most money first in each currency."""
    rows = ask(queries.RUNNING_OUT)
    sentence = "At its present use, no prepaid wallet runs out within 30 days."
    if rows:
        sentence = (
            f"{count(rows[0]['total'], 'prepaid wallet')} will be used up within 30 days, "
            f"{plain(rows[0]['within_7_days'])} of them within 7, at the pace of the last 7 days (of the last 30 where "
            "nothing was used in those) and after pending charges. Empty, frozen and post-paid wallets are left out."
        )
    if any(moved.is_recent for moved in ask.moved.values()):
        sentence += " Wallets that changed hands in the last 30 days are left out, too."
    owner = (CUSTOMER,) if names_owner else ()
    columns = (
        *owner,
        WALLET,
        _BALANCE,
        Column("After pending charges", "balance_after_pending", "money"),
        CURRENCY,
        Column("Days left", "days_left", "quantity"),
        Column("Used up on", "depletion_day", "time"),
        Column("Credits a day, 7 days", "credits_per_day_7_days", "quantity"),
        Column("Credits a day, 30 days", "credits_per_day_30_days", "quantity"),
    )
    table = Table(
        "Soon used up, by currency, the most money first",
        columns,
        rows,
        rows[0]["total"] if rows else 0,
    )
    return _list("running-out", "Soon used up", sentence, table)


def alerts(ask: Asked, *, names_owner: bool = True) -> Section:
    """Thresholds that are reached now, of wallets with alerts switched on."""
    rows = [_since_it_is_theirs(ask, row) for row in ask(queries.ALERTS)]
    sentence = "No wallet with alerts switched on has reached a threshold."
    if rows:
        sentence = (
            f"{count(rows[0]['total'], 'threshold')} reached, {plain(rows[0]['critical'])} of them critical, by the "
            "settled balance or by the real-time balance as last observed."
        )
    owner = (CUSTOMER,) if names_owner else ()
    columns = (
        *owner,
        WALLET,
        Column("Level", "level"),
        Column("Alert when", "condition"),
        Column("Threshold", "threshold", "money"),
        _BALANCE,
        Column("Real-time balance", "real_time_balance", "money"),
        CURRENCY,
        Column("Reached by", "reached_by"),
        Column("Since (UTC)", "reached_since", "time"),
    )
    table = Table(
        "Thresholds reached, by currency, those furthest past their threshold first",
        columns,
        rows,
        rows[0]["total"] if rows else 0,
    )
    return _list("alerts", "Alerts", sentence, table)


def _since_it_is_theirs(ask: Asked, row: Row) -> Row:
    """A reached threshold, on a page about one customer no earlier than it was that customer's."""
    since = ask.holding(row).since
    if since is None or row["reached_since"] is None:
        return row
    return {**row, "reached_since": max(since, row["reached_since"])}


def movements(ask: Asked) -> Section:
    """The biggest movements of each currency in the last seven days, whatever caused them."""
    rows = ask(queries.MOVEMENTS)
    moved = [row for row in rows if not row["is_currency_changed"]]
    restated = [row for row in rows if row["is_currency_changed"]]
    sentence = "No balance moved in the 7 days before the last load."
    if rows:
        total = sum(group[0]["total"] for group in (moved, restated) if group)
        sentence = (
            f"{count(total, 'movement')} in the 7 days before the last load. The five largest of each currency are "
            "shown, whatever their cause: use, top-ups, ended and returned wallets, changes of rate."
        )
    before = Column("Before", "balance_before", "money", currency="currency_before")
    after = Column("After", "balance_after", "money")
    times = (
        Column("After the load of (UTC)", "changed_after", "time"),
        Column("Seen by that of (UTC)", "changed_by", "time"),
    )
    what = Column("What", "what")
    shown = [{**row, "currency_before": row["currency_before"] or row["currency"]} for row in moved]
    table = Table(
        "Largest movements, by currency",
        (
            CUSTOMER,
            WALLET,
            what,
            Column("Movement", "balance_delta", "money"),
            before,
            after,
            CURRENCY,
            *times,
        ),
        shown,
    )
    changed = Table(
        "Wallets that changed their currency: before and after cannot be compared",
        (
            CUSTOMER,
            WALLET,
            before,
            Column("Was in", "currency_before", "code"),
            after,
            Column("Is in", "currency", "code"),
            *times,
        ),
        restated,
        restated[0]["total"] if restated else 0,
    )
    return _list("movements", "Largest movements", sentence, table, changed)


def loads(ask: Asked) -> Section:
    """On which days there was a load, how complete it was, and what could not be read."""
    runs = ask(queries.RUNS)
    days = ask(queries.LOAD_DAYS)
    failures = ask(queries.FAILURES)
    if not runs:
        return _list("loads", "Loads", "There was no load yet.")
    span = (days[-1]["date_day"] - days[0]["date_day"]).days + 1
    sentence = (
        f"{count(len(days), 'day')} with a load of {count(span, 'day')} from {days[0]['date_day']} to "
        f"{days[-1]['date_day']}."
    )
    failed = "Nothing since the last load that read every customer."
    if failures:
        total, rejected = failures[0]["total"], failures[0]["rejected"]
        failed = (
            f"Since the last load that read every customer, {count(total - rejected, 'read')} failed and "
            f"{count(rejected, 'record')} could not be taken. What was known before stays as it was."
        )
    data = {
        "sentence": sentence,
        "months": months(days),
        "runs": Table(
            f"The last {count(len(runs), 'load')}",
            (
                Column("Load (UTC)", "snapshot_at", "time"),
                Column("Completeness", "completeness"),
                Column("Scope", "scope"),
                Column("Customers read", "customers_observed", "number"),
                Column("Not read", "customers_failed", "number"),
                Column("Wallets read", "wallets_observed", "number"),
                Column("Changed", "wallets_changed", "number"),
                Column("Rejected", "records_rejected", "number"),
                Column("Seconds", "duration_seconds", "quantity"),
            ),
            runs,
        ),
        "failed": failed,
        "failures": Table(
            "What could not be read or taken",
            (
                Column("Load (UTC)", "snapshot_at", "time"),
                Column("What", "what"),
                CUSTOMER,
                WALLET,
                Column("HTTP", "http_status", "rate"),
                Column("Why", "why", "prose"),
            ),
            failures,
            failures[0]["total"] if failures else 0,
        ),
    }
    return Section("loads", "Loads", "loads.html", data)


def findings(ask: Asked, schema: str) -> Section:
    """What looks wrong in the data, in words, with what to do."""
    found = [worded(row) for row in ask(queries.FINDINGS)]
    return Section(
        "findings", "To look into", "findings.html", {"findings": found, "schema": schema}
    )


def _list(anchor: str, heading: str, sentence: str, *tables: Table) -> Section:
    return Section(anchor, heading, "list.html", {"sentence": sentence, "tables": tables})
