"""What can happen to a customer: usage, invoices, and the customer's own record."""

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal

from flexprice_emulator.formats import EXACT
from flexprice_emulator.money_operations import Number, to_decimal
from flexprice_emulator.records import ZERO
from flexprice_emulator.state import OperationError, atomic
from flexprice_emulator.wallet_operations import WalletOperations

_CREDIT_STEP = Decimal("0.0001")


class CustomerOperations(WalletOperations):
    """Operations on one customer; each raises OperationError where it cannot be done."""

    @atomic
    def meter_usage(self, customer_id: str, currency: str, amount: Number) -> None:
        """Add usage of the running period: moves real-time balances, never `updated_at`."""
        self.customer(customer_id)
        pending = self.pending_of(customer_id, currency)
        pending.usage = EXACT.add(pending.usage, to_decimal(amount))
        self.version += 1

    @atomic
    def finalise_invoice(self, customer_id: str, currency: str) -> None:
        """Turn the usage of the running period into an unpaid invoice."""
        self.customer(customer_id)
        pending = self.pending_of(customer_id, currency)
        pending.unpaid = EXACT.add(pending.unpaid, pending.usage)
        pending.usage = ZERO
        self.version += 1

    @atomic
    def pay_invoices(self, customer_id: str, currency: str, wallet_id: str | None = None) -> None:
        """Clear the unpaid invoices, with whole 0.0001 credits of a wallet if one is named."""
        self.customer(customer_id)
        pending = self.pending_of(customer_id, currency)
        if wallet_id is not None:
            wallet = self.wallet(wallet_id)
            needed = EXACT.divide(pending.unpaid, wallet.conversion_rate)
            affordable = min(needed, max(wallet.credit_balance, ZERO))
            step = affordable.quantize(_CREDIT_STEP, rounding=ROUND_DOWN, context=EXACT)
            if step > 0:
                self.debit(wallet_id, step)
        pending.unpaid = ZERO
        self.version += 1

    @atomic
    def rename_customer(self, customer_id: str, name: str) -> None:
        """Change a customer's name."""
        customer = self.customer(customer_id)
        customer.name = name
        self.mark_updated(customer, "user_settings")

    @atomic
    def set_customer_metadata(self, customer_id: str, metadata: Mapping[str, str] | None) -> None:
        """Replace a customer's metadata."""
        customer = self.customer(customer_id)
        customer.metadata = None if metadata is None else dict(metadata)
        self.mark_updated(customer, "user_settings")

    @atomic
    def touch_customer(self, customer_id: str, by: str = "user_touch") -> None:
        """Change only `updated_by` and `updated_at`."""
        self.mark_updated(self.customer(customer_id), by)

    @atomic
    def archive_customer(self, customer_id: str, *, force: bool = False) -> None:
        """Archive a customer; the server refuses one with active wallets unless forced here."""
        customer = self.customer(customer_id)
        if not force and any(wallet.is_listed for wallet in self.wallets_of(customer_id)):
            raise OperationError(f"customer {customer_id} has active wallets")
        if customer.status == "archived":
            raise OperationError(f"customer {customer_id} is archived already")
        customer.status = "archived"
        self.mark_updated(customer, "user_support")

    @atomic
    def unarchive_customer(self, customer_id: str) -> None:
        """Publish an archived customer again."""
        customer = self.customer(customer_id)
        if customer.status != "archived":
            raise OperationError(f"customer {customer_id} is not archived")
        customer.status = "published"
        self.mark_updated(customer, "user_support")
