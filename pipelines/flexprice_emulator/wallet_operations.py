"""What can happen to a wallet, one operation at a time."""

from collections.abc import Iterable, Mapping

from flexprice_emulator.money_operations import MoneyOperations, Number, to_decimal
from flexprice_emulator.reasons import WALLET_TERMINATION
from flexprice_emulator.records import ZERO, AlertThreshold, AutoTopup, Wallet
from flexprice_emulator.state import OperationError, amount_of, atomic


class WalletOperations(MoneyOperations):
    """Operations on one wallet; each raises OperationError where it cannot be done."""

    @atomic
    def set_name(self, wallet_id: str, name: str) -> None:
        """Rename a wallet; an empty name is left out of answers."""
        wallet = self.existing_wallet(wallet_id)
        wallet.name = name
        self.mark_updated(wallet, "user_settings")

    @atomic
    def set_metadata(self, wallet_id: str, metadata: Mapping[str, str] | None) -> None:
        """Replace the metadata; None is sent as null, an empty mapping as ``{}``."""
        wallet = self.existing_wallet(wallet_id)
        wallet.metadata = None if metadata is None else dict(metadata)
        self.mark_updated(wallet, "user_settings")

    @atomic
    def set_alert_config(
        self, wallet_id: str, threshold: AlertThreshold | None, *, enabled: bool = True
    ) -> None:
        """Set the single threshold of the January contract."""
        wallet = self.existing_wallet(wallet_id)
        wallet.alert_config, wallet.alert_enabled = threshold, enabled
        self.mark_updated(wallet, "user_settings")

    @atomic
    def set_alert_settings(
        self,
        wallet_id: str,
        levels: Mapping[str, AlertThreshold | None] | None,
        *,
        enabled: bool = True,
    ) -> None:
        """Set the thresholds ``critical``, ``warning``, ``info`` of the August contract."""
        wallet = self.existing_wallet(wallet_id)
        wallet.alert_settings = None if levels is None else dict(levels)
        wallet.alert_enabled = enabled
        self.mark_updated(wallet, "user_settings")

    @atomic
    def set_alert_state(self, wallet_id: str, alert_state: str) -> None:
        """Set ``ok``, ``info``, ``warning``, ``in_alarm`` or, as in old rows, an empty text."""
        wallet = self.existing_wallet(wallet_id)
        wallet.alert_state = alert_state
        self.mark_updated(wallet, "system")

    @atomic
    def set_auto_topup(self, wallet_id: str, auto_topup: AutoTopup | None) -> None:
        """Replace the automatic top-up."""
        wallet = self.existing_wallet(wallet_id)
        wallet.auto_topup = auto_topup
        self.mark_updated(wallet, "user_settings")

    @atomic
    def set_allowed_price_types(self, wallet_id: str, price_types: Iterable[str] | None) -> None:
        """Replace the allowed price types; None sends the config ``{}`` (all are allowed)."""
        wallet = self.existing_wallet(wallet_id)
        wallet.allowed_price_types = None if price_types is None else tuple(price_types)
        self.mark_updated(wallet, "user_settings")

    @atomic
    def set_conversion_rate(self, wallet_id: str, rate: Number) -> None:
        """Change currency per credit, numeric(10,5): credits stay, the balance is restated.

        The rate of top-ups stays as well.
        """
        wallet = self.existing_wallet(wallet_id)
        new_rate = to_decimal(rate)
        if not ZERO < new_rate < 10**5 or new_rate != round(new_rate, 5):
            raise OperationError(f"rate {new_rate} is not a positive numeric(10,5)")
        wallet.balance = amount_of(wallet.credit_balance, new_rate)
        self._keep_rate(wallet)
        wallet.conversion_rate = new_rate
        self.mark_updated(wallet, "user_settings")

    @atomic
    def set_currency(self, wallet_id: str, currency: str) -> None:
        """Change the currency; the figures stay as they are."""
        wallet = self.existing_wallet(wallet_id)
        self._keep_rate(wallet)
        wallet.currency = currency
        self.mark_updated(wallet, "user_settings")

    @atomic
    def touch_wallet(self, wallet_id: str, by: str = "user_touch") -> None:
        """Change only `updated_by` and `updated_at`."""
        self.mark_updated(self.existing_wallet(wallet_id), by)

    @atomic
    def freeze(self, wallet_id: str) -> None:
        """Freeze an active wallet: it disappears from its customer's list."""
        self._change_wallet_status(wallet_id, "active", "frozen")

    @atomic
    def thaw(self, wallet_id: str) -> None:
        """Make a frozen wallet active again."""
        self._change_wallet_status(wallet_id, "frozen", "active")

    @atomic
    def close(
        self, wallet_id: str, *, with_remainder: bool = False, auto_topup: bool = False
    ) -> None:
        """Close a wallet; as the server does, debit what is left first, unless told not to.

        With `auto_topup` that debit sets off the wallet's automatic top-up, which credits the
        wallet that is just closed (OperationError where nothing is left or none is set).
        """
        wallet = self.existing_wallet(wallet_id)
        if wallet.wallet_status == "closed":
            raise OperationError(f"wallet {wallet_id} is closed already")
        if auto_topup and (with_remainder or wallet.credit_balance <= 0):
            raise OperationError(f"closing wallet {wallet_id} debits nothing")
        if auto_topup:
            self.auto_topup_credits(wallet)
        if wallet.credit_balance > 0 and not with_remainder:
            self.debit(wallet_id, wallet.credit_balance, WALLET_TERMINATION)
        wallet.wallet_status = "closed"
        self.mark_updated(wallet, "system")
        if auto_topup:
            self.auto_top_up(wallet_id)

    @atomic
    def reopen(self, wallet_id: str) -> None:
        """Bring a closed, soft or hard deleted wallet back as active."""
        wallet = self.wallet(wallet_id)
        if wallet.is_listed or wallet.wallet_status == "frozen":
            raise OperationError(f"wallet {wallet_id} has not ended")
        wallet.hard_deleted, wallet.status, wallet.wallet_status = False, "published", "active"
        self.mark_updated(wallet, "user_support")

    @atomic
    def soft_delete(self, wallet_id: str) -> None:
        """Set the record status to ``deleted``: unlisted, still readable by its id."""
        wallet = self.existing_wallet(wallet_id)
        wallet.status = "deleted"
        self.mark_updated(wallet, "user_support")

    @atomic
    def hard_delete(self, wallet_id: str) -> None:
        """Remove the row: reading the wallet by its id is 404 from now on."""
        wallet = self.existing_wallet(wallet_id)
        wallet.hard_deleted = True
        self.version += 1

    @atomic
    def move_wallet(self, wallet_id: str, customer_id: str) -> None:
        """Give a wallet to another customer."""
        wallet = self.existing_wallet(wallet_id)
        self.customer(customer_id)
        self.wallet_ids_by_customer[wallet.customer_id].remove(wallet_id)
        self.wallet_ids_by_customer.setdefault(customer_id, []).append(wallet_id)
        wallet.customer_id = customer_id
        self.mark_updated(wallet, "user_support")

    def _change_wallet_status(self, wallet_id: str, before: str, after: str) -> None:
        wallet = self.existing_wallet(wallet_id)
        if wallet.wallet_status != before:
            raise OperationError(f"wallet {wallet_id} is {wallet.wallet_status}, not {before}")
        wallet.wallet_status = after
        self.mark_updated(wallet, "user_support")

    def _keep_rate(self, wallet: Wallet) -> None:
        """Keep what held until now, for the truth about earlier amounts."""
        earlier = self.earlier_rates.setdefault(wallet.id, [])
        earlier.append((self.now_ns, wallet.currency, wallet.conversion_rate))
