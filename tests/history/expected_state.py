"""What the views of runs, customers, wallets, settings and events must say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from flexprice_wallets import __version__
from tests.history.expected_balances import figures, split, times_observed
from tests.history.observed import Record, Snapshot, Within
from tests.history.sights import LEVELS, Sight, shown

#: Settings that `wallet_lifecycle` names one by one when they change, and the columns that each stands for.
_NAMED_SETTINGS: dict[str, tuple[str, ...]] = {
    **{
        name: (name,)
        for name in (
            *("name", "description", "currency", "wallet_type", "conversion_rate"),
            *("topup_conversion_rate", "allowed_price_types", "alert_enabled", "alert_state"),
        )
    },
    "alert_thresholds": (
        "alert_threshold_default_type",
        *(f"alert_{part}_{level}" for level in LEVELS for part in ("threshold", "condition")),
    ),
    "auto_topup": tuple(
        f"auto_topup_{part}"
        for part in (
            *("enabled", "threshold", "amount", "invoiced"),
            *("cooldown_value", "cooldown_unit"),
        )
    ),
}


@dataclass(frozen=True)
class CustomerSight:
    """A customer as it is known after a snapshot that wrote something of it."""

    since: Snapshot
    is_listed: bool
    columns: Record


def customer_sights(customer_id: str, snapshots: Sequence[Snapshot]) -> list[CustomerSight]:
    """The versions of a customer, in order of time."""
    versions: list[CustomerSight] = []
    for snapshot in snapshots:
        customer = snapshot.truth["customers"].get(customer_id)
        if customer is None or not snapshot.covers(customer_id):
            continue
        last = versions[-1] if versions else None
        if customer["is_listed"]:
            columns = _customer_columns(customer, snapshot)
        elif last is not None:
            columns = last.columns
        else:
            continue
        version = CustomerSight(snapshot, customer["is_listed"], columns)
        if last is None or _compared(last) != _compared(version):
            versions.append(version)
    return versions


def _compared(version: CustomerSight) -> tuple[bool, Record]:
    hidden = "source_updated_at"
    return version.is_listed, {
        name: value for name, value in version.columns.items() if name != hidden
    }


def _customer_columns(customer: Record, snapshot: Snapshot) -> Record:
    is_january = snapshot.truth["contract"] == "2026-01"
    return {
        "external_id": customer["external_id"],
        "parent_customer_id": customer["parent_customer_id"] if is_january else None,
        "tenant_id": customer["tenant_id"],
        "environment_id": customer["environment_id"],
        "name": customer["name"],
        "email": customer["email"],
        "contact": None if is_january else customer["contact"],
        "address_line1": customer["address_line1"],
        "address_line2": None,
        "address_city": customer["address_city"],
        "address_state": None,
        "address_postal_code": customer["address_postal_code"],
        "address_country": customer["address_country"],
        "timezone": None if is_january else customer["timezone"],
        "metadata": customer["metadata"] or None,
        "record_status": customer["status"],
        "source_created_at": customer["created_at"],
        "source_updated_at": customer["updated_at"],
    }


def customers(
    snapshots: Sequence[Snapshot],
    versions: Mapping[str, Sequence[CustomerSight]],
    sights: Mapping[str, Sequence[Sight]],
) -> list[Record]:
    rows = []
    for customer_id, known in versions.items():
        last = known[-1]
        wallets = [
            every[-1]
            for every in sights.values()
            if every[-1].settings["customer_id"] == customer_id
        ]
        rows.append(
            {
                "customer_id": customer_id,
                **last.columns,
                "is_listed": last.is_listed,
                "living_wallets": sum(wallet.ended is None for wallet in wallets),
                "wallets": len(wallets),
                "first_observed_at": known[0].since.at,
                "last_observed_at": _customer_last_observed(customer_id, last, snapshots),
                "last_changed_at": last.since.at,
            }
        )
    return rows


def _customer_last_observed(
    customer_id: str, last: CustomerSight, snapshots: Sequence[Snapshot]
) -> datetime:
    if not last.is_listed:
        return last.since.at
    read = (each.at for each in snapshots if each.could_read(customer_id))
    return max([last.since.at, *read])


def wallets(sights: Mapping[str, Sequence[Sight]]) -> list[Record]:
    rows = []
    for wallet_id, every in sights.items():
        last = every[-1]
        rows.append(
            {
                "wallet_id": wallet_id,
                **shown(last.settings),
                "life_number": last.life,
                **figures(last),
                **split(last),
                "first_observed_at": every[0].at,
                "last_observed_at": last.at,
                "life_started_at": last.life_since.at,
                "ended_at": last.at if last.ended else None,
                "balance_valid_from": None if last.ended else last.figures_since.at,
                **times_observed(last),
                "settings_valid_from": last.settings_since.at,
            }
        )
    return rows


def settings_versions(sights: Sequence[Sight]) -> list[Sight]:
    """The sights that found other settings than the one before."""
    return [sight for sight in sights if sight.settings_since is sight.snapshot]


def settings_history(wallet_id: str, sights: Sequence[Sight]) -> list[Record]:
    versions = settings_versions(sights)
    ends: list[datetime | None] = [version.at for version in versions[1:]]
    return [
        {
            "wallet_id": wallet_id,
            **shown(version.settings),
            "valid_from": version.at,
            "valid_to": valid_to,
            "is_current": valid_to is None,
            "observed_at": version.snapshot.clock,
        }
        for version, valid_to in zip(versions, [*ends, None], strict=True)
    ]


def lifecycle(wallet_id: str, sights: Sequence[Sight], first_load: datetime) -> list[Record]:
    """Events; those of `first_load` were there when it looked."""
    versions = settings_versions(sights)
    return [
        {
            "wallet_id": wallet_id,
            "customer_id": version.settings["customer_id"],
            "event": event,
            "detail": detail,
            "event_at": version.at,
            "date_day": version.day,
        }
        for before, version in zip([None, *versions], versions, strict=False)
        for event, detail in _events(
            before, version, is_first_load=version.at <= first_load
        ).items()
    ]


def _events(before: Sight | None, after: Sight, *, is_first_load: bool) -> dict[str, str | None]:
    """What happened to a wallet between two versions of its settings, each event with its detail."""
    new, status = shown(after.settings), after.settings["wallet_status"]
    if before is None:
        return {"first_load" if is_first_load else "appeared": None} | (
            {"frozen": status} if status == "frozen" else {}
        )
    old = shown(before.settings)
    events: dict[str, str | None] = {}
    if after.begins_life:
        events["returned"] = None
    elif new["is_listed"] and not old["is_listed"]:
        events["listed"] = status
    if new["customer_id"] != old["customer_id"]:
        events["moved"] = old["customer_id"]
    if status == "frozen" and old["wallet_status"] != "frozen":
        events["frozen"] = status
    if status == "active" and old["wallet_status"] == "frozen":
        events["unfrozen"] = status
    if after.ended and not before.ended:
        events["ended"] = after.ended
    elif old["is_listed"] and not new["is_listed"]:
        events["unlisted"] = status
    changed = [
        setting
        for setting, columns in _NAMED_SETTINGS.items()
        if any(old[column] != new[column] for column in columns)
    ]
    if changed:
        events["settings_changed"] = ", ".join(changed)
    elif not events:
        events["settings_changed"] = "other"
    return events


def alerts(wallet_id: str, sights: Sequence[Sight]) -> list[Record]:
    """The living wallet's balance against each of its thresholds; all of the emulator's are amounts."""
    last = sights[-1]
    levels = [level for level in LEVELS if last.settings[f"alert_threshold_{level}"] is not None]
    return [_alert(wallet_id, sights, level) for level in levels if last.ended is None]


def _alert(wallet_id: str, sights: Sequence[Sight], level: str) -> Record:
    last = sights[-1]
    settings, known = last.settings, figures(last)
    threshold: Decimal = settings[f"alert_threshold_{level}"]
    condition = settings[f"alert_condition_{level}"] or "below"

    def is_reached(amount: Decimal) -> bool:
        return amount <= threshold if condition == "below" else amount >= threshold

    since = None
    for sight in reversed(sights):
        is_comparable = sight.settled.currency == last.settled.currency
        if sight.life != last.life or not is_comparable or not is_reached(sight.settled.balance):
            break
        since = sight.at
    real_time = known["real_time_balance"]
    return {
        "wallet_id": wallet_id,
        "level": level,
        "customer_id": settings["customer_id"],
        "currency": settings["currency"],
        "name": settings["name"],
        "alert_enabled": settings["alert_enabled"],
        "alert_state": settings["alert_state"],
        "threshold_type": settings["alert_threshold_default_type"] if level == "default" else None,
        "condition": condition,
        "is_reached": since is not None,
        "is_reached_in_real_time": None if real_time is None else is_reached(real_time),
        "threshold": threshold,
        "balance": known["balance"],
        "real_time_balance": real_time,
        "distance": known["balance"] - threshold,
        "reached_since": since,
        "threshold_set_at": _threshold_set_at(sights, level),
        "balance_observed_at": last.settled_since.clock,
        "real_time_observed_at": last.real_time_since and last.real_time_since.clock,
        "last_observed_at": last.at,
    }


def _threshold_set_at(sights: Sequence[Sight], level: str) -> datetime:
    """When the threshold was first seen as it is now, with none since that was another."""

    def stated(sight: Sight) -> tuple[object, ...]:
        settings = sight.settings
        condition = settings[f"alert_condition_{level}"] or "below"
        kind = settings["alert_threshold_default_type"] if level == "default" else None
        return settings[f"alert_threshold_{level}"], condition, kind or "amount"

    since = sights[-1].at
    for sight in reversed(sights):
        if stated(sight) != stated(sights[-1]):
            break
        since = sight.at
    return since


def snapshot_rows(
    snapshots: Sequence[Snapshot], counts: Sequence[Mapping[str, int]]
) -> list[Record]:
    """One row per run. `counts`: for each, the columns that count what it read and wrote."""
    return [
        {
            "snapshot_id": snapshot.id,
            "tenant_id": snapshot.truth["tenant_id"],
            "environment_id": snapshot.truth["environment_id"],
            "scope": snapshot.scope,
            "completeness": "complete" if is_complete(counted) else "partial",
            "include_real_time_balance": snapshot.real_time,
            "include_credits_available_breakdown": snapshot.breakdown,
            "pipeline_version": __version__,
            **{name: count for name, count in counted.items() if name != "failures"},
            "api_requests": snapshot.requests,
            "api_retries": 0,
            "duration_seconds": Within(Decimal(0), _seconds(snapshot.clock)),
            "date_day": snapshot.day,
            "snapshot_at": snapshot.at,
            "started_at": snapshot.clock,
            "finished_at": snapshot.clock,
            "loaded_at": snapshot.clock,
        }
        for snapshot, counted in zip(snapshots, counts, strict=True)
    ]


def _seconds(clock: Within) -> Decimal:
    return Decimal((clock.high - clock.low).total_seconds()) + 1


def is_complete(counted: Mapping[str, int]) -> bool:
    """Whether a run with these counts read everything."""
    return counted["failures"] == 0 and counted["records_rejected"] == 0


def freshness(
    snapshots: Sequence[Snapshot], counts: Sequence[Mapping[str, int]], failed: Sequence[set[str]]
) -> Record:
    """How fresh all is. `failed`: for each run, the customers that something failed for."""
    complete = [
        number
        for number, (snapshot, counted) in enumerate(zip(snapshots, counts, strict=True))
        if snapshot.scope == "all" and is_complete(counted)
    ]
    last_complete = snapshots[complete[-1]] if complete else None
    since = slice(complete[-1] + 1 if complete else 0, None)
    last = snapshots[-1]
    return {
        "last_snapshot_id": last.id,
        "last_snapshot_scope": last.scope,
        "last_snapshot_completeness": "complete" if is_complete(counts[-1]) else "partial",
        "snapshots": len(snapshots),
        "last_snapshot_age_seconds": Age(last.at),
        "last_complete_snapshot_age_seconds": last_complete and Age(last_complete.at),
        "partial_snapshots_since_complete": sum(not is_complete(each) for each in counts[since]),
        "selected_snapshots_since_complete": sum(
            each.scope == "selected" for each in snapshots[since]
        ),
        "failures_since_complete": sum(each["failures"] for each in counts[since]),
        "customers_failed_since_complete": len(set().union(*failed[since])),
        "rejections_since_complete": sum(each["records_rejected"] for each in counts[since]),
        "last_snapshot_at": last.at,
        "last_complete_snapshot_at": last_complete and last_complete.at,
    }


@dataclass(frozen=True)
class Age:
    """Equal to the whole seconds that have passed since a moment, give or take a minute."""

    since: datetime

    def __eq__(self, other: object) -> bool:
        age = (datetime.now(UTC) - self.since).total_seconds()
        return type(other) is int and age - 60 <= other <= age + 1

    def __hash__(self) -> int:
        return hash(self.since)
