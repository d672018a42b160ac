"""What the daily views must say: one wallet, one customer, one currency, day by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext

from tests.history.observed import Record
from tests.history.sights import EXACT, Sight

_ZERO = Decimal(0)


def days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)


def latest_until(sights: Sequence[Sight], day: date) -> Sight | None:
    """What was known at the end of a day."""
    return next((sight for sight in reversed(sights) if sight.day <= day), None)


def wallet_days(wallet_id: str, sights: Sequence[Sight], last_day: date) -> list[Record]:
    rows = []
    for day in days(sights[0].day, last_day):
        latest = latest_until(sights, day)
        assert latest is not None
        if latest.ended is None or latest.day == day:
            rows.append(_wallet_day(wallet_id, sights, day, latest))
    return rows


def _wallet_day(wallet_id: str, sights: Sequence[Sight], day: date, latest: Sight) -> Record:
    today = [sight for sight in sights if sight.day == day]
    currency = latest.settled.currency
    is_lost = latest.ended == "not_found"
    closing = latest.settled
    opening = _opening(sights, day, currency)
    held = [sight.settled.balance for sight in today if sight.settled.currency == currency]
    held += [latest.settled.balance] if not today else []
    held += [opening] if opening is not None else []
    in_context = [
        sight
        for sight in today
        if sight.life == latest.life and sight.settled.context == closing.context
    ]
    is_alive = latest.ended is None
    has_real_time = is_alive and any(sight.real_time_seen for sight in in_context)
    has_credits = is_alive and any(sight.credits_seen for sight in in_context)
    real_time = latest.real_time if has_real_time else None
    credits = latest.credits if has_credits else None
    since = latest.real_time_since if real_time else None
    return {
        "wallet_id": wallet_id,
        "date_day": day,
        "customer_id": closing.customer_id,
        "currency": currency,
        "life_number": latest.life,
        "observation": _observation(today, is_lost=is_lost),
        "is_ended": not is_alive,
        "opening_balance": opening,
        "closing_balance": None if is_lost else closing.balance,
        "lowest_balance": min(held),
        "highest_balance": max(held),
        "closing_credit_balance": None if is_lost else closing.credit_balance,
        "closing_conversion_rate": closing.conversion_rate,
        "closing_real_time_balance": real_time and real_time.real_time_balance,
        "closing_real_time_credit_balance": real_time and real_time.real_time_credit_balance,
        "closing_pending_amount": real_time and real_time.pending_amount,
        "closing_free_credits": credits and credits.free_credits,
        "closing_purchased_credits": credits and credits.purchased_credits,
        "closing_free_balance": latest.split and latest.split[0],
        "closing_purchased_balance": latest.split and latest.split[1],
        "closing_other_balance": latest.split and _ZERO,
        "split_valid_from": latest.split_since.at if latest.split and latest.split_since else None,
        "last_observed_at": latest.at,
        "real_time_valid_from": since and since.at,
        "ended_at": None if is_alive else latest.at,
    }


def _opening(sights: Sequence[Sight], day: date, currency: str) -> Decimal | None:
    """What the day before closed with, if the wallet lived then and had the same currency."""
    carried = latest_until(sights, day - timedelta(days=1))
    if carried is None or carried.ended or carried.settled.currency != currency:
        return None
    return carried.settled.balance


def _observation(today: Sequence[Sight], *, is_lost: bool) -> str:
    if is_lost and today:
        return "changed"
    if any(sight.settled_since is sight.snapshot for sight in today):
        return "changed"
    return "unchanged" if today else "carried_forward"


def customer_days(
    wallet_rows: Iterable[Record],
    sights: Mapping[str, Sequence[Sight]],
    customers: Mapping[str, Record],
) -> list[Record]:
    """Sums over a customer's wallets of one currency; what is pending counts once."""
    groups: dict[tuple[str, str, date], list[Record]] = defaultdict(list)
    for row in wallet_rows:
        groups[row["customer_id"], row["currency"], row["date_day"]].append(row)
    with localcontext(EXACT):
        return [
            _customer_day(key, rows, sights)
            | {
                "external_id": customers[key[0]]["external_id"],
                "customer_name": customers[key[0]]["name"],
            }
            for key, rows in groups.items()
        ]


def _customer_day(
    key: tuple[str, str, date], rows: Sequence[Record], sights: Mapping[str, Sequence[Sight]]
) -> Record:
    customer_id, currency, day = key
    living = [row for row in rows if not row["is_ended"]]
    prepaid = [row for row in living if _wallet_type(sights[row["wallet_id"]], day) == "PRE_PAID"]
    pending = _pending_once(prepaid, sights)
    prepaid_balance = sum((row["closing_balance"] for row in prepaid), _ZERO)
    broken_down = [row for row in living if row["split_valid_from"] is not None]
    split = [row for row in broken_down if row["closing_balance"] > 0]
    rates = {row["closing_conversion_rate"] for row in living}

    def kind(name: str) -> Decimal | None:
        return sum((row[name] for row in split), _ZERO) if broken_down else None

    return {
        "customer_id": customer_id,
        "currency": currency,
        "date_day": day,
        "closing_balance": sum((row["closing_balance"] for row in living), _ZERO),
        "closing_credit_balance": (
            sum((row["closing_credit_balance"] for row in living), _ZERO)
            if len(rates) <= 1
            else None
        ),
        "closing_outstanding_balance": _positive(row["closing_balance"] for row in living),
        "closing_purchased_balance": kind("closing_purchased_balance"),
        "closing_free_balance": kind("closing_free_balance"),
        "closing_other_balance": kind("closing_other_balance"),
        "closing_broken_down_balance": _positive(row["closing_balance"] for row in split),
        "broken_down_wallets": len(broken_down),
        "closing_prepaid_balance": prepaid_balance,
        "closing_pending_amount": pending,
        "closing_real_time_balance": None if pending is None else prepaid_balance - pending,
        "living_wallets": len(living),
        "ended_wallets": len(rows) - len(living),
        "changed_wallets": sum(row["observation"] == "changed" for row in rows),
        "carried_forward_wallets": sum(row["observation"] == "carried_forward" for row in rows),
        "last_observed_at": min((row["last_observed_at"] for row in living), default=None),
    }


def _wallet_type(sights: Sequence[Sight], day: date) -> str:
    latest = latest_until(sights, day)
    assert latest is not None
    return str(latest.settings["wallet_type"])


def _pending_once(
    prepaid: Sequence[Record], sights: Mapping[str, Sequence[Sight]]
) -> Decimal | None:
    """The pending amount that was observed latest on the day."""
    observed = []
    for row in prepaid:
        if row["closing_pending_amount"] is not None:
            seen = max(
                sight.at
                for sight in sights[row["wallet_id"]]
                if sight.real_time_seen and sight.day == row["date_day"]
            )
            observed.append((seen, row["closing_pending_amount"]))
    return max(observed)[1] if observed else None


def currency_days(
    sights: Mapping[str, Sequence[Sight]], snapshot_times: Sequence[datetime]
) -> list[Record]:
    """What is outstanding in each currency, from the first day that a wallet held it."""
    last_day = snapshot_times[-1].date()
    first_days: dict[str, date] = {}
    for sight in (each for every in sights.values() for each in every if _is_held(each)):
        currency = sight.settled.currency
        first_days[currency] = min(first_days.get(currency, sight.day), sight.day)
    with localcontext(EXACT):
        return [
            _currency_day(currency, day, sights)
            | {"last_snapshot_at": max(at for at in snapshot_times if at.date() <= day)}
            for currency, first_day in first_days.items()
            for day in days(first_day, last_day)
        ]


def _currency_day(currency: str, day: date, sights: Mapping[str, Sequence[Sight]]) -> Record:
    known = (latest_until(every, day) for every in sights.values())
    held = [
        sight
        for sight in known
        if sight is not None and sight.ended is None and sight.settled.currency == currency
    ]
    closed = [
        sight.settled.balance
        for sight in (latest_until(every, day) for every in sights.values())
        if sight is not None
        and sight.ended
        and _is_held(sight)
        and sight.settled.currency == currency
    ]
    frozen = [sight for sight in held if sight.settings["wallet_status"] == "frozen"]
    broken_down = [sight for sight in held if sight.split is not None]
    split = [(sight, sight.split) for sight in broken_down if sight.settled.balance > 0]
    rates = {sight.settled.conversion_rate for sight in held}
    is_one_rate = len(rates) <= 1
    outstanding = _positive(sight.settled.balance for sight in held)
    covered = _positive(sight.settled.balance for sight, _ in split)

    def in_credits(amount: Decimal) -> Decimal | None:
        return amount if is_one_rate else None

    free = sum((amounts[0] for _, amounts in split if amounts), _ZERO)
    purchased = sum((amounts[1] for _, amounts in split if amounts), _ZERO)
    rate = min(rates, default=Decimal(1))
    return {
        "currency": currency,
        "date_day": day,
        "outstanding_balance": outstanding,
        "purchased_balance": purchased if broken_down else None,
        "free_balance": free if broken_down else None,
        "other_balance": _ZERO if broken_down else None,
        "broken_down_balance": covered,
        "broken_down_share": (
            (covered / outstanding).quantize(Decimal("0.0001"), ROUND_HALF_UP)
            if outstanding
            else None
        ),
        "conversion_rates": len(rates),
        "carried_forward_wallets": sum(sight.day < day for sight in held),
        "last_observed_at": min((sight.at for sight in held), default=None),
        "overdrawn_balance": _positive(-sight.settled.balance for sight in held),
        "frozen_balance": _positive(sight.settled.balance for sight in frozen),
        "closed_balance": _positive(closed),
        "closed_wallets": sum(balance > 0 for balance in closed),
        "outstanding_credits": in_credits(
            _positive(sight.settled.credit_balance for sight in held)
        ),
        "overdrawn_credits": in_credits(_positive(-sight.settled.credit_balance for sight in held)),
        "frozen_credits": in_credits(_positive(sight.settled.credit_balance for sight in frozen)),
        "free_credits": in_credits(free / rate) if broken_down else None,
        "purchased_credits": in_credits(purchased / rate) if broken_down else None,
        "wallets": len(held),
        "overdrawn_wallets": sum(sight.settled.balance < 0 for sight in held),
        "frozen_wallets": len(frozen),
        "broken_down_wallets": len(broken_down),
    }


def _is_held(sight: Sight) -> bool:
    """Whether the wallet held a balance then: while it lived, or where it ended with money in it."""
    return sight.ended is None or (sight.ended != "not_found" and sight.settled.balance != 0)


def _positive(amounts: Iterable[Decimal]) -> Decimal:
    return sum((amount for amount in amounts if amount > 0), _ZERO)
