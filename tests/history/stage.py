"""The stage of a history: an emulated API, a warehouse that is loaded from it, and the oracle that watches."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flexprice_emulator import Emulator, Fault, FaultKind, World
from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.calls import Figures
from flexprice_wallets.extract.secret import Secret
from flexprice_wallets.extract.selection import Selection
from flexprice_wallets.snapshot.limits import Limits, Tolerance
from flexprice_wallets.snapshot.load import LoadResult, take_snapshot
from flexprice_wallets.snapshot.options import LoadOptions
from flexprice_wallets.use.exchange_rates import bring_rates
from tests.history.expected_rates import brought
from tests.history.observed import Snapshot, Within
from tests.history.oracle import Oracle

#: Histories with little in them lose a large share at a time.
_ANY_NUMBER = Limits(failures=Tolerance.parse("100%"), vanished=Tolerance.parse("100%"))
_UNREADABLE = {"currency": "null"}


@dataclass(frozen=True)
class Run:
    """What one load asks for, and what goes wrong in it; see `Snapshot`."""

    real_time: bool = True
    breakdown: bool = True
    customer_ids: tuple[str, ...] = ()
    lookup_keys: tuple[str, ...] = ()
    failed_customers: Collection[str] = ()
    failed_wallets: Collection[str] = ()
    rejected_wallets: Collection[str] = ()
    rejected_transactions: Collection[str] = ()
    ledger: bool = True
    ledger_fault: FaultKind | None = None
    no_breakdown: Collection[str] = ()
    no_usage: Collection[str] = ()
    no_unpaid: Collection[str] = ()
    extra_fields: dict[str, object] = field(default_factory=dict)


class Stage:
    """Moves the world through time and loads it; the oracle sees what each run could see."""

    def __init__(self, emulator: Emulator, database: Path) -> None:
        self.emulator = emulator
        self.world: World = emulator.world
        self.database = database
        self.oracle = Oracle()
        self._begin = self.world.now

    def at(self, day: int, hour: float) -> None:
        """Move the world's clock to an hour (UTC) of a day, counted from the first."""
        midnight = self._begin.replace(hour=0, minute=0, second=0, microsecond=0)
        self.world.set_time(midnight + timedelta(days=day, hours=hour))

    def load(self, run: Run) -> LoadResult:
        """Load at the world's time, and have the oracle take note."""
        self._set_faults(run)
        requests = self.emulator.requests.total
        started = datetime.now(UTC)
        result = take_snapshot(self._options(run))
        if not self.oracle.snapshots:
            # Once, as the loads after it must carry them on.
            bring_rates(self.database, brought())
        clock = Within(started, datetime.now(UTC))
        requests = self.emulator.requests.total - requests
        self.oracle.observe(self._snapshot(run, clock, requests))
        return result

    def _options(self, run: Run) -> LoadOptions:
        return LoadOptions(
            ApiOptions(Secret(self.emulator.api_key), self.emulator.base_url, workers=4),
            self.database,
            selection=Selection(run.customer_ids, run.lookup_keys),
            figures=Figures(run.real_time, run.breakdown),
            ledger=run.ledger,
            limits=_ANY_NUMBER,
            snapshot_at=self.world.now,
        )

    def _set_faults(self, run: Run) -> None:
        faults, quirks = self.emulator.faults, self.emulator.quirks
        faults.clear()
        # A redirect is given up at once, without the seconds that retries take.
        for customer_id in run.failed_customers:
            faults.add(Fault("redirect", path="/v1/customers/wallets", key=customer_id))
        for wallet_id in run.failed_wallets:
            faults.add(Fault("redirect", path="/v1/wallets/", key=wallet_id))
        if run.ledger_fault is not None:
            faults.add(Fault(run.ledger_fault, path="/v1/wallets/transactions/search"))
        quirks.transaction_fields = {key: dict(_UNREADABLE) for key in run.rejected_transactions}
        quirks.wallet_fields = {wallet_id: dict(_UNREADABLE) for wallet_id in run.rejected_wallets}
        quirks.omit_breakdown = set(run.no_breakdown)
        quirks.omit_usage = set(run.no_usage)
        quirks.omit_unpaid = set(run.no_unpaid)
        quirks.extra_wallet_fields = run.extra_fields

    def _snapshot(self, run: Run, clock: Within, requests: int) -> Snapshot:
        truth = self.world.truth()
        by_key = {
            row["external_id"]: row["id"] for row in truth["customers"].values() if row["is_listed"]
        }
        named = {*run.customer_ids, *(by_key[key] for key in run.lookup_keys if key in by_key)}
        is_selected = bool(run.customer_ids or run.lookup_keys)
        return Snapshot(
            at=self.world.now,
            clock=clock,
            truth=truth,
            real_time=run.real_time,
            breakdown=run.breakdown,
            named=frozenset(named) if is_selected else None,
            unknown_keys=frozenset(run.lookup_keys) - set(by_key),
            failed_customers=frozenset(run.failed_customers),
            failed_wallets=frozenset(run.failed_wallets),
            rejected_wallets=frozenset(run.rejected_wallets),
            rejected_transactions=frozenset(run.rejected_transactions),
            ledger=run.ledger,
            ledger_fault=run.ledger_fault,
            no_breakdown=frozenset(run.no_breakdown),
            no_usage=frozenset(run.no_usage),
            no_unpaid=frozenset(run.no_unpaid),
            extra_fields=run.extra_fields,
            requests=requests,
        )
