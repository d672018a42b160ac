"""The sections of the report about the ledger: the books by month, what expires, breakage, reconciliation."""

from __future__ import annotations

from decimal import localcontext
from typing import Final

from flexprice_wallets.use.report import charts, ledger_queries
from flexprice_wallets.use.report.asked import Asked, Row
from flexprice_wallets.use.report.formats import code, count, money
from flexprice_wallets.use.report.holdings import Holding
from flexprice_wallets.use.report.parts import (
    CURRENCY,
    CUSTOMER,
    WALLET,
    Column,
    Draw,
    Section,
    Table,
    by,
)

_NO_LEDGER: Final = "The warehouse has no ledger: load it with --ledger to see this."
_LINES: Final = (
    "purchased", "granted", "refunded", "adjusted", "used", "expired", "terminated", "other", "revaluation",
    "unexplained",
)  # fmt: skip
_STATES: Final = {
    "reconciled": ("reconciled", "reconciled"),
    "in_flight": ("in flight (the next load will tell)", "in flight (the next load will tell)"),
    "differs": ("differs", "differ"),
    "no_ledger": ("without a ledger", "without a ledger"),
}
#: What to do about each finding of a wallet that differs, by how the finding begins.
_TODO: Final = {
    "a transaction changed": "Ask Flexprice who changed it and why; the books were closed on the earlier figures.",
    "the balances of two": (
        "Look for rejected transactions in the view rejections, then ask Flexprice for the missing one."
    ),
    "what is left": "Ask Flexprice which is right, the balance or what is left of the credits.",
}
_TODO_OTHERWISE: Final = "Load again; if it still differs, ask Flexprice what changed the balance."


def has_ledger(ask: Asked) -> bool:
    """Whether a ledger was ever read into the warehouse."""
    [row] = ask(ledger_queries.HAS_LEDGER)
    return bool(row["has_ledger"])


def roll_forward(ask: Asked, draw: Draw) -> Section:
    """The books of each currency by month: opening, what moved and closing."""
    if not has_ledger(ask):
        return _said("roll-forward", "Books by month", _NO_LEDGER)
    items = []
    for currency, months in by(ask(ledger_queries.ROLL_FORWARD), "currency"):
        first, last = months[0], months[-1]
        unexplained = sum(month["unexplained_amount"] != 0 for month in months)
        summary = (
            f"Books in {code(currency)}, {_month(first)} to {_month(last)}: "
            f"opening {money(first['opening_amount'], currency).shown}, "
            f"closing {money(last['closing_amount'], currency).shown}; "
            + (
                f"{count(unexplained, 'month')} with movements that the ledger does not explain."
                if unexplained
                else "the ledger explains every movement."
            )
        )
        moved = [line for line in _LINES if any(month[f"{line}_amount"] for month in months)]
        columns = (
            Column("Month", "month", "time"),
            Column("Opening", "opening_amount", "money"),
            *(Column(line.capitalize(), f"{line}_amount", "money") for line in moved),
            Column("Closing", "closing_amount", "money"),
            Column("Is over", "is_over"),
        )
        table = Table(
            f"Books in {code(currency)} by month (UTC), the latest first", columns, months[::-1]
        )
        place = draw(charts.roll_forward(currency, months, summary))
        items.append({"currency": currency, "place": place, "table": table})
    return Section("roll-forward", "Books by month", "roll_forward.html", {"currencies": items})


def expiring(ask: Asked, *, names_owner: bool = True) -> Section:
    """Credits that expire within 30 days of the last load, the most money first in each currency."""
    heading = "Credits that expire"
    if not has_ledger(ask):
        return _said("expiring", heading, _NO_LEDGER)
    rows = ask(ledger_queries.EXPIRING)
    if not rows:
        return _said("expiring", heading, "No credits expire within 30 days.")
    sums = ", ".join(
        f"{code(currency)} {money(group[0]['currency_amount'], currency).shown}"
        for currency, group in by(rows, "currency")
    )
    table = Table(
        "Credits that expire within 30 days, by currency, the most money first",
        (
            *((CUSTOMER,) if names_owner else ()),
            WALLET,
            Column("Expires on", "date_day", "time"),
            Column("Amount", "expiring_amount", "money"),
            Column("Of it purchased", "purchased_amount", "money"),
            CURRENCY,
            Column("Credits", "expiring_credits", "quantity"),
            Column("Overdue", "is_overdue"),
        ),
        rows,
        rows[0]["total"],
    )
    sentence = f"{sums} will expire within 30 days or is overdue, if not used before. Ended wallets are left out."
    return _said("expiring", heading, sentence, table)


def breakage(ask: Asked) -> Section:
    """What expired or was closed with money, by month."""
    if not has_ledger(ask):
        return _said("breakage", "Breakage", _NO_LEDGER)
    names = ("expired_amount", "terminated_amount", "lapsed_amount")
    rows = [
        {**row, **{name: -row[name] for name in names}}
        for row in ask(ledger_queries.ROLL_FORWARD)
        if row["expired_amount"] or row["terminated_amount"]
    ]
    if not rows:
        return _said("breakage", "Breakage", "No credits expired or were closed with money.")
    sums = ", ".join(
        f"{code(currency)} {money(sum(row['lapsed_amount'] for row in group), currency).shown}"
        for currency, group in by(rows, "currency")
    )
    table = Table(
        "Breakage by currency and month (UTC)",
        (
            Column("Month", "month", "time"),
            Column("Expired", "expired_amount", "money"),
            Column("Closed with money", "terminated_amount", "money"),
            Column("Breakage", "lapsed_amount", "money"),
            CURRENCY,
        ),
        rows,
    )
    sentence = (
        f"{sums} expired or was closed with money in the last {ledger_queries.MONTHS_SHOWN} months."
    )
    return _said("breakage", "Breakage", sentence, table)


def reconciliation(ask: Asked, *, names_owner: bool = True) -> Section:
    """Whether the ledger explains the balances, and each wallet of which it does not, with what to do."""
    heading = "Reconciliation"
    if not has_ledger(ask):
        return _said("reconciliation", heading, _NO_LEDGER)
    states = {row["state"]: row["wallets"] for row in ask(ledger_queries.RECONCILED)}
    counts = ", ".join(
        f"{count(states[state], 'wallet')} {one if states[state] == 1 else many}"
        for state, (one, many) in _STATES.items()
        if state in states
    )
    differing = [{**row, "todo": _todo(row["finding"])} for row in ask(ledger_queries.DIFFERING)]
    table = Table(
        "Wallets whose balance the ledger does not explain",
        (
            *((CUSTOMER,) if names_owner else ()),
            WALLET,
            Column("Observed credits", "observed_credits", "quantity"),
            Column("Credits by the ledger", "ledger_credits", "quantity"),
            Column("Difference", "difference_credits", "quantity"),
            CURRENCY,
            Column("Why", "finding", "prose"),
            Column("What to do", "todo", "prose"),
        ),
        differing,
        differing[0]["total"] if differing else 0,
    )
    sentence = f"{counts}." if counts else "No balance was observed yet."
    return _said("reconciliation", heading, sentence, table)


def lines(ask: Asked, holding: Holding) -> Table:
    """One wallet's ledger in the hands of one customer, line by line."""
    rows = [_line(row) for row in ask(ledger_queries.WALLET_LEDGER, **holding.parameters)]
    return Table(
        "Ledger, the latest first; what is not completed does not count",
        (
            Column("When (UTC)", "happened_at", "time"),
            Column("What", "movement"),
            Column("Status", "transaction_status"),
            Column("Credits", "credits", "quantity"),
            Column("Amount", "amount", "money"),
            CURRENCY,
            Column("Credits after", "credit_balance_after", "quantity"),
            Column("Expires (UTC)", "expires_at", "time"),
            Column("Description", "description", "prose"),
        ),
        rows,
        rows[0]["total"] if rows else 0,
    )


def _line(row: Row) -> Row:
    """A line with what a transaction that is not completed would move, and without a balance after it."""
    if row["transaction_status"] == "completed":
        return {**row, "credits": row["credit_delta"], "amount": row["balance_delta"]}
    sign = -1 if row["transaction_type"] == "debit" else 1
    with localcontext(prec=60):
        moved = {
            name: None if row[figure] is None else sign * row[figure]
            for name, figure in (("credits", "credit_amount"), ("amount", "amount"))
        }
    return {**row, **moved, "credit_balance_after": None}


def _todo(finding: str) -> str:
    return next(
        (todo for start, todo in _TODO.items() if finding.startswith(start)), _TODO_OTHERWISE
    )


def _month(row: Row) -> str:
    return f"{row['month']:%Y-%m}"


def _said(anchor: str, heading: str, sentence: str, *tables: Table) -> Section:
    return Section(anchor, heading, "list.html", {"sentence": sentence, "tables": tables})
