"""What the sections of the report share: their shape, their columns, and how they count and leave out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal

from flexprice_wallets.use.report.charts import Chart
from flexprice_wallets.use.report.html import Column, Markup, element, plain
from flexprice_wallets.use.report.queries import Row

#: Days that a chart's table lists one by one; before them, only the last of each month.
DAYS_LISTED: Final = 31

Draw = Callable[[Chart], Markup]

CUSTOMER: Final = Column("Customer", "customer")
WALLET: Final = Column("Wallet", "wallet_id", "id")
CURRENCY: Final = Column("Currency", "currency")


@dataclass(frozen=True, slots=True)
class Subject:
    """The wallet or the customer that the report looks at more closely."""

    kind: Literal["wallet", "customer"]
    id: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page under a heading of its own; `anchor` is what links to it lead to, called `label` if given."""

    anchor: str
    heading: str
    content: Markup
    label: str | None = None


def listed_days(days: Sequence[Row]) -> list[Row]:
    """The last days one by one, before them the last of each month; the latest first."""
    earlier = days[:-DAYS_LISTED]
    ends = [
        list(month)[-1] for _, month in groupby(earlier, lambda day: day["date_day"].replace(day=1))
    ]
    return [*ends, *days[-DAYS_LISTED:]][::-1]


def by(rows: Sequence[Row], name: str) -> list[tuple[str, list[Row]]]:
    """The rows, which are sorted by a column, in groups of one value of it."""
    return [(key, list(group)) for key, group in groupby(rows, lambda row: row[name])]


def count(number: int, noun: str) -> str:
    """A number with its noun: `1 wallet`, `2 wallets`."""
    return f"{plain(number)} {noun}" if number == 1 else f"{plain(number)} {noun}s"


def left_out(rows: Sequence[Row]) -> Markup:
    """How many rows a table does not show, of rows that each say how many there are in all."""
    missing = rows[0]["total"] - len(rows)
    return (
        element("p", f"{plain(missing)} more are not shown.", class_="note")
        if missing
        else Markup("")
    )


def empty(anchor: str, heading: str, sentence: str) -> Section:
    """A section that has nothing to show, and says so."""
    return Section(anchor, heading, element("p", sentence))
