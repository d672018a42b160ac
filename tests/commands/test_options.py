"""Where an option's value comes from: flag, then our variable, then dlt's, then dlt's file, then the default."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest

from flexprice_wallets.commands.demo import demo_command
from flexprice_wallets.commands.load import load_command
from flexprice_wallets.configuration import (
    configured_api_key,
    dlt_environment_name,
    environment_name,
)
from flexprice_wallets.extract.endpoints import DEFAULT_BASE_URL
from flexprice_wallets.snapshot.limits import Tolerance
from tests.command_line import Ended

Command = Callable[..., Ended]

#: Of each option: a value as text, what it is for the program, and another value as text.
VALUES: dict[str, tuple[str, Any, str]] = {
    "base_url": ("https://one.example/v1", "https://one.example/v1", "https://two.example/v1"),
    "environment_id": ("env_1", "env_1", "env_2"),
    "allow_plain_http": ("true", True, "false"),
    "database": ("one.duckdb", Path("one.duckdb"), "two.duckdb"),
    "raw_schema": ("raw_1", "raw_1", "raw_2"),
    "schema": ("views_1", "views_1", "views_2"),
    "workers": ("3", 3, "4"),
    "max_requests_per_second": ("2.5", 2.5, "7"),
    "real_time_balance": ("false", False, "true"),
    "credits_breakdown": ("false", False, "true"),
    "ledger": ("false", False, "true"),
    "customer_ids": ("cust_1 cust_2", ("cust_1", "cust_2"), "cust_3"),
    "lookup_keys": ("key_1 key_2", ("key_1", "key_2"), "key_3"),
    "customers_file": ("one.txt", Path("one.txt"), "two.txt"),
    "snapshot_at": (
        "2026-03-01T06:00:00+02:00",
        datetime(2026, 3, 1, 4, tzinfo=UTC),
        "2026-03-02T06:00:00Z",
    ),
    "max_failures": ("2.5%", Tolerance.parse("2.5%"), "7"),
    "max_vanished": ("40", Tolerance.parse("40"), "7%"),
    "max_rejected": ("30%", Tolerance.parse("30%"), "8"),
    "accept_partial": ("true", True, "false"),
    "replicate": ("postgres", "postgres", "none"),
    "dataset": ("billing", "billing", "other"),
    "metrics": ("one.prom", Path("one.prom"), "two.prom"),
    "json": ("true", True, "false"),
    "log_format": ("json", "json", "text"),
    "verbose": ("2", 2, "1"),
}
DEFAULTS: dict[str, Any] = {
    "base_url": DEFAULT_BASE_URL,
    "environment_id": None,
    "allow_plain_http": False,
    "database": Path("warehouse.duckdb"),
    "raw_schema": "flexprice_raw",
    "schema": "flexprice",
    "workers": 64,
    "max_requests_per_second": None,
    "real_time_balance": True,
    "credits_breakdown": None,
    "ledger": True,
    "customer_ids": (),
    "lookup_keys": (),
    "customers_file": None,
    "snapshot_at": None,
    "max_failures": Tolerance.parse("5%"),
    "max_vanished": Tolerance.parse("20%"),
    "max_rejected": Tolerance.parse("20%"),
    "accept_partial": False,
    "replicate": "none",
    "dataset": "flexprice",
    "metrics": None,
    "json": False,
    "log_format": "text",
    "verbose": 0,
}
OPTIONS = {option.name or "": option for option in load_command.params}


@pytest.fixture
def options(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    """What `load` is given, with these arguments."""
    for name in ("one.txt", "two.txt"):
        (folder / name).write_text("cust_1\n")
    taken: dict[str, Any] = {}
    monkeypatch.setattr(load_command, "callback", lambda **given: taken.update(given))

    def options(*arguments: str) -> dict[str, Any]:
        taken.clear()
        ended = command("load", *arguments)
        assert ended.code == 0, ended.err
        return dict(taken)

    return options


def arguments_for(name: str, text: str) -> list[str]:
    option = OPTIONS[name]
    assert isinstance(option, click.Option)
    flag = option.opts[0]
    if option.count:
        return [flag] * int(text)
    if option.is_flag:
        return [flag if text == "true" else option.secondary_opts[0]]
    return [
        part for value in (text.split() if option.multiple else [text]) for part in (flag, value)
    ]


def write_configuration(folder: Path, line: str, *, file: str = "config.toml") -> None:
    (folder / ".dlt").mkdir(exist_ok=True)
    (folder / ".dlt" / file).write_text(f"[sources.flexprice_wallets]\n{line}\n")


def test_every_option_is_tried() -> None:
    assert set(VALUES) == set(DEFAULTS) == set(OPTIONS)


def test_the_defaults(options: Callable[..., dict[str, Any]]) -> None:
    assert options() == DEFAULTS


@pytest.mark.parametrize("name", VALUES)
def test_each_place_wins_over_those_below_it(
    name: str,
    options: Callable[..., dict[str, Any]],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text, value, other = VALUES[name]

    write_configuration(folder, f'{name} = "{text}"')
    assert options()[name] == value
    write_configuration(folder, f'{name} = "{other}"')
    assert options()[name] != value
    monkeypatch.setenv(dlt_environment_name(name), text)
    assert options()[name] == value
    monkeypatch.setenv(dlt_environment_name(name), other)
    assert options()[name] != value
    monkeypatch.setenv(environment_name(name), text)
    assert options()[name] == value
    monkeypatch.setenv(environment_name(name), other)
    assert options()[name] != value
    if name == "json":
        text, value = "true", True
    assert options(*arguments_for(name, text))[name] == value


@pytest.mark.parametrize("name", ["base_url", "workers", "real_time_balance", "customer_ids"])
def test_an_empty_variable_counts_for_nothing(
    name: str, options: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(environment_name(name), "")
    assert options()[name] == DEFAULTS[name]
    monkeypatch.setenv(dlt_environment_name(name), VALUES[name][0])
    assert options()[name] == VALUES[name][1]


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("workers = 3", "workers", 3),
        ("real_time_balance = false", "real_time_balance", False),
        ("max_failures = 12", "max_failures", Tolerance.parse("12")),
        ("snapshot_at = 2026-03-01T06:00:00Z", "snapshot_at", datetime(2026, 3, 1, 6, tzinfo=UTC)),
        ('customer_ids = ["a b", "c"]', "customer_ids", ("a b", "c")),
        ("customer_ids = 7", "customer_ids", ("7",)),
        ("database = 5", "database", Path("5")),
        ("verbose = 1", "verbose", 1),
    ],
)
def test_the_types_of_toml(
    line: str, name: str, value: object, options: Callable[..., dict[str, Any]], folder: Path
) -> None:
    write_configuration(folder, line)
    assert options()[name] == value


def test_the_project_folder_of_dlt(
    options: Callable[..., dict[str, Any]], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "project").mkdir()
    write_configuration(folder / "project", "workers = 3")
    monkeypatch.setenv("DLT_PROJECT_DIR", str(folder / "project"))
    assert options()["workers"] == 3


@pytest.mark.usefixtures("folder")
def test_the_key_has_the_same_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_configuration(folder, 'api_key = "of-the-file"', file="secrets.toml")
    assert configured_api_key().reveal() == "of-the-file"
    monkeypatch.setenv("SOURCES__FLEXPRICE_WALLETS__API_KEY", "of-dlt")
    assert configured_api_key().reveal() == "of-dlt"
    monkeypatch.setenv("FLEXPRICE_API_KEY", "ours")
    assert configured_api_key().reveal() == "ours"


def test_a_strangers_variables_count_for_nothing(
    options: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in DEFAULTS:
        if name not in ("json", "verbose"):
            monkeypatch.setenv(name.upper(), VALUES[name][0])
    assert options() == DEFAULTS


def test_a_strangers_key_is_not_used(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "a-strangers")
    ended = command("load")
    assert (ended.code, "No API key" in ended.err) == (2, True)


def test_the_key_in_the_file_for_options_is_not_used(command: Command, folder: Path) -> None:
    write_configuration(folder, 'api_key = "sk_public"')
    ended = command("load")
    assert (ended.code, "secrets.toml" in ended.err, "sk_public" in ended.err) == (2, True, False)


def test_the_demo_keeps_off_the_configured_warehouse(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_configuration(folder, 'database = "real.duckdb"')
    monkeypatch.setenv("FLEXPRICE_DATABASE", "real.duckdb")
    taken: dict[str, Any] = {}
    monkeypatch.setattr(demo_command, "callback", lambda **given: taken.update(given))
    assert command("demo").code == 0
    assert taken["database"] is None
