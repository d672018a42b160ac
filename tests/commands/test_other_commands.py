"""`status`, `check`, `views`, `demo`, and the help of every command."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import duckdb
import pytest

import flexprice_wallets
from flexprice_emulator import Emulator, Fault
from flexprice_wallets.commands.main import cli
from flexprice_wallets.errors import ExitCode
from tests.command_line import Ended
from tests.small_history import SmallHistory

Command = Callable[..., Ended]


def commands() -> Iterator[click.Command]:
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        yield command


# --- help ---


@pytest.mark.parametrize("subcommand", [*commands()], ids=lambda subcommand: subcommand.name)
def test_every_command_and_option_says_what_it_is(
    subcommand: click.Command, command: Command
) -> None:
    assert (subcommand.help or "").split("\n\n")[0].strip().endswith(".")
    ended = command(subcommand.name, "--help")
    assert (ended.code, ended.err) == (0, "")
    for parameter in subcommand.params:
        if isinstance(parameter, click.Option):
            assert (parameter.help or "").strip(), parameter.opts
            assert all(flag in ended.out for flag in parameter.opts)
        else:
            assert parameter.make_metavar(click.Context(subcommand)) in (subcommand.help or "")


def test_help_and_version(command: Command) -> None:
    ended = command("--help")
    assert ended.code == 0
    for subcommand in commands():
        assert f"\n  {subcommand.name} " in ended.out
    assert flexprice_wallets.__version__ in command("--version").out


def test_exit_codes_stand_in_the_help_of_load(command: Command) -> None:
    text = " ".join(command("load", "--help").out.split())
    for code in ExitCode:
        assert f" {int(code)} " in text


# --- status ---


def test_status(command: Command, history: SmallHistory, folder: Path) -> None:
    history.copy(folder)
    ended = command("status")
    assert (ended.code, ended.err) == (0, "")
    assert "2026-03-04 06:00:00" in ended.out
    for column in ("living_wallets", "customers_failed", "why"):
        assert column in ended.out


def test_status_as_json(command: Command, history: SmallHistory, folder: Path) -> None:
    history.copy(folder)
    ended = command("status", "--json")
    said = json.loads(ended.out)
    assert (ended.code, ended.err) == (0, "")
    assert said["snapshots"] == 5
    assert said["last_complete_snapshot_at"] == "2026-03-04T06:00:00Z"


def test_status_without_a_warehouse(command: Command, folder: Path) -> None:
    for content in (None, b"no database"):
        if content:
            (folder / "warehouse.duckdb").write_bytes(content)
        ended = command("status")
        assert (ended.code, ended.out) == (ExitCode.FAILED, "")
        assert ended.err.startswith("Error: ")
        assert "warehouse.duckdb " in ended.err


# --- check ---


def lines_of(ended: Ended) -> dict[str, tuple[str, str]]:
    """What each check said: its result and its sentence."""
    return {
        line[8:18].strip(): (line[:8].strip(), line[18:].strip()) for line in ended.out.splitlines()
    }


def test_check(connected: Command, history: SmallHistory, folder: Path) -> None:
    before = history.copy(folder).read_bytes()
    ended = connected("check")
    assert (ended.code, ended.err) == (0, "")
    said = lines_of(ended)
    assert {result for result, _ in said.values()} == {"ok"}
    assert f"flexprice-wallets {flexprice_wallets.__version__}" in said["versions"][1]
    assert "12 customers" in said["api"][1]
    assert "2026-03-04 06:00:00" in said["database"][1]
    assert (folder / "warehouse.duckdb").read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["warehouse.duckdb"]


def test_check_before_the_first_load(connected: Command, folder: Path) -> None:
    ended = connected("check")
    assert (ended.code, "does not exist yet" in ended.out) == (0, True)
    assert list(folder.iterdir()) == []


def test_check_without_a_key(command: Command) -> None:
    ended = command("check")
    assert ended.code == ExitCode.WRONG_USE
    said = lines_of(ended)
    assert said["api key"][0] == said["api"][0] == "failed"
    assert "FLEXPRICE_API_KEY" in said["api key"][1]
    assert said["versions"][0] == said["database"][0] == "ok"


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (Fault("unauthorized"), ExitCode.ACCESS_REFUSED, "FLEXPRICE_API_KEY"),
        (Fault("forbidden", path="/v1/customers/wallets"), ExitCode.ACCESS_REFUSED, "no right"),
        (Fault("redirect", path="/v1/customers/search"), ExitCode.FAILED, "--base-url"),
        (
            Fault("redirect", path="/v1/customers/wallets"),
            ExitCode.FAILED,
            "Wallets could not be read",
        ),
    ],
    ids=["key", "right", "customers", "wallets"],
)
def test_check_of_an_api_that_refuses(
    connected: Command, emulator: Emulator, fault: Fault, code: ExitCode, said: str
) -> None:
    emulator.faults.add(fault)
    ended = connected("check")
    result, sentence = lines_of(ended)["api"]
    assert (ended.code, result) == (code, "failed")
    assert said in sentence


def test_check_of_a_wrong_address(connected: Command) -> None:
    ended = connected("check", "--base-url", "http://api.example/v1")
    assert (ended.code, lines_of(ended)["api"][0]) == (ExitCode.WRONG_USE, "failed")


def test_check_of_the_database(connected: Command, folder: Path) -> None:
    (folder / "damaged.duckdb").write_bytes(b"no database")
    duckdb.connect(str(folder / "foreign.duckdb")).close()
    for database in ("damaged.duckdb", "foreign.duckdb", "nowhere/warehouse.duckdb"):
        ended = connected("check", "--database", database)
        assert (ended.code, lines_of(ended)["database"][0]) == (ExitCode.FAILED, "failed")
        assert "Traceback" not in ended.err


# --- views ---


def test_views_are_made_again(command: Command, history: SmallHistory, folder: Path) -> None:
    database = history.copy(folder)
    with duckdb.connect(str(database)) as connection:
        connection.execute("drop view flexprice.freshness")
    ended = command("views")
    assert (ended.code, ended.err) == (0, "")
    assert str(database) in ended.out
    with duckdb.connect(str(database), read_only=True) as connection:
        assert connection.execute("select snapshots from flexprice.freshness").fetchall() == [(5,)]
        [(comment,)] = connection.execute(
            "select comment from duckdb_views() where schema_name = 'flexprice' and view_name = 'freshness'"
        ).fetchall()
    assert comment


def test_derived_tables_are_rebuilt(command: Command, history: SmallHistory, folder: Path) -> None:
    database = history.copy(folder)
    sql = "select * exclude (is_current) from flexprice.wallet_balance_history order by all"
    with duckdb.connect(str(database)) as connection:
        before = connection.execute(sql).fetchall()
        connection.execute("delete from flexprice_raw.stored_balance_intervals")
        assert connection.execute(sql).fetchall() != before
    assert command("views", "--rebuild").code == 0
    with duckdb.connect(str(database), read_only=True) as connection:
        assert connection.execute(sql).fetchall() == before


def test_views_of_nothing(command: Command, folder: Path) -> None:
    ended = command("views")
    assert (ended.code, "does not exist" in ended.err) == (ExitCode.FAILED, True)
    assert not (folder / "warehouse.duckdb").exists()


# --- demo ---


def test_demo(command: Command, folder: Path) -> None:
    ended = command(
        "demo", "--days", "3", "--customers", "10", "--seed", "5", "--database", "demo.duckdb"
    )
    assert (ended.code, ended.err) == (0, "")
    for question in ("What do customers hold, in total?", "How complete were the last loads?"):
        assert question in ended.out
    assert "status --database demo.duckdb" in ended.out
    with duckdb.connect(str(folder / "demo.duckdb"), read_only=True) as connection:
        days = connection.execute("select date_day from flexprice.snapshots order by 1").fetchall()
    assert len(set(days)) == 3
