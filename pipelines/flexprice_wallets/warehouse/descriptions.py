"""What views and derived tables are and mean: read from the YAML files beside their SQL."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import Any, Final, Literal

import yaml

from flexprice_wallets.warehouse.sql_files import SCHEMA, sql_folder

ObjectType = Literal["table", "view", "macro"]

_DERIVED: Final = (
    "Derived from the other tables, and can be rebuilt at any time: query the views instead."
)
_READS_VIEW: Final = re.compile(rf"(?<![\w.]){SCHEMA}\.(\w+)")


@dataclass(frozen=True, slots=True)
class Relation:
    """A view, macro or derived table: its grain, meaning, and the columns that mean something particular in it."""

    name: str
    type: ObjectType
    grain: tuple[str, ...]
    description: str
    particular: Mapping[str, str]
    #: Of a macro: SQL arguments with which its columns can be described.
    arguments: str = field(default="", kw_only=True)

    def column_comment(self, column: str) -> str:
        """What a column means here.

        Raises:
            ValueError: nobody has described it.
        """
        comment = self.particular.get(column) or shared_meanings().get(column)
        if comment is None:
            raise ValueError(
                f"column {column} of {self.name} has no description: add one to {self.name}.yml or columns.yml"
            )
        return comment

    def check(self, columns: list[str]) -> None:
        """Make sure that what is described is there.

        Raises:
            ValueError: a described column, or one of the grain, is not among `columns`.
        """
        if missing := {*self.particular, *self.grain} - {*columns}:
            raise ValueError(
                f"{self.name} has no column {sorted(missing)}, which its file describes"
            )


@dataclass(frozen=True, slots=True)
class DerivedTable(Relation):
    """A derived table: also its columns in order, each with its SQL type.

    `appended_by`: the column with the time of the load that wrote a row, where no later load changes or removes it.
    """

    columns: Mapping[str, str]
    appended_by: str | None = None

    def create(self) -> str:
        """The SQL that creates it in the raw schema under its usual name, if it is not there."""
        columns = ", ".join(f"{name} {sql_type}" for name, sql_type in self.columns.items())
        return f"create table if not exists flexprice_raw.{self.name} ({columns});"


@cache
def shared_meanings() -> Mapping[str, str]:
    """What a column means by its name, wherever nothing else is said."""
    return dict(_yaml("columns.yml"))


@cache
def views() -> tuple[Relation, ...]:
    """Every view and macro, each after those that it reads."""
    described = {path.stem: _view(path.stem) for path in sql_folder().glob("*.sql")}
    return tuple(described[name] for name in view_names())


def view(name: str) -> Relation:
    """The view or macro of a name."""
    return next(each for each in views() if each.name == name)


@cache
def view_names() -> tuple[str, ...]:
    """The names of the views and macros, each after those that it reads; cheap, as no description is read."""
    reads = {
        path.stem: {*_READS_VIEW.findall(path.read_text(encoding="utf-8"))} - {path.stem}
        for path in sorted(sql_folder().glob("*.sql"))
    }
    ordered: list[str] = []
    while waiting := [name for name in reads if name not in ordered]:
        ready = [name for name in waiting if reads[name] <= {*ordered}]
        if not ready:
            raise ValueError(f"views read each other, or what is no view: {waiting}")
        ordered += ready
    return tuple(ordered)


@cache
def derived_tables() -> tuple[DerivedTable, ...]:
    """Every derived table, in the order of their file."""
    return tuple(
        DerivedTable(
            each["name"],
            "table",
            tuple(each["grain"]),
            f"{each['description']} {_DERIVED}",
            each.get("descriptions", {}),
            each["columns"],
            each.get("appended_by"),
        )
        for each in _upkeep()["tables"]
    )


def retired_tables() -> tuple[str, ...]:
    """The names of derived tables that only earlier versions had."""
    return tuple(_upkeep()["retired"])


def upkeep_version() -> str:
    """What the derived tables hold, as text that differs where they have to be derived again."""
    return version_of(_upkeep())


def version_of(upkeep: Mapping[str, Any]) -> str:
    """The version in a file of derived tables, with a digest of their columns and types."""
    columns = [[each["name"], [*each["columns"].items()]] for each in upkeep["tables"]]
    digest = sha256(json.dumps(columns).encode()).hexdigest()
    return f"{upkeep['version']}-{digest[:16]}"


@cache
def _upkeep() -> Mapping[str, Any]:
    return dict(_yaml("upkeep/tables.yml"))


def _view(name: str) -> Relation:
    content = _yaml(f"{name}.yml")
    return Relation(
        name,
        content["type"],
        tuple(content["grain"]),
        content["description"],
        content.get("columns", {}),
        arguments=content.get("arguments", ""),
    )


def _yaml(name: str) -> Any:
    # The parser written in C takes a tenth of the time, but not every installation of PyYAML has it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((sql_folder() / name).read_text(encoding="utf-8"), loader)
