"""Everything that can be done to a world: to its customers, to its wallets, and new ones added."""

from datetime import datetime
from decimal import Decimal

from flexprice_emulator import population
from flexprice_emulator.customer_operations import CustomerOperations
from flexprice_emulator.formats import nanoseconds
from flexprice_emulator.records import Customer, Wallet
from flexprice_emulator.state import OperationError


class Operations(CustomerOperations):
    """The operations on what exists, and those that add to it."""

    def add_customer(
        self, *, wallets: int | None = None, external_id: str | None = None
    ) -> Customer:
        """Add a published customer with `wallets` wallets (default: 0 to 4, by chance).

        Raises OperationError where another customer has the `external_id`.
        """
        with self.lock:
            if external_id in self.customer_ids_by_external_id:
                raise OperationError(f"there is a customer with the external id {external_id}")
            return population.add_customer(self, wallets=wallets, external_id=external_id)

    def add_wallet(
        self,
        customer_id: str,
        *,
        currency: str | None = None,
        wallet_type: str | None = None,
        credits_: Decimal | None = None,
        rate: Decimal | None = None,
        created_at: datetime | None = None,
    ) -> Wallet:
        """Add an active wallet to a customer; what is not given is drawn by the seed."""
        with self.lock:
            return population.add_wallet(
                self,
                self.customer(customer_id).id,
                currency=currency,
                wallet_type=wallet_type,
                credits_=credits_,
                rate=rate,
                created_ns=None if created_at is None else nanoseconds(created_at),
            )
