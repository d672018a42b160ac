"""Every command and every query in the README is run."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import duckdb
import pytest

from flexprice_emulator import Emulator
from flexprice_wallets.commands.load import load_command
from flexprice_wallets.extract.endpoints import DEFAULT_BASE_URL
from tests.command_line import PROGRAM, Ended, run_process
from tests.readme.fenced_blocks import Block, fenced_blocks
from tests.small_history import SmallHistory

CHECKOUT = Path(__file__).resolve().parents[2]
BLOCKS = fenced_blocks((CHECKOUT / "README.md").read_text(encoding="utf-8"))


def of(language: str) -> pytest.MarkDecorator:
    """One test for each block of a language."""
    blocks = [block for block in BLOCKS if block.language == language]
    return pytest.mark.parametrize("block", blocks, ids=[f"line{block.line}" for block in blocks])


class Place:
    """A folder with a warehouse, in which a reader follows the README."""

    def __init__(self, folder: Path, history: SmallHistory, emulator: Emulator) -> None:
        self.folder = folder
        self.history = history
        self.variables = {
            "FLEXPRICE_API_KEY": emulator.api_key,
            "FLEXPRICE_BASE_URL": emulator.base_url,
        }
        self.warehouse = history.copy(folder)
        [external_id] = (
            customer.external_id
            for customer in history.world.customers.values()
            if customer.id == history.customer_id
        )
        self.names = {
            "wallet_X": history.wallet_id,
            "cust_X": history.customer_id,
            "acme": external_id,
            DEFAULT_BASE_URL: emulator.base_url,
        }

    def filled_in(self, text: str) -> str:
        """The text with ids and addresses that exist here."""
        for name, here in self.names.items():
            text = text.replace(name, here)
        return text

    def shell(self, command: str) -> Ended:
        programs = self.folder / "programs"
        programs.mkdir(exist_ok=True)
        program = programs / "flexprice-wallets"
        program.write_text(f'#!/bin/sh\nexec "{PROGRAM[0]}" {" ".join(PROGRAM[1:])} "$@"\n')
        program.chmod(0o755)
        script = f'PATH="{programs}:$PATH"\n{self.filled_in(command)}'
        return run_process(("sh", "-euc", script), self.folder, self.variables)


@pytest.fixture
def place(tmp_path: Path, history: SmallHistory, emulator: Emulator) -> Place:
    return Place(tmp_path, history, emulator)


def test_there_is_a_way_to_try_every_block() -> None:
    languages = {block.language for block in BLOCKS}
    # What needs SQLAlchemy is run with the other tools that bring their own DuckDB.
    # A picture is no example, and what needs a PostgreSQL server is tried with the replication.
    assert languages - {"mermaid", "text"} == {
        "sh",
        "sql",
        "python",
        "python sqlalchemy",
        "toml",
        "cron",
    }


@of("sh")
def test_shell_block(block: Block, place: Place) -> None:
    (place.folder / "customers.txt").write_text(f"{place.history.customer_id}\n")
    to_run = []
    for command in block.commands:
        if command.startswith("make "):
            assert_makes(command)
        elif "pip install" in command:
            assert_installs(command)
        elif command.startswith("export FLEXPRICE_API_KEY="):
            pass  # with the emulator's key instead
        elif command.startswith("duckdb "):
            try_duckdb(command, place)
        else:
            assert command.startswith("flexprice-wallets "), f"nobody knows how to try {command!r}"
            to_run.append(command)
    if to_run:
        ended = place.shell("\n".join(to_run))
        assert (ended.code, "Traceback" in ended.err) == (0, False), ended
        assert ended.out


def assert_makes(command: str) -> None:
    """`make demo`, `make test`, `make wheel && pip install …`: the target exists and make would know what to do."""
    target = command.split()[1]
    # Make without anything that a surrounding one hands down.
    done = subprocess.run(
        ["make", "--dry-run", target],
        cwd=CHECKOUT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if "dist/" in command:
        assert b"--outdir dist" in done.stdout
        project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))[
            "project"
        ]
        assert f"dist/{project['name'].replace('-', '_')}-*.whl" in command


def assert_installs(command: str) -> None:
    """pip finds the project; that what it installs works is shown by the tests of the wheel."""
    match = re.fullmatch(r"python -m pip install '?(\.(\[(\w+)\])?)'?", command)
    assert match, command
    if match[3]:
        project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
        assert match[3] in project["project"]["optional-dependencies"]
    arguments = ["install", "--dry-run", "--quiet", "--no-deps", "--no-build-isolation", match[1]]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments], cwd=CHECKOUT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def try_duckdb(command: str, place: Place) -> None:
    """DuckDB's own shell, where one is installed."""
    assert re.fullmatch("duckdb -readonly (-ui )?warehouse.duckdb", command)
    # The notebook comes as an extension from the network, and opens a browser.
    if shutil.which("duckdb") and "-ui" not in command:
        ended = place.shell(f"echo 'select count(*) from flexprice.wallets;' | {command}")
        assert ended.code == 0, ended.err


@of("cron")
def test_cron_line(block: Block, place: Place) -> None:
    [line] = block.commands
    match = re.fullmatch(r"(?:[\d*/,-]+ ){5}(.*)", line)
    assert match, "five fields, then the command"
    assert "%" not in match[1], "cron takes % for a line end"
    folder = place.folder / "flexprice"
    folder.mkdir()
    place.warehouse.rename(folder / "warehouse.duckdb")
    key = place.variables.pop("FLEXPRICE_API_KEY")
    (folder / "key.env").write_text(f"export FLEXPRICE_API_KEY={key}\n")
    ended = place.shell(match[1])
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    log = (folder / "load.log").read_text()
    assert "is complete" in log


#: What a warehouse of a week, whose books close, has no example of.
_LOOSER = {
    "interval 45 day": "interval 1 day",
    "where negative_since is not null": "where true",
    "where state = 'differs'": "where state <> 'differs'",
}


@of("sql")
def test_query(block: Block, history: SmallHistory) -> None:
    sql = block.text.replace("wallet_X", history.wallet_id)
    for strict, loose in _LOOSER.items():
        sql = sql.replace(strict, loose)
    with duckdb.connect(str(history.warehouse), read_only=True) as connection:
        rows = connection.execute(sql).fetchall()
    assert rows, "a question without an answer shows nothing"


@of("python")
def test_python_block(block: Block, place: Place) -> None:
    script = place.filled_in(block.text)
    ended = run_process(
        (sys.executable, "-W", "error::FutureWarning", "-c", script), place.folder, place.variables
    )
    assert (ended.code, "Traceback" in ended.err) == (0, False), ended.err


def test_the_balance_history_takes_five_lines() -> None:
    block = next(block for block in BLOCKS if ".history(" in block.text)
    assert len([line for line in block.text.splitlines() if line]) <= 5


@of("toml")
def test_configuration_file_is_taken(block: Block, place: Place) -> None:
    folder = place.folder / ".dlt"
    folder.mkdir()
    wrong = block.text.replace("workers = 32", "workers = -1")
    (folder / "config.toml").write_text(wrong)
    ended = place.shell("flexprice-wallets load || true")
    assert "--workers" in ended.err
    (folder / "config.toml").write_text(block.text)
    assert place.shell("flexprice-wallets status").code == 0
    keys = tomllib.loads(block.text)["sources"]["flexprice_wallets"]
    assert set(keys) <= {option.name for option in load_command.params}
