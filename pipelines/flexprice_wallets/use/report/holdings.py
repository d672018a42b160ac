"""Since when its customer has held a wallet. What was before is somebody else's: no page that is sent has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

# A version that is still open and names another customer: nothing was read of the wallet since it changed hands.
MOVED: Final = """
with

chosen as (
    select wallet_id, customer_id from "{schema}".wallets where {subject_column} = $subject
),

last_load as (
    select max(snapshot_at) as snapshot_at from "{schema}".snapshots
),

versions as (
    select wallet_id, customer_id, valid_to from "{schema}".wallet_balance_history
    union all
    select wallet_id, customer_id, valid_to from "{schema}".wallet_settings_history
),

moved as (
    select
        chosen.wallet_id,
        max(coalesce(versions.valid_to, last_load.snapshot_at + interval 1 second)) as since
    from chosen
    cross join last_load
    inner join versions on chosen.wallet_id = versions.wallet_id and chosen.customer_id <> versions.customer_id
    group by chosen.wallet_id
)

select
    moved.wallet_id,
    moved.since,
    max(case when snapshots.snapshot_at < moved.since then snapshots.snapshot_at end) as last_held_by_another,
    moved.since > max(snapshots.snapshot_at) as is_unread,
    moved.since > max(snapshots.snapshot_at) - interval 30 day as is_recent
from moved
cross join "{schema}".snapshots as snapshots
group by moved.wallet_id, moved.since
order by moved.wallet_id
"""


@dataclass(frozen=True, slots=True)
class Moved:
    """When a wallet came to its customer from another one.

    since: The first load that read it as this customer's.
    last_held_by_another: The load before: a transaction between the two says itself whose it is.
    is_unread: Its balance was not read since.
    is_recent: It came within the 30 days from which the pace of use is told.
    """

    since: datetime
    last_held_by_another: datetime | None
    is_unread: bool
    is_recent: bool


@dataclass(frozen=True, slots=True)
class Holding:
    """A wallet in the hands of one customer; `moved` is None where no load saw it with another one."""

    wallet_id: str
    customer_id: str
    moved: Moved | None = None

    @property
    def since(self) -> datetime | None:
        return self.moved.since if self.moved else None

    @property
    def parameters(self) -> dict[str, Any]:
        """What the questions about one holding are asked with."""
        return {
            "wallet": self.wallet_id,
            "owner": self.customer_id,
            "since": self.since,
            "after": self.moved.last_held_by_another if self.moved else None,
        }
