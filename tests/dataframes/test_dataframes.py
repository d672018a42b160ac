"""The Python interface: `flexprice_wallets.open(…)` and what its methods return."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, get_type_hints

import duckdb
import pandas as pd
import polars
import pytest

import flexprice_wallets
from flexprice_wallets import Warehouse
from flexprice_wallets.commands.main import run
from flexprice_wallets.errors import (
    ConfigurationError,
    MomentError,
    NotAWarehouse,
    NotFound,
    WarehouseTooNew,
)
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


def test_whoever_is_unknown_is_said(exact: Warehouse) -> None:
    with pytest.raises(NotFound, match="no wallet 'wallet_of_nobody'"):
        exact.history("wallet_of_nobody")
    with pytest.raises(NotFound, match="no wallet 'x'"):
        exact.daily(wallet_id="x")
    with pytest.raises(NotFound, match=r"no currency 'USD': it has .*usd"):
        exact.daily(currency="USD")
    for method in (exact.daily, exact.runway, exact.alerts):
        with pytest.raises(NotFound, match="no customer 'nobody'"):
            method(customer_id="nobody")
    with pytest.raises(NotFound, match="no currency 'xyz'"):
        exact.currency_daily("xyz")


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


@pytest.mark.parametrize(
    "text", ["2026-02-27T06:00:00Z", "2026-02-27 06:00+00:00", "2026-02-27T11:30:00+05:30"]
)
def test_a_moment_as_text(exact: Warehouse, text: str) -> None:
    pd.testing.assert_frame_equal(exact.balances(at=text), exact.balances(at=MOMENTS[1]))


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (datetime(2026, 3, 1), "no time zone"),  # noqa: DTZ001
        ("2026-03-01T00:00:00", "no time zone"),
        ("2026-03-01", "no time zone"),
        ("yesterday", "'yesterday' is not a time in ISO 8601"),
        (date(2026, 3, 1), "is not a moment"),
    ],
)
def test_a_moment_that_cannot_be_taken(exact: Warehouse, at: Any, reason: str) -> None:
    with pytest.raises(MomentError, match=reason):
        exact.balances(at=at)
    with pytest.raises(ValueError, match=reason):
        exact.balances(at=at)


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


def test_daily_of_some_days_and_a_customer(exact: Warehouse, history: SmallHistory) -> None:
    everything = exact.daily()
    chosen = exact.daily(start=date(2026, 2, 26), end="2026-02-28", customer_id=history.customer_id)
    days = pd.to_datetime(everything["date_day"])
    expected = everything[
        (everything["customer_id"] == history.customer_id)
        & (days >= pd.Timestamp("2026-02-26"))
        & (days <= pd.Timestamp("2026-02-28"))
    ].reset_index(drop=True)
    assert [day.day for day in chosen["date_day"]] == [26, 27, 28]
    pd.testing.assert_frame_equal(chosen, expected)
    assert exact.daily(start="2026-03-03")["date_day"].min() == pd.Timestamp("2026-03-03")


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        ({"start": "2026-03-02", "end": "2026-03-01"}, "exchange"),
        ({"start": "March"}, "'March' is not a day"),
        ({"end": datetime(2026, 3, 1, tzinfo=UTC)}, "is not a day"),
    ],
)
def test_days_that_cannot_be_taken(exact: Warehouse, days: Any, reason: str) -> None:
    with pytest.raises(MomentError, match=reason):
        exact.daily(**days)


def test_currency_daily(exact: Warehouse) -> None:
    frame = exact.currency_daily("usd", start="2026-03-04")
    [outstanding] = frame["outstanding_balance"]
    now = exact.query(
        "select sum(balance) as balance from flexprice.wallets where ended is null and balance > 0 and currency = 'usd'"
    )
    assert outstanding == now["balance"][0]


def test_each_view_by_its_method(exact: Warehouse, history: SmallHistory) -> None:
    assert history.customer_id in set(exact.customers()["customer_id"])
    assert list(exact.runway(customer_id=history.customer_id)["wallet_id"]) == [history.wallet_id]
    [critical] = exact.alerts(customer_id=history.customer_id).itertuples()
    assert (critical.level, critical.is_reached) == ("critical", True)
    assert len(exact.alerts(currency="eur")) < len(exact.alerts())


def test_month_end(exact: Warehouse) -> None:
    frame = exact.month_end("usd")
    assert len(frame) == 2
    assert set(frame["currency"]) == {"usd"}


def test_overview(exact: Warehouse, history: SmallHistory) -> None:
    frame = exact.overview(customer_id=history.customer_id)
    assert list(frame["wallet_id"]) == [history.wallet_id]
    assert list(frame["balance"]) == [CREDITS[MOMENTS[-1]] * RATE]


def test_the_ledger(exact: Warehouse, history: SmallHistory) -> None:
    ledger = exact.ledger(history.wallet_id)
    used = [CREDITS[after] - CREDITS[before] for before, after in pairwise(MOMENTS)]
    assert list(ledger["credit_delta"]) == [CREDITS[MOMENTS[0]], *used]
    assert list(ledger["credit_balance_after"]) == list(CREDITS.values())
    [grant] = exact.grants(history.wallet_id).to_dict("records")
    assert (grant["granted_credits"], grant["available_credits"]) == (
        CREDITS[MOMENTS[0]],
        CREDITS[MOMENTS[-1]],
    )
    months = exact.wallet_roll_forward(history.wallet_id)
    assert list(months["month"].astype(str).str[:7]) == ["2026-01", "2026-02", "2026-03"]
    assert list(months["closing_credits"]) == [
        CREDITS[MOMENTS[0]],
        CREDITS[MOMENTS[2]],
        CREDITS[MOMENTS[-1]],
    ]
    of_currency = exact.roll_forward("usd")
    assert set(of_currency["currency"]) == {"usd"}
    assert not any(of_currency["unexplained_amount"])
    [state] = exact.reconciliation(history.customer_id)["state"]
    assert state == "reconciled"
    for method in (exact.ledger, exact.wallet_roll_forward, exact.grants):
        with pytest.raises(NotFound, match="no wallet 'wallet_unknown'"):
            method("wallet_unknown")


def test_arrow(exact: Warehouse, quick: Warehouse, history: SmallHistory) -> None:
    table = exact.as_arrow().history(history.wallet_id)
    assert table.column("balance").to_pylist() == [c * RATE for c in CREDITS.values()]
    assert table.column("valid_from").to_pylist() == MOMENTS
    floats = quick.as_arrow().history(history.wallet_id)
    assert str(floats.schema.field("balance").type) == "double"


def test_polars(exact: Warehouse, quick: Warehouse, history: SmallHistory) -> None:
    frame = exact.as_polars().history(history.wallet_id)
    assert isinstance(frame, polars.DataFrame)
    assert isinstance(frame.schema["balance"], polars.Decimal)
    assert frame["balance"].to_list() == [c * RATE for c in CREDITS.values()]
    assert frame["valid_from"].to_list() == MOMENTS
    assert len(exact.as_polars().daily(currency="usd")) == len(exact.daily(currency="usd"))
    assert quick.as_polars().history(history.wallet_id).schema["balance"] == polars.Float64


def test_polars_is_named_where_it_is_missing(
    exact: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(ConfigurationError, match="pip install polars"):
        exact.as_polars()


def test_it_says_what_it_is(history: SmallHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Later:
            return cls(2026, 3, 5, 9, 30, tzinfo=tz)

    with Warehouse(history.warehouse) as warehouse:
        counts = warehouse.query(
            "select (select count(*) from flexprice.customers), (select count(*) from flexprice.wallets)"
        )
        monkeypatch.setattr("flexprice_wallets.use.dataframes.datetime", Later)
        said = repr(warehouse)
    customers, wallets = counts.iloc[0]
    assert said == (
        f"<Warehouse {history.warehouse}: as at 2026-03-04 06:00 UTC, 27 h old; "
        f"5 snapshots, {customers} customers, {wallets} wallets>"
    )
    # Also once it is closed.
    assert repr(warehouse) == said


def test_amounts_of_no_kind(history: SmallHistory) -> None:
    with pytest.raises(ConfigurationError, match="'flaot'"):
        flexprice_wallets.open(history.warehouse, amounts="flaot")  # type: ignore[arg-type]


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
    with pytest.raises(ConfigurationError, match="no views in the schema 'other'"):
        Warehouse(history.warehouse, schema="other")


def test_schemas_that_were_named(history: SmallHistory, tmp_path: Path) -> None:
    path = history.copy(tmp_path)
    options = [f"--database={path}", "--raw-schema=flexprice_raw", "--schema=answers"]
    assert run(["views", *options]) == 0
    with duckdb.connect(str(path)) as connection:
        connection.execute("drop schema if exists flexprice cascade")
    with flexprice_wallets.open(path, schema="answers", raw_schema="flexprice_raw") as warehouse:
        assert len(warehouse.history(history.wallet_id)) == len(CREDITS)
        assert len(warehouse.balances()) > 0


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
            found = getattr(flexprice_wallets, name)
            assert inspect.ismodule(found) if name == "errors" else callable(found), name
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
    assert len(functions) >= 17
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
