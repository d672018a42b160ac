"""What the views that answer people's questions must say, going by the views that they rest on and by the sights.

Rows may lack columns of their view, which then have tests of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from tests.history.expected_days import days
from tests.history.expected_state import CustomerSight, is_complete
from tests.history.observed import Record, Snapshot
from tests.history.sights import LEVELS, Sight


def outstanding_wallets(wallets: Iterable[Record], customers: Mapping[str, Record]) -> list[Record]:
    """The living wallets with money, by the rows of `wallets` and `customers`."""
    same = ["wallet_id", "customer_id", "currency", "name", "wallet_type", "conversion_rate"]
    same += ["purchased_balance", "free_balance", "other_balance", "balance_observed_at"]
    same += ["split_valid_from", "last_observed_at"]
    return [
        {
            **{name: row[name] for name in same},
            "external_id": customers[row["customer_id"]]["external_id"],
            "customer_name": customers[row["customer_id"]]["name"],
            "is_frozen": row["wallet_status"] == "frozen",
            "outstanding_balance": row["balance"],
            "outstanding_credits": row["credit_balance"],
        }
        for row in wallets
        if row["ended"] is None and row["balance"] > 0
    ]


def overview(
    wallets: Iterable[Record],
    customers: Mapping[str, Record],
    alerts: Iterable[Record],
    sights: Mapping[str, Sequence[Sight]],
) -> list[Record]:
    """A line for each wallet."""
    reached: dict[str, list[str]] = defaultdict(list)
    for alert in alerts:
        if alert["is_reached"]:
            reached[alert["wallet_id"]].append(alert["level"])
    same = ["wallet_id", "customer_id", "name", "currency", "wallet_type", "wallet_status", "ended"]
    same += ["alert_state", "balance", "purchased_balance", "free_balance", "other_balance"]
    same += ["credit_balance", "purchased_credits", "free_credits", "split_valid_from"]
    same += ["first_observed_at", "last_observed_at", "ended_at"]
    return [
        {
            **{name: row[name] for name in same},
            "external_id": customers[row["customer_id"]]["external_id"],
            "customer_name": customers[row["customer_id"]]["name"],
            "alerts_reached": ", ".join(sorted(reached[row["wallet_id"]])) or None,
            "metadata": sights[row["wallet_id"]][-1].metadata or None,
            "negative_since": _negative_since(sights[row["wallet_id"]]),
        }
        for row in wallets
    ]


def _negative_since(sights: Sequence[Sight]) -> datetime | None:
    since = None
    for sight in reversed(sights):
        is_negative = sight.ended is None and sight.settled.balance < 0
        if sight.life != sights[-1].life or not is_negative:
            break
        since = sight.at
    return since


def month_end(
    currency_days: Iterable[Record], snapshots: Sequence[Snapshot], ledger: Sequence[Record]
) -> list[Record]:
    """The last day of each month, by the rows of `currency_balance_daily`. `ledger`: its columns of each run.

    Where the ledger tells the split, its parts are left to `expected_books`.
    """
    told = _told_by_ledger(snapshots, ledger)
    last = snapshots[-1].at
    ends: dict[tuple[str, int, int], Record] = {}
    for row in sorted(currency_days, key=lambda row: row["date_day"]):
        ends[row["currency"], row["date_day"].year, row["date_day"].month] = row
    same = ["currency", "date_day", "outstanding_balance", "frozen_balance", "overdrawn_balance"]
    same += ["closed_balance", "wallets", "carried_forward_wallets", "last_observed_at"]
    same += ["reporting_currency", "reporting_rate", "reporting_outstanding_balance"]
    rows = []
    before: dict[str, Decimal] = {}
    for (currency, year, month), row in sorted(ends.items()):
        change = row["outstanding_balance"] - before[currency] if currency in before else None
        before[currency] = row["outstanding_balance"]
        rows.append(
            {
                **{name: row[name] for name in same},
                **_split(row, is_told=told[row["last_snapshot_at"]]),
                "month": row["date_day"].replace(day=1),
                "is_over": (year, month) < (last.year, last.month),
                "outstanding_change": change,
                "as_at": row["last_snapshot_at"],
            }
        )
    return rows


def _told_by_ledger(
    snapshots: Sequence[Snapshot], ledger: Sequence[Record]
) -> dict[datetime, bool]:
    """Whether, as of each run, a run over all had read the ledger to its end, and none had missed it since."""
    told, is_told = {}, False
    for snapshot, row in zip(snapshots, ledger, strict=True):
        if row["ledger"] != "complete":
            is_told = False
        elif snapshot.scope == "all":
            is_told = True
        told[snapshot.at] = is_told
    return told


def _split(day: Record, *, is_told: bool) -> Record:
    if is_told:
        has_any = day["outstanding_balance"] > 0
        return {
            "split_source": "ledger",
            "broken_down_balance": day["outstanding_balance"],
            "broken_down_share": Decimal(1) if has_any else None,
        }
    same = ("purchased_balance", "free_balance", "other_balance", "broken_down_balance")
    return {
        **{name: day[name] for name in (*same, "broken_down_share")},
        "reporting_purchased_balance": day["reporting_purchased_balance"],
        "split_source": "breakdown" if day["broken_down_wallets"] else None,
    }


def completeness(
    snapshots: Sequence[Snapshot], counts: Sequence[Mapping[str, int]]
) -> list[Record]:
    """A row for each day, with or without runs."""
    runs = [*zip(snapshots, counts, strict=True)]
    rows = []
    for day in days(snapshots[0].day, snapshots[-1].day):
        today = [(run, counted) for run, counted in runs if run.day == day]
        whole = [(run, counted) for run, counted in today if run.scope == "all"]
        complete = sum(is_complete(counted) for _, counted in whole)
        last = whole[-1][1] if whole else None
        rows.append(
            {
                "date_day": day,
                "completeness": (
                    "complete"
                    if complete
                    else "partial"
                    if whole
                    else "selected"
                    if today
                    else "none"
                ),
                "snapshots": len(today),
                "complete_snapshots": complete,
                "partial_snapshots": sum(not is_complete(counted) for _, counted in today),
                "selected_snapshots": len(today) - len(whole),
                "failures": sum(
                    counted["failures"] + counted["ledger_failures"] for _, counted in today
                ),
                "rejections": sum(counted["records_rejected"] for _, counted in today),
                "customers_expected": last and last["customers_expected"],
                "customers_observed": last and last["customers_observed"],
                "wallets_observed": last and last["wallets_observed"],
                "first_snapshot_at": today[0][0].at if today else None,
                "last_snapshot_at": today[-1][0].at if today else None,
            }
        )
    return rows


def wallet_metadata(wallet_id: str, sights: Sequence[Sight]) -> list[Record]:
    """What each key said, from when until when; an end of the wallet ends all."""
    known = [(sight.at, {} if sight.ended else sight.metadata) for sight in sights]
    return [{"wallet_id": wallet_id, **row} for row in _intervals(known)]


def customer_metadata(customer_id: str, versions: Sequence[CustomerSight]) -> list[Record]:
    """What each key said, from when until when."""
    known = [(version.since.at, version.columns["metadata"] or {}) for version in versions]
    return [{"customer_id": customer_id, **row} for row in _intervals(known)]


def _intervals(known: Sequence[tuple[datetime, Mapping[str, str]]]) -> list[Record]:
    rows: list[Record] = []
    current: dict[str, Record] = {}
    for at, metadata in known:
        for key, row in [*current.items()]:
            if metadata.get(key) != row["value"]:
                row |= {"valid_to": at, "is_current": False}
                del current[key]
        for key, value in metadata.items():
            if key not in current:
                begun = {"key": key, "value": value, "valid_from": at}
                current[key] = begun | {"valid_to": None, "is_current": True}
                rows.append(current[key])
    return rows


@dataclass
class _Episode:
    """An alert that goes on as long as `stated` stays the same."""

    stated: tuple[str, ...]
    since: datetime
    until: datetime | None = None
    thresholds: list[Decimal] = field(default_factory=list)
    balances: list[tuple[str, Decimal]] = field(default_factory=list)

    def row(self, wallet_id: str, level: str, last: datetime) -> Record:
        is_state = level == "alert_state"
        currencies = {currency for currency, _ in self.balances}
        amounts = [amount for _, amount in self.balances] if len(currencies) == 1 else []
        return {
            "wallet_id": wallet_id,
            "level": level,
            "currency": min(currencies) if len(currencies) == 1 else None,
            "alert_state": self.stated[0] if is_state else None,
            "condition": None if is_state else self.stated[0],
            "lowest_threshold": min(self.thresholds, default=None),
            "highest_threshold": max(self.thresholds, default=None),
            "lowest_balance": min(amounts, default=None),
            "highest_balance": max(amounts, default=None),
            "duration_seconds": int(((self.until or last) - self.since).total_seconds()),
            "valid_from": self.since,
            "valid_to": self.until,
            "is_current": self.until is None,
        }


def alert_history(wallet_id: str, sights: Sequence[Sight], last: datetime) -> list[Record]:
    """The episodes of each threshold, and of the API's own alert state."""
    return [
        episode.row(wallet_id, level, last)
        for level in (*LEVELS, "alert_state")
        for episode in _episodes(sights, level)
    ]


def _episodes(sights: Sequence[Sight], level: str) -> list[_Episode]:
    episodes: list[_Episode] = []
    current: _Episode | None = None
    for sight in sights:
        stated = _stated(sight, level)
        if current is not None and current.stated != stated:
            current.until, current = sight.at, None
        if stated is None:
            continue
        if current is None:
            current = _Episode(stated, sight.at)
            episodes.append(current)
        current.balances.append((sight.settled.currency, sight.settled.balance))
        if level != "alert_state":
            current.thresholds.append(sight.settings[f"alert_threshold_{level}"])
    return episodes


def _stated(sight: Sight, level: str) -> tuple[str, ...] | None:
    """What an episode stays the same in, where there is an alert; None where there is none."""
    if sight.ended:
        return None
    if level == "alert_state":
        state = sight.settings["alert_state"]
        return None if state in (None, "ok") else (state,)
    threshold = sight.settings[f"alert_threshold_{level}"]
    if threshold is None:
        return None
    condition = sight.settings[f"alert_condition_{level}"] or "below"
    balance = sight.settled.balance
    is_reached = balance >= threshold if condition == "above" else balance <= threshold
    return (condition, sight.settled.currency) if is_reached else None
