"""Compares one wallet's groups with what is known of it, and writes the versions that differ."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flexprice_wallets.extract.calls import Figures
from flexprice_wallets.records.fingerprints import (
    balance_fingerprint,
    credits_fingerprint,
    figures_given_fingerprint,
    real_time_fingerprint,
    settings_fingerprint,
)
from flexprice_wallets.records.records import WalletRecord, WalletSettings
from flexprice_wallets.records.wallet_settings import ATTRIBUTE_OF_FIELD
from flexprice_wallets.snapshot.known import KnownWallet, packed_real_time, same_real_time
from flexprice_wallets.snapshot.rows import (
    VersionKey,
    Write,
    balance_row,
    credits_rows,
    real_time_row,
    write_settings,
)


@dataclass(frozen=True, slots=True)
class WalletVersions:
    """Each method compares one group, writes its version where it differs, and says whether it did.

    What is written is known from then on.
    """

    figures: Figures
    write: Write

    def compare_settings(
        self,
        settings: WalletSettings,
        known: KnownWallet,
        key: VersionKey,
        is_listed: bool,
        ended: str | None,
    ) -> bool:
        """Settings with all that belongs to them, and the wallet's state of life."""
        fingerprint = settings_fingerprint(key.customer_id, settings, is_listed, ended)
        if fingerprint == known.settings:
            return False
        write_settings(self.write, key, settings, fingerprint, is_listed=is_listed, ended=ended)
        known.settings = fingerprint
        return True

    def compare_figures(self, wallet: WalletRecord, known: KnownWallet, key: VersionKey) -> bool:
        """The settled balance, the real-time figures and the breakdown, each by itself."""
        balance = wallet.balance
        if balance is None:
            return False
        is_changed = False
        fingerprint = balance_fingerprint(wallet.customer_id, balance)
        if fingerprint != known.balance:
            self.write("wallet_balances", balance_row(key, balance, fingerprint))
            known.balance = fingerprint
            is_changed = True
        if wallet.real_time is not None:
            parts = real_time_fingerprint(wallet.customer_id, wallet.real_time)
            if not same_real_time(known.real_time, parts):
                packed = packed_real_time(parts)
                row = real_time_row(key, wallet.real_time, packed)
                self.write("wallet_real_time_balances", row)
                known.real_time = packed
                is_changed = True
        if wallet.credits_available is not None:
            credits = wallet.credits_available
            fingerprint = credits_fingerprint(wallet.customer_id, balance.currency, credits)
            if fingerprint != known.credits_available:
                for row in credits_rows(key, balance.currency, credits, fingerprint):
                    self.write("wallet_credits_available", row)
                known.credits_available = fingerprint
                is_changed = True
        return is_changed

    def compare_figures_given(
        self, wallet: WalletRecord, known: KnownWallet, key: VersionKey
    ) -> bool:
        """Note where the API begins or ceases to leave out what was asked for; a spoiled group says nothing of that."""
        spoiled = {rejection.field_group for rejection in wallet.rejections}
        is_real_time_given, is_credits_given = known.is_real_time_given, known.is_credits_given
        if "balance" in spoiled:
            return False
        if self.figures.real_time_balance and "real_time" not in spoiled:
            is_real_time_given = wallet.real_time is not None
        if self.figures.credits_available_breakdown and "credits_available" not in spoiled:
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


def with_last_known(settings: WalletSettings, last: WalletSettings) -> WalletSettings:
    """Settings of which some could not be read, with those as they were last known.

    A setting that was not readable then either stays unknown.
    """
    unread = {ATTRIBUTE_OF_FIELD[name]: name for name in settings.unreadable_fields}
    taken = {name: getattr(last, name) for name in unread if hasattr(last, name)}
    still_unknown = tuple(sorted(set(settings.unreadable_fields) & set(last.unreadable_fields)))
    return replace(settings, unreadable_fields=still_unknown, **taken)


def ended_of(settings: WalletSettings) -> str | None:
    """How a wallet has ended, if its record says so."""
    if settings.record_status == "deleted":
        return "deleted"
    return "closed" if settings.wallet_status == "closed" else None
