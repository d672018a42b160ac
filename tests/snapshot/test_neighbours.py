"""A load beside other people's use of dlt: their settings have no effect on it, and it has none on them."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.pipeline import PipelineContext
from dlt.extract import DltSource

from flexprice_emulator import Emulator
from flexprice_wallets.extract.threads import ThreadFeed
from flexprice_wallets.snapshot.dlt_settings import dlt_settings
from tests.command_line import run_process, run_program
from tests.process_state import process_state
from tests.robustness.support import snapshot, snapshot_count

FOREIGN = {
    "DEV_MODE": "true",
    "PIPELINES__FLEXPRICE_WALLETS__DEV_MODE": "true",
    "DATASET_NAME_LAYOUT": "other_%s",
    "IMPORT_SCHEMA_PATH": "schemas",
    "EXPORT_SCHEMA_PATH": "schemas",
    "LOAD__WORKERS": "many",
    "LOAD__RAISE_ON_FAILED_JOBS": "false",
    "LOAD__TRUNCATE_STAGING_DATASET": "true",
    "NORMALIZE__WORKERS": "3",
    "NORMALIZE__LOADER_FILE_FORMAT": "insert_values",
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_ID": "true",
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID": "true",
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
    "DATA_WRITER__FILE_MAX_ITEMS": "2",
    "SCHEMA__NAMING": "direct",
    "SOURCES__SCHEMA_CONTRACT": "freeze",
    "SOURCES__FLEXPRICE_WALLETS__SCHEMA_CONTRACT": "freeze",
    "DESTINATION__DUCKDB__CREDENTIALS": "elsewhere.duckdb",
    "DESTINATION__DUCKDB__STAGING_DATASET_NAME_LAYOUT": "x",
    "RUNTIME__LOG_LEVEL": "no level",
    "RUNTIME__INTERCEPT_SIGNALS": "true",
    "RESTORE_FROM_DESTINATION": "true",
    "PROGRESS": "log",
    "REFRESH": "drop_data",
    "DLT_DEFAULT_NAMING_MODULE": "no_such_convention",
    "DLT_DLT_ID_LENGTH_BYTES": "3",
    "DLT_USE_JSON": "simplejson",
    "DLT_DATA_DIR": "/nonexistent",
    "DLT_LOCAL_DIR": "/nonexistent",
}
INCREMENTAL: Any = dlt.sources.incremental("number")
FILES = (
    "dev_mode = true\nimport_schema_path = 'schemas'\n",
    "[load]\nworkers = 'many'\n",
    "[schema]\nnaming = 'direct'\n[normalize]\nworkers = 4\nloader_file_format = 'jsonl'\n",
    "[data_writer]\nbuffer_max_items = 1\nfile_max_items = 1\n[runtime]\nlog_level = 'no level'\n",
    "[pipelines.flexprice_wallets]\ndev_mode = true\ndataset_name_layout = 'x_%s'\n",
)


@pytest.mark.parametrize("content", [None, *FILES])
def test_foreign_settings_have_no_effect(
    content: str | None, emulator: Emulator, tmp_path: Path
) -> None:
    given = {"FLEXPRICE_API_KEY": emulator.api_key, "FLEXPRICE_BASE_URL": emulator.base_url}
    if content is None:
        given |= FOREIGN
    else:
        (tmp_path / ".dlt").mkdir()
        (tmp_path / ".dlt" / "config.toml").write_text(content)
    for _ in range(2):
        ended = run_program(tmp_path, given, "load")
        # A slow machine is told of progress.
        complaints = [line for line in ended.err.splitlines() if " INFO " not in line]
        assert (ended.code, complaints) == (0, [])
    assert snapshot_count(tmp_path / "warehouse.duckdb") == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        {".warehouse.duckdb.lock", "warehouse.duckdb", *([] if content is None else [".dlt"])}
    )


@pytest.fixture
def emulator() -> Any:
    with Emulator(customers=12, seed=5) as running:
        yield running


def neighbour(folder: Path, rows: list[int]) -> dlt.Pipeline:
    """Somebody's incremental pipeline, which keeps its state in the destination."""
    pipeline = dlt.pipeline(
        "neighbour",
        pipelines_dir=str(folder / "pipelines"),
        destination=dlt.destinations.duckdb(str(folder / "neighbour.duckdb")),
        dataset_name="things",
    )

    @dlt.resource(name="numbers", write_disposition="append")
    def numbers(last: Any = INCREMENTAL) -> Any:  # noqa: ARG001 - dlt filters by it
        yield [{"number": number} for number in rows]

    pipeline.run(numbers())
    return pipeline


def test_a_load_changes_nothing_that_outlives_it(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    theirs = neighbour(tmp_path, [1, 2, 3])
    context = Container()[PluggableRunContext]
    providers, inner = context.providers, context.providers.providers
    before = process_state()
    threads = threading.active_count()
    snapshot(emulator, tmp_path / "warehouse.duckdb")
    assert process_state() == before
    assert Container()[PluggableRunContext] is context
    assert context.providers is providers
    assert context.providers.providers is inner
    assert Container()[PipelineContext].pipeline() is theirs
    assert theirs.is_active
    assert threading.active_count() <= threads
    # Their state is theirs: nothing is loaded twice.
    neighbour(tmp_path, [1, 2, 3, 4])
    with theirs.sql_client() as client:
        assert client.execute_sql("select count(*) from numbers") == [(4,)]


_LEFT_ALONE = """
import os, signal, sys, threading
from pathlib import Path
from flexprice_wallets import ApiOptions, LoadOptions, Secret, errors, take_snapshot
from tests.process_state import process_state

base_url, key, database, end = sys.argv[1:]
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, lambda *_: None)
theirs, wakeup = os.pipe()
os.set_blocking(wakeup, False)

def load(key, on_progress=lambda _: None):
    take_snapshot(LoadOptions(ApiOptions(Secret(key), base_url, workers=4), Path(database)), on_progress)

def told(_):
    if end == "interrupted":
        os.kill(os.getpid(), signal.SIGINT)

# What is imported, and opened once for good, by the first load of a process.
load(key)
signal.set_wakeup_fd(wakeup)
before = process_state()
try:
    load("another-key" if end == "refused" else key, told)
except (KeyboardInterrupt, errors.AccessRefused) as error:
    print(type(error).__name__)
after = process_state()
print(*(f"{name}: {before[name]} {after[name]}" for name in before if before[name] != after[name]))
print(signal.set_wakeup_fd(-1) == wakeup, [each.name for each in threading.enumerate()])
"""


@pytest.mark.parametrize(
    ("end", "said"),
    [("succeeded", ""), ("refused", "AccessRefused\n"), ("interrupted", "KeyboardInterrupt\n")],
)
def test_however_a_load_ends_it_leaves_the_process_alone(
    end: str, said: str, emulator: Emulator, tmp_path: Path
) -> None:
    repository = Path(__file__).parents[2]
    database = str(tmp_path / "warehouse.duckdb")
    ended = run_process(
        (sys.executable, "-c", _LEFT_ALONE, emulator.base_url, emulator.api_key, database, end),
        tmp_path,
        {"PYTHONPATH": f"{repository / 'pipelines'}{os.pathsep}{repository}"},
    )
    assert ended.code == 0, ended.err
    assert ended.out == f"{said}\nTrue ['MainThread']\n"


def test_their_threads_see_their_settings_while_a_load_sees_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOAD__WORKERS", "7")
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    assert dlt.config["load.workers"] == 7
    with dlt_settings("ERROR"):
        assert dlt.config["load.workers"] == 1
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(lambda: dlt.config["load.workers"]).result() == 7
        with ThreadPoolExecutor(
            1, thread_name_prefix=Container.thread_pool_prefix()
        ) as pool_of_load:
            assert pool_of_load.submit(lambda: dlt.config["load.workers"]).result() == 1
    assert dlt.config["load.workers"] == 7


def test_loads_and_a_neighbour_at_once(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    emulator.latency_ms = 30
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    with ThreadPoolExecutor(3) as pool:
        loads = [
            pool.submit(snapshot, emulator, tmp_path / name / "warehouse.duckdb")
            for name in ("a", "b")
        ]
        beside = pool.submit(neighbour, tmp_path / "c", [1, 2])
        beside.result()
        for load in loads:
            assert load.result().snapshot["completeness"] == "complete"
    for name in ("a", "b"):
        assert snapshot_count(tmp_path / name / "warehouse.duckdb") == 1
    with beside.result().sql_client() as client:
        assert client.execute_sql("select count(*) from numbers") == [(2,)]


def test_nothing_of_a_load_is_kept_after_it(emulator: Emulator, tmp_path: Path) -> None:
    before = live_sources()
    with ThreadPoolExecutor(1) as pool:
        for run in (snapshot, pool_of(pool, snapshot)):
            run(emulator, tmp_path / "warehouse.duckdb")
        kept = [each for each in live_sources() if not any(each is other for other in before)]
        assert [type(each).__name__ for each in kept] == []


def live_sources() -> list[object]:
    gc.collect()
    return [each for each in gc.get_objects() if type(each) in (ThreadFeed, DltSource)]


def pool_of(pool: ThreadPoolExecutor, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, called in a thread that lives on."""
    return lambda *arguments: pool.submit(function, *arguments).result()
