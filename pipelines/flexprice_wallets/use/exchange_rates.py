"""Exchange rates that people bring as a CSV file: read strictly, and written into the warehouse's table for them."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from flexprice_wallets.errors import RatesError
from flexprice_wallets.warehouse.brought_tables import EXCHANGE_RATES
from flexprice_wallets.warehouse.lock import exclusive_run
from flexprice_wallets.warehouse.paths import WarehousePaths
from flexprice_wallets.warehouse.sql_files import quoted
from flexprice_wallets.warehouse.working_copy import publish, working_folder

#: The digits of a rate, as the table holds them.
_DIGITS_BEFORE_POINT: Final = 8
_DIGITS_AFTER_POINT: Final = 10


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """What one unit of a currency was worth on a day (UTC), in units of the reporting currency."""

    date_day: date
    currency: str
    reporting_currency: str
    rate: Decimal


@dataclass(frozen=True, slots=True)
class BroughtRates:
    """What was brought: how many rates, of how many currencies, and how many the warehouse holds since."""

    database: Path
    reporting_currency: str
    rates: int
    currencies: int
    held: int


def read_rates(path: str | os.PathLike[str]) -> list[ExchangeRate]:
    """The rates in a CSV file with a header that names `date_day, currency, reporting_currency, rate` in any order.

    Codes are taken in lower case, as the API gives them. Further columns are left alone.

    Raises:
        RatesError: the file cannot be read, lacks a column, has a line that is no rate or a second one for a currency
            and day, more than one reporting currency, or no rate at all.
    """
    name = os.fspath(path)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rates = [*_rates_in(csv.DictReader(file, strict=True), name)]
    except OSError as error:
        raise RatesError(f"{name} cannot be read ({error.strerror}): name another file.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise RatesError(f"{name} is no CSV file in UTF-8 ({error}): write it as one.") from error
    if not rates:
        raise RatesError(f"{name} holds no rate: give it a line for each day and currency.")
    _one_reporting_currency({rate.reporting_currency for rate in rates}, name)
    return rates


def _rates_in(reader: csv.DictReader[str], name: str) -> Iterator[ExchangeRate]:
    missing = [
        column for column in EXCHANGE_RATES.column_names if column not in (reader.fieldnames or ())
    ]
    if missing:
        raise RatesError(
            f"{name} has no column {', '.join(missing)}: its first line names "
            f"{', '.join(EXCHANGE_RATES.column_names)}."
        )
    seen: dict[tuple[date, str], int] = {}
    for row in reader:
        try:
            rate = _rate(row)
        except ValueError as error:
            raise RatesError(f"{name}, line {reader.line_num}: {error}.") from error
        key = rate.date_day, rate.currency
        if key in seen:
            raise RatesError(
                f"{name}, line {reader.line_num}: {rate.currency} on {rate.date_day} has a rate in line {seen[key]} "
                "already: keep one of them."
            )
        seen[key] = reader.line_num
        yield rate


def _rate(row: Mapping[str, str | None]) -> ExchangeRate:
    """The rate in a row.

    Raises:
        ValueError: there is none, with a reason that ends a sentence.
    """
    day, currency, reporting_currency, number = (
        (row[column] or "").strip() for column in EXCHANGE_RATES.column_names
    )
    try:
        date_day = date.fromisoformat(day)
    except ValueError:
        raise ValueError(f"{day!r} is no day such as 2026-01-31") from None
    for code in (currency, reporting_currency):
        if not code:
            raise ValueError("a currency is missing")
    rate = _exact_rate(number)
    if None in row:
        # Such as a decimal comma.
        raise ValueError(f"the rate {number} is followed by more than the first line names")
    if currency.lower() == reporting_currency.lower() and rate != 1:
        raise ValueError(f"{currency} is worth {number} {reporting_currency}, which can only be 1")
    return ExchangeRate(date_day, currency.lower(), reporting_currency.lower(), rate)


def _exact_rate(text: str) -> Decimal:
    try:
        rate = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no rate such as 1.0842") from None
    if not rate.is_finite() or rate <= 0:
        raise ValueError(f"the rate {text} is not above 0")
    # What does not fit is not rounded.
    exponent = rate.normalize().as_tuple().exponent
    if rate.adjusted() >= _DIGITS_BEFORE_POINT or -int(exponent) > _DIGITS_AFTER_POINT:
        raise ValueError(
            f"the rate {text} has more than {_DIGITS_BEFORE_POINT} digits before the point or {_DIGITS_AFTER_POINT} "
            "after it"
        )
    return rate


def _one_reporting_currency(currencies: Iterable[str], name: str) -> str:
    """The one that amounts are stated in: two could be added up by mistake.

    Raises:
        RatesError: there are several.
    """
    first, *others = sorted(currencies)
    if others:
        raise RatesError(
            f"{name} has rates into {', '.join((first, *others))}, and a warehouse reports in one currency: bring the "
            "rates into that one."
        )
    return first


def bring_rates(
    database: str | os.PathLike[str],
    rates: Sequence[ExchangeRate],
    *,
    raw_schema: str = "flexprice_raw",
    schema: str = "flexprice",
    replace: bool = False,
) -> BroughtRates:
    """Write rates into a warehouse and publish it, as a load does; a rate of the same currency and day is replaced.

    Args:
        database: the warehouse's file.
        rates: as `read_rates` gives them: at least one, all into one reporting currency.
        raw_schema: schema of its tables.
        schema: schema of its views.
        replace: forget every rate that was brought before.

    Raises:
        RatesError: the warehouse holds rates into another reporting currency.
        FlexpriceWalletsError: see `errors`; then the published file is what it was.
    """
    paths = WarehousePaths.of(database, raw_schema, schema)
    with exclusive_run(paths), working_folder(paths):
        held = _write(paths, rates, raw_schema, schema, replace=replace)
        publish(paths)
    return BroughtRates(
        paths.published,
        rates[0].reporting_currency,
        len(rates),
        len({rate.currency for rate in rates}),
        held,
    )


def _write(
    paths: WarehousePaths,
    rates: Sequence[ExchangeRate],
    raw_schema: str,
    schema: str,
    *,
    replace: bool,
) -> int:
    """Write the rates into the working copy; returns how many it holds then."""
    import pyarrow as pa

    from flexprice_wallets.warehouse.maintenance import opened_working_copy
    from flexprice_wallets.warehouse.refresh_views import refresh_views
    from flexprice_wallets.warehouse.upkeep import apply_snapshots

    table = f"{quoted(raw_schema)}.{quoted(EXCHANGE_RATES.name)}"
    columns = {
        name: [getattr(rate, name) for rate in rates] for name in EXCHANGE_RATES.column_names
    }
    decimal = pa.decimal128(_DIGITS_BEFORE_POINT + _DIGITS_AFTER_POINT, _DIGITS_AFTER_POINT)
    types = {"date_day": pa.date32(), "rate": decimal}
    arrays = {
        name: pa.array(values, types.get(name, pa.string())) for name, values in columns.items()
    }
    with opened_working_copy(paths, raw_schema) as connection:
        # One of an earlier version may lack the table.
        apply_snapshots(connection, raw_schema=raw_schema)
        refresh_views(connection, raw_schema=raw_schema, schema=schema)
        if replace:
            connection.execute(f"delete from {table}")
        others = connection.execute(
            f"select distinct reporting_currency from {table} where reporting_currency <> ? order by all",
            [rates[0].reporting_currency],
        ).fetchall()
        if others:
            raise RatesError(
                f"{paths.published.name} holds rates into {', '.join(code for (code,) in others)}, and these are into "
                f"{rates[0].reporting_currency}: bring rates into the same currency, or replace all with --replace."
            )
        connection.register("brought_rates", pa.table(arrays))
        connection.execute(f"insert or replace into {table} by name from brought_rates")
        connection.unregister("brought_rates")
        [(held,)] = connection.execute(f"select count(*) from {table}").fetchall()
    return int(held)
