"""Loads as a calendar: the weeks of the last months, each day with how well it was read."""

from __future__ import annotations

from calendar import Calendar
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from flexprice_wallets.use.report.asked import Row
from flexprice_wallets.use.report.formats import count

#: Months that are shown, the latest last.
_MONTHS_SHOWN: Final = 6
_STATES: Final = {
    "complete": ("", "every customer was read"),
    "partial": ("!", "some customers could not be read"),
    "selected": ("*", "only chosen customers were asked for"),
    "missing": ("–", "no load"),
}


def months(days: Sequence[Row]) -> list[dict[str, Any]]:
    """The last months, with a row for each week; days before the first load and after the last one are None."""
    loaded = {day["date_day"]: day for day in days}
    first, last = min(loaded), max(loaded)
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [
        {
            "name": f"{date(number // 12, number % 12 + 1, 1):%B %Y}",
            "weeks": [
                [_day(at, loaded) if at.month == number % 12 + 1 and first <= at <= last else None
                 for at in week]
                for week in Calendar().monthdatescalendar(number // 12, number % 12 + 1)
                if any(at.month == number % 12 + 1 and first <= at <= last for at in week)
            ],
        }
        for number in numbers[-_MONTHS_SHOWN:]
    ]  # fmt: skip


def _day(at: date, loaded: dict[date, Row]) -> dict[str, Any]:
    row = loaded.get(at)
    if row is None:
        state, loads = "missing", ""
    else:
        loads = f"{count(row['loads'], 'load')}, "
        unread = "partial" if row["loads_of_all"] else "selected"
        state = "complete" if row["complete_loads"] else unread
    mark, words = _STATES[state]
    return {"number": at.day, "state": state, "mark": mark, "said": f"{at}: {loads}{words}"}
