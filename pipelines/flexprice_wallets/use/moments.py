"""Reads the moments and days that people give to the Python interface, as objects or as ISO 8601 text."""

from __future__ import annotations

from datetime import date, datetime

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
