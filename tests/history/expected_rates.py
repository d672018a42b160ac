"""The exchange rates that the story brings, and the second amounts that they give."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from flexprice_wallets.use.exchange_rates import ExchangeRate
from tests.history.observed import Record
from tests.history.sights import EXACT

REPORTING_CURRENCY: Final = "usd"
_RATES: Final = {"eur": Decimal("1.0842"), "gbp": Decimal("1.2951000001"), "inr": Decimal("0.0119")}
#: Days from the one on which the story begins.
_FIRST_DAY: Final = date(2026, 2, 23)
_DAYS: Final = range(0, 60, 2)


def brought() -> list[ExchangeRate]:
    """Rates of some currencies for every other day."""
    return [
        ExchangeRate(_FIRST_DAY + timedelta(days=n), code, REPORTING_CURRENCY, rate)
        for code, rate in _RATES.items()
        for n in _DAYS
    ]


def in_reporting_currency(row: Record, amounts: Mapping[str, str]) -> Record:
    """A row with its amounts in the reporting currency beside them; `amounts`: their columns, by the new ones."""
    rate = _rate(row["currency"].lower(), row["date_day"])
    columns: Record = {
        "reporting_currency": None if rate is None else REPORTING_CURRENCY,
        "reporting_rate": rate,
    }
    for name, amount in amounts.items():
        known = row[amount]
        columns[name] = None if rate is None or known is None else EXACT.multiply(known, rate)
    return row | columns


def _rate(code: str, day: date) -> Decimal | None:
    if code == REPORTING_CURRENCY:
        return Decimal(1)
    is_brought = (day - _FIRST_DAY).days in _DAYS
    return _RATES.get(code) if is_brought else None
