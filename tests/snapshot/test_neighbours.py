"""A load beside other people's use of dlt: their settings have no effect on it, and it has none on them."""

from __future__ import annotations

import gc
import json
import logging
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
from flexprice_wallets.dlt_logger import LoggerChange
from flexprice_wallets.extract.threads import ThreadFeed
from flexprice_wallets.snapshot.dlt_settings import dlt_settings
from tests.command_line import Ended, run_process, run_program
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
    logger = logging.getLogger("dlt")
    before = (dict(os.environ), os.getcwd(), [*logger.handlers], logger.level, os.umask(0o022))
    threads = threading.active_count()
    snapshot(emulator, tmp_path / "warehouse.duckdb")
    assert before == (dict(os.environ), os.getcwd(), logger.handlers, logger.level, os.umask(0o022))
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


_FRESH = """
import logging, os, sys, threading
from pathlib import Path
before = dict(os.environ)
from tests.robustness.support import snapshot
from flexprice_emulator import Emulator
with Emulator(customers=5, seed=5) as emulator:
    snapshot(emulator, Path(sys.argv[1]))
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.runtime.telemetry import is_telemetry_started
import dlt
print(dict(os.environ) == before, PluggableRunContext in Container(), is_telemetry_started(),
      len(logging.getLogger("dlt").handlers), dlt.config["load.workers"])
"""


def run_python(code: str, folder: Path, settings: dict[str, str]) -> Ended:
    """Run code in a process of its own, which has used dlt for nothing yet."""
    repository = Path(__file__).parents[2]
    given = {
        "LOAD__WORKERS": "7",
        "RUNTIME__DLTHUB_TELEMETRY_ENDPOINT": "http://127.0.0.1:9",
        "PYTHONPATH": f"{repository / 'pipelines'}{os.pathsep}{repository}",
    }
    return run_process(
        (sys.executable, "-c", code, str(folder / "warehouse.duckdb")), folder, given | settings
    )


def test_a_process_that_uses_dlt_for_nothing_else_is_left_as_if_it_had_not(tmp_path: Path) -> None:
    ended = run_python(_FRESH, tmp_path, {})
    assert (ended.code, ended.out.split()) == (0, ["True", "False", "False", "0", "7"]), ended.err


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


_FIRST_USE = """
import json, logging, os, sys, threading
from pathlib import Path
from flexprice_emulator import Emulator
from tests.robustness.support import snapshot
import dlt
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers import DictionaryProvider
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.runtime.telemetry import is_telemetry_started

class Theirs(DictionaryProvider):
    NAME = "theirs"

    def __init__(self):
        super().__init__()
        self.set_value("of_provider", "kept", None)

within, done = threading.Event(), threading.Event()

def on_progress(_):
    within.set()
    assert done.wait(60)

def load():
    from flexprice_wallets.snapshot.load import take_snapshot
    from flexprice_wallets.snapshot.options import LoadOptions
    from tests.robustness.support import api_options
    take_snapshot(LoadOptions(api_options(emulator), Path(sys.argv[1])), on_progress)

with Emulator(customers=5, seed=5) as emulator:
    loading = threading.Thread(target=load)
    loading.start()
    assert within.wait(60)
    try:
        held = Container()[PluggableRunContext]
        dlt.secrets["mine.key"] = "v"
        dlt.config["mine.number"] = 3
        dlt.config.register_provider(Theirs())
        workers = dlt.config["load.workers"]
    finally:
        done.set()
    loading.join()
logger = logging.getLogger("dlt")
print(json.dumps([workers, dlt.secrets.get("mine.key"), dlt.config.get("mine.number"), dlt.config.get("of_provider"),
    dlt.config["load.workers"], Container()[PluggableRunContext] is held, type(held) is PluggableRunContext,
    logging.getLevelName(logger.level), len(logger.handlers), is_telemetry_started()]))
"""


def test_what_another_thread_sets_at_its_first_use_of_dlt_stays(tmp_path: Path) -> None:
    ended = run_python(_FIRST_USE, tmp_path, {"RUNTIME__LOG_LEVEL": "CRITICAL"})
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out) == [7, "v", 3, "kept", 7, True, True, "CRITICAL", 1, True]


_LATE_USE = """
import sys
import dlt
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from flexprice_wallets.snapshot.dlt_settings import dlt_settings
with dlt_settings("ERROR"):
    held = Container()[PluggableRunContext]
held.providers["secrets.toml"].set_value("key", "v", None, "mine")
print(dlt.config["load.workers"], dlt.secrets["mine.key"], Container()[PluggableRunContext] is held)
"""


def test_who_took_hold_of_dlts_settings_within_a_load_has_the_current_ones_after_it(
    tmp_path: Path,
) -> None:
    ended = run_python(_LATE_USE, tmp_path, {})
    assert (ended.code, ended.out.split()) == (0, ["7", "v", "False"]), ended.err


_LOGGER = """
import json, logging
from concurrent.futures import ThreadPoolExecutor
from flexprice_wallets.snapshot.dlt_settings import dlt_settings
logger = logging.getLogger("dlt")
def state():
    return [[type(each).__name__ for each in logger.handlers], logger.level, logger.propagate]
states = [state()]
a, b = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
of_a, of_b = dlt_settings("ERROR"), dlt_settings("ERROR")
a.submit(of_a.__enter__).result()
states.append(state())
b.submit(of_b.__enter__).result()
logger.addHandler(logging.NullHandler())
{change}
a.submit(of_a.__exit__, None, None, None).result()
states.append(state())
b.submit(of_b.__exit__, None, None, None).result()
states.append(state())
print(json.dumps(states))
"""


@pytest.mark.parametrize(
    ("change", "left_level"), [("", logging.NOTSET), ("logger.setLevel('DEBUG')", logging.DEBUG)]
)
def test_dlts_logger_is_as_it_was_after_loads_that_overlap(
    change: str, left_level: int, tmp_path: Path
) -> None:
    ended = run_python(_LOGGER.format(change=change), tmp_path, {})
    assert ended.code == 0, ended.err
    within = left_level or logging.ERROR
    assert json.loads(ended.out) == [
        [[], logging.NOTSET, True],
        [["StreamHandler"], logging.ERROR, False],
        [["StreamHandler", "NullHandler"], within, False],
        # What a neighbour did meanwhile stays.
        [["NullHandler"], left_level, True],
    ]


def test_a_handler_that_somebody_adds_while_dlt_starts_stays() -> None:
    logger = logging.getLogger("test_neighbours")
    change, theirs, of_dlt = LoggerChange(logger.name), logging.NullHandler(), logging.NullHandler()
    with change:
        logger.addHandler(of_dlt)
        of_dlt.setFormatter(type("Formatter", (logging.Formatter,), {"__module__": "dlt.logs"})())
        logger.addHandler(theirs)
    change.undo()
    assert logger.handlers == [theirs]


_OWN_HANDLER = """
import logging
from flexprice_wallets.snapshot.dlt_settings import dlt_settings
logger, handler, formatter = logging.getLogger("dlt"), logging.NullHandler(), logging.Formatter()
handler.setFormatter(formatter)
logger.addHandler(handler)
with dlt_settings("ERROR"):
    print(handler.formatter is formatter)
print(logger.handlers == [handler], handler.formatter is formatter)
"""


def test_a_handler_of_dlts_logger_has_its_own_format_again(tmp_path: Path) -> None:
    ended = run_python(_OWN_HANDLER, tmp_path, {})
    assert (ended.code, ended.out.split()) == (0, ["False", "True", "True"]), ended.err


def test_a_neighbour_that_reloads_dlt_gives_a_load_no_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOAD__WORKERS", "7")
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    context = Container()[PluggableRunContext]
    before = context.providers
    with ThreadPoolExecutor(1) as pool, dlt_settings("ERROR"):
        for reload in (dlt.current.run_context().reload, context.reload_providers):
            pool.submit(reload).result()
            assert dlt.config["load.workers"] == 1
            assert pool.submit(lambda: dlt.config["load.workers"]).result() == 7
        pool.submit(dlt.secrets.__setitem__, "mine.key", "v").result()
    assert "providers" not in vars(PluggableRunContext)
    assert context.providers is not before
    assert dlt.secrets["mine.key"] == "v"
