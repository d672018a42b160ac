"""What a feed tells beside readings. Records are as they came: nothing in them is checked yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple


class CustomersFound(NamedTuple):
    """Records of the listing that the run covers. `total` is what the API says there are in all."""

    records: list[object]
    observed_at: datetime
    total: int | None


@dataclass(slots=True)
class ListingDone:
    """The listing is complete. `calls`: customers whose wallets were asked for; `named_only`: ids named, not listed."""

    calls: int
    named_only: list[str] = field(default_factory=list)


FeedEvent = CustomersFound | ListingDone


def text_field(record: object, name: str) -> str:
    """A text of a record that is not checked yet; '' where there is none."""
    value = record.get(name) if isinstance(record, dict) else None
    return value if isinstance(value, str) else ""
