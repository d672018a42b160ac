"""The command `flexprice-wallets`: finds the subcommand, turns errors into sentences and exit codes."""

from __future__ import annotations

import difflib
import importlib
import logging
import os
import sys
from typing import Any, Final

import click
from click.core import ParameterSource

from flexprice_wallets.commands.output import open_standard_streams
from flexprice_wallets.configuration import dlt_file_options, environment_source
from flexprice_wallets.errors import (
    ConfigurationError,
    ExitCode,
    FlexpriceWalletsError,
    Interrupted,
)
from flexprice_wallets.logs import say_last
from flexprice_wallets.signals import own_process
from flexprice_wallets.version import __version__

#: Subcommand to the module and object that hold it: only the one that runs is imported.
_COMMANDS: Final = {
    "load": "flexprice_wallets.commands.load:load_command",
    "status": "flexprice_wallets.commands.status:status_command",
    "check": "flexprice_wallets.commands.check:check_command",
    "views": "flexprice_wallets.commands.views:views_command",
    "rates": "flexprice_wallets.commands.rates:rates_command",
    "export": "flexprice_wallets.commands.export:export_command",
    "replicate": "flexprice_wallets.commands.replicate:replicate_command",
    "sql": "flexprice_wallets.commands.sql:sql_command",
    "report": "flexprice_wallets.commands.report:report_command",
    "demo": "flexprice_wallets.commands.demo:demo_command",
    "emulator": "flexprice_emulator.command:emulator_command",
}


class _LazyGroup(click.Group):
    """Imports a subcommand's module only when it runs, so that a load's first request is not kept waiting."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        return _command(cmd_name) if cmd_name in _COMMANDS else None


def _command(name: str) -> click.Command:
    module, object_name = _COMMANDS[name].split(":")
    command: click.Command = getattr(importlib.import_module(module), object_name)
    return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="flexprice-wallets")
@click.pass_context
def cli(context: click.Context) -> None:
    """Balance history of Flexprice wallets, kept in one DuckDB file.

    Start with `flexprice-wallets demo`: it needs no API key.
    """
    command_name = str(context.invoked_subcommand)
    # The demo must not fill the warehouse that a configuration names.
    if command_name not in ("demo", "emulator"):
        # Below flags and environment variables, above defaults: dlt's configuration file.
        options = _file_options()
        _refuse_unknown(set(options), command_name)
        context.default_map = {command_name: options}


def main() -> None:
    """Run the command line and exit with the code that tells a scheduler what happened."""
    own_process()
    open_standard_streams()
    exit_code = run()
    logging.shutdown()
    # Everything is closed; to take all imported modules apart as well would take a quarter of a second.
    os._exit(exit_code)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line with these arguments (default: the process's); returns the exit code."""
    if os.name != "posix":
        say_last(
            "Error: flexprice-wallets runs on Linux, macOS and other POSIX systems only: on Windows, run it in WSL."
        )
        return ExitCode.WRONG_USE
    try:
        result = cli.main(arguments, prog_name="flexprice-wallets", standalone_mode=False)
    except click.exceptions.Abort:
        say_last("Interrupted; nothing was published.")
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show(sys.stderr)
        if origin := _origin(error):
            click.echo(origin, err=True)
        return ExitCode.WRONG_USE
    except Interrupted as error:
        say_last(str(error))
        return error.code
    except FlexpriceWalletsError as error:
        logging.getLogger("flexprice_wallets").debug("Where the error arose:", exc_info=True)
        say_last(f"Error: {error}")
        return error.exit_code
    return int(result or 0)


def _file_options() -> dict[str, Any]:
    """The options in dlt's configuration file, as text that click converts: TOML's own types are of no use to it."""
    options: dict[str, Any] = {}
    for name, value in dlt_file_options("config.toml").items():
        if name in ("customer_ids", "lookup_keys"):
            options[name] = [*map(str, value)] if isinstance(value, list) else str(value).split()
        # A table is a section of dlt's own.
        elif name != "api_key" and not isinstance(value, dict):
            options[name] = value if isinstance(value, bool) else str(value)
    return options


def _refuse_unknown(names: set[str], command_name: str) -> None:
    """Raise where no command has such an option: a misspelt one would be ignored, and nobody would notice."""
    # The other commands are imported only if need be.
    if names <= _option_names(command_name):
        return
    known = {option for each in _COMMANDS for option in _option_names(each)}
    for name in sorted(names - known):
        similar = difflib.get_close_matches(name, known, n=1)
        advice = f"did you mean {similar[0]}?" if similar else "remove it."
        raise ConfigurationError(
            f"{name} under [sources.flexprice_wallets] in .dlt/config.toml is no option: {advice}"
        )


def _option_names(command_name: str) -> set[str]:
    return {str(parameter.name) for parameter in _command(command_name).params}


def _origin(error: click.ClickException) -> str:
    """Where a wrong value came from, if it is not on the command line."""
    if not isinstance(error, click.BadParameter) or not error.ctx or not error.param:
        return ""
    name = error.param.name or ""
    match error.ctx.get_parameter_source(name):
        case ParameterSource.ENVIRONMENT:
            return f"It is set in the environment as {environment_source(name)}."
        case ParameterSource.DEFAULT_MAP:
            return f"It is set as {name} under [sources.flexprice_wallets] in .dlt/config.toml."
    return ""


if __name__ == "__main__":
    main()
