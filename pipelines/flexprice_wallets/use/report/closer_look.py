"""A closer look at one wallet, or at each wallet of a customer: its balance, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from flexprice_wallets.errors import NotFound
from flexprice_wallets.use.report import (
    charts,
    ledger_curve,
    ledger_queries,
    ledger_sections,
    queries,
)
from flexprice_wallets.use.report.asked import Asked, Row
from flexprice_wallets.use.report.formats import code, count, money, plain
from flexprice_wallets.use.report.holdings import Holding
from flexprice_wallets.use.report.parts import (
    CURRENCY,
    WALLET,
    Column,
    Draw,
    Section,
    Subject,
    Table,
)

#: Wallets of one customer that are drawn.
_WALLETS_DRAWN: Final = 12


def closer_look(ask: Asked, draw: Draw, subject: Subject) -> tuple[str, Section]:
    """The chosen wallet or the chosen customer's wallets: a title for the page, and the section.

    Raises:
        NotFound: the warehouse knows no such wallet or customer.
    """
    wallets = [_known(ask, wallet) for wallet in ask(queries.SUBJECT_WALLETS)]
    if not wallets:
        raise NotFound(
            f"The warehouse knows no wallet of --{subject.kind} {subject.id}: look for it in the view wallets."
        )
    customer = wallets[0]["customer"] or wallets[0]["customer_id"]
    title = f"Wallets of {customer}"
    if subject.kind == "wallet":
        title = f"{wallets[0]['wallet'] or 'Wallet'} of {customer}"
    [fresh] = ask(queries.FRESHNESS)
    columns = (
        WALLET,
        Column("Balance", "balance", "money"),
        CURRENCY,
        Column("Credits", "credit_balance", "quantity"),
        Column("Money for a credit", "conversion_rate", "rate"),
        Column("Status", "wallet_status"),
        Column("Ended", "ended"),
        Column("Last read (UTC)", "last_observed_at", "time"),
    )
    drawn = wallets[:_WALLETS_DRAWN]
    reconciled = {row["wallet_id"] for row in ask(ledger_queries.RECONCILED_WALLETS)}
    data = {
        "at": fresh["last_snapshot_at"],
        "wallets": Table(f"Wallets of {customer}", columns, wallets, wallets[0]["total"]),
        "drawn": [
            _drawn(ask, draw, wallet, is_reconciled=wallet["wallet_id"] in reconciled)
            for wallet in drawn
        ],
        "undrawn": wallets[0]["total"] - len(drawn),
    }
    return title, Section("closer-look", "Balance", "subject.html", data)


def _known(ask: Asked, wallet: Row) -> Row:
    """The wallet without figures that were read when it was somebody else's."""
    moved = ask.holding(wallet).moved
    if moved and moved.is_unread:
        return {**wallet, "balance": None, "credit_balance": None}
    return wallet


def _drawn(ask: Asked, draw: Draw, wallet: Row, *, is_reconciled: bool) -> dict[str, Any]:
    holding = ask.holding(wallet)
    history = ask(queries.SUBJECT_HISTORY, **holding.parameters)
    rises = ask(queries.SUBJECT_TOP_UPS, **holding.parameters)
    lines = ledger_sections.lines(ask, holding)
    first_observed_at = history[0]["valid_from"] if history else None
    # A ledger that does not add up to the balance that was read would draw another one.
    curve = _by_ledger(ask, holding, first_observed_at) if is_reconciled else []
    source = "by the ledger" if curve else "as loads read it"
    steps = curve or history
    marks = ledger_curve.rises(curve) if curve else rises
    # Amounts of two currencies have no axis in common: each time in one currency is drawn by itself.
    spells = [
        list(rows) for _, rows in groupby(ledger_curve.thinned(steps), lambda row: row["currency"])
    ]
    return {
        "id": wallet["wallet_id"],
        "name": wallet["wallet"],
        "since": holding.since,
        "is_unread": bool(holding.moved and holding.moved.is_unread),
        "charts": [
            draw(_spell(shown, marks, wallet, f"{source}{span}"))
            for rows in spells
            for span, shown in ledger_curve.with_closer_look(rows, wallet["last_observed_at"])
        ],
        "is_unexplained": bool(lines.rows and history and not curve),
        "ledger": lines,
        "balances": Table(
            "Balances, the latest first",
            (
                Column("From (UTC)", "valid_from", "time"),
                Column("Until (UTC)", "valid_to", "time"),
                Column("Balance", "balance", "money"),
                CURRENCY,
                Column("Credits", "credit_balance", "quantity"),
                Column("Free credits", "free_credits", "quantity"),
                Column("Purchased credits", "purchased_credits", "quantity"),
            ),
            history[::-1],
        ),
        "top_ups": Table(
            "Rises of the balance between two loads, the latest first",
            (
                Column("Seen by the load of (UTC)", "changed_by", "time"),
                Column("After that of (UTC)", "changed_after", "time"),
                Column("Amount", "balance_delta", "money"),
                CURRENCY,
                Column("Credits", "credit_balance_delta", "quantity"),
                Column("Balance after", "balance_after", "money"),
            ),
            rises[::-1],
        ),
    }


def _by_ledger(ask: Asked, holding: Holding, first_observed_at: datetime | None) -> list[Row]:
    """The balance as the ledger tells it."""
    intervals = ask(ledger_queries.WALLET_STEPS, wallet=holding.wallet_id)
    return ledger_curve.own_steps(intervals, holding, first_observed_at)


def _spell(rows: list[Row], rises: Sequence[Row], wallet: Row, source: str) -> charts.Chart:
    """The chart of a time in which the wallet had one currency."""
    currency, first, last = rows[0]["currency"], rows[0], rows[-1]
    until = last["valid_to"] or max(last["valid_from"], wallet["last_observed_at"])
    marked = [
        rise
        for rise in rises
        if rise["currency"] == currency and first["valid_from"] <= rise["changed_by"] <= until
    ]
    summary = (
        f"Balance in {code(currency)} {source}: {money(first['balance'], currency).shown} from "
        f"{plain(first['valid_from'])} UTC, {money(last['balance'], currency).shown} at {plain(until)} UTC; "
        f"{count(len(rows), 'step')}, {count(len(marked), 'rise')}."
    )
    return charts.balance_steps(rows, marked, until, summary)
