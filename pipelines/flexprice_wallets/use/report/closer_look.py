"""A closer look at one wallet, or at each wallet of a customer: its balance, step by step."""

from __future__ import annotations

from typing import Final

from flexprice_wallets.errors import ConfigurationError
from flexprice_wallets.use.report import charts, queries
from flexprice_wallets.use.report.html import Column, Markup, details, element, joined, plain, table
from flexprice_wallets.use.report.parts import (
    CURRENCY,
    WALLET,
    Draw,
    Section,
    Subject,
    count,
    left_out,
)
from flexprice_wallets.use.report.queries import Asked, Row

#: Wallets of one customer that are drawn.
_WALLETS_DRAWN: Final = 12


def closer_look(ask: Asked, draw: Draw, subject: Subject) -> Section:
    """The chosen wallet, or the chosen customer's wallets, with balances as steps and top-ups marked.

    Raises:
        ConfigurationError: the warehouse knows no such wallet or customer.
    """
    wallets = ask(queries.SUBJECT_WALLETS, subject.id, column=f"{subject.kind}_id")
    if not wallets:
        raise ConfigurationError(
            f"The warehouse knows no wallet of --{subject.kind} {subject.id}: look for it in the view wallets."
        )
    name = wallets[0]["customer"]
    heading = (
        f"Wallet {subject.id}" if subject.kind == "wallet" else f"Customer {name or subject.id}"
    )
    content = [
        table(
            f"{count(wallets[0]['total'], 'wallet')} of {name or wallets[0]['customer_id']}",
            (
                WALLET,
                Column("Name", "wallet"),
                Column("Balance", "balance", "figure"),
                CURRENCY,
                Column("Credits", "credit_balance", "figure"),
                Column("Free credits", "free_credits", "figure"),
                Column("Purchased credits", "purchased_credits", "figure"),
                Column("Rate", "conversion_rate", "figure"),
                Column("Status", "wallet_status"),
                Column("Ended", "ended"),
                Column("Last observed (UTC)", "last_observed_at"),
            ),
            wallets,
        ),
        left_out(wallets),
    ]
    drawn = wallets[:_WALLETS_DRAWN]
    blocks = [_wallet_steps(ask, draw, wallet, level="h3") for wallet in drawn]
    content.append(element("div", *blocks, class_="grid" if len(blocks) > 1 else "single"))
    if len(wallets) > len(drawn):
        content.append(
            element(
                "p", f"Drawn are the first {len(drawn)}; name one with --wallet.", class_="note"
            )
        )
    return Section("closer-look", heading, joined(content), label=f"This {subject.kind}")


def _wallet_steps(ask: Asked, draw: Draw, wallet: Row, level: str) -> Markup:
    history = ask(queries.SUBJECT_HISTORY, wallet["wallet_id"])
    top_ups = ask(queries.SUBJECT_TOP_UPS, wallet["wallet_id"])
    heading = element(
        level, f"{wallet['wallet'] or 'Unnamed wallet'} ", element("code", wallet["wallet_id"])
    )
    if not history:
        return element("section", heading, element("p", "No balance was observed."))
    until = wallet["last_observed_at"]
    summary = (
        f"Balance from {plain(history[0]['valid_from'])} UTC, {plain(history[0]['balance'])} "
        f"{history[0]['currency']}, to {plain(until)} UTC, {plain(wallet['balance'])} {wallet['currency']}, "
        f"in {count(len(history), 'step')} with {count(len(top_ups), 'top-up')}."
    )
    latest_first = history[::-1]
    return element(
        "section",
        heading,
        draw(charts.balance_steps(history, top_ups, until, summary)),
        element("p", summary),
        details(
            "Balances",
            table(
                f"Balances of {wallet['wallet_id']}, the latest first",
                (
                    Column("From (UTC)", "valid_from"),
                    Column("Until (UTC)", "valid_to"),
                    Column("Balance", "balance", "figure"),
                    CURRENCY,
                    Column("Credits", "credit_balance", "figure"),
                    Column("Free", "free_credits", "figure"),
                    Column("Purchased", "purchased_credits", "figure"),
                ),
                latest_first,
            ),
        ),
        details(
            "Top-ups",
            table(
                f"Top-ups of {wallet['wallet_id']}: rises of the balance between two runs, the latest first",
                (
                    Column("By (UTC)", "changed_by"),
                    Column("After the run of (UTC)", "changed_after"),
                    Column("Amount", "balance_delta", "figure"),
                    Column("Credits", "credit_balance_delta", "figure"),
                    Column("Balance after", "balance_after", "figure"),
                ),
                top_ups[::-1],
            ),
        )
        if top_ups
        else "",
    )
