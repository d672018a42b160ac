"""The long story of the suite, replicated after every load, with kills."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flexprice_emulator import Emulator, World
from flexprice_wallets.replicate.replicate import replicate
from tests.command_line import PROGRAM
from tests.history.stage import Run, Stage
from tests.history.story import BEGIN, story

_KILLED_EVERY = 4


@dataclass(frozen=True, slots=True)
class Moment:
    """When readers of a destination look at it.

    Attributes:
        step: how many loads there were.
        run: the last of them.
        warehouse: what it left.
        shown_before: where a replication has just been killed: the warehouse as of the one before that.
        is_killed: whether one has, and had not ended before.
    """

    step: int
    run: Run
    warehouse: Path
    shown_before: Path | None = None
    is_killed: bool = False


def told(destination: str, folder: Path, steps: range) -> Iterator[Moment]:
    """Load each act of the story and replicate it, to where dlt's configuration leads.

    Every fourth replication is killed once before: by turns at any time, and when all rows are there and not committed.

    Args:
        destination: name of the engine.
        folder: for the warehouse.
        steps: those that are replicated. The first one sends all loads before it, too; the story ends before their end.
    """
    chance = random.Random(7)
    before = folder / "shown.duckdb"
    world = World(24, seed=5, contract="2026-08", now=BEGIN)
    with Emulator(world=world, numbers_as="mixed") as emulator:
        stage = Stage(emulator, folder / "warehouse.duckdb")
        lasted = 0.0
        for step, run in enumerate(story(stage), start=1):
            if step >= steps.stop:
                break
            stage.load(run)
            if step not in steps:
                continue
            if before.exists() and step % _KILLED_EVERY == 0:
                at_random = chance.uniform(0.5, lasted + 2)
                seconds = at_random if step % (2 * _KILLED_EVERY) else None
                is_killed = _replicate_and_kill(destination, stage.database, seconds)
                yield Moment(step, run, stage.database, before, is_killed)
            began = time.monotonic()
            replicate(destination, stage.database)
            lasted = time.monotonic() - began
            yield Moment(step, run, stage.database)
            shutil.copyfile(stage.database, before)


def two_at_once(destination: str, warehouse: Path) -> tuple[list[int], list[tuple[str, str]]]:
    """Replicate by two processes at the same time; returns their exit codes, sorted, and what each printed."""
    processes = [
        subprocess.Popen(
            [*PROGRAM, "replicate", "--destination", destination, "--database", str(warehouse)],
            env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    outputs = [process.communicate(timeout=300) for process in processes]
    return sorted(process.returncode for process in processes), outputs


def _replicate_and_kill(destination: str, warehouse: Path, seconds: float | None) -> bool:
    """Run the command and kill it, after a while or when all rows have been sent; whether it was still at work."""
    process = subprocess.Popen(
        [*PROGRAM, "replicate", "-v", "--destination", destination, "--database", str(warehouse)],
        cwd=warehouse.parent, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    try:
        if seconds is None:
            assert process.stderr is not None
            # Said once they have arrived.
            next((line for line in process.stderr if " rows of " in line), None)
            process.kill()
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    return process.returncode == -signal.SIGKILL
