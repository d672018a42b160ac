"""What moves credits, one operation at a time; each writes the ledger as the server does."""

from datetime import datetime
from decimal import Decimal

from flexprice_emulator import reasons
from flexprice_emulator.bookkeeping import (
    Entry,
    book_credit,
    book_debit,
    book_expiry,
    book_pending,
    complete_pending,
    fail_pending,
)
from flexprice_emulator.formats import EXACT, nanoseconds
from flexprice_emulator.records import Transaction, Wallet
from flexprice_emulator.state import OperationError, WorldState, amount_of, atomic

Number = Decimal | int | str

_AUTO_TOPUP = {"auto_topup": "true"}


def to_decimal(value: Number) -> Decimal:
    """Return an exact Decimal; a float is refused with TypeError."""
    if isinstance(value, float):
        raise TypeError("give amounts as Decimal, int or text, never as float")
    return Decimal(value)


class MoneyOperations(WorldState):
    """Operations that move credits; each raises OperationError where it cannot be done.

    They concern wallets of any status, as the server's own processes do. Credits are consumed in
    the order of their priority, then expiry, then age. A purchase is not negative nor zero.
    """

    @atomic
    def debit(
        self, wallet_id: str, credits_: Number, reason: str = reasons.INVOICE_PAYMENT
    ) -> Transaction:
        """Settle a debit of some credits, for any reason; the balance may become negative."""
        wallet = self.existing_wallet(wallet_id)
        key = wallet.id if reason == reasons.WALLET_TERMINATION else None
        entry = Entry(reason, _describe(reason), idempotency_key=key)
        return book_debit(self, wallet, to_decimal(credits_), entry)

    @atomic
    def credit(
        self,
        wallet_id: str,
        credits_: Number,
        reason: str,
        *,
        priority: int | None = None,
        expires_at: datetime | None = None,
    ) -> Transaction:
        """Add credits for any reason: a credit note, a refund, an adjustment, one yet unknown.

        After a reason that the server cannot break down, the breakdown of the wallet is gone for
        good.
        """
        wallet = self.existing_wallet(wallet_id)
        entry = _credit_entry(reason, priority, expires_at)
        return book_credit(self, wallet, to_decimal(credits_), entry)

    @atomic
    def top_up(
        self,
        wallet_id: str,
        credits_: Number,
        *,
        free: bool = False,
        reason: str | None = None,
        bonus: Number | None = None,
        priority: int | None = None,
        expires_at: datetime | None = None,
    ) -> Transaction:
        """Add free (granted) or purchased credits, with bonus credits of their own.

        `reason` is one of those that a top-up accepts, instead of what `free` says. A purchase
        that waits for its payment is `request_top_up`.
        """
        default = reasons.FREE_CREDIT_GRANT if free else reasons.PURCHASED_CREDIT_DIRECT
        reason = reason or default
        if reason not in reasons.TOP_UP_REASONS:
            raise OperationError(f"a top-up does not accept the reason {reason}")
        if bonus is not None:
            self._check_room(self.existing_wallet(wallet_id), credits_, bonus)
        purchase = self.credit(
            wallet_id, credits_, reason, priority=priority, expires_at=expires_at
        )
        if bonus is not None:
            wallet = self.existing_wallet(wallet_id)
            book_credit(self, wallet, to_decimal(bonus), _bonus_entry(purchase, expires_at))
        return purchase

    @atomic
    def request_top_up(
        self,
        wallet_id: str,
        credits_: Number,
        *,
        bonus: Number | None = None,
        priority: int | None = None,
        expires_at: datetime | None = None,
    ) -> Transaction:
        """Begin an invoiced purchase: pending until `complete_top_up`, with its bonus."""
        wallet = self.existing_wallet(wallet_id)
        entry = _credit_entry(reasons.PURCHASED_CREDIT_INVOICED, priority, expires_at)
        purchase = book_pending(self, wallet, to_decimal(credits_), entry)
        if bonus is not None:
            book_pending(self, wallet, to_decimal(bonus), _bonus_entry(purchase, expires_at))
        return purchase

    @atomic
    def complete_top_up(self, transaction_id: str) -> Transaction:
        """Note the payment of a pending purchase: credits its wallet, even one closed since."""
        purchase = self._pending_transaction(transaction_id)
        wallet = self.existing_wallet(purchase.wallet_id)
        transactions = (purchase, *self._pending_bonus(purchase))
        self._check_room(wallet, *(each.credit_amount for each in transactions))
        for transaction in transactions:
            complete_pending(self, wallet, transaction)
        return purchase

    @atomic
    def fail_top_up(self, transaction_id: str) -> Transaction:
        """Note that a pending purchase is not going to be paid."""
        purchase = self._pending_transaction(transaction_id)
        for transaction in (purchase, *self._pending_bonus(purchase)):
            fail_pending(self, transaction)
        return purchase

    @atomic
    def expire_credit(self, transaction_id: str) -> Transaction:
        """Debit what is left of a credit whose expiry has passed."""
        credit = self.transaction(transaction_id)
        return book_expiry(self, self.existing_wallet(credit.wallet_id), credit)

    @atomic
    def expire_credits(self) -> int:
        """Expire every credit whose expiry has passed; return how many there were."""
        expired = [
            credit
            for credit in self.ledger.expired(self.now_ns)
            if not self.wallets[credit.wallet_id].hard_deleted
        ]
        for credit in expired:
            self.expire_credit(credit.id)
        return len(expired)

    @atomic
    def auto_top_up(self, wallet_id: str) -> Transaction:
        """Do the automatic top-up of a wallet, whatever its balance and status.

        With `invoicing` the credits stay pending, like any invoiced purchase.
        """
        wallet = self.existing_wallet(wallet_id)
        amount = self.auto_topup_credits(wallet)
        settings = wallet.auto_topup
        if settings is not None and settings.invoicing:
            reason, book = reasons.PURCHASED_CREDIT_INVOICED, book_pending
        else:
            reason, book = reasons.PURCHASED_CREDIT_DIRECT, book_credit
        return book(self, wallet, amount, Entry(reason, "Auto top-up", metadata=_AUTO_TOPUP))

    def auto_topup_credits(self, wallet: Wallet) -> Decimal:
        """Return the credits of a wallet's automatic top-up (OperationError if there is none)."""
        settings = wallet.auto_topup
        if settings is None or not settings.enabled or not settings.amount:
            raise OperationError(f"wallet {wallet.id} has no automatic top-up")
        return settings.amount

    @atomic
    def change_balance_behind_ledger(self, wallet_id: str, credits_: Number) -> None:
        """Add credits (or take some) without a transaction, as a hand in the database would."""
        wallet = self.existing_wallet(wallet_id)
        after = EXACT.add(wallet.credit_balance, to_decimal(credits_))
        wallet.balance = amount_of(after, wallet.conversion_rate)
        wallet.credit_balance = after
        self.version += 1

    @atomic
    def change_transaction(
        self, /, transaction_id: str, *, marks_update: bool = True, **changes: object
    ) -> Transaction:
        """Overwrite columns of a transaction afterwards, which no server should.

        Nothing else follows: neither a balance nor another row. `updated_at` moves to now unless
        `marks_update` is False.
        """
        transaction = self.transaction(transaction_id)
        names = {"id", "wallet_id", "customer_id", "transaction_status"}
        if unknown := set(changes) - (set(Transaction.__slots__) - names):
            raise OperationError(f"cannot change {', '.join(sorted(unknown))} of a transaction")
        if marks_update:
            changes.setdefault("updated_at", self.now_ns // 1000 * 1000)
        self.ledger.change(transaction, changes)
        self.version += 1
        return transaction

    def _check_room(self, wallet: Wallet, *credits_: Number) -> None:
        """Refuse credits of which only some would fit, before the first of them is booked."""
        after = wallet.credit_balance
        for each in map(to_decimal, credits_):
            if each <= 0:
                raise OperationError(f"a transaction of {each} credits moves nothing")
            after = EXACT.add(after, each)
            amount_of(after, wallet.conversion_rate)

    def _pending_transaction(self, transaction_id: str) -> Transaction:
        transaction = self.transaction(transaction_id)
        if transaction.transaction_status != "pending":
            status = transaction.transaction_status
            raise OperationError(f"transaction {transaction_id} is {status}, not pending")
        return transaction

    def _pending_bonus(self, purchase: Transaction) -> list[Transaction]:
        return [
            each
            for each in self.ledger.of_wallet(purchase.wallet_id)
            if each.parent_transaction_id == purchase.id and each.transaction_status == "pending"
        ]


def _credit_entry(reason: str, priority: int | None, expires_at: datetime | None) -> Entry:
    expiry = None if expires_at is None else nanoseconds(expires_at)
    return Entry(reason, _describe(reason), priority=priority, expiry_ns=expiry)


def _bonus_entry(purchase: Transaction, expires_at: datetime | None) -> Entry:
    expiry = None if expires_at is None else nanoseconds(expires_at)
    return Entry(
        reasons.PURCHASED_CREDIT_BONUS,
        "Bonus credits for purchase",
        expiry_ns=expiry,
        parent_transaction_id=purchase.id,
    )


def _describe(reason: str) -> str:
    return reason.replace("_", " ").capitalize()
