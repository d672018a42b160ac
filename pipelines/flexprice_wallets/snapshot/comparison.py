"""Compares replies with what is known, one at a time, and writes the rows that differ. Pure.

Knows nothing of where replies come from or where rows go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from flexprice_wallets.extract.calls import Failure, Figures, Reply
from flexprice_wallets.records.customers import parse_customer
from flexprice_wallets.records.fingerprints import customer_fingerprint
from flexprice_wallets.records.records import CustomerRecord, Rejection, Row, Settings, WalletRecord
from flexprice_wallets.records.values import readable_id
from flexprice_wallets.records.wallets import (
    ended_of,
    parse_wallet,
    rejected_wallet,
    with_last_known,
)
from flexprice_wallets.snapshot.known import Known, KnownRejection, KnownWallet
from flexprice_wallets.snapshot.ownership import Ownership
from flexprice_wallets.snapshot.rejections import Rejections
from flexprice_wallets.snapshot.tally import Tally
from flexprice_wallets.snapshot.versions import VersionKey, WalletVersions, Write


@dataclass(frozen=True, slots=True)
class CarriedWallet:
    """A wallet some of whose settings were not read: the version to be written takes those from the last one.

    `settings` is what was read; None where nothing was. `is_counted`: the wallet counts as changed already.
    """

    wallet_id: str
    customer_id: str
    observed_at: datetime
    is_listed: bool
    ended: str | None
    settings: Settings | None
    is_counted: bool = False


@dataclass(slots=True)
class Comparison:
    """Takes what a load reads; gives rows to `write`.

    `covered`: the ids of the customers that the load covers, or None for all.
    """

    known: Known
    snapshot_id: str
    snapshot_at: datetime
    figures: Figures
    write: Write
    covered: set[str] | None = None
    tally: Tally = field(default_factory=Tally)
    carried: list[CarriedWallet] = field(default_factory=list)
    ownership: Ownership = field(init=False)
    rejections: Rejections = field(init=False)
    _versions: WalletVersions = field(init=False)
    _unread_customers: set[str] = field(default_factory=set)
    _unread_wallets: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ownership = Ownership(self.known.tenant_id, self.known.environment_id)
        self.rejections = Rejections(
            self.known.rejections, self.snapshot_id, self.snapshot_at, self.write
        )
        self._versions = WalletVersions(self.figures, self.write)

    # --- customers -------------------------------------------------------------------------------------------------

    def take_listed_customer(self, raw: object, observed_at: datetime) -> str | None:
        """Take one record of the listing; returns the customer's id, or None where it has no readable one."""
        parsed = parse_customer(raw)
        if isinstance(parsed, Rejection):
            self._reject(parsed, observed_at)
            known = self.known.customers.get(parsed.customer_id or "")
            if known is not None:
                known.is_seen = True
            return parsed.customer_id
        self.ownership.check(parsed.values["tenant_id"], parsed.values["environment_id"])
        self.take_customer(parsed, observed_at, is_listed=True)
        return parsed.customer_id

    def take_customer(
        self, record: CustomerRecord, observed_at: datetime, *, is_listed: bool
    ) -> None:
        """Write a version of the customer where it differs."""
        record.values["is_listed"] = is_listed
        fingerprint = customer_fingerprint(record)
        known = self.known.customers.get(record.customer_id)
        if known is None or known.fingerprint != fingerprint:
            self.write(
                "customers",
                {
                    "customer_id": record.customer_id,
                    "snapshot_id": self.snapshot_id,
                    "snapshot_at": self.snapshot_at,
                    "observed_at": observed_at,
                    "version_hash": fingerprint.hex(),
                    **record.values,
                },
            )
        if known is None:
            known = self.known.customers.add(record.customer_id, fingerprint, is_listed=is_listed)
        known.fingerprint, known.is_listed, known.is_seen = fingerprint, is_listed, True

    def customers_gone(self) -> list[str]:
        """Customers that were listed before, are covered, and were not in the listing now."""
        return [
            customer_id
            for customer_id, known in self.known.customers.items()
            if known.is_listed and not known.is_seen and self._covers(customer_id)
        ]

    # --- wallets of a customer -------------------------------------------------------------------------------------

    def take_customer_wallets(self, reply: Reply) -> None:
        """Take the answer for one customer: its listed wallets, or why they could not be read."""
        customer_id = reply.call.customer_id
        failure = reply.failure or (unknown_customer(reply) if reply.is_missing else None)
        if failure is not None:
            self._fail(reply, failure)
            self.tally.customers_failed += 1
            if customer_id is not None:
                self._unread_customers.add(customer_id)
            return
        self.tally.customers_observed += 1
        observed_before = self.tally.wallets_observed
        parsed = [parse_wallet(raw, asked_customer_id=customer_id) for raw in reply.records or ()]
        times_named = Counter(wallet.wallet_id for wallet in parsed)
        is_any_nameless = False
        for raw, wallet in zip(reply.records or (), parsed, strict=True):
            if isinstance(wallet, Rejection):
                self._reject(wallet, reply.observed_at)
                is_any_nameless |= wallet.wallet_id is None
                self._mark_seen(wallet.wallet_id)
            elif times_named[wallet.wallet_id] > 1:
                self._reject_wallet(raw, wallet, "the answer names this wallet twice", reply)
            else:
                self._take_listed_wallet(raw, wallet, reply)
        if is_any_nameless and customer_id is not None:
            # Any of the customer's wallets may be the one that could not be told: none counts as gone or observed.
            self._unread_customers.add(customer_id)
            self.tally.wallets_observed = observed_before

    def _take_listed_wallet(self, raw: object, wallet: WalletRecord, reply: Reply) -> None:
        known = self.known.wallets.get(wallet.wallet_id)
        if known is not None and known.is_seen:
            self._reject_wallet(
                raw, wallet, "the wallet was already read for another customer", reply
            )
            return
        if self.covered is not None:
            self.covered.add(wallet.customer_id)
        self._take_wallet(wallet, known, reply.observed_at, is_listed=True)

    # --- wallets that are followed ---------------------------------------------------------------------------------

    def wallets_to_follow(self) -> list[tuple[str, str]]:
        """Living wallets (id, customer id) of customers that were read, which no list held: each is asked for by id."""
        return [
            (wallet_id, known.customer_id)
            for wallet_id, known in self.known.wallets.items()
            if not known.is_seen and known.ended is None and self._was_read(known.customer_id)
        ]

    def wallets_known_before(self) -> int:
        """How many of the wallets known before the run live and are covered."""
        living = sum(
            known.ended is None and self._covers(known.customer_id)
            for known in self.known.wallets.values()
        )
        return max(0, living - self.tally.wallets_new)

    def lost_from_lists(self, followed: Iterable[tuple[str, str]]) -> int:
        """How many of the followed wallets were still listed in the snapshot before."""
        return sum(self.known.wallets[wallet_id].is_listed for wallet_id, _ in followed)

    def take_followed_wallet(self, reply: Reply) -> None:
        """Take the answer for one wallet that was asked for by its id."""
        wallet_id = str(reply.call.wallet_id)
        known = self.known.wallets[wallet_id]
        if reply.failure is not None:
            self._fail(reply, reply.failure)
            self.tally.wallets_failed += 1
            self._unread_wallets.add(wallet_id)
            return
        if reply.is_missing:
            self._count_loss(known, "not_found")
            self.carried.append(
                CarriedWallet(
                    wallet_id, known.customer_id, reply.observed_at, False, "not_found", None
                )
            )
            self.tally.wallets_observed += 1
            known.is_seen = True
            return
        raw = reply.records[0] if reply.records else None
        wallet = parse_wallet(raw, asked_customer_id=None)
        if isinstance(wallet, Rejection):
            self._reject(
                rejected_wallet(raw, wallet.reason, known.customer_id, wallet_id),
                reply.observed_at,
            )
        elif wallet.wallet_id != wallet_id:
            reason = f"asked for wallet {wallet_id}, got {wallet.wallet_id}"
            self._reject(
                rejected_wallet(raw, reason, known.customer_id, wallet_id), reply.observed_at
            )
        elif not self._was_read(wallet.customer_id):
            reason = f"moved to customer {wallet.customer_id}, whose wallets this run did not read"
            self._reject(
                rejected_wallet(raw, reason, known.customer_id, wallet_id), reply.observed_at
            )
        else:
            self._count_loss(known, ended_of(wallet.settings))
            self._take_wallet(wallet, known, reply.observed_at, is_listed=False)

    # --- wallets that have ended -----------------------------------------------------------------------------------

    def ended_wallets(self) -> list[str]:
        """Ended wallets to be looked at again: one can still get money. A load for named customers looks at none."""
        if self.covered is not None:
            return []
        return [
            wallet_id
            for wallet_id, known in self.known.wallets.items()
            if known.ended not in (None, "not_found") and not known.is_seen
        ]

    def take_ended_wallets(self, reply: Reply) -> None:
        """Take an answer that holds ended wallets; others in it are not looked at."""
        if reply.failure is not None:
            self._fail(reply, reply.failure)
            self.tally.wallets_failed += 1
            return
        for raw in reply.records or ():
            wallet_id = readable_id(raw.get("id")) if isinstance(raw, dict) else None
            known = self.known.wallets.get(wallet_id or "")
            if known is None or known.ended is None or known.is_seen:
                continue
            wallet = parse_wallet(raw, asked_customer_id=known.customer_id)
            if isinstance(wallet, Rejection):
                self._reject(wallet, reply.observed_at)
            elif wallet.balance is not None:
                self._take_ended_wallet(wallet, wallet.balance, known, reply.observed_at)

    def _take_ended_wallet(
        self, wallet: WalletRecord, balance: Row, known: KnownWallet, observed_at: datetime
    ) -> None:
        """Only its settled balance can still move; what else is said of it was read at its end."""
        self.ownership.check(
            wallet.settings.values["tenant_id"], wallet.settings.values["environment_id"]
        )
        key = VersionKey(
            wallet.wallet_id, wallet.customer_id, self.snapshot_id, self.snapshot_at, observed_at
        )
        self.tally.wallets_changed += self._versions.compare_balance(balance, known, key)
        known.is_seen = True

    def covered_wallets(self) -> list[str]:
        """Every known wallet of the customers that the load covers, ended ones included."""
        return [
            wallet_id
            for wallet_id, known in self.known.wallets.items()
            if self._covers(known.customer_id)
        ]

    def _count_loss(self, known: KnownWallet, ended: str | None) -> None:
        if known.is_listed:
            self.tally.newly_unlisted += 1
        elif ended is not None:
            self.tally.newly_ended += 1

    # --- one wallet ------------------------------------------------------------------------------------------------

    def _take_wallet(
        self,
        wallet: WalletRecord,
        known: KnownWallet | None,
        observed_at: datetime,
        *,
        is_listed: bool,
    ) -> None:
        settings = wallet.settings
        self.ownership.check(settings.values["tenant_id"], settings.values["environment_id"])
        ended = ended_of(settings)
        is_new = known is None
        if known is None:
            known = self.known.wallets.add(
                wallet.wallet_id, wallet.customer_id, is_listed=is_listed
            )
            self.tally.wallets_new += 1
        elif known.ended is not None and ended is None:
            known.forget_figures()
        key = VersionKey(
            wallet.wallet_id, wallet.customer_id, self.snapshot_id, self.snapshot_at, observed_at
        )
        is_changed = self._versions.compare_figures(wallet, known, key)
        if is_listed:
            is_changed |= self._versions.compare_figures_given(wallet, known, key)
        if is_new or not settings.unreadable_fields:
            is_changed |= self._versions.compare_settings(settings, known, key, is_listed, ended)
        else:
            carried = CarriedWallet(
                wallet.wallet_id,
                wallet.customer_id,
                observed_at,
                is_listed,
                ended,
                settings,
                is_counted=is_changed,
            )
            self.carried.append(carried)
        known.customer_id, known.is_listed, known.ended = wallet.customer_id, is_listed, ended
        known.is_seen = True
        self.tally.wallets_changed += is_changed
        for rejection in wallet.rejections:
            self._reject(rejection, observed_at)
        self.tally.wallets_observed += not wallet.rejections
        self.tally.wallets_rejected += bool(wallet.rejections)

    def take_carried_wallet(self, carried: CarriedWallet, last: Settings) -> None:
        """Write the version of a carried wallet where it differs, given the settings of its last one."""
        settings = last if carried.settings is None else with_last_known(carried.settings, last)
        known = self.known.wallets[carried.wallet_id]
        key = VersionKey(
            carried.wallet_id,
            carried.customer_id,
            self.snapshot_id,
            self.snapshot_at,
            carried.observed_at,
        )
        is_changed = self._versions.compare_settings(
            settings, known, key, carried.is_listed, carried.ended
        )
        self.tally.wallets_changed += is_changed and not carried.is_counted

    # --- what could not be taken -----------------------------------------------------------------------------------

    def _fail(self, reply: Reply, failure: Failure) -> None:
        self.write(
            "fetch_failures",
            {
                "snapshot_id": self.snapshot_id,
                "snapshot_at": self.snapshot_at,
                "resource": reply.call.resource,
                "resource_id": reply.call.resource_id,
                "customer_id": reply.call.customer_id,
                "wallet_id": reply.call.wallet_id,
                "http_status": failure.http_status,
                "error_code": failure.error_code,
                "message": failure.message,
                "attempts": reply.attempts,
                "failed_at": reply.observed_at,
            },
        )

    def _reject_wallet(self, raw: object, wallet: WalletRecord, reason: str, reply: Reply) -> None:
        self._reject(
            rejected_wallet(raw, reason, wallet.customer_id, wallet.wallet_id), reply.observed_at
        )
        self._mark_seen(wallet.wallet_id)

    def _reject(self, rejection: Rejection, observed_at: datetime) -> None:
        self.tally.records_rejected += 1
        if rejection.field_group == "record":
            self.tally.wallets_rejected += rejection.resource == "wallet"
            self.tally.customers_rejected += rejection.resource == "customer"
        self.rejections.take(rejection, observed_at)

    def clear_rejections(self) -> None:
        """Write which rejections of earlier snapshots no longer hold, once everything is read."""
        self.rejections.clear(self._is_over)

    def _is_over(self, rejection: KnownRejection) -> bool:
        """Whether the snapshot has read what the rejection, which it has not met again, was about."""
        if rejection.resource == "transaction" or rejection.wallet_id in self._unread_wallets:
            return False
        if rejection.customer_id is None:
            return self.covered is None
        known = self.known.wallets.get(rejection.wallet_id or "")
        if known is not None and known.is_seen:
            return True
        if rejection.resource == "customer":
            return self._covers(rejection.customer_id)
        return self._was_read(rejection.customer_id)

    def _mark_seen(self, wallet_id: str | None) -> None:
        known = self.known.wallets.get(wallet_id or "")
        if known is not None:
            known.is_seen = True

    def _covers(self, customer_id: str) -> bool:
        return self.covered is None or customer_id in self.covered

    def _was_read(self, customer_id: str) -> bool:
        return self._covers(customer_id) and customer_id not in self._unread_customers


def unknown_customer(reply: Reply) -> Failure:
    """The failure that a 404 is where a customer was listed or named."""
    return Failure("http_404", f"The API knows no customer {reply.call.resource_id}", 404)
