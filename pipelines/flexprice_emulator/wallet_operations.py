"""What can happen to a wallet, one operation at a time."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from flexprice_emulator.formats import EXACT
from flexprice_emulator.records import ZERO, AlertThreshold, AutoTopup, Transaction, Wallet
from flexprice_emulator.state import OperationError, WorldState, amount_of, atomic

Number = Decimal | int | str


def to_decimal(value: Number) -> Decimal:
    """Return an exact Decimal; a float is refused with TypeError."""
    if isinstance(value, float):
        raise TypeError("give amounts as Decimal, int or text, never as float")
    return Decimal(value)


class WalletOperations(WorldState):
    """Operations on one wallet; each raises OperationError where it cannot be done."""

    @atomic
    def debit(self, wallet_id: str, credits_: Number, reason: str = "INVOICE_PAYMENT") -> None:
        """Settle a debit of some credits: free credits first; the balance may become negative."""
        wallet = self._existing(wallet_id)
        amount = to_decimal(credits_)
        self._settle(wallet, EXACT.minus(amount), reason)
        from_free = min(wallet.free_credits, amount)
        wallet.free_credits = EXACT.subtract(wallet.free_credits, from_free)
        left = EXACT.subtract(wallet.purchased_credits, EXACT.subtract(amount, from_free))
        wallet.purchased_credits = max(left, ZERO)

    @atomic
    def top_up(self, wallet_id: str, credits_: Number, *, free: bool = False) -> None:
        """Add free (granted) or purchased credits."""
        wallet = self._existing(wallet_id)
        amount = to_decimal(credits_)
        self._settle(wallet, amount, "FREE_CREDIT_GRANT" if free else "PURCHASED_CREDIT_DIRECT")
        # A wallet in debt has nothing available until the debt is covered.
        covered = min(amount, max(wallet.credit_balance, ZERO))
        if free:
            wallet.free_credits = EXACT.add(wallet.free_credits, covered)
        else:
            wallet.purchased_credits = EXACT.add(wallet.purchased_credits, covered)

    @atomic
    def set_name(self, wallet_id: str, name: str) -> None:
        """Rename a wallet; an empty name is left out of answers."""
        wallet = self._existing(wallet_id)
        wallet.name = name
        self.mark_updated(wallet, "user_settings")

    @atomic
    def set_metadata(self, wallet_id: str, metadata: Mapping[str, str] | None) -> None:
        """Replace the metadata; None is sent as null, an empty mapping as ``{}``."""
        wallet = self._existing(wallet_id)
        wallet.metadata = None if metadata is None else dict(metadata)
        self.mark_updated(wallet, "user_settings")

    @atomic
    def set_alert_config(
        self, wallet_id: str, threshold: AlertThreshold | None, *, enabled: bool = True
    ) -> None:
        """Set the single threshold of the January contract."""
        wallet = self._existing(wallet_id)
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
        wallet = self._existing(wallet_id)
        wallet.alert_settings = None if levels is None else dict(levels)
        wallet.alert_enabled = enabled
        self.mark_updated(wallet, "user_settings")

    @atomic
    def set_alert_state(self, wallet_id: str, alert_state: str) -> None:
        """Set ``ok``, ``info``, ``warning``, ``in_alarm`` or, as in old rows, an empty text."""
        wallet = self._existing(wallet_id)
        wallet.alert_state = alert_state
        self.mark_updated(wallet, "system")

    @atomic
    def set_auto_topup(self, wallet_id: str, auto_topup: AutoTopup | None) -> None:
        """Replace the automatic top-up."""
        wallet = self._existing(wallet_id)
        wallet.auto_topup = auto_topup
        self.mark_updated(wallet, "user_settings")

    @atomic
    def set_allowed_price_types(self, wallet_id: str, price_types: Iterable[str] | None) -> None:
        """Replace the allowed price types; None sends the config ``{}`` (all are allowed)."""
        wallet = self._existing(wallet_id)
        wallet.allowed_price_types = None if price_types is None else tuple(price_types)
        self.mark_updated(wallet, "user_settings")

    @atomic
    def set_conversion_rate(self, wallet_id: str, rate: Number) -> None:
        """Change currency per credit, numeric(10,5): credits stay, the balance is restated."""
        wallet = self._existing(wallet_id)
        new_rate = to_decimal(rate)
        if not ZERO < new_rate < 10**5 or new_rate != round(new_rate, 5):
            raise OperationError(f"rate {new_rate} is not a positive numeric(10,5)")
        wallet.balance = amount_of(wallet.credit_balance, new_rate)
        wallet.conversion_rate = new_rate
        self.mark_updated(wallet, "user_settings")

    @atomic
    def set_currency(self, wallet_id: str, currency: str) -> None:
        """Change the currency; the figures stay as they are."""
        wallet = self._existing(wallet_id)
        wallet.currency = currency
        self.mark_updated(wallet, "user_settings")

    @atomic
    def touch_wallet(self, wallet_id: str, by: str = "user_touch") -> None:
        """Change only `updated_by` and `updated_at`."""
        self.mark_updated(self._existing(wallet_id), by)

    @atomic
    def freeze(self, wallet_id: str) -> None:
        """Freeze an active wallet: it disappears from its customer's list."""
        self._change_wallet_status(wallet_id, "active", "frozen")

    @atomic
    def thaw(self, wallet_id: str) -> None:
        """Make a frozen wallet active again."""
        self._change_wallet_status(wallet_id, "frozen", "active")

    @atomic
    def close(self, wallet_id: str, *, with_remainder: bool = False) -> None:
        """Close a wallet; as the server does, debit what is left first, unless told not to."""
        wallet = self._existing(wallet_id)
        if wallet.wallet_status == "closed":
            raise OperationError(f"wallet {wallet_id} is closed already")
        if wallet.credit_balance > 0 and not with_remainder:
            self.debit(wallet_id, wallet.credit_balance, "WALLET_TERMINATION")
        wallet.wallet_status = "closed"
        self.mark_updated(wallet, "system")

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
        wallet = self._existing(wallet_id)
        wallet.status = "deleted"
        self.mark_updated(wallet, "user_support")

    @atomic
    def hard_delete(self, wallet_id: str) -> None:
        """Remove the row: reading the wallet by its id is 404 from now on."""
        wallet = self._existing(wallet_id)
        wallet.hard_deleted = True
        self.version += 1

    @atomic
    def move_wallet(self, wallet_id: str, customer_id: str) -> None:
        """Give a wallet to another customer."""
        wallet = self._existing(wallet_id)
        self.customer(customer_id)
        self.wallet_ids_by_customer[wallet.customer_id].remove(wallet_id)
        self.wallet_ids_by_customer.setdefault(customer_id, []).append(wallet_id)
        wallet.customer_id = customer_id
        self.mark_updated(wallet, "user_support")

    def _existing(self, wallet_id: str) -> Wallet:
        wallet = self.wallet(wallet_id)
        if wallet.hard_deleted:
            raise OperationError(f"wallet {wallet_id} was deleted")
        return wallet

    def _change_wallet_status(self, wallet_id: str, before: str, after: str) -> None:
        wallet = self._existing(wallet_id)
        if wallet.wallet_status != before:
            raise OperationError(f"wallet {wallet_id} is {wallet.wallet_status}, not {before}")
        wallet.wallet_status = after
        self.mark_updated(wallet, "user_support")

    def _settle(self, wallet: Wallet, change: Decimal, reason: str) -> None:
        """Add `change` credits to the settled balances and write the line of the ledger."""
        before = wallet.credit_balance
        after = EXACT.add(before, change)
        balance = amount_of(after, wallet.conversion_rate)
        wallet.credit_balance, wallet.balance = after, balance
        self.mark_updated(wallet, "system")
        if self.keep_ledger:
            self.ledger.append(ledger_line(self, wallet, before, change, reason))


def ledger_line(
    state: WorldState, wallet: Wallet, before: Decimal, change: Decimal, reason: str
) -> Transaction:
    """Return the ledger's line for a change of the wallet's credits."""
    return Transaction(
        id=state.new_id("wtxn"),
        wallet_id=wallet.id,
        customer_id=wallet.customer_id,
        type="debit" if change < 0 else "credit",
        transaction_reason=reason,
        transaction_status="completed",
        credit_amount=abs(change),
        amount=EXACT.multiply(abs(change), wallet.conversion_rate),
        credit_balance_before=before,
        credit_balance_after=EXACT.add(before, change),
        currency=wallet.currency,
        conversion_rate=wallet.conversion_rate,
        created_at=state.now_ns,
    )
