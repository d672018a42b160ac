"""Reads the moments and days that people give to the Python interface, as objects or as ISO 8601 text."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from flexprice_wallets.errors import MomentError


def moment(given: datetime | str) -> datetime:
    """A moment with its time zone.

    Raises:
        MomentError: it is no moment, or has no time zone.
    """
    if isinstance(given, str):
        try:
            read = datetime.fromisoformat(given)
        except ValueError as error:
            raise MomentError(
                f"{given!r} is not a time in ISO 8601: write it as '2026-03-01T12:00:00Z'."
            ) from error
    elif isinstance(given, datetime):
        read = given
    else:
        raise MomentError(
            f"{given!r} is not a moment: give a datetime with a time zone, or text such as '2026-03-01T12:00:00Z'."
        )
    if read.tzinfo is None:
        raise MomentError(
            f"{str(given)!r} has no time zone: say which it is in, as in '2026-03-01T12:00:00Z' or "
            "datetime(2026, 3, 1, 12, tzinfo=UTC)."
        )
    return read


def day(given: date | str) -> date:
    """A UTC day.

    Raises:
        MomentError: it is no day; a moment is none, because the day that it lies in depends on a time zone.
    """
    if isinstance(given, str):
        try:
            return date.fromisoformat(given)
        except ValueError as error:
            raise MomentError(
                f"{given!r} is not a day in ISO 8601: write it as '2026-03-01'."
            ) from error
    if isinstance(given, datetime) or not isinstance(given, date):
        raise MomentError(
            f"{given!r} is not a day: give a date, or text such as '2026-03-01'. Days are UTC."
        )
    return given


def days_between(start: date | str | None, end: date | str | None) -> dict[str, date]:
    """The conditions for days from the first to the last, both included."""
    first = None if start is None else day(start)
    last = None if end is None else day(end)
    if first is not None and last is not None and first > last:
        raise MomentError(f"start {first} is after end {last}: exchange them.")
    given = {"date_day >= ?": first, "date_day <= ?": last}
    return {condition: value for condition, value in given.items() if value is not None}


def age_in_words(age: timedelta) -> str:
    """How long ago a moment was, to the largest unit that fits."""
    minutes = int(age / timedelta(minutes=1))
    if minutes < 60:
        return f"{max(minutes, 0)} min old"
    if minutes < 48 * 60:
        return f"{minutes // 60} h old"
    return f"{minutes // (24 * 60)} days old"
