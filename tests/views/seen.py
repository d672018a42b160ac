"""What snapshots see, as tests write it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

Number = int | str | Decimal
#: How long after the start of a run an answer arrives, so that the clocks cannot be mixed up.
ANSWER_DELAY = timedelta(seconds=30)


@dataclass(frozen=True)
class Seen:
    """What one snapshot saw of a wallet. `None` for a figure: the answer left it out."""

    wallet_id: str
    customer_id: str
    balance: Decimal
    rate: Decimal
    currency: str
    real_time: Decimal | None
    free: Decimal | None
    purchased: Decimal | None
    status: str
    wallet_type: str
    is_listed: bool
    ended: str | None
    name: str | None
    thresholds: tuple[tuple[str, Decimal, str | None], ...]
    price_types: tuple[str, ...]
    cached: bool | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    alert_state: str | None = None

    @property
    def credits(self) -> Decimal:
        return self.balance / self.rate


def wallet(
    wallet_id: str,
    balance: Number = 0,
    *,
    customer: str = "c1",
    rate: Number = 1,
    currency: str = "usd",
    real_time: Number | None = None,
    free: Number | None = None,
    purchased: Number | None = None,
    status: str = "active",
    wallet_type: str = "PRE_PAID",
    listed: bool | None = None,
    ended: str | None = None,
    name: str | None = None,
    thresholds: Iterable[tuple[str, Number, str | None]] = (),
    price_types: Iterable[str] = (),
    cached: bool | None = None,
    metadata: Mapping[str, str] | None = None,
    alert_state: str | None = None,
) -> Seen:
    """What a snapshot saw of a wallet; one that is not active or has ended is not listed."""
    return Seen(
        wallet_id=wallet_id,
        customer_id=customer,
        balance=Decimal(balance),
        rate=Decimal(rate),
        currency=currency,
        real_time=_decimal(real_time),
        free=_decimal(free),
        purchased=_decimal(purchased),
        status="closed" if ended == "closed" else status,
        wallet_type=wallet_type,
        is_listed=(status == "active" and ended is None) if listed is None else listed,
        ended=ended,
        name=name,
        thresholds=tuple((level, Decimal(limit), how) for level, limit, how in thresholds),
        price_types=tuple(price_types),
        cached=cached,
        metadata=tuple((metadata or {}).items()),
        alert_state=alert_state,
    )


def _decimal(number: Number | None) -> Decimal | None:
    return None if number is None else Decimal(number)


@dataclass
class Snapshot:
    """One snapshot: what was asked for, what came, what failed."""

    at: datetime
    seen: Sequence[Seen]
    #: Customers that could not be read; wallets that could not be read (by their id).
    failed: Sequence[str] = ()
    #: Wallets of which some record was rejected, with nothing of it taken.
    rejected: Sequence[str] = ()
    #: Customers covered by a snapshot of scope 'selected'; None: scope 'all'.
    selected: Sequence[str] | None = None
    real_time: bool = True
    credits: bool = True
    #: Customers that the list no longer holds.
    unlisted_customers: Sequence[str] = ()

    @property
    def snapshot_id(self) -> str:
        return self.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    @property
    def scope(self) -> Literal["all", "selected"]:
        return "all" if self.selected is None else "selected"


def moment(text: str) -> datetime:
    """A time in UTC, written `2026-03-01 08:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
