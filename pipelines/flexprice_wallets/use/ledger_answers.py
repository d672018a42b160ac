"""What a warehouse answers about the ledger: what moved, when and why."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import date
from typing import Generic, TypeVar

Frame = TypeVar("Frame")


class LedgerAnswers(ABC, Generic[Frame]):
    """Answers from the views of the ledger; empty where no load has read one."""

    @abstractmethod
    def _rows(
        self, view: str, order: str, days: dict[str, date] | None = None, **named: str | None
    ) -> Frame:
        """The rows of a view that fit the named ids and the days."""

    def ledger(self, wallet_id: str) -> Frame:
        """One wallet's transactions in the order of the ledger, those that are pending or failed at the end.

        Raises:
            NotFound: where the warehouse knows no such wallet.
        """
        return self._rows(
            "wallet_transactions",
            "ledger_position nulls last, source_created_at, transaction_id",
            wallet_id=wallet_id,
        )

    def grants(
        self,
        wallet_id: str | None = None,
        customer_id: str | None = None,
        currency: str | None = None,
    ) -> Frame:
        """What became of each credit: granted, used, expired, and what is left of it; a row for each completed credit.

        Raises:
            NotFound: where the warehouse knows no such wallet, customer or currency.
        """
        return self._rows(
            "credit_grants",
            "wallet_id, completed_at, transaction_id",
            wallet_id=wallet_id,
            customer_id=customer_id,
            currency=currency,
        )

    def roll_forward(self, currency: str | None = None) -> Frame:
        """How each month's opening balance became its closing one: a row for each currency and UTC month.

        Raises:
            NotFound: where the warehouse knows no such currency.
        """
        return self._rows("currency_roll_forward", "currency, month", currency=currency)

    def wallet_roll_forward(self, wallet_id: str) -> Frame:
        """The same for one wallet: a row for each UTC month.

        Raises:
            NotFound: where the warehouse knows no such wallet.
        """
        return self._rows("wallet_roll_forward", "month, currency", wallet_id=wallet_id)

    def reconciliation(self, customer_id: str | None = None, currency: str | None = None) -> Frame:
        """The balance that was last observed beside the ledger's at that moment: a row for each wallet.

        Raises:
            NotFound: where the warehouse knows no such customer or currency.
        """
        return self._rows(
            "ledger_reconciliation", "wallet_id", customer_id=customer_id, currency=currency
        )
