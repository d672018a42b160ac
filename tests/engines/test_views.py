"""Every view over the story in another engine, row by row: decimals and times exact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from flexprice_wallets.replicate import dialects
from flexprice_wallets.replicate.dialects import EXECUTED, REWRITES, Rewrite
from flexprice_wallets.warehouse.descriptions import views
from tests.engines.spark import Spark
from tests.engines.telling import DATASET, Engine, Told, create_views, views_of
from tests.engines.trino import Trino
from tests.replicate.comparison import differences, row_count
from tests.replicate.test_postgres_replica import null_where_any_is, without_last_digits

pytestmark = [pytest.mark.engines, pytest.mark.slow]
VIEWS = [view.name for view in views() if view.type == "view"]


#: Each engine, with its lake, in a process of its own where tests are shared out by group.
SPARK, TRINO = pytest.mark.xdist_group("spark"), pytest.mark.xdist_group("trino")


@pytest.fixture(params=[pytest.param("spark", marks=SPARK), pytest.param("trino", marks=TRINO)])
def engine_and_told(request: pytest.FixtureRequest) -> tuple[Engine, Told]:
    found: tuple[Engine, Told] = request.getfixturevalue(f"{request.param}_and_told")
    return found


def test_what_is_replicated_after_every_load_and_kill_is_shown(
    engine_and_told: tuple[Engine, Told],
) -> None:
    _, told = engine_and_told
    assert told.wrong == []
    assert told.steps >= 30
    # The kills left something that must not be shown.
    assert told.killed >= 3
    assert max(told.hidden) > 0


def test_the_engine_says_what_duckdb_says(engine_and_told: tuple[Engine, Told]) -> None:
    engine, told = engine_and_told
    assert differences(told.warehouse, engine, DATASET) == []


@pytest.mark.parametrize("schema", [DATASET, f"{DATASET}_raw"])
def test_columns_say_what_they_mean(engine_and_told: tuple[Engine, Told], schema: str) -> None:
    engine, _ = engine_and_told
    said = {row[0]: row[-1] for row in engine.query(f"describe {schema}.snapshots")}
    assert "snapshot_id" in said
    assert all(said.values())


def test_the_story_has_rows_for_every_view(engine_and_told: tuple[Engine, Told]) -> None:
    """No comparison is of nothing with nothing."""
    _, told = engine_and_told
    assert {name for name in VIEWS if not row_count(told.warehouse, {name})} == set()
    assert row_count(told.warehouse, VIEWS) > 8_000


def test_these_are_the_dialects_that_are_said_to_be_executed() -> None:
    assert {Spark.dialect, Trino.dialect, "postgres"} == EXECUTED


@contextmanager
def rewritten(engine: Engine, rewrites: Sequence[Rewrite], view: str) -> Iterator[None]:
    """One view, rendered with other rewrites."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(REWRITES, engine.dialect, tuple(rewrites))
        dialects.rendered_views.cache_clear()
        try:
            create_views(engine, {view})
            yield
        finally:
            patch.undo()
            dialects.rendered_views.cache_clear()
            create_views(engine, {view})


@pytest.mark.parametrize(
    ("wrong", "view"),
    [(null_where_any_is, "customers"), (without_last_digits, "wallet_balance_history")],
)
def test_a_wrong_rendering_is_found(
    engine_and_told: tuple[Engine, Told], wrong: Rewrite, view: str
) -> None:
    engine, told = engine_and_told
    with rewritten(engine, (wrong, *REWRITES[engine.dialect]), view):
        assert differences(told.warehouse, engine, DATASET, {view})
    assert differences(told.warehouse, engine, DATASET, {view}) == []


@SPARK
def test_sqlglots_day_is_that_of_the_session(spark_and_told: tuple[Spark, Told]) -> None:
    spark, told = spark_and_told
    others = [each for each in REWRITES["spark"] if each is not dialects._utc_of_spark]
    with rewritten(spark, others, "snapshots"):
        assert differences(told.warehouse, spark, DATASET, {"snapshots"})


@pytest.mark.parametrize(
    ("name", "rewrite", "view"),
    [
        pytest.param("spark", dialects._epoch_of_spark, "credit_grants", marks=SPARK),
        pytest.param("trino", dialects._day_of_trino, "wallet_runway", marks=TRINO),
    ],
)
def test_what_the_engine_would_refuse(
    request: pytest.FixtureRequest, name: str, rewrite: Rewrite, view: str
) -> None:
    engine, _ = request.getfixturevalue(f"{name}_and_told")
    others = [each for each in REWRITES[name] if each is not rewrite]
    with pytest.raises(RuntimeError), rewritten(engine, others, view):
        pass


@SPARK
def test_without_its_setting_spark_loses_digits(spark_and_told: tuple[Spark, Told]) -> None:
    spark, told = spark_and_told
    [view] = (each for each in views_of(spark) if each.name == "customer_balance_daily")
    try:
        spark.execute(f"create or replace view {DATASET}.{view.name} as\n{view.query}")
        assert differences(told.warehouse, spark, DATASET, {view.name})
    finally:
        create_views(spark, {view.name})
    assert differences(told.warehouse, spark, DATASET, {view.name}) == []
