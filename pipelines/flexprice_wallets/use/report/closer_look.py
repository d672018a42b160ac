"""A closer look at one wallet, or at each wallet of a customer: its balance, step by step."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Final

from flexprice_wallets.errors import NotFound
from flexprice_wallets.use.report import charts, ledger_sections, queries
from flexprice_wallets.use.report.formats import code, count, money, plain
from flexprice_wallets.use.report.parts import (
    CURRENCY,
    WALLET,
    Column,
    Draw,
    Section,
    Subject,
    Table,
)
from flexprice_wallets.use.report.queries import Asked, Row

#: Wallets of one customer that are drawn.
_WALLETS_DRAWN: Final = 12


def closer_look(ask: Asked, draw: Draw, subject: Subject) -> tuple[str, Section]:
    """The chosen wallet or the chosen customer's wallets: a title for the page, and the section.

    Raises:
        NotFound: the warehouse knows no such wallet or customer.
    """
    wallets = ask(queries.SUBJECT_WALLETS, subject.id, column=f"{subject.kind}_id")
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
    data = {
        "at": fresh["last_snapshot_at"],
        "wallets": Table(f"Wallets of {customer}", columns, wallets, wallets[0]["total"]),
        "drawn": [_drawn(ask, draw, wallet) for wallet in drawn],
        "undrawn": wallets[0]["total"] - len(drawn),
    }
    return title, Section("closer-look", "Balance", "subject.html", data)


def _drawn(ask: Asked, draw: Draw, wallet: Row) -> dict[str, Any]:
    history = ask(queries.SUBJECT_HISTORY, wallet["wallet_id"])
    rises = ask(queries.SUBJECT_TOP_UPS, wallet["wallet_id"])
    # Amounts of two currencies have no axis in common: each time in one currency is drawn by itself.
    spells = [list(rows) for _, rows in groupby(history, lambda row: row["currency"])]
    return {
        "id": wallet["wallet_id"],
        "name": wallet["wallet"],
        "charts": [draw(_spell(rows, rises, wallet)) for rows in spells],
        "ledger": ledger_sections.lines(ask, wallet["wallet_id"]),
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


def _spell(rows: list[Row], rises: list[Row], wallet: Row) -> charts.Chart:
    """The chart of a time in which the wallet had one currency."""
    currency, first, last = rows[0]["currency"], rows[0], rows[-1]
    until = last["valid_to"] or wallet["last_observed_at"]
    marked = [
        rise
        for rise in rises
        if rise["currency"] == currency and first["valid_from"] <= rise["changed_by"] <= until
    ]
    summary = (
        f"Balance in {code(currency)} from {plain(first['valid_from'])} UTC, "
        f"{money(first['balance'], currency).shown}, to {plain(until)} UTC, "
        f"{money(last['balance'], currency).shown}: {count(len(rows), 'step')}, {count(len(marked), 'rise')}."
    )
    return charts.balance_steps(rows, marked, until, summary)
