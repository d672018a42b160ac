"""`flexprice-wallets load`: what it prints, where, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock

from flexprice_emulator import Emulator, Fault
from flexprice_wallets.commands import progress as progress_module
from flexprice_wallets.commands.progress import shown_progress
from flexprice_wallets.errors import ExitCode
from flexprice_wallets.logs import configure_logs
from flexprice_wallets.snapshot.progress import Progress
from tests.command_line import PROGRAM, Ended, environment, run_program
from tests.small_history import SmallHistory

Command = Callable[..., Ended]


def rows(database: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_process_speaks_json(tmp_path: Path, emulator: Emulator) -> None:
    variables = {"FLEXPRICE_API_KEY": emulator.api_key, "FLEXPRICE_BASE_URL": emulator.base_url}
    ended = run_program(tmp_path, variables, "load", "--json", "--log-format", "json", "-vv")
    assert ended.code == ExitCode.COMPLETE
    [line] = ended.out.splitlines()
    said = json.loads(line)
    assert said.pop("database") == str(tmp_path / "warehouse.duckdb")
    assert said.pop("already_loaded") is False
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        result = connection.execute("select * from flexprice_raw.snapshots")
        names = [name for name, *_ in result.description or ()]
        [row] = result.fetchall()
    stored = dict(zip(names, row, strict=True))
    for name, value in said.items():
        if name.endswith(("_at", "_to")):
            assert value == stored[name].isoformat().replace("+00:00", "Z")
        else:
            assert value == stored[name]
    assert set(said) == set(stored)

    logged = [json.loads(each) for each in ended.err.splitlines()]
    assert logged, "at -vv everything is logged"
    for each in logged:
        assert {"time", "level", "logger", "message"} <= set(each)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", each["time"])
    assert emulator.api_key not in ended.err


def test_the_summary(connected: Command, folder: Path, emulator: Emulator) -> None:
    ended = connected("load")
    assert (ended.code, ended.err) == (ExitCode.COMPLETE, "")
    customers = len(emulator.world.published_customer_ids())
    wallets = len(emulator.world.listed_wallet_ids())
    text = " ".join(ended.out.split())
    assert re.search(r"^Snapshot \S+Z \(all customers\) is complete\.", text)
    assert f"customers {customers} read, 0 failed" in text
    assert f"wallets {wallets} read, {wallets} changed" in text
    transactions = len(emulator.world.truth()["transactions"])
    assert f"ledger {transactions} transactions read, {transactions} new or changed" in text
    # One for the listing, one for the ledger.
    assert f"requests {customers + 2} sent, 0 of them retries" in text
    assert str(folder / "warehouse.duckdb") in ended.out


def test_partial(connected: Command, folder: Path, emulator: Emulator) -> None:
    customer_id = emulator.world.published_customer_ids()[0]
    emulator.faults.add(Fault("redirect", key=customer_id))
    ended = connected("load", "--json")
    assert ended.code == ExitCode.PARTIAL
    assert json.loads(ended.out)["completeness"] == "partial"
    assert re.search(r"^\S+Z WARNING Partial: 1 customers could not be read", ended.err)
    assert rows(
        folder / "warehouse.duckdb", "select customer_id from flexprice_raw.fetch_failures"
    ) == [(customer_id,)]


def test_failed(connected: Command, folder: Path, emulator: Emulator) -> None:
    emulator.faults.add(Fault("redirect", path="/v1/customers/search"))
    ended = connected("load")
    assert (ended.code, ended.out) == (ExitCode.FAILED, "")
    [sentence] = ended.err.splitlines()
    assert sentence.startswith(
        "Error: The customers could not be listed: The API redirects elsewhere"
    )
    assert not (folder / "warehouse.duckdb").exists()


def test_a_failure_is_a_log_line_for_machines(connected: Command, emulator: Emulator) -> None:
    emulator.faults.add(Fault("redirect", path="/v1/customers/search"))
    ended = connected("load", "--log-format", "json", "--json")
    assert (ended.code, ended.out) == (ExitCode.FAILED, "")
    [line] = ended.err.splitlines()
    assert json.loads(line)["level"] == "error"


def test_verbose_shows_where_an_error_arose(connected: Command, emulator: Emulator) -> None:
    emulator.faults.add(Fault("redirect", path="/v1/customers/search"))
    ended = connected("load", "-v")
    assert "Traceback" in ended.err
    assert ended.err.splitlines()[-1].startswith("Error: ")


@pytest.mark.parametrize(
    ("kind", "said"), [("unauthorized", "refused the key"), ("forbidden", "no right")]
)
def test_access_refused(connected: Command, emulator: Emulator, kind: str, said: str) -> None:
    emulator.faults.add(Fault.from_mapping({"kind": kind}))
    ended = connected("load")
    assert (ended.code, ended.out) == (ExitCode.ACCESS_REFUSED, "")
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_wrong_key(connected: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEXPRICE_API_KEY", "sk_wrong")
    ended = connected("load")
    assert ended.code == ExitCode.ACCESS_REFUSED
    assert "FLEXPRICE_API_KEY" in ended.err
    assert "sk_wrong" not in ended.err
    assert not (folder / "warehouse.duckdb").exists()


def test_another_run_at_work(connected: Command, folder: Path) -> None:
    with FileLock(folder / ".warehouse.duckdb.lock"):
        ended = connected("load")
    assert (ended.code, ended.out) == (ExitCode.ANOTHER_RUN, "")
    assert "Another run is at work on warehouse.duckdb" in ended.err


@pytest.mark.parametrize("content", [b"no database", None], ids=["damaged", "foreign"])
def test_no_warehouse(connected: Command, folder: Path, content: bytes | None) -> None:
    database = folder / "warehouse.duckdb"
    if content is None:
        duckdb.connect(str(database)).close()
    else:
        database.write_bytes(content)
    before = database.read_bytes()
    ended = connected("load")
    assert (ended.code, "left as it is" in ended.err) in {
        (ExitCode.FAILED, True),
        (ExitCode.FAILED, False),
    }
    assert "--database" in ended.err
    assert "Traceback" not in ended.err
    assert database.read_bytes() == before


def test_selected_customers(
    command: Command, history: SmallHistory, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = history.copy(folder)
    by_file, by_id, *_ = (
        key for key in history.world.published_customer_ids() if key != history.customer_id
    )
    (folder / "customers.txt").write_text(f"\ufeff{by_file}\r\n\n  {by_file}  \n", encoding="utf-8")
    external_id = history.world.customer(history.customer_id).external_id
    with history.emulated() as emulator:
        monkeypatch.setenv("FLEXPRICE_API_KEY", emulator.api_key)
        monkeypatch.setenv("FLEXPRICE_BASE_URL", emulator.base_url)
        # Some by flag, some from the environment: each option has its own place.
        monkeypatch.setenv("FLEXPRICE_CUSTOMER_IDS", by_id)
        ended = command(
            "load", "--json", "--lookup-key", external_id, "--customers-file", "customers.txt"
        )
    said = json.loads(ended.out)
    assert (ended.code, said["scope"], said["customers_observed"]) == (0, "selected", 3)
    covered = rows(database, "select customer_id from flexprice_raw.snapshot_customers order by 1")
    assert covered == [(key,) for key in sorted((by_file, by_id, history.customer_id))]
    [(last, complete)] = rows(
        database,
        "select last_snapshot_scope, last_complete_snapshot_at < last_snapshot_at from flexprice.freshness",
    )
    assert (last, complete) == ("selected", True)


def test_schemas_with_other_names(connected: Command, folder: Path) -> None:
    names = ("--raw-schema", "stored", "--schema", "reports")
    assert connected("load", *names, "--no-real-time-balance").code == 0
    found = rows(
        folder / "warehouse.duckdb",
        "select distinct table_schema from information_schema.tables where table_catalog = 'warehouse' "
        "and table_schema not like '%_staging' order by 1",
    )
    assert found == [("reports",), ("stored",)]
    assert "currency" in connected("status", *names).out
    assert connected("views", "--rebuild", *names).code == 0
    assert connected("status").code == ExitCode.FAILED
    ended = connected("status", "--raw-schema", "stored")
    assert (ended.code, "--schema" in ended.err) == (ExitCode.WRONG_USE, True)


def test_a_terminal_shows_a_bar(tmp_path: Path) -> None:
    with Emulator(customers=60, seed=3, latency_ms=20) as emulator:
        variables = {"FLEXPRICE_API_KEY": emulator.api_key, "FLEXPRICE_BASE_URL": emulator.base_url}
        screen, terminal = pty.openpty()
        with subprocess.Popen(
            (*PROGRAM, "load", "--workers", "2"),
            cwd=tmp_path,
            env=environment(tmp_path, **variables, TERM="xterm", COLUMNS="100"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=terminal,
        ) as process:
            os.close(terminal)
            shown = _everything_from(screen)
            assert process.stdout is not None
            out = process.stdout.read().decode()
    assert process.returncode == 0, shown
    listed = len(emulator.world.published_customer_ids())
    assert re.search(
        rf"customers .*\d+/{listed}.* \d+/s", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    )
    assert "\x1b" not in out


def _everything_from(screen: int) -> str:
    pieces: list[bytes] = []
    while True:
        try:
            piece = os.read(screen, 65536)
        except OSError:  # how Linux says that nobody writes any more
            piece = b""
        if not piece:
            os.close(screen)
            return b"".join(pieces).decode(errors="replace")
        pieces.append(piece)


@pytest.mark.usefixtures("command")
def test_elsewhere_there_is_a_line_now_and_then(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure_logs(0, "text")
    monkeypatch.setattr(progress_module, "_SECONDS_BETWEEN_LINES", 0.0)
    with shown_progress() as on_progress:
        on_progress(Progress(done=5, expected=None))
        on_progress(Progress(done=10, expected=40))
    first, second = capfd.readouterr().err.splitlines()
    assert "INFO    5 of ? customers read" in first
    assert re.search(r"10 of 40 customers read, \d+ per second, about \d+ s left", second)
