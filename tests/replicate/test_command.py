"""The commands: exit codes, sentences, and where credentials come from."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from flexprice_emulator import Emulator
from flexprice_wallets.replicate.dialects import DIALECTS, EXECUTED, SETTINGS
from flexprice_wallets.warehouse.descriptions import views
from tests.command_line import Ended, run_program
from tests.replicate.comparison import differences
from tests.replicate.server import PASSWORD

NOBODY = "postgresql://tester:secret-word@127.0.0.1:9/nothing"
CREDENTIALS = "DESTINATION__POSTGRES__CREDENTIALS"


def replicate(folder: Path, warehouse: Path, address: str | None, *arguments: str) -> Ended:
    variables = {} if address is None else {CREDENTIALS: address}
    return run_program(folder, variables, "replicate", "--destination", "postgres", "--database",
                       str(warehouse), *arguments)  # fmt: skip


def test_replicate_says_what_it_did(history, database, tmp_path):
    done = replicate(tmp_path, history.warehouse, database.address, "--json")
    assert done.code == 0
    # Progress, as a load tells it.
    assert all(re.match(r"\S+Z INFO ", line) for line in done.err.splitlines())
    assert "5 rows of snapshots sent" in done.err
    told = json.loads(done.out)
    assert told["snapshots"] == 5
    assert told["rows"]["snapshots"] == 5
    assert not told["is_up_to_date"]
    again = replicate(tmp_path, history.warehouse, database.address)
    assert (again.code, again.out) == (
        0,
        f"The dataset flexprice is up to date with snapshot {told['snapshot_id']}.\n",
    )


def test_credentials_in_dlts_secrets_file(history, database, tmp_path):
    address = urlsplit(database.address)
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "secrets.toml").write_text(
        f'[destination.postgres.credentials]\nhost = "{address.hostname}"\nport = {address.port}\n'
        f'database = "{address.path[1:]}"\n'
        f'username = "tester"\npassword = "{PASSWORD}"\n'
    )
    done = replicate(tmp_path, history.warehouse, None, "--dataset", "billing")
    assert done.code == 0, done.err
    assert differences(history.warehouse, database, "billing") == []


@pytest.mark.parametrize(
    ("address", "arguments", "code", "says"),
    [
        (None, (), 2, "credentials for PostgreSQL are missing"),
        # dlt refuses an address without a password, even where the server asks for none.
        ("postgresql://tester@127.0.0.1:9/nothing", (), 2, "incomplete"),
        (NOBODY, (), 1, "PostgreSQL refused or could not be reached"),
        (NOBODY, ("--dataset", "Odd-Name"), 2, "plain name"),
        (NOBODY, ("--database", "missing.duckdb"), 1, "missing.duckdb"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(history, tmp_path, address, arguments, code, says):
    done = replicate(tmp_path, history.warehouse, address, *arguments)
    assert done.code == code, done.err
    assert says in done.err
    assert "Traceback" not in done.err
    assert "secret-word" not in done.err


@pytest.fixture(scope="module")
def emulator():
    with Emulator(customers=5, seed=3) as running:
        yield running


def load(folder: Path, emulator: Emulator, address: str) -> Ended:
    variables = {
        CREDENTIALS: address,
        "FLEXPRICE_API_KEY": emulator.api_key,
        "FLEXPRICE_BASE_URL": emulator.base_url,
    }
    return run_program(folder, variables, "load", "--replicate", "postgres", "--json")


def test_load_replicates_what_it_published(emulator, database, tmp_path):
    done = load(tmp_path, emulator, database.address)
    assert done.code == 0, done.err
    assert differences(tmp_path / "warehouse.duckdb", database) == []


def test_a_failed_replication_undoes_no_load(emulator, database, tmp_path):
    done = load(tmp_path, emulator, NOBODY)
    assert done.code == 6
    assert "The load is published, but was not replicated" in done.err
    assert json.loads(done.out)["completeness"] == "complete"
    made_up_for = replicate(tmp_path, tmp_path / "warehouse.duckdb", database.address)
    assert made_up_for.code == 0, made_up_for.err
    assert differences(tmp_path / "warehouse.duckdb", database) == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_sql_prints_every_view_and_says_what_was_never_executed(dialect, tmp_path):
    done = run_program(tmp_path, {}, "sql", "--dialect", dialect, "--dataset", "billing")
    assert done.code == 0, done.err
    made = re.findall(r'^create or replace view "?billing"?\."?(\w+)', done.out, re.MULTILINE)
    assert made == [view.name for view in views() if view.type == "view"]
    assert ("Nobody has executed them" in done.out) is (dialect not in EXECUTED)
    assert ("the project's tests execute them there" in done.out) is (dialect in EXECUTED)
    settings = [line for line in done.out.splitlines() if line.startswith("set ")]
    assert settings == [f"{setting};" for setting in SETTINGS.get(dialect, ())]
    assert all(done.out.index(line) < done.out.index("create or replace view") for line in settings)
    assert not re.search(r"\bflexprice(_raw)?\"?\.", done.out)
