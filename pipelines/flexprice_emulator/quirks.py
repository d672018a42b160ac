"""Irregularities that a test can ask for: what a server leaves out, adds, or sends malformed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

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

    def omits(self, wallet_id: str, chosen: set[str], rate: float, *key: object) -> bool:
        """Whether something is left out for a wallet: chosen by name, or by rate."""
        return wallet_id in chosen or (rate > 0 and chance(wallet_id, *key) < rate)
