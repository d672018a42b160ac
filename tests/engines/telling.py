"""The most eventful history of the suite, replicated into a lake after every load, and read by an engine."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import pytest

from flexprice_wallets.replicate.dialects import SETTINGS, rendered_views
from flexprice_wallets.replicate.reader_views import lake_name
from flexprice_wallets.replicate.tables import replicated_tables
from flexprice_wallets.replicate.view_statements import DescribedView
from tests.command_line import run_program
from tests.replicate.comparison import differences
from tests.replicate.places import LakePlace
from tests.replicate.telling import Moment, told

DATASET: Final = "flexprice"
_ALL: Final = range(1, 100)
#: What is looked at after a kill: snapshots, balances and the ledger.
_LOOKED_AT: Final = ("snapshots", "wallet_balance_history", "wallet_ledger_history")


class Engine(Protocol):
    """A running engine other than DuckDB."""

    dialect: str

    def query(self, statement: str) -> list[tuple[Any, ...]]: ...

    def execute(self, statement: str) -> None: ...


@dataclass
class Told:
    """What an engine showed while the story was told.

    Attributes:
        warehouse: as the last load left it.
        steps: how many loads there were.
        wrong: what it showed otherwise than DuckDB, by the step.
        killed: in how many steps a replication was killed.
        hidden: how many rows of killed runs were in the table of snapshots when it was looked at after a kill.
    """

    warehouse: Path
    steps: int = 0
    wrong: list[str] = field(default_factory=list)
    killed: int = 0
    hidden: list[int] = field(default_factory=list)


def tell(engine: Engine, lake: LakePlace, folder: Path, *arguments: str) -> Told:
    """Replicate every load of the story into a lake, and look at it through an engine.

    The views are created once, after the first load, by what `flexprice-wallets sql` prints. Every fourth replication
    is killed (see `told`); what is shown then has to be whole: of the load before, or of this one. Three views are
    compared after every kill, since an engine takes minutes for all. The end is left to the caller.

    Args:
        engine: that reads.
        lake: where the rows go.
        folder: for the warehouse.
        arguments: of `flexprice-wallets sql`, beside the dialect.
    """
    result = Told(folder / "warehouse.duckdb")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in lake.variables.items():
            patch.setenv(name, value)
        for moment in told(lake.destination, folder, _ALL):
            if moment.step == 1:
                for statement in printed_statements(engine.dialect, folder, *arguments):
                    engine.execute(statement)
                forget_settings(engine)
            result.steps = moment.step
            if moment.shown_before:
                result.killed += moment.is_killed
                result.hidden.append(_uncommitted(engine))
                result.wrong += _half_shown(engine, moment)
    return result


def _half_shown(engine: Engine, moment: Moment) -> list[str]:
    """What is shown after a kill and is neither of the load before nor of this one."""
    assert moment.shown_before is not None
    found = differences(moment.shown_before, engine, DATASET, _LOOKED_AT)
    if not found or not differences(moment.warehouse, engine, DATASET, _LOOKED_AT):
        return []
    return [f"after the kill in step {moment.step}: {each}" for each in found]


def _uncommitted(engine: Engine) -> int:
    """How many rows of snapshots were sent and are not committed."""
    [snapshots] = (table for table in replicated_tables() if table.name == "snapshots")
    rows = f"{DATASET}_rows"
    [(count,)] = engine.query(
        f"select count(*) from {rows}.{lake_name(snapshots)}"
        f" where ship_id not in (select ship_id from {rows}.shipments)"
    )
    return int(count)


def printed_statements(dialect: str, folder: Path, *arguments: str) -> list[str]:
    """The statements that `flexprice-wallets sql` prints."""
    done = run_program(folder, {}, "sql", "--dialect", dialect, *arguments)
    assert done.code == 0, done.err
    lines = [line for line in done.out.splitlines() if not line.startswith("--")]
    statements = "\n".join([*lines, ""]).split(";\n")
    return [statement.strip() for statement in statements if statement.strip()]


def views_of(engine: Engine) -> tuple[DescribedView, ...]:
    """The views as the engine's dialect has them."""
    return rendered_views(engine.dialect, raw_schema=f"{DATASET}_raw", schema=DATASET)


def forget_settings(engine: Engine) -> None:
    """As a session of those who only read the views has the engine's own settings."""
    for setting in SETTINGS.get(engine.dialect, ()):
        name = setting.removeprefix("set ").partition(" = ")[0]
        engine.execute(f"reset {name}")


def create_views(engine: Engine, names: Collection[str]) -> None:
    """Create some of the views once more."""
    for setting in SETTINGS.get(engine.dialect, ()):
        engine.execute(setting)
    for view in views_of(engine):
        if view.name in names:
            engine.execute(f"create or replace view {DATASET}.{view.name} as\n{view.query}")
    forget_settings(engine)
