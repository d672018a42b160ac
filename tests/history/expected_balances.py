"""What the views of one wallet's balances over time must say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any

from tests.history.observed import Record
from tests.history.sights import EXACT, Sight


def figures(sight: Sight) -> Record:
    """The balances that a sight leaves known, by the views' columns."""
    real_time, credits = sight.real_time, sight.credits
    return {
        "balance": sight.settled.balance,
        "credit_balance": sight.settled.credit_balance,
        "real_time_balance": real_time and real_time.real_time_balance,
        "real_time_credit_balance": real_time and real_time.real_time_credit_balance,
        "pending_amount": real_time and real_time.pending_amount,
        "current_period_usage": real_time and real_time.current_period_usage,
        "unpaid_invoices_amount": real_time and real_time.unpaid_invoices_amount,
        "free_credits": credits and credits.free_credits,
        "purchased_credits": credits and credits.purchased_credits,
        "other_credits": None,
    }


def split(sight: Sight) -> Record:
    """Free, purchased and other in currency, by the views' columns."""
    amounts = sight.split
    return {
        "free_balance": amounts and amounts[0],
        "purchased_balance": amounts and amounts[1],
        "other_balance": amounts and Decimal(0),
        "split_valid_from": sight.split_since.at if amounts and sight.split_since else None,
    }


def times_observed(sight: Sight) -> Record:
    """When the answers arrived that brought those balances."""
    return {
        "balance_observed_at": sight.settled_since.clock,
        "real_time_observed_at": sight.real_time_since and sight.real_time_since.clock,
        "credits_observed_at": sight.credits_since and sight.credits_since.clock,
    }


def balance_history(wallet_id: str, sights: Sequence[Sight]) -> list[Record]:
    rows: list[Record] = []
    for sight in sights:
        if rows and (sight.ended or sight.figures_since is sight.snapshot):
            # A later life begins after the end of the one before: its last interval is closed already.
            rows[-1]["valid_to"] = rows[-1]["valid_to"] or sight.at
            rows[-1]["is_current"] = False
        if sight.ended is None and sight.figures_since is sight.snapshot:
            rows.append(_interval(wallet_id, sight))
        if sight.ended is None:
            # The split may be confirmed while the interval holds.
            rows[-1] |= split(sight)
        if sight.ended in ("closed", "deleted") and sight.settled.balance != 0:
            rows.append(_held_after_the_end(wallet_id, sight))
    return rows


def _held_after_the_end(wallet_id: str, sight: Sight) -> Record:
    """What was read at the end, and is held until the wallet returns or it is gone."""
    row = _interval(
        wallet_id,
        replace(sight, real_time=None, real_time_since=None, credits=None, credits_since=None),
    )
    return row | {"ended": sight.ended}


def _interval(wallet_id: str, sight: Sight) -> Record:
    return {
        "wallet_id": wallet_id,
        "customer_id": sight.settled.customer_id,
        "life_number": sight.life,
        "ended": None,
        "currency": sight.settled.currency,
        "conversion_rate": sight.settled.conversion_rate,
        **figures(sight),
        **split(sight),
        "valid_from": sight.at,
        "valid_to": None,
        "is_current": True,
        **times_observed(sight),
        "balance_snapshot_at": sight.settled_since.at,
        "real_time_snapshot_at": sight.real_time_since and sight.real_time_since.at,
        "credits_snapshot_at": sight.credits_since and sight.credits_since.at,
    }


def balance_as_of(
    wallet_id: str, sights: Sequence[Sight], moment: datetime, customers: Mapping[str, Record]
) -> list[Record]:
    """The row of the history that held at a moment, none where the wallet did not live."""
    until = [sight for sight in sights if sight.at <= moment]
    if not until or until[-1].ended:
        return []
    (held,) = (
        row
        for row in balance_history(wallet_id, sights)
        if row["ended"] is None
        and row["valid_from"] <= moment
        and (row["valid_to"] is None or moment < row["valid_to"])
    )
    customer = customers[held["customer_id"]]
    hidden = ("ended", "balance_snapshot_at", "real_time_snapshot_at", "credits_snapshot_at")
    return [
        {
            **{name: value for name, value in held.items() if name not in hidden},
            **split(until[-1]),
            "external_id": customer["external_id"],
            "customer_name": customer["name"],
            "last_observed_at": until[-1].at,
            "age_seconds": int((moment - until[-1].at).total_seconds()),
        }
    ]


def balance_changes(wallet_id: str, sights: Sequence[Sight]) -> list[Record]:
    rows = []
    for before, after in pairwise(sights):
        cause = _cause(before, after)
        if cause is not None:
            rows.append(_change(wallet_id, cause, before, after))
    return rows


def _cause(before: Sight, after: Sight) -> str | None:
    if after.ended and not before.ended:
        return "ended"
    if after.begins_life:
        return "returned"
    old, new = before.settled, after.settled
    if old.currency != new.currency:
        return "currency"
    if old.conversion_rate != new.conversion_rate:
        return "rate"
    if (old.balance, old.credit_balance) != (new.balance, new.credit_balance):
        return "balance"
    return None


def _change(wallet_id: str, cause: str, before: Sight, after: Sight) -> Record:
    old, new = _read_figures(before), _read_figures(after)
    is_same_currency = before.settled.currency == after.settled.currency
    delta = _difference(new[0], old[0]) if is_same_currency else None
    movement = None if delta is None else _movement(before, after, delta)
    return {
        "wallet_id": wallet_id,
        "customer_id": after.settled.customer_id,
        "cause": cause,
        "currency_before": before.settled.currency,
        "currency_after": after.settled.currency,
        "conversion_rate_before": before.settled.conversion_rate,
        "conversion_rate_after": after.settled.conversion_rate,
        "balance_before": old[0],
        "balance_after": new[0],
        "balance_delta": delta,
        "movement_delta": movement,
        "revaluation_delta": _difference(delta, movement),
        "credit_balance_before": old[1],
        "credit_balance_after": new[1],
        "credit_balance_delta": _difference(new[1], old[1]),
        "changed_after": before.at,
        "changed_by": after.at,
        "date_day": after.day,
    }


def _movement(before: Sight, after: Sight, delta: Decimal) -> Decimal:
    """The credits that moved, at the rate afterwards; with the same rate, all that the balance moved by."""
    old, new = before.settled, after.settled
    if old.conversion_rate == new.conversion_rate:
        return delta
    moved = EXACT.subtract(new.credit_balance, old.credit_balance)
    return EXACT.multiply(moved, new.conversion_rate).quantize(Decimal("1e-9"), ROUND_HALF_UP)


def _read_figures(sight: Sight) -> tuple[Decimal | None, Decimal | None]:
    """Balance and credits as read; nothing is read of a wallet that is not found."""
    if sight.ended == "not_found":
        return None, None
    return sight.settled.balance, sight.settled.credit_balance


def _difference(after: Any, before: Any) -> Decimal | None:
    return None if after is None or before is None else EXACT.subtract(after, before)


def moments_to_ask(snapshot_times: Sequence[datetime]) -> list[datetime]:
    """Moments at the edges of the last snapshot and between two earlier ones."""
    last, middle = snapshot_times[-1], snapshot_times[len(snapshot_times) // 2]
    just_before = datetime.fromtimestamp(last.timestamp() - 1, UTC)
    return [last, just_before, middle + (last - middle) / 3]
