"""Compares one wallet's groups with what is known of it, and writes the rows of the versions that differ. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from flexprice_wallets.extract.calls import Figures
from flexprice_wallets.records.fingerprints import (
    balance_fingerprint,
    credits_fingerprint,
    figures_given_fingerprint,
    real_time_fingerprint,
    same_where_given,
    settings_fingerprint,
)
from flexprice_wallets.records.records import Row, Settings, WalletRecord
from flexprice_wallets.records.wallet_tables import SETTINGS_TABLES
from flexprice_wallets.snapshot.known import KnownWallet

#: Takes a table's name and a row for it, values by column.
Write = Callable[[str, Row], None]

#: Tables whose rows repeat the currency of their wallet's settings.
_WITH_CURRENCY: Final = {
    table.name for table in SETTINGS_TABLES if "currency" in table.column_names
}


class VersionKey(NamedTuple):
    """What every row of one version has in common."""

    wallet_id: str
    customer_id: str
    snapshot_id: str
    snapshot_at: datetime
    observed_at: datetime

    def row(self, version_hash: bytes, **values: Any) -> Row:
        return {
            "wallet_id": self.wallet_id,
            "customer_id": self.customer_id,
            "snapshot_id": self.snapshot_id,
            "snapshot_at": self.snapshot_at,
            "observed_at": self.observed_at,
            "version_hash": version_hash.hex(),
            **values,
        }


@dataclass(frozen=True, slots=True)
class WalletVersions:
    """Each method compares one group, writes its version where it differs, and says whether it did.

    What is written is known from then on.
    """

    figures: Figures
    write: Write

    def compare_settings(
        self,
        settings: Settings,
        known: KnownWallet,
        key: VersionKey,
        is_listed: bool,
        ended: str | None,
    ) -> bool:
        """Settings with all that belongs to them, and the wallet's state of life."""
        settings.values["is_listed"], settings.values["ended"] = is_listed, ended
        fingerprint = settings_fingerprint(key.customer_id, settings)
        if fingerprint == known.settings:
            return False
        self._write_settings(key, settings, fingerprint)
        known.settings = fingerprint
        return True

    def _write_settings(self, key: VersionKey, settings: Settings, fingerprint: bytes) -> None:
        self.write("wallets", key.row(fingerprint, **settings.values))
        for table, rows in settings.rows.items():
            shared = {"currency": settings.values["currency"]} if table in _WITH_CURRENCY else {}
            for row in rows:
                self.write(table, key.row(fingerprint, **shared, **row))

    def compare_figures(self, wallet: WalletRecord, known: KnownWallet, key: VersionKey) -> bool:
        """The settled balance, the real-time figures and the breakdown, each by itself."""
        if wallet.balance is None:
            return False
        is_changed = self.compare_balance(wallet.balance, known, key)
        if wallet.real_time is not None:
            is_changed |= self._compare_real_time(wallet.real_time, known, key)
        if wallet.credits_available is not None:
            currency = wallet.balance["currency"]
            is_changed |= self._compare_credits(wallet.credits_available, currency, known, key)
        return is_changed

    def compare_balance(self, balance: Row, known: KnownWallet, key: VersionKey) -> bool:
        """The settled balance."""
        fingerprint = balance_fingerprint(key.customer_id, balance)
        if fingerprint == known.balance:
            return False
        self.write("wallet_balances", key.row(fingerprint, **balance))
        known.balance = fingerprint
        return True

    def _compare_real_time(self, real_time: Row, known: KnownWallet, key: VersionKey) -> bool:
        fingerprint = real_time_fingerprint(key.customer_id, real_time)
        if same_where_given(known.real_time, fingerprint):
            return False
        self.write("wallet_real_time_balances", key.row(fingerprint, **real_time))
        known.real_time = fingerprint
        return True

    def _compare_credits(
        self, credits: list[Row], currency: str, known: KnownWallet, key: VersionKey
    ) -> bool:
        fingerprint = credits_fingerprint(key.customer_id, currency, credits)
        if fingerprint == known.credits_available:
            return False
        for row in credits:
            self.write("wallet_credits_available", key.row(fingerprint, **row, currency=currency))
        known.credits_available = fingerprint
        return True

    def compare_figures_given(
        self, wallet: WalletRecord, known: KnownWallet, key: VersionKey
    ) -> bool:
        """Note where the API begins or ceases to leave out what was asked for; a rejected group tells nothing."""
        rejected = {rejection.field_group for rejection in wallet.rejections}
        is_real_time_given, is_credits_given = known.is_real_time_given, known.is_credits_given
        if "balance" in rejected:
            return False
        if self.figures.real_time_balance and "real_time" not in rejected:
            is_real_time_given = wallet.real_time is not None
        if self.figures.credits_available_breakdown and "credits_available" not in rejected:
            is_credits_given = wallet.credits_available is not None
        now = (is_real_time_given, is_credits_given)
        if now == (known.is_real_time_given, known.is_credits_given):
            return False
        known.is_real_time_given, known.is_credits_given = now
        row = key.row(
            figures_given_fingerprint(*now),
            is_real_time_balance_given=is_real_time_given,
            is_credits_available_given=is_credits_given,
        )
        self.write("wallet_figures_given", row)
        return True
