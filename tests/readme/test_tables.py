"""The README's tables name everything there is, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from flexprice_wallets.commands.load import load_command
from flexprice_wallets.configuration import environment_name
from flexprice_wallets.errors import ExitCode
from tests.readme.fenced_blocks import table_cells

CHECKOUT = Path(__file__).resolve().parents[2]
OPTIONS = [option for option in load_command.params if isinstance(option, click.Option)]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_views(readme: str) -> None:
    rows = table_cells(readme, "view")
    views = [named(view)[0].removesuffix("(…)") for view, _ in rows]
    assert sorted(views) == sorted(file.stem for file in (CHECKOUT / "sql").glob("*.sql"))
    for _, question in rows:
        assert "?" in question


def test_every_option_is_listed_once(readme: str) -> None:
    listed = [flag for row in table_cells(readme, "flag") for flag in named(row[0])]
    flags = [flag for option in OPTIONS for flag in (*option.opts, *option.secondary_opts)]
    assert sorted(listed) == sorted(flags)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_option_has_its_names_and_default(readme: str, option: click.Option) -> None:
    name = option.name or ""
    [row] = [row for row in table_cells(readme, "flag") if option.opts[-1] in named(row[0])]
    _, variable, key, default = row
    assert named(variable) == [environment_name(name)]
    assert named(key) == [name]
    if isinstance(option.default, bool):
        assert default == ("yes" if option.default else "no")
    elif isinstance(option.default, str | int | Path):
        assert named(default) == [str(option.default)]


def test_exit_codes(readme: str) -> None:
    codes = [int(row[0]) for row in table_cells(readme, "exit code")]
    assert codes == [int(code) for code in ExitCode]


def test_every_test_that_a_promise_names_exists(readme: str) -> None:
    section = readme.split("## What it promises\n")[1].split("\n## ")[0]
    promises = re.findall(r"^- .*?(?=^- |\Z)", section, re.MULTILINE | re.DOTALL)
    assert promises
    for promise in promises:
        files = [name for name in named(promise) if name.startswith("tests/")]
        assert files, promise
        for name in files:
            file, _, test = name.partition("::")
            source = CHECKOUT / file
            assert source.exists(), name
            assert not test or f"def {test}(" in source.read_text(encoding="utf-8"), name


def test_every_path_named_exists(readme: str) -> None:
    for row in table_cells(readme, "to"):
        for name in named(row[1]):
            path = name.replace("<name>", "wallets")
            product = CHECKOUT / "pipelines" / "flexprice_wallets"
            assert (CHECKOUT / path).exists() or (product / path).exists(), name


def test_lines_are_short(readme: str) -> None:
    assert [line for line in readme.splitlines() if len(line) > 120 and "|" not in line] == []
