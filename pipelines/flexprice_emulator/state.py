"""The tables of the emulated system, its clock and its lock."""

import random
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from flexprice_emulator.formats import EXACT, nanoseconds, utc_datetime
from flexprice_emulator.ledger import Ledger
from flexprice_emulator.records import Contract, Customer, Pending, Transaction, Wallet

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_State = TypeVar("_State", bound="WorldState")

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

#: Settled figures are numeric(20,9): eleven digits before the point, nine after it.
SETTLED_LIMIT = Decimal(10) ** 11
SETTLED_DECIMALS = 9


class OperationError(ValueError):
    """An operation that the emulated billing system would not allow, or an unknown id."""


def atomic(
    operation: Callable[Concatenate[_State, _Parameters], _Result],
) -> Callable[Concatenate[_State, _Parameters], _Result]:
    """Run a method of the world under its lock: no answer shows half an operation."""

    @wraps(operation)
    def locked(self: _State, /, *args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        with self.lock:
            return operation(self, *args, **kwargs)

    return locked


class WorldState:
    """Customers, wallets, pending amounts and the ledger at one moment of the world's clock.

    `version` grows with every operation. Use the methods of `World` to change anything.
    """

    def __init__(
        self,
        *,
        seed: int,
        contract: Contract,
        tenant_id: str,
        environment_id: str,
        now: datetime,
        keep_ledger: bool,
    ) -> None:
        self.lock = threading.RLock()
        self.seed = seed
        self.rng = random.Random(seed)
        self.contract: Contract = contract
        self.tenant_id = tenant_id
        self.environment_id = environment_id
        self.keep_ledger = keep_ledger
        self.version = 0
        self.now_ns = nanoseconds(now)
        self.customers: dict[str, Customer] = {}
        self.wallets: dict[str, Wallet] = {}
        self.pending: dict[str, dict[str, Pending]] = {}
        self.ledger = Ledger()
        #: Ids of transactions have a source of their own: the world is the same without a ledger.
        self.ledger_rng = random.Random(f"{seed} ledger")
        #: By wallet, what its currency and rate were until a time (ns), where they ever changed.
        self.earlier_rates: dict[str, list[tuple[int, str, Decimal]]] = {}
        self.customer_ids_by_external_id: dict[str, str] = {}
        self.wallet_ids_by_customer: dict[str, list[str]] = {}

    @property
    def now(self) -> datetime:
        """The world's clock, UTC."""
        return utc_datetime(self.now_ns)

    @atomic
    def set_time(self, now: datetime) -> None:
        """Set the world's clock, forwards or backwards (ValueError without a time zone).

        What is written after a step backwards stands earlier in the ledger than it happened.
        """
        self.now_ns = nanoseconds(now)
        self.version += 1

    @atomic
    def pass_time(self, elapsed: timedelta) -> None:
        """Move the world's clock by `elapsed`."""
        self.set_time(self.now + elapsed)

    def customer(self, customer_id: str) -> Customer:
        """Return the customer's record (OperationError if there is none)."""
        try:
            return self.customers[customer_id]
        except KeyError:
            raise OperationError(f"no customer {customer_id}") from None

    def wallet(self, wallet_id: str) -> Wallet:
        """Return the wallet's record, whatever its status (OperationError if there is none)."""
        try:
            return self.wallets[wallet_id]
        except KeyError:
            raise OperationError(f"no wallet {wallet_id}") from None

    def existing_wallet(self, wallet_id: str) -> Wallet:
        """Return the wallet's record (OperationError if there is none or it was deleted)."""
        wallet = self.wallet(wallet_id)
        if wallet.hard_deleted:
            raise OperationError(f"wallet {wallet_id} was deleted")
        return wallet

    def transaction(self, transaction_id: str) -> Transaction:
        """Return a row of the ledger (OperationError if there is none)."""
        try:
            return self.ledger.transactions[transaction_id]
        except KeyError:
            raise OperationError(f"no transaction {transaction_id}") from None

    def wallets_of(self, customer_id: str) -> list[Wallet]:
        """Return all wallets of a customer, in any status."""
        return [self.wallets[key] for key in self.wallet_ids_by_customer.get(customer_id, ())]

    def pending_of(self, customer_id: str, currency: str) -> Pending:
        """Return what is pending for a customer in a currency, to be changed."""
        return self.pending.setdefault(customer_id, {}).setdefault(currency, Pending())

    def new_id(
        self, prefix: str, at_ns: int | None = None, rng: random.Random | None = None
    ) -> str:
        """Return an id such as ``wallet_01J…``: a ULID, so ids sort by the time of creation."""
        milliseconds = (self.now_ns if at_ns is None else at_ns) // 1_000_000
        number = milliseconds << 80 | (rng or self.rng).getrandbits(80)
        digits = [_CROCKFORD[number >> shift & 31] for shift in range(125, -5, -5)]
        return f"{prefix}_{''.join(digits)}"

    def add_wallet_record(self, wallet: Wallet) -> None:
        """Put a complete wallet into the tables."""
        self.wallets[wallet.id] = wallet
        self.wallet_ids_by_customer.setdefault(wallet.customer_id, []).append(wallet.id)
        self.version += 1

    def add_customer_record(self, customer: Customer) -> None:
        """Put a complete customer into the tables."""
        self.customers[customer.id] = customer
        self.customer_ids_by_external_id[customer.external_id] = customer.id
        self.version += 1

    def mark_updated(self, record: Customer | Wallet, by: str) -> None:
        """Set `updated_at` and `updated_by` as the server does on every write to the row."""
        # Up to 999 ns more, so that times with nine decimals occur; never backwards.
        moment = self.now_ns + self.version % 4 * 333
        record.updated_at = max(moment, record.updated_at)
        record.updated_by = by
        self.version += 1


def amount_of(credits_: Decimal, rate: Decimal) -> Decimal:
    """Return credits × rate, which must fit numeric(20,9) exactly (OperationError if not)."""
    amount = EXACT.multiply(credits_, rate)
    for figure in (credits_, amount):
        exponent = figure.normalize(EXACT).as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -SETTLED_DECIMALS:
            raise OperationError(f"{credits_} × {rate} needs more than nine decimals")
        if abs(figure) >= SETTLED_LIMIT:
            raise OperationError(f"{figure} does not fit numeric(20,9)")
    return amount
