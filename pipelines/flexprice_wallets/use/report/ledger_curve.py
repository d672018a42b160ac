"""A wallet's balance to the instant, as its ledger tells it, in the hands of one customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import localcontext
from itertools import pairwise
from typing import Final

from flexprice_wallets.use.report.asked import Row
from flexprice_wallets.use.report.holdings import Holding

#: A curve of more steps is drawn with the last step of each day: no screen shows more.
STEPS_DRAWN: Final = 1000

#: A curve of more time than this is drawn twice, the second time of its end only if that has some steps.
_LONG: Final = timedelta(days=90)
_CLOSE: Final = timedelta(days=30)
_MUCH: Final = 4


def own_steps(
    intervals: Sequence[Row], holding: Holding, first_observed_at: datetime | None
) -> list[Row]:
    """The intervals of `wallet_ledger_history` in which the wallet was this customer's, in order of time.

    An interval that began under another owner begins where the present one is known to hold the wallet:
    `first_observed_at` is the start of the first balance that a load read as this customer's.
    """
    start = holding.since
    if start is None and any(row["customer_id"] != holding.customer_id for row in intervals):
        # It changed hands before the first load: only the transactions say so.
        known = [
            row["valid_from"] for row in intervals if row["customer_id"] == holding.customer_id
        ]
        known += [] if first_observed_at is None else [first_observed_at]
        if not known:
            return []
        start = min(known)
    if start is None:
        return list(intervals)
    return [
        {**row, "valid_from": max(row["valid_from"], start)}
        for row in intervals
        if row["valid_to"] is None or row["valid_to"] > start
    ]


def rises(steps: Sequence[Row]) -> list[Row]:
    """Where the credits rose, in the form of a rise between two loads. A new rate or currency is no rise."""
    with localcontext(prec=60):
        return [
            {
                "currency": after["currency"],
                "changed_by": after["valid_from"],
                "balance_delta": after["balance"] - before["balance"],
                "balance_after": after["balance"],
            }
            for before, after in pairwise(steps)
            if before["currency"] == after["currency"]
            and before["conversion_rate"] == after["conversion_rate"]
            and before["credit_balance"] < after["credit_balance"]
        ]


def thinned(steps: Sequence[Row]) -> list[Row]:
    """The steps, or the last one of each day (UTC) and currency where there are very many."""
    if len(steps) <= STEPS_DRAWN:
        return list(steps)
    last = {(row["valid_from"].astimezone(UTC).date(), row["currency"]): row for row in steps}
    return sorted(last.values(), key=lambda row: row["valid_from"])


def with_closer_look(steps: Sequence[Row], until: datetime) -> list[tuple[str, list[Row]]]:
    """The steps; where they span many months, once more as of the last 30 days if much happened in them.

    With each, what its words say of its time.
    """
    whole = ("", list(steps))
    start = until - _CLOSE
    recent = [row for row in steps if row["valid_to"] is None or row["valid_to"] > start]
    if until - steps[0]["valid_from"] < _LONG or len(recent) < _MUCH:
        return [whole]
    first, *others = recent
    close = [{**first, "valid_from": max(first["valid_from"], start)}, *others]
    return [whole, (f" in the last {_CLOSE.days} days", close)]
