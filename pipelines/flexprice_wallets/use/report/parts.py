"""What the sections of the report are made of. The templates know how each part looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final, Literal

from flexprice_wallets.use.report.asked import Row
from flexprice_wallets.use.report.charts import Chart

#: Days that a chart's table lists one by one; before them, only the last of each month.
DAYS_LISTED: Final = 31
_WIDE: Final = 11

Kind = Literal[
    "text",
    "number",
    "money",
    "quantity",
    "rate",
    "wallet",
    "customer",
    "time",
    "month",
    "code",
    "prose",
]


@dataclass(frozen=True, slots=True)
class Subject:
    """The wallet or the customer that the report is about, and nobody else."""

    kind: Literal["wallet", "customer"]
    id: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading, where a row holds its value, and what kind of value that is.

    Money is in the currency that the row has under `currency`.
    """

    heading: str
    name: str
    kind: Kind = "text"
    currency: str = "currency"

    @property
    def is_figure(self) -> bool:
        return self.kind in {"number", "money", "quantity", "rate"}


WALLET: Final = Column("Wallet", "wallet", "wallet")
CUSTOMER: Final = Column("Customer", "customer", "customer")
CURRENCY: Final = Column("Currency", "currency", "code")


@dataclass(frozen=True, slots=True)
class Table:
    """A table that can be sorted. `total` is how many rows there are, where not all are shown."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    total: int | None = None

    @property
    def is_wide(self) -> bool:
        """Whether it has so many columns that they have to be narrow."""
        return len(self.columns) >= _WIDE

    @property
    def left_out(self) -> int:
        return 0 if self.total is None else self.total - len(self.rows)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chart is drawn."""

    number: int
    chart: Chart


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page under a heading of its own, written by a template from `data`."""

    anchor: str
    heading: str
    template: str
    data: dict[str, Any] = field(default_factory=dict)


Draw = Callable[[Chart], Place]


def listed_days(days: Sequence[Row]) -> list[Row]:
    """The last days one by one, before them the last of each month; the latest first."""
    earlier = days[:-DAYS_LISTED]
    ends = [
        list(month)[-1] for _, month in groupby(earlier, lambda day: day["date_day"].replace(day=1))
    ]
    return [*ends, *days[-DAYS_LISTED:]][::-1]


def by(rows: Sequence[Row], name: str) -> list[tuple[Any, list[Row]]]:
    """The rows, which are sorted by a column, in groups of one value of it."""
    return [(key, list(group)) for key, group in groupby(rows, lambda row: row[name])]
