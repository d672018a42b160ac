"""The rows that a load would have written: of each entity only where it differs from what was written of it last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.views.seen import ANSWER_DELAY, Seen, Snapshot


@dataclass
class _Last:
    """What was written last of a wallet."""

    seen: Seen
    settings: tuple[Any, ...]
    balance: tuple[Any, ...] | None = None
    real_time: tuple[Any, ...] | None = None
    credits: tuple[Any, ...] | None = None
    given: tuple[bool, bool] = (True, True)


def raw_rows(snapshots: Sequence[Snapshot]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every raw row as (table, row)."""
    wallets: dict[str, _Last] = {}
    customers: dict[str, bool] = {}
    rejected: set[str] = set()
    for snapshot in snapshots:
        key = {"snapshot_id": snapshot.snapshot_id, "snapshot_at": snapshot.at}
        for wallet_id in sorted(rejected):
            yield "rejections_cleared", key | {"rejection_hash": wallet_id}
        rejected = set(snapshot.rejected)
        yield "snapshots", key | _snapshot_figures(snapshot)
        for customer_id in snapshot.selected or ():
            yield "snapshot_customers", key | {"customer_id": customer_id}
        yield from _trouble(snapshot, wallets, key)
        listed = {seen.customer_id: True for seen in snapshot.seen}
        listed |= dict.fromkeys(snapshot.unlisted_customers, False)
        for customer_id, is_listed in listed.items():
            if customers.get(customer_id) != is_listed:
                customers[customer_id] = is_listed
                yield (
                    "customers",
                    key
                    | {
                        "customer_id": customer_id,
                        "observed_at": snapshot.at + ANSWER_DELAY,
                        "version_hash": f"{is_listed}",
                        "is_listed": is_listed,
                        "external_id": f"ext-{customer_id}",
                        "name": f"Customer {customer_id}",
                    },
                )
        for seen in snapshot.seen:
            yield from _versions(snapshot, seen, wallets, key)


def _snapshot_figures(snapshot: Snapshot) -> dict[str, Any]:
    troubled = bool(snapshot.failed or snapshot.rejected)
    return {
        "started_at": snapshot.at,
        "finished_at": snapshot.at + 2 * ANSWER_DELAY,
        "completeness": "partial" if troubled else "complete",
        "scope": snapshot.scope,
        "include_real_time_balance": snapshot.real_time,
        "include_credits_available_breakdown": snapshot.credits,
        "customers_expected": 1,
        "customers_observed": 1,
        "customers_failed": len(snapshot.failed),
        "wallets_observed": len(snapshot.seen),
        "wallets_changed": 0,
        "records_rejected": len(snapshot.rejected),
        "api_requests": 1,
        "api_retries": 0,
        "pipeline_version": "1.0.0",
        "_dlt_load_id": snapshot.snapshot_id,
    }


def _trouble(
    snapshot: Snapshot, wallets: dict[str, _Last], key: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for resource_id in snapshot.failed:
        known = wallets.get(resource_id)
        yield (
            "fetch_failures",
            key
            | {
                "resource": "customer_wallets" if known is None else "wallet",
                "resource_id": resource_id,
                "customer_id": resource_id if known is None else known.seen.customer_id,
                "wallet_id": None if known is None else resource_id,
                "error_code": "server_error",
                "message": "the server failed",
                "attempts": 5,
                "failed_at": snapshot.at,
            },
        )
    for number, wallet_id in enumerate(snapshot.rejected, start=1):
        known = wallets.get(wallet_id)
        yield (
            "rejected_records",
            key
            | {
                "record_number": number,
                "resource": "wallet",
                "field_group": "record",
                "reason": "not a number",
                "customer_id": None if known is None else known.seen.customer_id,
                "wallet_id": wallet_id,
                "raw_record": "{}",
                "observed_at": snapshot.at,
                "rejection_hash": wallet_id,
            },
        )


def _versions(
    snapshot: Snapshot, seen: Seen, wallets: dict[str, _Last], key: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a load writes of one wallet: only what differs from what it wrote last."""
    last = wallets.get(seen.wallet_id)
    if seen.ended == "not_found" and last is not None:
        # A 404 says nothing but that.
        seen = replace(last.seen, ended="not_found", is_listed=False)
    base = key | {
        "wallet_id": seen.wallet_id,
        "customer_id": seen.customer_id,
        "observed_at": snapshot.at + ANSWER_DELAY,
    }
    settings = (
        seen.customer_id,
        seen.status,
        seen.wallet_type,
        seen.is_listed,
        seen.ended,
        seen.name,
        seen.rate,
        seen.currency,
        tuple(sorted(seen.thresholds, key=repr)),
        tuple(sorted(seen.price_types)),
        tuple(sorted(seen.metadata)),
        seen.alert_state,
    )
    is_new = last is None
    is_return = last is not None and last.seen.ended is not None and seen.ended is None
    previous = last or _Last(seen, settings)
    now = _Last(seen, settings, given=previous.given)
    if is_new or settings != previous.settings:
        yield from _settings(seen, base | {"version_hash": str(hash(settings))})
    balance = (seen.customer_id, seen.currency, seen.rate, seen.balance)
    begins_anew = is_new or is_return or previous.balance is None
    if seen.ended != "not_found" and (begins_anew or balance != previous.balance):
        now.balance = balance
        yield (
            "wallet_balances",
            base
            | {
                "version_hash": str(hash(balance)),
                "currency": seen.currency,
                "conversion_rate": seen.rate,
                "balance": seen.balance,
                "credit_balance": seen.credits,
            },
        )
    else:
        now.balance = previous.balance
    same_context = not begins_anew and balance[:2] == (previous.balance or ())[:2]
    now.real_time = previous.real_time if same_context else None
    now.credits = previous.credits if same_context else None
    asked = seen.ended is None and seen.is_listed
    if asked and snapshot.real_time and seen.real_time is not None:
        real_time = (seen.real_time, seen.balance - seen.real_time)
        if now.real_time != real_time:
            now.real_time = real_time
            yield (
                "wallet_real_time_balances",
                base
                | {
                    "version_hash": str(hash(real_time)),
                    "currency": seen.currency,
                    "real_time_balance": seen.real_time,
                    "is_cached_fallback": seen.cached,
                    "real_time_credit_balance": seen.real_time / seen.rate,
                    "pending_amount": seen.balance - seen.real_time,
                },
            )
    kinds = {"free": seen.free, "purchased": seen.purchased}
    available = {kind: number for kind, number in kinds.items() if number is not None}
    if asked and snapshot.credits and available:
        credit_set = tuple(available.items())
        if now.credits != credit_set:
            now.credits = credit_set
            for kind, number in available.items():
                yield (
                    "wallet_credits_available",
                    base
                    | {
                        "version_hash": str(hash(credit_set)),
                        "credit_type": kind,
                        "credits_available": number,
                        "currency": seen.currency,
                    },
                )
    if asked:
        given = (
            seen.real_time is not None if snapshot.real_time else previous.given[0],
            bool(available) if snapshot.credits else previous.given[1],
        )
        if given != previous.given:
            now.given = given
            yield (
                "wallet_figures_given",
                base
                | {
                    "version_hash": str(hash(given)),
                    "is_real_time_balance_given": given[0],
                    "is_credits_available_given": given[1],
                },
            )
    wallets[seen.wallet_id] = now


def _settings(seen: Seen, base: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield (
        "wallets",
        base
        | {
            "name": seen.name,
            "currency": seen.currency,
            "wallet_type": seen.wallet_type,
            "wallet_status": seen.status,
            "record_status": "deleted" if seen.ended == "deleted" else "published",
            "conversion_rate": seen.rate,
            "is_listed": seen.is_listed,
            "ended": seen.ended,
            "alert_state": seen.alert_state,
        },
    )
    for level, threshold, condition in seen.thresholds:
        yield (
            "wallet_alert_thresholds",
            base
            | {
                "level": level,
                "threshold_type": "amount",
                "threshold": threshold,
                "condition": condition,
                "currency": seen.currency,
            },
        )
    for price_type in seen.price_types:
        yield "wallet_allowed_price_types", base | {"price_type": price_type}
    for name, value in seen.metadata:
        yield "wallet_metadata", base | {"key": name, "value": value}
