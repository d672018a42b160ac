"""The command, made to say which step it is in, and to be killed at a moment of a step.

Run as `python -m tests.robustness.killable load …` with, in the environment, KILLABLE_STEPS (a file to which each step
is written with the time it began) and, to be killed, KILLABLE_AT (`step seconds`, the seconds counted from there).
"""

from __future__ import annotations

import importlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

#: Each with the function that is the step, and the module that must be imported for it to be there.
STEPS = {
    "locking": ("flexprice_wallets.snapshot.load", "exclusive_run"),
    "making the folder": ("flexprice_wallets.snapshot.load", "working_folder"),
    "importing": ("flexprice_wallets.snapshot.load", "dlt_settings"),
    "copying": ("flexprice_wallets.snapshot.pipeline", "copy_published"),
    "comparing": ("flexprice_wallets.snapshot.pipeline", "read_known"),
    "fetching": ("dlt.pipeline.pipeline", "Pipeline.extract"),
    "reading the ledger": ("flexprice_wallets.snapshot.ledger", "LedgerReading.read"),
    "normalising": ("dlt.pipeline.pipeline", "Pipeline.normalize"),
    "loading": ("dlt.pipeline.pipeline", "Pipeline.load"),
    "finishing": ("flexprice_wallets.snapshot.pipeline", "_finish_copy"),
    "settling the ledger": ("flexprice_wallets.snapshot.pipeline", "settle_ledger"),
    "making views": ("flexprice_wallets.snapshot.pipeline", "refresh_views"),
    "publishing": ("flexprice_wallets.snapshot.load", "publish"),
    "replacing": ("os", "replace"),
    "clearing up": ("shutil", "rmtree"),
}


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _enter(step: str) -> None:
    with open(os.environ["KILLABLE_STEPS"], "a", encoding="utf-8") as steps:
        steps.write(f"{step}\t{time.monotonic()}\n")
    target, _, delay = os.environ["KILLABLE_AT"].rpartition(" ")
    if step == target:
        if float(delay):
            timer = threading.Timer(float(delay), _die)
            timer.daemon = True
            timer.start()
        else:
            _die()


def _mark(step: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def marked(*arguments: Any, **options: Any) -> Any:
        # dlt moves and removes files too: only those of the warehouse itself are the run's own steps.
        is_own = step not in ("replacing", "clearing up") or _is_own_file(Path(arguments[0]))
        if is_own:
            _enter(step)
        result = function(*arguments, **options)
        if is_own and step == "replacing":
            _enter("replaced")
        return result

    return marked


def _is_own_file(path: Path) -> bool:
    folder = Path(os.environ["KILLABLE_FOLDER"])
    return path == folder or path.parent == folder


def _mark_steps() -> None:
    for step, (module_name, path) in STEPS.items():
        if module_name.startswith(("dlt", "flexprice_wallets.snapshot.pipeline")):
            continue
        _replace(step, importlib.import_module(module_name), path)
    # The heavy modules are imported when a run imports them, as always.
    run = importlib.import_module("flexprice_wallets.snapshot.load")
    dlt_settings = run.dlt_settings

    @contextmanager
    def then_mark(*arguments: Any) -> Iterator[None]:
        with dlt_settings(*arguments):
            for step, (module_name, path) in STEPS.items():
                if module_name.startswith(("dlt", "flexprice_wallets.snapshot.pipeline")):
                    _replace(step, importlib.import_module(module_name), path)
            yield

    run.dlt_settings = then_mark  # type: ignore[attr-defined]


def _replace(step: str, owner: Any, path: str) -> None:
    *outer, name = path.split(".")
    for each in outer:
        owner = getattr(owner, each)
    setattr(owner, name, _mark(step, getattr(owner, name)))


if __name__ == "__main__":
    _enter("starting")
    _mark_steps()
    from flexprice_wallets.commands.main import main

    main()
