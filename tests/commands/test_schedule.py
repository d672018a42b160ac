"""What schedulers and monitors go by: loads that are run again, partial ones, checks of `status`, metrics."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexprice_emulator import Emulator, Fault
from flexprice_wallets.commands import output
from flexprice_wallets.commands.durations import parse_duration, written_duration
from flexprice_wallets.commands.health import DATA_CHECKS
from flexprice_wallets.commands.metrics import RunMetrics, rendered
from flexprice_wallets.errors import ExitCode
from flexprice_wallets.logs import JsonFormatter
from tests.command_line import Ended
from tests.small_history import SmallHistory

Command = Callable[..., Ended]
_SAMPLE = re.compile(r'flexprice_wallets_(\w+)\{database="((?:[^"\\]|\\.)*)"\} (-?[0-9.]+)')


def figures(path: Path) -> dict[str, float]:
    """The samples of a file, which must be what Prometheus reads."""
    found = {}
    lines = path.read_text().splitlines()
    for meaning, kind, sample in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        match = _SAMPLE.fullmatch(sample)
        assert match, sample
        assert meaning.startswith(f"# HELP flexprice_wallets_{match[1]} ")
        assert kind == f"# TYPE flexprice_wallets_{match[1]} gauge"
        found[match[1]] = float(match[3])
    assert lines
    return found


# --- run again ---


def test_a_snapshot_that_is_loaded_is_no_error_and_costs_no_request(
    connected: Command, history: SmallHistory, folder: Path, emulator: Emulator
) -> None:
    database = history.copy(folder)
    before = database.read_bytes()
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        times = connection.execute(
            "select snapshot_at, snapshot_id from flexprice_raw.snapshots order by 1"
        ).fetchall()
    emulator.requests.clear()
    for at, snapshot_id in (times[0], times[-1]):
        ended = connected("load", "--json", "--snapshot-at", at.isoformat())
        said = json.loads(ended.out)
        assert (ended.code, said["already_loaded"]) == (0, True), ended.err
        assert said["snapshot_id"] == snapshot_id
        assert "already loaded" in connected("load", "--snapshot-at", at.isoformat()).out
    ended = connected("load", "--snapshot-at", (times[0][0] + timedelta(seconds=1)).isoformat())
    assert ended.code == ExitCode.WRONG_USE
    assert database.read_bytes() == before
    assert [path.name for path in folder.iterdir() if path.suffix == ".loading"] == []


# --- partial ---


@pytest.mark.parametrize("place", ["flag", "environment", "file"])
def test_a_partial_load_can_be_accepted(
    place: str,
    connected: Command,
    folder: Path,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emulator.faults.add(Fault("redirect", key=emulator.world.published_customer_ids()[0]))
    assert connected("load").code == ExitCode.PARTIAL
    flags = ["--accept-partial"] if place == "flag" else []
    if place == "environment":
        monkeypatch.setenv("FLEXPRICE_ACCEPT_PARTIAL", "true")
    if place == "file":
        (folder / ".dlt").mkdir()
        (folder / ".dlt" / "config.toml").write_text(
            "[sources.flexprice_wallets]\naccept_partial = true\n"
        )
    ended = connected("load", "--json", *flags)
    assert ended.code == 0
    assert json.loads(ended.out)["completeness"] == "partial"
    assert "Partial: 1 customers could not be read" in ended.err


# --- status for monitors ---


def test_status_tells_a_warehouse_that_is_too_old(
    command: Command, history: SmallHistory, folder: Path
) -> None:
    history.copy(folder)
    assert command("status", "--max-age", "9999d").code == 0
    ended = command("status", "--max-age", "26h")
    assert ended.code == ExitCode.FAILED
    assert re.search(
        r"Error: The last complete snapshot is \d+d .* old, more than 1d 2h\.", ended.err
    )
    assert "The last snapshots:" in ended.out
    ended = command("status", "--max-age", "26h", "--json")
    assert (ended.code, json.loads(ended.out)["failed_checks"]) == (1, ["max-age"])
    assert json.loads(command("status", "--json").out)["failed_checks"] == []
    assert command("status", "--max-age", "soon").code == ExitCode.WRONG_USE


def test_status_tells_data_that_somebody_wants_to_be_woken_by(
    connected: Command, emulator: Emulator
) -> None:
    assert connected("load").code == 0
    assert connected("status", "--fail-on", "rejected,failed").code == 0
    emulator.quirks.wallet_fields[emulator.world.listed_wallet_ids()[0]] = {"currency": "7"}
    try:
        assert connected("load").code == ExitCode.PARTIAL
    finally:
        emulator.quirks.wallet_fields.clear()
    ended = connected("status", "--fail-on", "rejected, failed", "--json")
    assert (ended.code, json.loads(ended.out)["failed_checks"]) == (1, ["rejected"])
    assert "1 records were rejected" in ended.err
    ended = connected("status", "--fail-on", "typo")
    assert (ended.code, "'typo' is none of differs, rejected, failed" in ended.err) == (2, True)


def test_a_difference_from_the_ledger_is_told_or_the_ledger_is_missed(
    command: Command, history: SmallHistory, folder: Path
) -> None:
    database = history.copy(folder)
    with duckdb.connect(str(database)) as connection:
        connection.execute("drop view if exists flexprice.ledger_reconciliation")
    ended = command("status", "--fail-on", "differs")
    assert ended.code == ExitCode.WRONG_USE
    assert "has no view flexprice.ledger_reconciliation" in ended.err
    for state, code in (("reconciled", 0), ("differs", 1)):
        with duckdb.connect(str(database)) as connection:
            connection.execute(
                f"create or replace view flexprice.ledger_reconciliation as select '{state}' as state"
            )
        assert command("status", "--fail-on", "differs").code == code
    assert set(DATA_CHECKS) >= {"differs", "rejected"}


@given(st.timedeltas(timedelta(), timedelta(days=900)))
def test_a_duration_is_read_as_it_is_written(length: timedelta) -> None:
    written = written_duration(length).replace(" ", "")
    assert timedelta() <= length - parse_duration(written) < timedelta(minutes=1)


@pytest.mark.parametrize("text", ["", "26", "h", "-1h", "1.5h", "1h 30", "26 hours", "1y"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="no length of time"):
        parse_duration(text)


# --- metrics ---


def test_metrics_of_a_load(connected: Command, folder: Path, emulator: Emulator) -> None:
    (folder / "load.prom").write_text("old")
    ended = connected("load", "--json", "--metrics", "load.prom")
    row = json.loads(ended.out)
    found = figures(folder / "load.prom")
    assert (found["load_success"], found["load_exit_code"]) == (1, 0)
    for column in ("customers_observed", "wallets_observed", "wallets_changed", "api_requests"):
        assert found[f"load_{column}"] == row[column]
    at = datetime.fromisoformat(row["snapshot_at"]).timestamp()
    assert found["last_snapshot_timestamp_seconds"] == pytest.approx(at, abs=0.01)
    assert found["last_complete_snapshot_timestamp_seconds"] == pytest.approx(at, abs=0.01)
    assert 0 < found["last_snapshot_age_seconds"] < 60
    assert 0 < found["load_duration_seconds"] < 60
    assert f'database="{folder / "warehouse.duckdb"}"' in (folder / "load.prom").read_text()

    emulator.faults.add(Fault("redirect", path="/v1/customers/search"))
    assert connected("load", "--metrics", "load.prom").code == 1
    failed = figures(folder / "load.prom")
    assert (failed["load_success"], failed["load_exit_code"]) == (0, 1)
    assert "load_api_requests" not in failed
    for name in ("last_snapshot", "ledger_read_to"):
        assert failed[f"{name}_timestamp_seconds"] == found[f"{name}_timestamp_seconds"]
    assert failed["ledger_lag_seconds"] > found["ledger_lag_seconds"]
    assert {path.name for path in folder.iterdir() if "prom" in path.name} == {"load.prom"}


def test_metrics_of_a_first_load_that_failed(command: Command, folder: Path) -> None:
    assert command("load", "--metrics", "load.prom").code == ExitCode.WRONG_USE
    found = figures(folder / "load.prom")
    assert found["load_exit_code"] == 2
    assert "last_snapshot_timestamp_seconds" not in found


def test_metrics_that_cannot_be_written(
    connected: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = connected("load", "--metrics", "nowhere/load.prom")
    assert (ended.code, "--metrics" in ended.err) == (2, True)
    assert not (folder / "warehouse.duckdb").exists()
    (folder / "later").mkdir()
    report_done = output.report_done

    def and_remove(text: str) -> None:
        shutil.rmtree(folder / "later")
        report_done(text)

    monkeypatch.setattr("flexprice_wallets.commands.load.report_done", and_remove)
    ended = connected("load", "--metrics", "later/load.prom")
    assert (ended.code, "metrics could not be written" in ended.err) == (0, True)
    assert (folder / "warehouse.duckdb").exists()


def test_a_label_is_escaped() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    text = rendered(RunMetrics('/a "b"\\\n.duckdb', 0, now, 1.5))
    assert r'load_success{database="/a \"b\"\\\n.duckdb"} 1' in text


def test_metrics_of_a_snapshot_with_the_ledger(tmp_path: Path) -> None:
    now = datetime(2026, 3, 1, 6, tzinfo=UTC)
    row = {"transactions_observed": 7}
    times = {"ledger_read_to": now - timedelta(minutes=5)}
    (tmp_path / "load.prom").write_text(rendered(RunMetrics("w", 0, now, 1.5, row, times)))
    found = figures(tmp_path / "load.prom")
    assert (found["load_transactions_observed"], found["ledger_lag_seconds"]) == (7, 300)
    assert found["ledger_read_to_timestamp_seconds"] == now.timestamp() - 300


# --- what can be printed ---


def test_a_log_line_for_machines_is_json_in_every_encoding() -> None:
    import logging

    record = logging.LogRecord("x", logging.INFO, "", 0, "Zürich 日本", None, None)
    for encoding in ("utf-8", "iso-8859-1", "ascii"):
        line = JsonFormatter(encoding).format(record)
        assert json.loads(line.encode(encoding, "backslashreplace"))["message"] == "Zürich 日本"


def test_a_system_that_is_not_posix_is_refused_in_one_sentence(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flexprice_wallets.commands.main.os.name", "nt")
    ended = command("status")
    monkeypatch.undo()
    assert (ended.code, ended.out) == (2, "")
    assert "POSIX systems only" in ended.err
