"""Irregularities that a test can ask for: what a server leaves out, adds, or sends malformed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

from flexprice_emulator.records import Transaction

NumbersAs = Literal["strings", "mixed"]


def chance(*parts: object) -> float:
    """Return a number in [0, 1) that depends on the parts only."""
    digest = blake2b("\x1f".join(map(str, parts)).encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48


@dataclass
class Quirks:
    """Settings of what answers contain. Rates are per wallet and version of the world.

    A rate picks the same wallets for as long as the world does not change.
    """

    #: ``mixed`` sends alert thresholds and top-up amounts as strings, numbers or bare integers.
    numbers_as: NumbersAs = "strings"
    #: Wallets, or a share of them, whose breakdown the server fails to compute: left out, 200.
    omit_breakdown: set[str] = field(default_factory=set)
    omit_breakdown_rate: float = 0.0
    #: The same for `current_period_usage` and for `unpaid_invoices_amount`.
    omit_usage: set[str] = field(default_factory=set)
    omit_usage_rate: float = 0.0
    omit_unpaid: set[str] = field(default_factory=set)
    omit_unpaid_rate: float = 0.0
    #: Share of the wallets whose real-time figure is marked `is_cached_fallback` (August).
    cached_fallback_rate: float = 0.0
    #: Wallets whose real-time figures are those of their last answer before they came in here,
    #: marked `is_cached_fallback`: they miss whatever has moved since, top-ups too (August).
    cached_wallets: set[str] = field(default_factory=set)
    #: Fields added to every wallet and every customer record, as plain data.
    extra_wallet_fields: Mapping[str, object] = field(default_factory=dict)
    extra_customer_fields: Mapping[str, object] = field(default_factory=dict)
    #: Raw JSON of single fields of a wallet by wallet id; None leaves the field out.
    wallet_fields: dict[str, dict[str, str | None]] = field(default_factory=dict)
    #: The same for a customer record in listings, by customer id.
    customer_fields: dict[str, dict[str, str | None]] = field(default_factory=dict)
    #: Raw text of a whole wallet record by wallet id, of a customer record by customer id, and
    #: of the whole answer to ``GET /v1/customers/wallets`` by customer id.
    wallet_records: dict[str, str] = field(default_factory=dict)
    customer_records: dict[str, str] = field(default_factory=dict)
    wallet_lists: dict[str, str] = field(default_factory=dict)
    #: Whether the server has the ledger's endpoint; without it every request there is 404.
    has_ledger: bool = True
    #: Transactions that the API does not show. One that is taken out again turns up late, with the
    #: earlier `updated_at` that it has.
    withheld_transactions: set[str] = field(default_factory=set)
    #: Share of the new transactions that are committed late: shown only once the world's clock is
    #: so many seconds past their `updated_at`. A row that was updated later is shown at once.
    late_transactions_rate: float = 0.0
    late_transactions_seconds: float = 60.0
    #: How many debits and top-ups are written before each page of transactions is answered.
    writes_per_transactions_page: int = 0
    #: As for wallets: fields added to every transaction, raw JSON of single fields by transaction
    #: id, and raw text of a whole record.
    extra_transaction_fields: Mapping[str, object] = field(default_factory=dict)
    transaction_fields: dict[str, dict[str, str | None]] = field(default_factory=dict)
    transaction_records: dict[str, str] = field(default_factory=dict)

    def omits(self, wallet_id: str, chosen: set[str], rate: float, *key: object) -> bool:
        """Whether something is left out for a wallet: chosen by name, or by rate."""
        return wallet_id in chosen or (rate > 0 and chance(wallet_id, *key) < rate)

    def concerns_transaction(self, transaction_id: str) -> bool:
        """Whether a transaction is sent otherwise than it is."""
        return bool(
            self.extra_transaction_fields
            or transaction_id in self.transaction_fields
            or transaction_id in self.transaction_records
        )

    @property
    def hides_transactions(self) -> bool:
        """Whether any transaction may be hidden."""
        return bool(self.withheld_transactions) or self.late_transactions_rate > 0

    def hides(self, row: Transaction, now_ns: int) -> bool:
        """Whether a transaction is withheld, or not committed yet at a time of the world."""
        if row.id in self.withheld_transactions:
            return True
        shown_from = row.updated_at + int(self.late_transactions_seconds * 10**9)
        if row.updated_at != row.created_at or now_ns >= shown_from:
            return False
        return self.late_transactions_rate > chance(row.id, "late")
