"""The sections of the report about the ledger: the books by month, what expires, breakage, reconciliation."""

from __future__ import annotations

from decimal import localcontext
from typing import Final

from flexprice_wallets.use.report import charts, ledger_queries
from flexprice_wallets.use.report.asked import Asked, Row
from flexprice_wallets.use.report.formats import code, count, money, month
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

_LINES: Final = (
    "purchased", "granted", "refunded", "adjusted", "used", "expired", "terminated", "other", "revaluation",
    "unexplained",
)  # fmt: skip
_HEADINGS: Final = {"terminated": "Lost with wallets"}
_STATES: Final = {
    "reconciled": ("agrees", "agree"),
    "in_flight": ("cannot be told until the next load", "cannot be told until the next load"),
    "differs": ("differs", "differ"),
    "no_ledger": ("has no ledger", "have no ledger"),
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


def no_ledger() -> Section:
    """What stands in place of the sections about the ledger where none was read."""
    sentence = (
        "No load has read the ledger. With it (`flexprice-wallets load --ledger`), the books by month, what expires, "
        "breakage and the reconciliation would stand here."
    )
    return _said("ledger", "Ledger", sentence)


def roll_forward(ask: Asked, draw: Draw) -> Section:
    """The books of each currency by month: opening, what moved and closing."""
    items = []
    for currency, months in by(ask(ledger_queries.ROLL_FORWARD), "currency"):
        first, last = months[0], months[-1]
        unexplained = sum(row["unexplained_amount"] != 0 for row in months)
        summary = (
            f"Books in {code(currency)}, {month(first['month'])} to {month(last['month'])}: "
            f"opening {money(first['opening_amount'], currency).shown}, "
            f"closing {money(last['closing_amount'], currency).shown}; "
            + (
                f"{count(unexplained, 'month')} with movements that the ledger does not explain."
                if unexplained
                else "the ledger explains every movement."
            )
        )
        moved = [line for line in _LINES if any(row[f"{line}_amount"] for row in months)]
        ended = [Column("Of it in ended wallets", "closing_ended_amount", "money")]
        if not any(row["closing_ended_amount"] for row in months):
            ended = []
        columns = (
            Column("Month", "month", "month"),
            Column("Opening", "opening_amount", "money"),
            *(
                Column(_HEADINGS.get(line, line.capitalize()), f"{line}_amount", "money")
                for line in moved
            ),
            Column("Closing", "closing_amount", "money"),
            *ended,
        )
        running = "" if last["is_over"] else f"; {month(last['month'])} is not over"
        caption = f"Books in {code(currency)} by month (UTC), the latest first{running}"
        table = Table(caption, columns, months[::-1])
        place = draw(charts.roll_forward(currency, months, summary))
        items.append({"currency": currency, "place": place, "table": table})
    return Section("roll-forward", "Books by month", "roll_forward.html", {"currencies": items})


def expiring(ask: Asked, *, names_owner: bool = True) -> Section:
    """Credits that expire within 30 days of the last load, the most money first in each currency."""
    heading = "Credits that expire"
    rows = ask(ledger_queries.EXPIRING)
    if not rows:
        return _said("expiring", heading, "No credits expire in the 30 days after the last load.")
    sums = ", ".join(
        f"{code(currency)} {money(group[0]['currency_amount'], currency).shown}"
        for currency, group in by(rows, "currency")
    )
    table = Table(
        "Soon expired, by currency, the most money first",
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
    sentence = (
        f"{sums} in credits that expire in the 30 days after the last load, if they are not used before, or should "
        "have expired already. Ended wallets are left out."
    )
    return _said("expiring", heading, sentence, table)


def breakage(ask: Asked) -> Section:
    """What expired or was closed with money, by month."""
    months = ask(ledger_queries.BREAKAGE)
    rows = [row for row in months if row["expired_amount"] or row["closed_amount"]]
    if not rows:
        return _said("breakage", "Breakage", "No credits expired or were lost with a wallet.")
    sums = ", ".join(
        f"{code(currency)} {money(group[0]['currency_amount'], currency).shown}"
        for currency, group in by(rows, "currency")
    )
    table = Table(
        "Breakage by currency and month (UTC), the latest first",
        (
            Column("Month", "month", "month"),
            Column("Expired", "expired_amount", "money"),
            Column("Lost with wallets", "closed_amount", "money"),
            Column("Breakage", "breakage_amount", "money"),
            CURRENCY,
            Column("Is over", "is_over"),
        ),
        rows,
    )
    first = min(row["month"] for row in months)
    sentence = (
        f"Credits that expired or were lost when their wallet was closed, since {month(first)}: {sums}. Money that "
        "still stands in ended wallets is no breakage yet."
    )
    return _said("breakage", "Breakage", sentence, table)


def reconciliation(ask: Asked, *, names_owner: bool = True) -> Section:
    """Whether the ledger explains the balances, and each wallet of which it does not, with what to do."""
    heading = "Reconciliation"
    states = {row["state"]: row["wallets"] for row in ask(ledger_queries.RECONCILED)}
    counts = ", ".join(
        f"{count(states[state], 'wallet')} {one if states[state] == 1 else many}"
        for state, (one, many) in _STATES.items()
        if state in states
    )
    differing = [{**row, "todo": _todo(row["finding"])} for row in ask(ledger_queries.DIFFERING)]
    table = Table(
        "Wallets whose balance the ledger does not explain, by currency, the largest difference first",
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
    sentence = "No balance was observed yet."
    if counts:
        sentence = f"The ledger beside the balance that was last read of each wallet: {counts}."
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


def _said(anchor: str, heading: str, sentence: str, *tables: Table) -> Section:
    return Section(anchor, heading, "list.html", {"sentence": sentence, "tables": tables})
