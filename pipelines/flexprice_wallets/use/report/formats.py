"""How the report spells figures, currencies, times and ids. Nothing here is HTML."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any, Final

#: Digits after the point of ISO 4217's currencies that do not have two.
_DIGITS: Final = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
#: An id that is longer is shown by its two ends.
_ID_SHOWN: Final = 16


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as people read it, and exactly; `is_negative` for whoever colours it."""

    shown: str
    exact: str
    sort: str


def plain(value: Any) -> str:
    """A value as text: figures exact, times in UTC to the minute, a dash for null."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace("-", "−")
    if isinstance(value, Decimal):
        figure = f"{value:,f}"
        figure = figure.rstrip("0").rstrip(".") if "." in figure else figure
        return "0" if figure == "-0" else figure.replace("-", "−")
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def month(first_day: date) -> str:
    """A month by its year and number."""
    return f"{first_day:%Y-%m}"


def code(currency: Any) -> str:
    """The one spelling of a currency: the API sends lower case, people write upper case."""
    return "unknown currency" if currency is None else str(currency).upper()


def digits(currency: Any) -> int:
    """Digits after the point in which amounts of a currency are written: ISO 4217's, two for what it does not name."""
    return _DIGITS.get(code(currency), 2)


def money(value: Decimal | None, currency: Any) -> Figure:
    """An amount in its currency's digits, and exactly."""
    return _rounded(value, digits(currency))


def quantity(value: Decimal | int | None) -> Figure:
    """Credits, days and other figures without a currency: to two digits, so that points align, and exactly."""
    if isinstance(value, int):
        return Figure(plain(value), plain(value), str(value))
    return _rounded(value, 2)


def rate(value: Decimal | None) -> Figure:
    """A figure that is never rounded."""
    return Figure(plain(value), plain(value), "" if value is None else str(value))


def short_id(value: Any) -> str:
    """An id by its two ends, as far as it is long."""
    text = plain(value)
    return text if len(text) <= _ID_SHOWN else f"{text[:9]}…{text[-5:]}"


def change(now: Decimal | None, before: Decimal | None, currency: Any) -> str:
    """How an amount changed, in money and per cent: `+12.00 (+3.1 %)`."""
    if now is None or before is None:
        return "not known then"
    with localcontext(prec=60):
        delta = now - before
        if delta == 0:
            return "unchanged"
        sign = "+" if delta > 0 else ""
        text = f"{sign}{money(delta, currency).shown}"
        if before <= 0:
            return text
        share = (delta * 100 / before).quantize(Decimal("0.1"), ROUND_HALF_EVEN)
    return f"{text} ({sign}{share:,f} %)".replace("-", "−")


def count(number: int, noun: str) -> str:
    """A number with its noun: `1 wallet`, `2 wallets`."""
    return f"{plain(number)} {noun}" if number == 1 else f"{plain(number)} {noun}s"


def _rounded(value: Decimal | None, places: int) -> Figure:
    if value is None:
        return Figure("–", "–", "")
    with localcontext(prec=60):
        rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
        if rounded == 0 and value != 0:
            least = f"{Decimal(1).scaleb(-places):f}"
            shown = f"< {least}" if value > 0 else f"> −{least}"
        else:
            shown = f"{abs(rounded):,f}"
            shown = f"−{shown}" if rounded < 0 else shown
    return Figure(shown, plain(value), f"{value:f}")
