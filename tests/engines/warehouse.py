"""The most eventful history of the suite, its tables as files, and the same tables and views in an engine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Protocol

from flexprice_emulator import Emulator, World
from flexprice_wallets.replicate.dialects import SETTINGS, RenderedView, rendered_views
from flexprice_wallets.replicate.tables import replicated_tables
from flexprice_wallets.warehouse.database import open_published
from tests.history.stage import Stage
from tests.history.story import BEGIN, story


class Engine(Protocol):
    """A running engine other than DuckDB."""

    dialect: str

    def query(self, statement: str) -> list[tuple[Any, ...]]: ...

    def execute(self, statement: str) -> None: ...

    def make_schema(self, name: str) -> None: ...

    def fill(self, tables: Mapping[str, Path], schema: str) -> None: ...


def story_warehouse(folder: Path) -> Path:
    """A warehouse that was loaded after each act of the story."""
    world = World(24, seed=5, contract="2026-08", now=BEGIN)
    with Emulator(world=world, numbers_as="mixed") as emulator:
        stage = Stage(emulator, folder / "warehouse.duckdb")
        for run in story(stage):
            stage.load(run)
    return stage.database


def exported(warehouse: Path, folder: Path) -> dict[str, Path]:
    """Every replicated table as a parquet file, JSON as text."""
    files = {}
    with open_published(warehouse, raw_schema="flexprice_raw", schema="flexprice") as connection:
        for table in replicated_tables():
            columns = ", ".join(
                f'"{c.name}"::varchar as "{c.name}"' if c.kind == "json" else f'"{c.name}"'
                for c in table.columns
            )
            files[table.name] = folder / f"{table.name.lstrip('_')}.parquet"
            connection.execute(
                f"copy (select {columns} from flexprice_raw.{table.name}) to '{files[table.name]}'"
            )
    return files


def fill(engine: Engine, files: Mapping[str, Path], dataset: str) -> None:
    """Make the tables, and a schema for the views."""
    engine.make_schema(f"{dataset}_raw")
    engine.make_schema(dataset)
    engine.fill(files, f"{dataset}_raw")


def views_of(engine: Engine, dataset: str) -> tuple[RenderedView, ...]:
    """The views as the engine's dialect has them."""
    return rendered_views(engine.dialect, raw_schema=f"{dataset}_raw", schema=dataset)


def create_views(engine: Engine, dataset: str, names: Collection[str] | None = None) -> None:
    """Create the views, or some of them, as those do who run what `flexprice-wallets sql` prints."""
    for setting in SETTINGS.get(engine.dialect, ()):
        engine.execute(setting)
    for view in views_of(engine, dataset):
        if names is None or view.name in names:
            engine.execute(f"create or replace view {dataset}.{view.name} as\n{view.query}")
