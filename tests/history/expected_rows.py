"""How many rows a run must write to each table, and what it must count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from tests.history.expected_state import CustomerSight
from tests.history.observed import Snapshot
from tests.history.sights import (
    LEVELS,
    Sight,
    has_moved_out_of_sight,
    is_followed,
    settings_price_types,
)


def rows_written(
    snapshot: Snapshot,
    sights: Mapping[str, Sequence[Sight]],
    versions: Mapping[str, Sequence[CustomerSight]],
    counted: Mapping[str, int],
) -> dict[str, int]:
    """Rows by table, for every table that a load writes but `warehouse`."""
    rows = Counter[str](snapshots=1)
    rows["snapshot_customers"] = len(snapshot.named or ())
    rows["customers"] = sum(
        version.since is snapshot for known in versions.values() for version in known
    )
    for sight in _of_snapshot(snapshot, sights):
        if sight.settings_since is snapshot:
            rows.update(_settings_rows(sight))
        rows["wallet_balances"] += sight.settled_since is snapshot
        rows["wallet_real_time_balances"] += sight.real_time_since is snapshot
        rows["wallet_credits_available"] += 2 * (sight.credits_since is snapshot)
        rows["wallet_figures_given"] += sight.given_since is snapshot
    rows["fetch_failures"] = counted["failures"]
    rows["rejected_records"] = counted["records_rejected"]
    return dict(rows)


def _settings_rows(sight: Sight) -> dict[str, int]:
    settings = sight.settings
    has_topup = any(
        value is not None for name, value in settings.items() if name.startswith("auto_topup_")
    )
    return {
        "wallets": 1,
        "wallet_alert_thresholds": sum(
            settings[f"alert_threshold_{level}"] is not None for level in LEVELS
        ),
        "wallet_auto_topups": int(has_topup),
        "wallet_allowed_price_types": len(settings_price_types(settings)),
        "wallet_metadata": len(sight.metadata),
    }


def counts(
    snapshot: Snapshot, sights: Mapping[str, Sequence[Sight]], earlier: Mapping[str, Sight]
) -> dict[str, int]:
    """The counts in the run's row of `snapshots`, and `failures`: things that could not be read.

    `earlier`: what was known of each wallet before the run.
    """
    asked = snapshot.customers_asked
    failed = asked & snapshot.failed_customers
    failures = len(failed) + len(snapshot.unknown_keys)
    rejected = 0
    for wallet_id, wallet in snapshot.truth["wallets"].items():
        last = earlier.get(wallet_id)
        is_asked_for = is_followed(wallet_id, snapshot, last)
        has_failed = is_asked_for and wallet_id in snapshot.failed_wallets
        failures += has_failed
        rejected += has_moved_out_of_sight(wallet_id, snapshot, last)
        if wallet_id in snapshot.rejected_wallets:
            rejected += snapshot.lists(wallet) or (is_asked_for and not has_failed)
    observed = _of_snapshot(snapshot, sights)
    return {
        "customers_expected": len(asked) + len(snapshot.unknown_keys),
        "customers_observed": len(asked) - len(failed),
        "customers_failed": len(failed) + len(snapshot.unknown_keys),
        "wallets_observed": len(observed),
        "wallets_changed": sum(_is_changed(sight) for sight in observed),
        "records_rejected": rejected,
        "failures": failures,
    }


def customers_concerned(snapshot: Snapshot, earlier: Mapping[str, Sight]) -> set[str]:
    """The customers that something could not be read for."""
    return (snapshot.customers_asked & snapshot.failed_customers) | {
        last.settled.customer_id
        for wallet_id, last in earlier.items()
        if wallet_id in snapshot.failed_wallets and is_followed(wallet_id, snapshot, last)
    }


def _of_snapshot(snapshot: Snapshot, sights: Mapping[str, Sequence[Sight]]) -> list[Sight]:
    return [each for every in sights.values() for each in every if each.snapshot is snapshot]


def _is_changed(sight: Sight) -> bool:
    return sight.snapshot in (
        sight.settings_since,
        sight.settled_since,
        sight.real_time_since,
        sight.credits_since,
        sight.given_since,
    )
