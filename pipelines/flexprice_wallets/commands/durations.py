"""Lengths of time as people write them. Pure."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_WRITTEN: Final = re.compile(r"(?:\d{1,6}[dhms])+")


def parse_duration(text: str) -> timedelta:
    """Read `26h`, `90m` or `1d12h`: whole numbers of days, hours, minutes and seconds.

    Raises:
        ValueError: the text is none of that.
    """
    text = text.strip().lower()
    if not _WRITTEN.fullmatch(text):
        raise ValueError(f"{text!r} is no length of time such as 26h, 90m or 1d12h")
    parts = re.findall(r"(\d+)([dhms])", text)
    return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())


def written_duration(length: timedelta) -> str:
    """The same the other way round, to the minute from one minute on: `1d 12h 5m`."""
    seconds = int(length.total_seconds())
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or f"{seconds}s"
