"""The Python interface: `flexprice_wallets.open(…)` and what its methods return."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import get_type_hints

import duckdb
import pandas as pd
import pytest

import flexprice_wallets
from flexprice_wallets import Warehouse
from flexprice_wallets.errors import NotAWarehouse, WarehouseTooNew
from flexprice_wallets.use.dataframes import open as open_warehouse
from tests.small_history import CREDITS, RATE, SmallHistory, small_history

MOMENTS = list(CREDITS)


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> SmallHistory:
    return small_history(tmp_path_factory)


@pytest.fixture(scope="module")
def exact(history: SmallHistory) -> Iterator[Warehouse]:
    with open_warehouse(history.warehouse) as warehouse:
        yield warehouse


@pytest.fixture(scope="module")
def quick(history: SmallHistory) -> Iterator[Warehouse]:
    with open_warehouse(history.warehouse, amounts="float") as warehouse:
        yield warehouse


def times(column: pd.Series[pd.Timestamp]) -> list[datetime]:
    return [moment.to_pydatetime() for moment in column]


def test_history_is_exact(exact: Warehouse, history: SmallHistory) -> None:
    frame = exact.history(history.wallet_id)
    assert list(frame["credit_balance"]) == list(CREDITS.values())
    assert list(frame["balance"]) == [credits_ * RATE for credits_ in CREDITS.values()]
    for column in ("balance", "credit_balance", "real_time_balance", "free_credits"):
        assert {type(amount) for amount in frame[column]} == {Decimal}
    assert times(frame["valid_from"]) == MOMENTS
    assert times(frame["valid_to"][:-1]) == MOMENTS[1:]
    assert frame["valid_to"].isna().tolist() == [False] * (len(MOMENTS) - 1) + [True]


def test_floats_by_choice(quick: Warehouse, history: SmallHistory) -> None:
    frame = quick.history(history.wallet_id)
    assert frame["balance"].dtype == "float64"
    assert frame["real_time_balance"].dtype == "float64"
    assert frame["balance"].tolist() == pytest.approx(
        [float(credits_ * RATE) for credits_ in CREDITS.values()]
    )


@pytest.mark.parametrize("amounts", ["decimal", "float"])
def test_times_are_in_utc(history: SmallHistory, amounts: str) -> None:
    with Warehouse(
        history.warehouse, amounts="float" if amounts == "float" else "decimal"
    ) as warehouse:
        frame = warehouse.history(history.wallet_id)
    for column in ("valid_from", "valid_to", "balance_observed_at"):
        assert str(frame[column].dt.tz) == "UTC"


def test_history_of_nobody_has_the_same_columns(exact: Warehouse, history: SmallHistory) -> None:
    frame = exact.history("wallet_of_nobody")
    assert len(frame) == 0
    assert list(frame.columns) == list(exact.history(history.wallet_id).columns)


def credits_of(frame: pd.DataFrame, wallet_id: str) -> list[Decimal]:
    return list(frame.loc[frame["wallet_id"] == wallet_id, "credit_balance"])


def test_balances_at_a_moment(exact: Warehouse, history: SmallHistory) -> None:
    moment = timedelta(microseconds=1)
    for at, credits_ in CREDITS.items():
        assert credits_of(exact.balances(at=at), history.wallet_id) == [credits_]
    assert credits_of(exact.balances(at=MOMENTS[0] - moment), history.wallet_id) == []
    before_second = exact.balances(at=MOMENTS[1] - moment)
    assert credits_of(before_second, history.wallet_id) == [CREDITS[MOMENTS[0]]]
    assert before_second["wallet_id"].is_unique


def test_balances_without_a_moment_are_the_last(exact: Warehouse) -> None:
    now = exact.balances()
    pd.testing.assert_frame_equal(now, exact.balances(at=MOMENTS[-1]))
    assert now["is_current"].all()


def test_a_moment_in_another_zone_is_the_same_moment(exact: Warehouse) -> None:
    local = pd.Timestamp(MOMENTS[1]).tz_convert("Asia/Kolkata").to_pydatetime()
    pd.testing.assert_frame_equal(exact.balances(at=local), exact.balances(at=MOMENTS[1]))


def test_a_moment_needs_a_zone(exact: Warehouse) -> None:
    with pytest.raises(ValueError, match="time zone"):
        exact.balances(at=datetime(2026, 3, 1))  # noqa: DTZ001


def test_daily(exact: Warehouse, history: SmallHistory) -> None:
    frame = exact.daily(wallet_id=history.wallet_id)
    first, last = MOMENTS[0].date(), MOMENTS[-1].date()
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    assert [day.date() for day in frame["date_day"]] == days
    held = {at.date(): credits_ * RATE for at, credits_ in CREDITS.items()}
    expected: list[Decimal | None] = []
    for day in days:
        expected.append(held.get(day, expected[-1] if expected else None))
    assert list(frame["closing_balance"]) == expected
    assert frame["opening_balance"][0] is None


def test_daily_of_a_currency(exact: Warehouse, history: SmallHistory) -> None:
    everything = exact.daily()
    dollars = exact.daily(currency="usd")
    assert set(dollars["currency"]) == {"usd"}
    assert len(dollars) == (everything["currency"] == "usd").sum()
    assert len(exact.daily(wallet_id=history.wallet_id, currency="eur")) == 0


def test_query(exact: Warehouse, quick: Warehouse, history: SmallHistory) -> None:
    sql = "select balance, date '2026-03-01' as day, 1.5::double as ratio from flexprice.wallets where wallet_id = ?"
    frame = exact.query(sql, [history.wallet_id])
    assert frame["balance"].tolist() == [CREDITS[MOMENTS[-1]] * RATE]
    assert frame["day"].dtype.kind == "M"
    assert quick.query(sql, [history.wallet_id])["balance"].dtype == "float64"
    with pytest.raises(duckdb.Error):
        exact.query("select nonsense")


def test_it_is_read_only(exact: Warehouse) -> None:
    with pytest.raises(duckdb.Error, match="read-only"):
        exact.query("create table flexprice.mine as select 1 as one")


def test_schemas_with_other_names(history: SmallHistory) -> None:
    with pytest.raises(NotAWarehouse, match=r"other\.warehouse"):
        Warehouse(history.warehouse, raw_schema="other")
    with Warehouse(history.warehouse, schema="other") as warehouse, pytest.raises(duckdb.Error):
        warehouse.balances()


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotAWarehouse, match="flexprice-wallets load"):
        flexprice_wallets.open(tmp_path / "missing.duckdb")
    assert list(tmp_path.iterdir()) == []


def test_no_warehouse(tmp_path: Path) -> None:
    damaged, foreign = tmp_path / "damaged.duckdb", tmp_path / "foreign.duckdb"
    damaged.write_bytes(b"no database")
    duckdb.connect(str(foreign)).close()
    for path in (damaged, foreign):
        with pytest.raises(NotAWarehouse, match=path.name):
            flexprice_wallets.open(path)
    # Whoever was refused holds nothing open.
    duckdb.connect(str(foreign)).close()


def test_a_later_contract(history: SmallHistory, tmp_path: Path) -> None:
    later = history.copy(tmp_path)
    with duckdb.connect(str(later)) as connection:
        connection.execute(
            "update flexprice_raw.warehouse set contract_version = contract_version + 1"
        )
    with pytest.raises(WarehouseTooNew, match="update flexprice-wallets"):
        flexprice_wallets.open(later)


def test_closed_by_its_block(history: SmallHistory) -> None:
    with flexprice_wallets.open(history.warehouse) as warehouse:
        pass
    with pytest.raises(duckdb.Error):
        warehouse.balances()


def test_everything_public_can_be_had_in_any_order() -> None:
    for _ in range(2):
        for name in flexprice_wallets.__all__:
            assert callable(getattr(flexprice_wallets, name)), name
    with pytest.raises(AttributeError):
        flexprice_wallets.nothing  # noqa: B018


def test_everything_public_is_documented_and_typed() -> None:
    functions = [
        getattr(flexprice_wallets, name)
        for name in flexprice_wallets.__all__
        if inspect.isfunction(getattr(flexprice_wallets, name))
    ]
    functions += [
        method
        for name, method in inspect.getmembers(Warehouse, inspect.isfunction)
        if not name.startswith("_") or name == "__init__"
    ]
    assert len(functions) >= 9
    for function in functions:
        assert inspect.getdoc(function), function
        annotations = function.__annotations__
        assert {*inspect.signature(function).parameters} - {"self"} <= set(annotations), function
        assert "return" in annotations, function
    for name in flexprice_wallets.__all__:
        assert inspect.getdoc(getattr(flexprice_wallets, name)), name
    assert get_type_hints(open_warehouse)["return"] is Warehouse


def test_the_clock_of_the_story_is_utc() -> None:
    assert all(moment.tzinfo is UTC for moment in MOMENTS)
