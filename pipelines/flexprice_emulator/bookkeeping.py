"""Moves credits: the wallet's balance, the row of the ledger and the credits that it consumes.

Three things hold for every wallet after each function here. Completed credits less completed
debits are its `credit_balance`. The `credit_balance_before` of each completed row is the
`credit_balance_after` of the one completed before it. And what is left of its completed credits
(`credits_available`) adds up to its `credit_balance`, or to 0 where that is negative: a debit
below zero consumes what there is, and of the next credit only what exceeds the debt is available.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from flexprice_emulator.alerts import follow_balance
from flexprice_emulator.formats import EXACT, rfc3339
from flexprice_emulator.reasons import (
    BROKEN_DOWN_AS,
    CREDIT_EXPIRED,
    REFERENCE_PREFIXES,
    REFERENCE_TYPES,
)
from flexprice_emulator.records import ZERO, Transaction, Wallet
from flexprice_emulator.state import OperationError, WorldState, amount_of

_NINE_DECIMALS = Decimal(1).scaleb(-9)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a transaction says beside its credits. `at_ns` books it in the past."""

    reason: str
    description: str = ""
    priority: int | None = None
    expiry_ns: int | None = None
    parent_transaction_id: str | None = None
    reference_id: str | None = None
    idempotency_key: str | None = None
    by: str = "system"
    at_ns: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def book_credit(state: WorldState, wallet: Wallet, credits_: Decimal, entry: Entry) -> Transaction:
    """Add credits to a wallet, at once."""
    transaction = _new_transaction(state, wallet, "credit", credits_, entry)
    transaction.transaction_status = "completed"
    _settle_credit(state, wallet, transaction, transaction.created_at).apply(transaction)
    if state.keep_ledger:
        state.ledger.add(transaction)
    return transaction


def book_pending(state: WorldState, wallet: Wallet, credits_: Decimal, entry: Entry) -> Transaction:
    """Write a credit that waits for its payment: it moves no balance yet."""
    if not state.keep_ledger:
        raise OperationError("a world without a ledger has no pending credits")
    amount_of(credits_, wallet.topup_conversion_rate)
    transaction = _new_transaction(state, wallet, "credit", credits_, entry)
    state.ledger.add(transaction)
    state.version += 1
    return transaction


def complete_pending(state: WorldState, wallet: Wallet, transaction: Transaction) -> None:
    """Add the credits of a pending transaction to its wallet now, whatever its status."""
    now = _microseconds(state.now_ns)
    completion = _settle_credit(state, wallet, transaction, now)
    state.ledger.change(transaction, completion.changes() | {"updated_at": now})


def fail_pending(state: WorldState, transaction: Transaction) -> None:
    """Give a pending transaction up."""
    changes = {"transaction_status": "failed", "updated_at": _microseconds(state.now_ns)}
    state.ledger.change(transaction, changes)
    state.version += 1


def book_debit(
    state: WorldState,
    wallet: Wallet,
    credits_: Decimal,
    entry: Entry,
    consumed: Transaction | None = None,
) -> Transaction:
    """Take credits from a wallet: those of `consumed`, else in the order of consumption."""
    transaction = _new_transaction(state, wallet, "debit", credits_, entry)
    before = wallet.credit_balance
    after = EXACT.subtract(before, credits_)
    _set_balance(state, wallet, after)
    transaction.transaction_status = "completed"
    transaction.credit_balance_before, transaction.credit_balance_after = before, after
    transaction.completed_at = transaction.created_at
    if not state.keep_ledger:
        _consume_unrecorded(wallet, credits_)
        return transaction
    now = transaction.created_at
    credits_left = (
        state.ledger.open_credits(wallet.id, state.now_ns) if consumed is None else [consumed]
    )
    ids = _consume(state, wallet, credits_left, credits_, now)
    if ids:
        transaction.metadata["consumed_credit_tx_ids"] = ",".join(ids)
    state.ledger.add(transaction)
    return transaction


def book_expiry(state: WorldState, wallet: Wallet, credit: Transaction) -> Transaction:
    """Take off what is left of a credit that has expired (OperationError if it has not)."""
    expiry = credit.expiry_date
    if expiry is None or expiry > state.now_ns or credit.credits_available <= 0:
        raise OperationError(f"transaction {credit.id} has nothing that has expired")
    entry = Entry(
        CREDIT_EXPIRED,
        f"Credit expiry for transaction {credit.id}",
        reference_id=credit.id,
        idempotency_key=credit.id,
        metadata={"expired_transaction_id": credit.id, "expiry_date": rfc3339(expiry)},
    )
    return book_debit(state, wallet, credit.credits_available, entry, consumed=credit)


@dataclass(frozen=True, slots=True)
class _Completion:
    """What completing a credit writes into its row."""

    credit_balance_before: Decimal
    credit_balance_after: Decimal
    credits_available: Decimal
    completed_at: int
    transaction_status: str = "completed"

    def changes(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__slots__}

    def apply(self, transaction: Transaction) -> None:
        for name, value in self.changes().items():
            setattr(transaction, name, value)


def _settle_credit(
    state: WorldState, wallet: Wallet, transaction: Transaction, at_ns: int
) -> _Completion:
    """Add the credits of a transaction to its wallet's balance and to what can be broken down."""
    before = wallet.credit_balance
    after = EXACT.add(before, transaction.credit_amount)
    _set_balance(state, wallet, after)
    # A wallet in debt has nothing available until the debt is covered.
    available = min(transaction.credit_amount, max(after, ZERO))
    _add_to_breakdown(wallet, transaction.transaction_reason, available)
    if transaction.transaction_reason not in BROKEN_DOWN_AS:
        wallet.breakdown_fails = True
    return _Completion(before, after, available, at_ns)


def _consume(
    state: WorldState,
    wallet: Wallet,
    credits_left: Sequence[Transaction],
    amount: Decimal,
    now: int,
) -> list[str]:
    """Lower what is left of credits, one after the other; return the ids of those concerned."""
    ids, wanted = [], amount
    for credit in credits_left:
        if wanted <= 0:
            break
        taken = min(wanted, credit.credits_available)
        wanted = EXACT.subtract(wanted, taken)
        left = EXACT.subtract(credit.credits_available, taken)
        _add_to_breakdown(wallet, credit.transaction_reason, -taken)
        state.ledger.change(credit, {"credits_available": left, "updated_at": now})
        ids.append(credit.id)
    return ids


def _consume_unrecorded(wallet: Wallet, amount: Decimal) -> None:
    """Lower the breakdown of a wallet without a ledger: free credits first."""
    from_free = min(wallet.free_credits, amount)
    wallet.free_credits = EXACT.subtract(wallet.free_credits, from_free)
    left = EXACT.subtract(wallet.purchased_credits, EXACT.subtract(amount, from_free))
    wallet.purchased_credits = max(left, ZERO)


def _add_to_breakdown(wallet: Wallet, reason: str, credits_: Decimal) -> None:
    kind = BROKEN_DOWN_AS.get(reason, "other")
    name = f"{kind}_credits"
    setattr(wallet, name, EXACT.add(getattr(wallet, name), credits_))


def _set_balance(state: WorldState, wallet: Wallet, credits_: Decimal) -> None:
    balance = amount_of(credits_, wallet.conversion_rate)
    wallet.credit_balance, wallet.balance = credits_, balance
    follow_balance(wallet)
    state.mark_updated(wallet, "system")


def _new_transaction(
    state: WorldState, wallet: Wallet, kind: str, credits_: Decimal, entry: Entry
) -> Transaction:
    """Return a pending row at the rate of now (OperationError unless it moves something)."""
    if credits_ <= 0:
        raise OperationError(f"a transaction of {credits_} credits moves nothing")
    at = _microseconds(state.now_ns if entry.at_ns is None else entry.at_ns)
    transaction_id = state.new_id("wtxn", at, state.ledger_rng)
    reference_type = REFERENCE_TYPES.get(entry.reason, "REQUEST")
    reference_id = entry.reference_id
    if reference_id is None:
        reference_id = f"{REFERENCE_PREFIXES[reference_type]}_{transaction_id[5:]}"
    is_credit = kind == "credit"
    rate = wallet.topup_conversion_rate if is_credit else wallet.conversion_rate
    amount = EXACT.multiply(credits_, rate).quantize(_NINE_DECIMALS, context=EXACT)
    return Transaction(
        id=transaction_id,
        wallet_id=wallet.id,
        customer_id=wallet.customer_id,
        type=kind,
        transaction_reason=entry.reason,
        transaction_status="pending",
        credit_amount=credits_,
        amount=amount,
        credit_balance_before=wallet.credit_balance,
        credit_balance_after=wallet.credit_balance,
        currency=wallet.currency,
        created_at=at,
        updated_at=at,
        created_by=entry.by,
        updated_by=entry.by,
        conversion_rate=None if is_credit else rate,
        topup_conversion_rate=rate if is_credit else None,
        reference_type=reference_type,
        reference_id=reference_id,
        description=entry.description,
        expiry_date=None if entry.expiry_ns is None else _microseconds(entry.expiry_ns),
        priority=entry.priority,
        parent_transaction_id=entry.parent_transaction_id,
        idempotency_key=entry.idempotency_key or transaction_id[5:],
        metadata=dict(entry.metadata),
    )


def _microseconds(nanos: int) -> int:
    return nanos // 1000 * 1000
