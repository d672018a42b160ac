"""`take_snapshot` and what it needs, as a program uses them: from the package alone."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_type_hints
from zoneinfo import ZoneInfo

import duckdb
import pytest

import flexprice_wallets
from flexprice_emulator import Emulator, Fault, World
from flexprice_wallets import (
    ApiOptions,
    Figures,
    Limits,
    LoadOptions,
    Progress,
    RetryPolicy,
    Secret,
    Selection,
    SnapshotRow,
    Timeouts,
    Tolerance,
    errors,
    flexprice_source,
    take_snapshot,
)
from flexprice_wallets.records.columns import ColumnType
from flexprice_wallets.records.tables import SNAPSHOTS
from flexprice_wallets.signals import programs_end
from tests.command_line import run_process
from tests.robustness.support import Command, environment
from tests.snapshot.loading import ask

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
_PYTHON_TYPES = {
    ColumnType.TEXT: str,
    ColumnType.BOOLEAN: bool,
    ColumnType.INTEGER: int,
    ColumnType.TIMESTAMP: datetime,
}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(world=World(12, seed=5, now=AT)) as running:
        yield running


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


def api_of(emulator: Emulator, **options: Any) -> ApiOptions:
    retries = RetryPolicy(attempts=2, total_time=5.0, first_delay=0.01)
    return ApiOptions(
        Secret(emulator.api_key), emulator.base_url, workers=4, retries=retries, **options
    )


# --- What the package exports ---


def test_the_package_exports_what_a_caller_names() -> None:
    for name in flexprice_wallets.__all__:
        assert getattr(flexprice_wallets, name) is not None
        assert name in dir(flexprice_wallets)
    # All that the options are made of, and all that a function of the package takes or gives.
    for made in (LoadOptions, ApiOptions, Limits):
        for kind in get_type_hints(made).values():
            named = getattr(kind, "__name__", "")
            is_ours = getattr(kind, "__module__", "").startswith("flexprice_wallets")
            assert not is_ours or getattr(flexprice_wallets, named) is kind


@pytest.mark.parametrize(
    "program",
    [
        "import flexprice_wallets; flexprice_wallets.errors.AccessRefused",
        "from flexprice_wallets import errors; errors.AccessRefused",
        "import flexprice_wallets.errors as errors; errors.AccessRefused",
        "from flexprice_wallets import *; errors.AccessRefused",
        "from flexprice_wallets import ApiOptions, LoadOptions, Secret, SnapshotRow, errors, take_snapshot",
    ],
)
def test_importing_is_light(program: str, tmp_path: Path) -> None:
    heavy = "{'dlt', 'duckdb', 'pandas', 'pyarrow', 'requests'}"
    if "*" in program:  # which names the source and the reader, too
        heavy = "set()"
    script = f"import sys\n{program}\nprint({heavy} & set(sys.modules))"
    ended = run_process((sys.executable, "-c", script), tmp_path, {})
    assert (ended.code, ended.out.strip()) == (0, "set()"), ended.err


# --- The row ---


def test_the_row_has_every_column_of_the_table() -> None:
    hints = get_type_hints(SnapshotRow)
    assert list(hints) == list(SNAPSHOTS.column_names)
    for column in SNAPSHOTS.columns:
        kind: Any = _PYTHON_TYPES[column.type]
        assert hints[column.name] == (kind | None if column.nullable else kind), column.name


def test_the_row_is_that_of_the_warehouse(emulator: Emulator, database: Path) -> None:
    asked = AT.astimezone(ZoneInfo("Asia/Kolkata"))
    result = take_snapshot(LoadOptions(api_of(emulator), database, snapshot_at=asked))
    [stored] = ask(database, "from flexprice_raw.snapshots")
    assert result.snapshot == stored
    assert result.snapshot["snapshot_at"] == AT
    assert result.database == database
    assert not result.already_loaded

    again = take_snapshot(LoadOptions(api_of(emulator), database, snapshot_at=asked))
    assert again.already_loaded
    for each in (result.snapshot, again.snapshot):
        assert list(each) == list(SNAPSHOTS.column_names)
        times = [value for value in each.values() if isinstance(value, datetime)]
        assert len(times) == 4
        assert {time.tzinfo for time in times} == {UTC}
    assert again.snapshot == result.snapshot


def test_options_reach_the_load(emulator: Emulator, database: Path) -> None:
    first = emulator.world.published_customer_ids()[0]
    seen: list[Progress] = []
    options = LoadOptions(
        api_of(emulator, timeouts=Timeouts(connect=5.0, read=5.0, answer=10.0)),
        database,
        selection=Selection(customer_ids=(first,)),
        figures=Figures(real_time_balance=False, credits_available_breakdown=False),
        limits=Limits(failures=Tolerance.parse("3")),
        ledger=False,
    )
    row = take_snapshot(options, seen.append).snapshot
    assert (row["scope"], row["customers_observed"]) == ("selected", 1)
    assert (row["include_real_time_balance"], row["ledger"]) == (False, "not_asked")
    assert seen[-1].done == seen[-1].expected == 1


# --- Documented errors ---


def leads_back(error: BaseException) -> bool:
    """Whether following an error's causes would never end."""
    met: list[BaseException] = []
    each: BaseException | None = error
    while each is not None:
        if any(each is one for one in met):
            return True
        met.append(each)
        each = each.__cause__ or each.__context__
    return False


def test_documented_errors_are_raised(emulator: Emulator, database: Path, tmp_path: Path) -> None:
    api = api_of(emulator)
    refused = ApiOptions(Secret("another-key"), emulator.base_url)
    unreachable = ApiOptions(Secret("key"), "http://127.0.0.1:9/v1", retries=api.retries)
    foreign = tmp_path / "foreign.duckdb"
    with duckdb.connect(str(foreign)) as connection:
        connection.execute("create table theirs as select 1 as n")
    take_snapshot(LoadOptions(api, database, snapshot_at=AT))
    before = database.read_bytes()
    half = tmp_path / "half.duckdb"
    half.write_bytes(before)
    with duckdb.connect(str(half)) as connection:
        connection.execute("drop table flexprice_raw.snapshots cascade")
    cases: list[tuple[LoadOptions, type[errors.FlexpriceWalletsError]]] = [
        (LoadOptions(refused, database), errors.AccessRefused),
        (LoadOptions(unreachable, database), errors.RunFailed),
        (LoadOptions(api, foreign), errors.NotAWarehouse),
        (LoadOptions(api, half, snapshot_at=AT), errors.NotAWarehouse),
        (LoadOptions(api, tmp_path / "no" / "folder.duckdb"), errors.ConfigurationError),
        (LoadOptions(api, database, snapshot_at=AT - timedelta(1)), errors.SnapshotTimeError),
        (LoadOptions(api, database, snapshot_at=AT.replace(tzinfo=None)), errors.SnapshotTimeError),
        (
            LoadOptions(api, database, snapshot_at=datetime.now(UTC) + timedelta(1)),
            errors.SnapshotTimeError,
        ),
        (
            LoadOptions(ApiOptions(Secret("key"), "http://example.com/v1")),
            errors.ConfigurationError,
        ),
    ]
    for options, expected in cases:
        with pytest.raises(expected) as caught:
            take_snapshot(options)
        assert not leads_back(caught.value)
    assert database.read_bytes() == before


def test_too_many_failures_are_named(emulator: Emulator, database: Path) -> None:
    emulator.faults.add(Fault("server_error", path="/v1/customers/wallets"))
    limits = Limits(failures=Tolerance.parse("0"))
    with pytest.raises(errors.ApiUnavailable):
        take_snapshot(LoadOptions(api_of(emulator), database, limits=limits))
    assert not database.exists()


def test_another_run_at_work_is_named(emulator: Emulator, database: Path) -> None:
    emulator.latency_ms = 20
    ends: list[BaseException] = []

    def second(_: Progress) -> None:
        if not ends:
            try:
                take_snapshot(LoadOptions(api_of(emulator), database))
            except errors.AnotherRunAtWork as error:
                ends.append(error)

    assert take_snapshot(LoadOptions(api_of(emulator), database), second).exit_code == 0
    assert len(ends) == 1


@pytest.mark.parametrize("options", [{"workers": 0}, {"max_requests_per_second": 0}])
def test_options_with_which_nothing_would_be_asked(
    options: dict[str, Any], emulator: Emulator, database: Path
) -> None:
    api = ApiOptions(Secret(emulator.api_key), emulator.base_url, **options)
    with pytest.raises(errors.ConfigurationError, match=r"nothing would be asked|from 1e-06 on"):
        take_snapshot(LoadOptions(api, database))
    assert emulator.requests.total == 0


def test_a_key_is_a_secret_and_the_source_takes_either(emulator: Emulator) -> None:
    plain: Any = emulator.api_key
    with pytest.raises(errors.ConfigurationError, match=r"Secret\(key\)") as caught:
        ApiOptions(plain)
    assert plain not in str(caught.value)
    for key in (emulator.api_key, Secret(emulator.api_key)):
        source = flexprice_source(api_key=key, base_url=emulator.base_url)
        rows = [row for table in source.resources["snapshots"] for row in table.to_pylist()]
        assert [row["completeness"] for row in rows] == ["complete"]


def test_a_time_without_a_zone_is_named_by_the_source_too(emulator: Emulator) -> None:
    with pytest.raises(errors.SnapshotTimeError, match="no time zone"):
        flexprice_source(
            api_key=emulator.api_key,
            base_url=emulator.base_url,
            snapshot_at=AT.replace(tzinfo=None),
        )


# --- What ends the program ---


def _exit(*_: object) -> None:
    raise SystemExit(7)


@pytest.mark.parametrize(
    ("number", "handler", "expected"),
    [
        (signal.SIGINT, signal.default_int_handler, KeyboardInterrupt),
        (signal.SIGTERM, _exit, SystemExit),
    ],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_what_ends_the_program_comes_out_as_itself(
    number: signal.Signals,
    handler: Callable[..., object],
    expected: type[BaseException],
    emulator: Emulator,
    database: Path,
) -> None:
    before = signal.signal(number, handler)
    threads = threading.active_count()
    try:
        with pytest.raises(expected) as caught:
            # In dlt's extract step.
            take_snapshot(
                LoadOptions(api_of(emulator), database), lambda _: signal.raise_signal(number)
            )
        assert not leads_back(caught.value)
        assert signal.getsignal(number) is handler
    finally:
        signal.signal(number, before)
    assert sorted(os.listdir(database.parent)) == [f".{database.name}.lock"]
    assert take_snapshot(LoadOptions(api_of(emulator), database)).exit_code == 0
    assert threading.active_count() <= threads + 1


_IN_A_QUERY = """
import signal, sys
from pathlib import Path
from flexprice_wallets import ApiOptions, LoadOptions, Secret, take_snapshot
from flexprice_wallets.snapshot import pipeline

finish = pipeline.settle_ledger

def finish_slowly(connection, *arguments):
    print("ready", flush=True)
    for _ in range(1000):
        connection.execute("select sum(range) from range(20000000)").fetchall()
    return finish(connection, *arguments)

pipeline.settle_ledger = finish_slowly
# A shell that runs the tests in the background has its children ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
base_url, api_key, database = sys.argv[1:]
take_snapshot(LoadOptions(ApiOptions(Secret(api_key), base_url, workers=4), Path(database)))
"""


@pytest.mark.parametrize(
    ("number", "codes"),
    # DuckDB 2.0 does not say what a handler has raised.
    [(signal.SIGINT, {-signal.SIGINT}), (signal.SIGTERM, {7, -signal.SIGINT})],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_a_signal_in_a_query_ends_the_program(
    number: signal.Signals, codes: set[int], emulator: Emulator, database: Path, tmp_path: Path
) -> None:
    program = Command(
        emulator.base_url,
        emulator.api_key,
        database,
        program=("-c", _IN_A_QUERY),
        environment=environment(tmp_path, "", ""),
        cwd=tmp_path,
    )
    assert program.process.stdout is not None
    assert program.process.stdout.readline() == "ready\n"
    time.sleep(0.3)
    program.process.send_signal(number)
    ended = program.wait(60)
    assert ended.code in codes, ended.err
    assert "RuntimeError" not in ended.err
    assert sorted(os.listdir(database.parent)) == [f".{database.name}.lock"]


@pytest.mark.parametrize("end", [KeyboardInterrupt(), SystemExit(7), CancelledError()], ids=repr)
def test_a_failure_of_the_callers_stays_one_whatever_it_stems_from(
    end: BaseException, emulator: Emulator, database: Path
) -> None:
    def fail(_: Progress) -> None:
        try:
            raise end
        except BaseException as error:
            raise LookupError("theirs") from error

    with pytest.raises(errors.RunFailed) as caught:
        take_snapshot(LoadOptions(api_of(emulator), database), fail)
    assert any(isinstance(each, LookupError) for each in errors.chain_of(caught.value))


@pytest.mark.parametrize("end", [KeyboardInterrupt(), SystemExit(7), CancelledError()], ids=repr)
def test_what_the_caller_raises_to_end_the_program_comes_out_as_itself(
    end: BaseException, emulator: Emulator, database: Path
) -> None:
    def stop(_: Progress) -> None:
        raise end

    with pytest.raises(type(end)) as caught:
        take_snapshot(LoadOptions(api_of(emulator), database), stop)
    assert caught.value is end
    assert not leads_back(end)


def test_only_what_ends_programs_ends_one_and_nothing_that_was_dealt_with() -> None:
    cancelled, dealt_with = RuntimeError("theirs"), RuntimeError("theirs")
    cancelled.__cause__ = CancelledError()
    dealt_with.__context__ = KeyboardInterrupt()
    dealt_with.__suppress_context__ = True
    for each in (cancelled, dealt_with, RuntimeError("another")):
        assert programs_end(each) is None
    interrupted = RuntimeError("Query interrupted")
    assert isinstance(programs_end(interrupted), KeyboardInterrupt)
    assert programs_end(interrupted, [interrupted]) is None
    interrupted.__cause__ = SystemExit(7)
    assert programs_end(interrupted) is interrupted.__cause__


def test_what_the_program_has_handled_before_ends_nothing(database: Path) -> None:
    options = LoadOptions(ApiOptions(Secret("key"), "http://example.com/v1"), database)
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        with pytest.raises(errors.ConfigurationError):
            take_snapshot(options)


def test_an_error_of_the_callers_own_is_not_hidden(emulator: Emulator, database: Path) -> None:
    def fail(_: Progress) -> None:
        raise LookupError("theirs")

    with pytest.raises(errors.RunFailed, match="LookupError: theirs"):
        take_snapshot(LoadOptions(api_of(emulator), database), fail)
