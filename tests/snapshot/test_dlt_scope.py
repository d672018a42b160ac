"""dlt around loads: started for them, started by others meanwhile, and given back."""

from __future__ import annotations

import json
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dlt
import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from flexprice_wallets.dlt_logger import LoggerChange
from flexprice_wallets.snapshot.dlt_settings import dlt_settings
from tests.command_line import Ended, run_process

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
