"""How figures, currencies and ids are spelled."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from flexprice_wallets.use.report.formats import change, code, money, plain, quantity, short_id


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (True, "yes"),
        (1234567, "1,234,567"),
        (Decimal("1234567.100000000"), "1,234,567.1"),
        (Decimal("1000.000000000"), "1,000"),
        (Decimal("0E-9"), "0"),
        (Decimal("-0.000000000"), "0"),
        (Decimal("-0.0000000000000001"), "−0.0000000000000001"),
        (Decimal("9999999999999999999.999999999"), "9,999,999,999,999,999,999.999999999"),
        (datetime(2026, 3, 1, 6, 30, tzinfo=UTC), "2026-03-01 06:30"),
        (date(2026, 3, 1), "2026-03-01"),
        ("=1+1", "=1+1"),
    ],
)
def test_plain(value: object, shown: str) -> None:
    assert plain(value) == shown


@pytest.mark.parametrize(
    ("value", "currency", "shown"),
    [
        (Decimal("1234.5"), "usd", "1,234.50"),
        (Decimal("1234.5"), "JPY", "1,234"),
        (Decimal("-1234.56789"), "kwd", "−1,234.568"),
        (Decimal("0.004"), "eur", "< 0.01"),
        (Decimal("-0.3"), "jpy", "> −1"),
        (Decimal("0E-9"), "eur", "0.00"),
        (Decimal("0.125"), "eur", "0.12"),
        (Decimal("99999999999999999999999999999.999999999"), "usd", "100,000,000,000,000,000,000,000,000,000.00"),
        (None, "usd", "–"),
    ],
)  # fmt: skip
def test_money(value: Decimal | None, currency: str, shown: str) -> None:
    figure = money(value, currency)
    assert figure.shown == shown
    assert figure.exact == plain(value)


def test_quantity_code_and_id() -> None:
    assert quantity(Decimal("12.3456")).shown == "12.35"
    assert quantity(Decimal("12.000")).shown == "12.00"
    assert quantity(-12).shown == "−12"
    assert code("usd") == code("USD") == "USD"
    assert short_id("wallet_01HXYZ0123456789") == "wallet_01…56789"
    assert short_id("w1") == "w1"


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (Decimal(110), Decimal(100), "+10.00 (+10.0 %)"),
        (Decimal("99.5"), Decimal(100), "−0.50 (−0.5 %)"),
        (Decimal(5), Decimal(0), "+5.00"),
        (Decimal(5), Decimal(5), "unchanged"),
        (Decimal(5), None, "not known then"),
    ],
)
def test_change(now: Decimal, before: Decimal | None, said: str) -> None:
    assert change(now, before, "usd") == said
