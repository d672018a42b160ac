"""Options that commands share. Each is a flag, an environment variable and a line of dlt's configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from flexprice_wallets.commands.durations import parse_duration
from flexprice_wallets.configuration import dlt_environment_name, environment_name
from flexprice_wallets.errors import ConfigurationError
from flexprice_wallets.extract.endpoints import DEFAULT_BASE_URL
from flexprice_wallets.snapshot.limits import Tolerance
from flexprice_wallets.warehouse.names import schema_fault, schemas_fault

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def option(flag: str, *names: str, **attributes: Any) -> Decorator:
    """A click option that is also FLEXPRICE_… or a line under [sources.flexprice_wallets] of dlt's configuration.

    Its name there is the one that the command's function has for it: `customer_ids` for `--customer-id`.
    """
    names_of_function = [name for name in names if not name.startswith("-")]
    name = (*names_of_function, flag.split("/")[0].removeprefix("--").replace("-", "_"))[0]
    return click.option(
        flag, *names, envvar=[environment_name(name), dlt_environment_name(name)], **attributes
    )


class SnapshotTimeType(click.ParamType[datetime]):
    """An ISO-8601 time; one without a zone is refused, because it could mean two moments."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            moment = value
        else:
            try:
                moment = datetime.fromisoformat(str(value).strip())
            except ValueError:
                self.fail(
                    f"{value!r} is no ISO-8601 time such as 2026-03-01T06:00:00Z.", param, ctx
                )
        if moment.tzinfo is None:
            self.fail(f"{value!r} has no time zone: end it with Z for UTC.", param, ctx)
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            self.fail(f"{value!r} is out of range.", param, ctx)


class ToleranceType(click.ParamType[Tolerance]):
    """A share such as 5% or a count such as 40."""

    name = "share or count"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Tolerance:
        if isinstance(value, Tolerance):
            return value
        try:
            return Tolerance.parse(str(value))
        except ConfigurationError as error:
            self.fail(str(error), param, ctx)


class DurationType(click.ParamType[timedelta]):
    """A length of time such as 26h."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


class ChoicesType(click.ParamType[tuple[str, ...]]):
    """Some of a number of words, with commas between them."""

    name = "words"

    def __init__(self, choices: Iterable[str]) -> None:
        self.choices = tuple(choices)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        words = tuple(dict.fromkeys(word.strip() for word in str(value).split(",") if word.strip()))
        for word in words:
            if word not in self.choices:
                self.fail(f"{word!r} is none of {', '.join(self.choices)}.", param, ctx)
        return words


def api_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how to reach the API. The key is none of them: command lines can be seen by others."""
    for decorate in reversed(
        (
            option(
                "--base-url",
                default=DEFAULT_BASE_URL,
                show_default=True,
                help="Base URL of the API, /v1 included.",
            ),
            option(
                "--environment-id",
                help="Flexprice environment, for a key that is not bound to one.",
            ),
            option(
                "--allow-plain-http/--no-allow-plain-http",
                default=False,
                help="Send the key over plain http to another machine.",
            ),
        )
    ):
        command = decorate(command)
    return command


def warehouse_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say where the warehouse is and what its schemas are called."""
    for decorate in reversed(
        (
            option(
                "--database",
                # Whether it may be read is found out when it is opened, and told as what it is.
                type=click.Path(dir_okay=False, readable=False, path_type=Path),
                default=Path("warehouse.duckdb"),
                show_default=True,
                help="The warehouse: a DuckDB file.",
            ),
            option(
                "--raw-schema",
                default="flexprice_raw",
                show_default=True,
                callback=_schema_name,
                help="Schema of the tables that a load writes.",
            ),
            option(
                "--schema",
                default="flexprice",
                show_default=True,
                callback=_schema_name,
                help="Schema of the views.",
            ),
        )
    ):
        command = decorate(command)
    return command


def logging_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options for logs, which go to stderr."""
    for decorate in reversed(
        (
            option(
                "--log-format",
                type=click.Choice(["text", "json"]),
                default="text",
                show_default=True,
                help="Log lines for people or, one JSON object each, for machines.",
            ),
            option("--verbose", "-v", count=True, help="Log more; -vv logs everything."),
        )
    ):
        command = decorate(command)
    return command


def json_option(help_text: str) -> Decorator:
    """The option for an answer that a program reads."""
    return option("--json", is_flag=True, help=help_text)


def _schema_name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if fault := schema_fault(value):
        raise click.BadParameter(f"{value!r} {fault}.")
    # The one that is processed first finds the other still missing.
    names = {**context.params, str(parameter.name): value}
    both = (names.get("raw_schema"), names.get("schema"))
    if both[0] and both[1] and (fault := schemas_fault(both[0], both[1])):
        raise click.BadParameter(f"{fault}.")
    return value
