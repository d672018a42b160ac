"""What is known of each wallet after every snapshot that observed it: the ground for all that the views say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Context, Decimal
from typing import Any

from tests.history.observed import Record, Snapshot

EXACT = Context(prec=80)
LEVELS = ("default", "critical", "warning", "info")
#: What every version of settings records without comparing it.
_NOT_COMPARED = ("source_updated_at",)


@dataclass(frozen=True)
class Settled:
    """A settled balance with all that it is compared by."""

    customer_id: str
    currency: str
    conversion_rate: Decimal
    balance: Decimal
    credit_balance: Decimal

    @property
    def context(self) -> tuple[str, str]:
        return self.customer_id, self.currency


@dataclass(frozen=True)
class RealTime:
    real_time_balance: Decimal
    real_time_credit_balance: Decimal
    pending_amount: Decimal
    current_period_usage: Decimal | None
    unpaid_invoices_amount: Decimal | None


@dataclass(frozen=True)
class Credits:
    free_credits: Decimal
    purchased_credits: Decimal

    def amounts(self, rate: Decimal) -> tuple[Decimal, Decimal]:
        """Free and purchased in currency, at the rate of the balance beside them."""
        return EXACT.multiply(self.free_credits, rate), EXACT.multiply(self.purchased_credits, rate)


@dataclass(frozen=True)
class Sight:
    """A wallet as it is known after one snapshot that observed it.

    Each `…_since` is the snapshot that brought the value for the first time; `…_seen` says whether this one brought
    the figures at all. `ended` is None while the wallet lives.
    """

    snapshot: Snapshot
    life: int
    life_since: Snapshot
    ended: str | None
    settings: Record
    metadata: dict[str, str]
    settings_since: Snapshot
    settled: Settled
    settled_since: Snapshot
    real_time: RealTime | None = None
    real_time_since: Snapshot | None = None
    real_time_seen: bool = False
    credits: Credits | None = None
    credits_since: Snapshot | None = None
    credits_seen: bool = False
    #: The snapshot that first observed these credits beside this settled balance; None where none did.
    split_since: Snapshot | None = None
    given: tuple[bool, bool] = (True, True)
    given_since: Snapshot | None = None

    @property
    def at(self) -> datetime:
        return self.snapshot.at

    @property
    def day(self) -> date:
        return self.snapshot.day

    @property
    def split(self) -> tuple[Decimal, Decimal] | None:
        """Free and purchased in currency; None where they are older than the settled balance."""
        if self.credits is None or self.split_since is None or self.ended is not None:
            return None
        return self.credits.amounts(self.settled.conversion_rate)

    @property
    def begins_life(self) -> bool:
        return self.life_since is self.snapshot

    @property
    def figures_since(self) -> Snapshot:
        """The snapshot from which on all figures are as they are."""
        moments = (self.settled_since, self.real_time_since, self.credits_since, self.life_since)
        return max((each for each in moments if each is not None), key=lambda each: each.at)


def sights_of(wallet_id: str, snapshots: Sequence[Snapshot]) -> list[Sight]:
    """Everything that the snapshots, in order of time, found out about one wallet."""
    sights: list[Sight] = []
    for snapshot in snapshots:
        last = sights[-1] if sights else None
        sight = _look(wallet_id, snapshot, last)
        if sight is not None:
            sights.append(sight)
    return sights


def is_followed(wallet_id: str, snapshot: Snapshot, last: Sight | None) -> bool:
    """Whether a snapshot asked for a wallet by its own id."""
    if last is None or last.ended is not None:
        return False
    is_listed = snapshot.lists(snapshot.truth["wallets"][wallet_id])
    return not is_listed and snapshot.could_read(last.settled.customer_id)


def has_moved_out_of_sight(wallet_id: str, snapshot: Snapshot, last: Sight | None) -> bool:
    """Whether a followed wallet was found with a customer that the snapshot did not read."""
    wallet = snapshot.truth["wallets"][wallet_id]
    return (
        is_followed(wallet_id, snapshot, last)
        and wallet_id not in snapshot.failed_wallets | snapshot.rejected_wallets
        and not wallet["is_hard_deleted"]
        and not snapshot.could_read(wallet["customer_id"])
    )


def _look(wallet_id: str, snapshot: Snapshot, last: Sight | None) -> Sight | None:
    """What a snapshot found out about a wallet, or None if it did not observe it."""
    wallet = snapshot.truth["wallets"].get(wallet_id)
    if wallet is None or wallet_id in snapshot.rejected_wallets:
        return None
    if snapshot.lists(wallet):
        return _read(wallet, snapshot, last, is_listed=True)
    if not is_followed(wallet_id, snapshot, last) or wallet_id in snapshot.failed_wallets:
        return None
    if wallet["is_hard_deleted"]:
        assert last is not None
        return _lost(snapshot, last)
    if has_moved_out_of_sight(wallet_id, snapshot, last):
        return None
    return _read(wallet, snapshot, last, is_listed=False)


def _lost(snapshot: Snapshot, last: Sight) -> Sight:
    """The API knows the wallet no longer: nothing was read."""
    settings = {**last.settings, "is_listed": False, "ended": "not_found"}
    return replace(
        last,
        snapshot=snapshot,
        ended="not_found",
        settings=settings,
        settings_since=snapshot,
        real_time_seen=False,
        credits_seen=False,
    )


def _read(wallet: Record, snapshot: Snapshot, last: Sight | None, *, is_listed: bool) -> Sight:
    ended = _end_of(wallet)
    begins_life = last is None or (last.ended is not None and ended is None)
    settings = _settings(wallet, snapshot, is_listed=is_listed, ended=ended)
    metadata = dict(wallet["metadata"] or {})
    settled = Settled(
        wallet["customer_id"],
        wallet["currency"],
        wallet["conversion_rate"],
        wallet["balance"],
        wallet["credit_balance"],
    )
    if last is None:
        sight = Sight(snapshot, 1, snapshot, ended, settings, metadata, snapshot, settled, snapshot)
    else:
        sight = replace(last, snapshot=snapshot, ended=ended)
        if begins_life:
            sight = replace(sight, life=last.life + 1, life_since=snapshot)
        if begins_life or settled != last.settled:
            sight = replace(sight, settled=settled, settled_since=snapshot, split_since=None)
        if begins_life or settled.context != last.settled.context:
            sight = replace(
                sight,
                real_time=None,
                real_time_since=None,
                credits=None,
                credits_since=None,
                split_since=None,
            )
        if _compared(settings, metadata) != _compared(last.settings, last.metadata):
            sight = replace(sight, settings=settings, metadata=metadata, settings_since=snapshot)
    return _with_optional_figures(sight, wallet, is_listed=is_listed)


def _with_optional_figures(sight: Sight, wallet: Record, *, is_listed: bool) -> Sight:
    """Real-time figures come for listed wallets where asked for, the breakdown with them."""
    snapshot = sight.snapshot
    has_real_time = is_listed and snapshot.real_time
    has_credits = has_real_time and snapshot.breakdown and wallet["id"] not in snapshot.no_breakdown
    sight = replace(sight, real_time_seen=has_real_time, credits_seen=has_credits)
    if has_real_time:
        real_time = _real_time(wallet, snapshot)
        if sight.real_time is None or not _adds_nothing(real_time, sight.real_time):
            sight = replace(sight, real_time=real_time, real_time_since=snapshot)
    if has_credits:
        kinds = wallet["credits_available_breakdown"]
        credits = Credits(kinds["free"], kinds["purchased"])
        if credits != sight.credits:
            sight = replace(sight, credits=credits, credits_since=snapshot, split_since=snapshot)
        sight = replace(sight, split_since=sight.split_since or snapshot)
    if is_listed:
        given = (
            has_real_time if snapshot.real_time else sight.given[0],
            has_credits if snapshot.breakdown else sight.given[1],
        )
        if given != sight.given:
            sight = replace(sight, given=given, given_since=snapshot)
    return sight


def _end_of(wallet: Record) -> str | None:
    if wallet["status"] == "deleted":
        return "deleted"
    return "closed" if wallet["wallet_status"] == "closed" else None


def _real_time(wallet: Record, snapshot: Snapshot) -> RealTime:
    return RealTime(
        wallet["real_time_balance"],
        wallet["real_time_credit_balance"],
        EXACT.subtract(wallet["balance"], wallet["real_time_balance"]),
        None if wallet["id"] in snapshot.no_usage else wallet["current_period_usage"],
        None if wallet["id"] in snapshot.no_unpaid else wallet["unpaid_invoices_amount"],
    )


def _adds_nothing(new: RealTime, known: RealTime) -> bool:
    """Whether the new figures say nothing that was not known; what was left out says nothing."""
    patched = replace(
        new,
        current_period_usage=(
            known.current_period_usage
            if new.current_period_usage is None
            else new.current_period_usage
        ),
        unpaid_invoices_amount=(
            known.unpaid_invoices_amount
            if new.unpaid_invoices_amount is None
            else new.unpaid_invoices_amount
        ),
    )
    return patched == known


def _compared(settings: Record, metadata: dict[str, str]) -> tuple[Record, dict[str, str]]:
    compared = {name: value for name, value in settings.items() if name not in _NOT_COMPARED}
    return compared, metadata


def _settings(wallet: Record, snapshot: Snapshot, *, is_listed: bool, ended: str | None) -> Record:
    """A wallet's settings by the views' columns."""
    thresholds = {each["level"]: each for each in wallet["alert_thresholds"]}
    price_types = wallet["allowed_price_types"]
    settings: dict[str, Any] = {
        "customer_id": wallet["customer_id"],
        "tenant_id": wallet["tenant_id"],
        "environment_id": wallet["environment_id"],
        "currency": wallet["currency"],
        "name": wallet["name"] or None,
        "description": wallet["description"] or None,
        "wallet_type": wallet["wallet_type"],
        "wallet_status": wallet["wallet_status"],
        "record_status": wallet["status"],
        "is_listed": is_listed,
        "ended": ended,
        "conversion_rate": wallet["conversion_rate"],
        "topup_conversion_rate": wallet["topup_conversion_rate"],
        "allowed_price_types": ", ".join(sorted(price_types)) if price_types else None,
        "alert_enabled": wallet["alert_enabled"],
        "alert_state": wallet["alert_state"] or None,
        "unrecognized_fields": dict(snapshot.extra_fields) or None,
        "unreadable_fields": None,
        "source_created_at": wallet["created_at"],
        "source_updated_at": wallet["updated_at"],
    }
    for level in LEVELS:
        entry = thresholds.get(level, {})
        settings[f"alert_threshold_{level}"] = entry.get("threshold")
        settings[f"alert_condition_{level}"] = entry.get("condition")
    settings["alert_threshold_default_type"] = thresholds.get("default", {}).get("threshold_type")
    topup = wallet["auto_topup"] or {}
    cooldown = topup.get("cooldown") or {}
    settings |= {
        "auto_topup_enabled": topup.get("enabled"),
        "auto_topup_threshold": topup.get("threshold"),
        "auto_topup_amount": topup.get("amount"),
        "auto_topup_invoiced": topup.get("invoicing"),
        "auto_topup_cooldown_value": cooldown.get("value"),
        "auto_topup_cooldown_unit": cooldown.get("unit"),
    }
    return settings


def shown(settings: Record) -> Record:
    """Settings as views show them: no restriction of price types and ALL are the same."""
    listed = settings_price_types(settings)
    is_all = not listed or "ALL" in listed
    return settings | ({"allowed_price_types": "ALL"} if is_all else {})


def settings_price_types(settings: Record) -> list[str]:
    """The allowed price types, each by itself."""
    listed = settings["allowed_price_types"]
    return listed.split(", ") if listed else []
