"""Numbers are exact or refused, times are UTC or refused."""

from __future__ import annotations

import decimal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexprice_wallets.records import values
from flexprice_wallets.records.values import Unreadable

#: Reader, digits in all, digits after the point.
READERS: Final[dict[str, tuple[Callable[[object], Decimal], int, int]]] = {
    "amount": (values.required_amount, 28, 9),
    "rate": (values.required_rate, 10, 5),
    "real_time": (values.required_real_time, 38, 16),
}
EXACT: Final = decimal.Context(prec=500, traps=[decimal.Inexact])


def scaled(units: int, scale: int) -> Decimal:
    return Decimal(units).scaleb(-scale, context=EXACT)


@pytest.mark.parametrize("column", READERS)
@given(data=st.data())
def test_a_number_that_fits_is_taken_exactly(column: str, data: st.DataObject) -> None:
    reader, precision, scale = READERS[column]
    units = data.draw(st.integers(-(10**precision) + 1, 10**precision - 1))
    zeros = "0" * data.draw(st.integers(0, 30))
    number = scaled(units, scale)
    for sent in (number, f"{number:f}{zeros}", str(number), format(number, "E")):
        taken = reader(sent)
        assert taken == number
        assert taken.as_tuple().exponent == -scale
        assert not (taken.is_zero() and taken.is_signed())


@pytest.mark.parametrize("column", READERS)
@given(data=st.data())
def test_a_number_that_does_not_fit_is_refused_and_never_rounded(
    column: str, data: st.DataObject
) -> None:
    reader, precision, scale = READERS[column]
    too_fine = st.integers(1, 10 ** (precision + 5)).filter(lambda units: units % 10)
    too_large = st.integers(10**precision, 10 ** (precision + 20))
    number = data.draw(
        too_fine.map(lambda units: scaled(units, scale + 1))
        | too_large.map(lambda units: scaled(units, scale))
    )
    for sent in (number, number.copy_negate(), f"{number:f}"):  # a minus sign would round
        with pytest.raises(Unreadable, match="does not fit DECIMAL"):
            reader(sent)


@pytest.mark.parametrize("column", READERS)
@given(number=st.decimals(allow_nan=False, allow_infinity=False))
def test_any_number_is_taken_exactly_or_refused(column: str, number: Decimal) -> None:
    try:
        taken = READERS[column][0](number)
    except Unreadable:
        return
    assert taken == number


@given(st.text())
def test_any_text_is_a_plain_number_or_refused(text: str) -> None:
    try:
        taken = values.required_amount(text)
    except Unreadable:
        return
    assert taken == Decimal(text)
    assert set(text) <= set("-0123456789.eE+")


@pytest.mark.parametrize("reader", [values.amount, values.rate, values.real_time, values.integer])
def test_null_is_none_where_the_number_is_optional(reader: Callable[[object], Any]) -> None:
    assert reader(None) is None


@pytest.mark.parametrize("bad", [True, False, 1.5, 1, [], {}, "", "1.", "--1", "1e", "1 "])
def test_what_is_no_decimal_is_refused(bad: object) -> None:
    with pytest.raises(Unreadable):
        values.required_amount(bad)


@pytest.mark.parametrize(
    "sent", ["1e999999999", "-1e-999999999", "9e999999999999999999", "1" * 10**6]
)
def test_giant_numbers_are_refused_fast(sent: str) -> None:
    started = time.perf_counter()
    for reader in (values.required_amount, values.required_real_time, values.integer):
        with pytest.raises(Unreadable):
            reader(sent)
    assert time.perf_counter() - started < 1


def test_reading_does_not_depend_on_the_callers_decimal_context() -> None:
    number = "1234567890123456789.123456789"
    with decimal.localcontext(decimal.Context(prec=3, traps=[])):
        assert str(values.required_amount(number)) == number
        with pytest.raises(Unreadable):
            values.required_amount("1e99999999999999999999")
        with pytest.raises(Unreadable):
            values.required_amount("0.0000000001")


@pytest.mark.parametrize(
    ("sent", "taken"),
    [("6", 6), (Decimal(6), 6), (Decimal("6.0"), 6), ("-9223372036854775808", -(2**63))],
)
def test_whole_numbers(sent: object, taken: int) -> None:
    result = values.integer(sent)
    assert (result, type(result)) == (taken, int)


@given(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)),  # noqa: DTZ001
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
)
def test_a_time_of_any_offset_is_taken_in_utc(local: datetime, minutes: int) -> None:
    time_there = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    taken = values.timestamp(time_there.isoformat())
    assert taken == time_there
    assert taken is not None
    assert taken.tzinfo is UTC


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ("2026-08-20T10:11:12Z", datetime(2026, 8, 20, 10, 11, 12, tzinfo=UTC)),
        ("2026-08-20T10:11:12.5Z", datetime(2026, 8, 20, 10, 11, 12, 500000, UTC)),
        ("2026-08-20T10:11:12.123456789Z", datetime(2026, 8, 20, 10, 11, 12, 123456, UTC)),
        ("2026-08-20T10:11:12.999999999Z", datetime(2026, 8, 20, 10, 11, 12, 999999, UTC)),
        ("2026-08-20T10:11:12+05:30", datetime(2026, 8, 20, 4, 41, 12, tzinfo=UTC)),
        ("2026-08-20t10:11:12z", datetime(2026, 8, 20, 10, 11, 12, tzinfo=UTC)),
        ("2024-02-29T00:00:00-00:00", datetime(2024, 2, 29, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999999Z", datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_times(sent: str, taken: datetime) -> None:
    assert values.timestamp(sent) == taken


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "2026-08-20",
        "2026-08-20T10:11Z",
        "2026-08-20 10:11:12Z",
        "2026-08-20T10:11:12",
        "2026-08-20T10:11:12.Z",
        "2026-08-20T10:11:12,5Z",
        "2026-08-20T10:11:12.1234567890Z",
        "2026-08-20T10:11:60Z",
        "2026-08-20T24:00:00Z",
        "2026-08-20T10:11:12+0530",
        "2026-08-20T10:11:12+24:00",
        "2026-08-20T10:11:12Z\n",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "20260820T101112Z",
        "2026-W34-4T10:11:12Z",
        "٢٠٢٦-08-20T10:11:12Z",
        True,
        Decimal(1786000000),
        [],
    ],
)
def test_what_is_no_time_is_refused(bad: object) -> None:
    with pytest.raises(Unreadable):
        values.timestamp(bad)


def test_the_path_of_what_is_unreadable_is_dotted() -> None:
    def inner(value: object) -> object:
        return values.read(values.members(value), "amount", values.required_amount)

    with pytest.raises(Unreadable, match=r"^topup\.amount is the text 'x', not a plain decimal"):
        values.read({"topup": {"amount": "x"}}, "topup", inner)
