"""The table of transactions with its indexes."""

from bisect import insort
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from flexprice_emulator.records import Transaction
from flexprice_emulator.sorted_index import SortedIndex

_NEVER = 1 << 63
_NO_PRIORITY = 1 << 31


def consumption_order(credit: Transaction) -> tuple[int, int, int, str]:
    """Return what credits are consumed by: priority, then expiry, then age; absent ones last."""
    return (
        _NO_PRIORITY if credit.priority is None else credit.priority,
        _NEVER if credit.expiry_date is None else credit.expiry_date,
        credit.created_at,
        credit.id,
    )


class Ledger:
    """All transactions. Only `bookkeeping` writes; whoever changes a row tells it to the indexes.

    `completed` and `completed_of` are in the order of completion, which is that of the chain of
    `credit_balance_before` and `credit_balance_after`.
    """

    def __init__(self) -> None:
        self.transactions: dict[str, Transaction] = {}
        self.completed: list[Transaction] = []
        #: Every transaction by a time and its id.
        self.indexes = {"updated_at": SortedIndex(), "created_at": SortedIndex()}
        #: Credits with something left, by expiry and id.
        self.expiring = SortedIndex()
        #: Pending transactions, oldest first.
        self.pending: dict[str, Transaction] = {}
        self._by_wallet: defaultdict[str, list[Transaction]] = defaultdict(list)
        self._by_customer: defaultdict[str, list[Transaction]] = defaultdict(list)
        self._completed_by_wallet: defaultdict[str, list[Transaction]] = defaultdict(list)
        self._open_by_wallet: defaultdict[str, list[Transaction]] = defaultdict(list)

    def __len__(self) -> int:
        return len(self.transactions)

    def __iter__(self) -> Iterator[Transaction]:
        """Yield all transactions in the order in which they were written."""
        return iter(self.transactions.values())

    def of_wallet(self, wallet_id: str) -> list[Transaction]:
        """Return the transactions of a wallet in the order in which they were written."""
        return self._by_wallet.get(wallet_id, [])

    def of_customer(self, customer_id: str) -> list[Transaction]:
        """Return the transactions that were written for a customer."""
        return self._by_customer.get(customer_id, [])

    def completed_of(self, wallet_id: str) -> list[Transaction]:
        """Return the completed transactions of a wallet in the order of completion."""
        return self._completed_by_wallet.get(wallet_id, [])

    def open_credits(self, wallet_id: str, now_ns: int) -> list[Transaction]:
        """Return the credits of a wallet with something left, in the order of consumption.

        Credits that have expired and were not taken off yet come last: the server would refuse
        a debit that needs them.
        """
        credits_ = self._open_by_wallet.get(wallet_id, [])
        expired = [credit for credit in credits_ if (credit.expiry_date or _NEVER) < now_ns]
        if not expired:
            return list(credits_)
        return [credit for credit in credits_ if credit not in expired] + expired

    def expired(self, now_ns: int) -> list[Transaction]:
        """Return the credits that have expired by now with something left."""
        stop = self.expiring.position((now_ns + 1, ""))
        return [self.transactions[key] for _, key in self.expiring.between(0, stop)]

    def add(self, transaction: Transaction) -> None:
        """Put a new row into the table, completed or not."""
        self.transactions[transaction.id] = transaction
        self._by_wallet[transaction.wallet_id].append(transaction)
        self._by_customer[transaction.customer_id].append(transaction)
        for name, index in self.indexes.items():
            index.add((getattr(transaction, name), transaction.id))
        if transaction.transaction_status == "pending":
            self.pending[transaction.id] = transaction
        elif transaction.transaction_status == "completed":
            self._note_completion(transaction)

    def change(self, transaction: Transaction, changes: Mapping[str, Any]) -> None:
        """Change columns of a row; the indexes follow."""
        was_open = self._close(transaction)
        moved = [(name, index) for name, index in self.indexes.items() if name in changes]
        for name, index in moved:
            index.remove((getattr(transaction, name), transaction.id))
        before = transaction.transaction_status
        for name, value in changes.items():
            setattr(transaction, name, value)
        for name, index in moved:
            index.add((getattr(transaction, name), transaction.id))
        if before == "pending" != transaction.transaction_status:
            del self.pending[transaction.id]
            if transaction.transaction_status == "completed":
                self._note_completion(transaction)
        elif was_open:
            self._open(transaction)

    def _note_completion(self, transaction: Transaction) -> None:
        self.completed.append(transaction)
        self._completed_by_wallet[transaction.wallet_id].append(transaction)
        self._open(transaction)

    def _open(self, credit: Transaction) -> None:
        if credit.credits_available > 0:
            insort(self._open_by_wallet[credit.wallet_id], credit, key=consumption_order)
            if credit.expiry_date is not None:
                self.expiring.add((credit.expiry_date, credit.id))

    def _close(self, credit: Transaction) -> bool:
        """Take a row out of the credits with something left; return whether it was there."""
        credits_ = self._open_by_wallet.get(credit.wallet_id, [])
        if credit not in credits_:
            return False
        credits_.remove(credit)
        if credit.expiry_date is not None:
            self.expiring.remove((credit.expiry_date, credit.id))
        return True
