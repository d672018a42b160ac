"""Every view over the story in another engine, row by row: decimals and times exact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from flexprice_wallets.replicate import dialects
from flexprice_wallets.replicate.dialects import EXECUTED, REWRITES, Rewrite
from flexprice_wallets.warehouse.descriptions import views
from tests.engines.conftest import DATASET
from tests.engines.spark import Spark
from tests.engines.trino import Trino
from tests.engines.warehouse import Engine, create_views, views_of
from tests.replicate.comparison import differences, row_count
from tests.replicate.test_postgres_replica import null_where_any_is, without_last_digits

pytestmark = [pytest.mark.engines, pytest.mark.slow]
VIEWS = [view.name for view in views() if view.type == "view"]


def test_the_story_has_rows_for_every_view(warehouse: Path) -> None:
    """No comparison is of nothing with nothing."""
    assert {name for name in VIEWS if not row_count(warehouse, {name})} == set()
    assert row_count(warehouse, VIEWS) > 8_000


def test_spark_says_what_duckdb_says(spark: Spark, warehouse: Path) -> None:
    assert differences(warehouse, spark, DATASET, VIEWS) == []


def test_trino_says_what_duckdb_says(trino: Trino, warehouse: Path) -> None:
    assert differences(warehouse, trino, DATASET, VIEWS) == []


def test_these_are_the_dialects_that_are_said_to_be_executed() -> None:
    assert {Spark.dialect, Trino.dialect, "postgres"} == EXECUTED


@contextmanager
def rewritten(engine: Engine, rewrites: Sequence[Rewrite], view: str) -> Iterator[None]:
    """One view, rendered with other rewrites."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(REWRITES, engine.dialect, tuple(rewrites))
        dialects.rendered_views.cache_clear()
        try:
            create_views(engine, DATASET, {view})
            yield
        finally:
            patch.undo()
            dialects.rendered_views.cache_clear()
            create_views(engine, DATASET, {view})


@pytest.mark.parametrize(
    ("wrong", "view"),
    [(null_where_any_is, "customers"), (without_last_digits, "wallet_balance_history")],
)
@pytest.mark.parametrize("name", ["spark", "trino"])
def test_a_wrong_rendering_is_found(
    request: pytest.FixtureRequest, warehouse: Path, name: str, wrong: Rewrite, view: str
) -> None:
    engine = request.getfixturevalue(name)
    with rewritten(engine, (wrong, *REWRITES[name]), view):
        assert differences(warehouse, engine, DATASET, {view})
    assert differences(warehouse, engine, DATASET, {view}) == []


def test_sqlglots_day_is_that_of_the_session(spark: Spark, warehouse: Path) -> None:
    others = [each for each in REWRITES["spark"] if each is not dialects._utc_of_spark]
    with rewritten(spark, others, "snapshots"):
        assert differences(warehouse, spark, DATASET, {"snapshots"})


@pytest.mark.parametrize(
    ("name", "rewrite", "view"),
    [
        ("spark", dialects._epoch_of_spark, "credit_grants"),
        ("trino", dialects._day_of_trino, "wallet_runway"),
    ],
)
def test_what_the_engine_would_refuse(
    request: pytest.FixtureRequest, name: str, rewrite: Rewrite, view: str
) -> None:
    engine = request.getfixturevalue(name)
    others = [each for each in REWRITES[name] if each is not rewrite]
    with pytest.raises(RuntimeError), rewritten(engine, others, view):
        pass


def test_without_its_setting_spark_loses_digits(spark: Spark, warehouse: Path) -> None:
    [view] = (each for each in views_of(spark, DATASET) if each.name == "customer_balance_daily")
    try:
        spark.forget_settings()
        spark.execute(f"create or replace view {DATASET}.{view.name} as\n{view.query}")
        assert differences(warehouse, spark, DATASET, {view.name})
    finally:
        create_views(spark, DATASET, {view.name})
        spark.forget_settings()
    assert differences(warehouse, spark, DATASET, {view.name}) == []
