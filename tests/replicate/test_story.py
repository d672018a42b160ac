"""The long story of the suite, replicated after every load, with kills: the replica shows what DuckDB shows."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flexprice_emulator import Emulator, World
from flexprice_wallets.replicate.replicate import replicate
from tests.history.stage import Stage
from tests.history.story import BEGIN, story
from tests.replicate.comparison import row_count
from tests.replicate.places import Place, differences

_KILLED_EVERY = 4


#: Each part has its own test, which has only so much time. The later one sends all loads of the earlier one at once.
_HALF = 18


@pytest.mark.slow
@pytest.mark.parametrize("steps", [range(1, _HALF), range(_HALF, 100)], ids=["earlier", "later"])
def test_the_story_after_every_load_and_kill(steps: range, tmp_path: Path, place: Place) -> None:
    world = World(24, seed=5, contract="2026-08", now=BEGIN)
    chance = random.Random(7)
    shown_before = tmp_path / "shown.duckdb"
    rows = kills = 0
    with Emulator(world=world, numbers_as="mixed") as emulator:
        stage = Stage(emulator, tmp_path / "warehouse.duckdb")
        for step, run in enumerate(story(stage), start=1):
            if step >= steps.stop:
                break
            stage.load(run)
            if step not in steps:
                continue
            if shown_before.exists() and step % _KILLED_EVERY == 0:
                is_killed = _replicate_and_kill(place, stage.database, chance.uniform(0.5, 4.5))
                kills += is_killed
                whole = [w for w in (stage.database, shown_before) if not differences(w, place)]
                assert whole, f"a kill in step {step} left something half shown"
            replicate(place.destination, stage.database)
            found = differences(stage.database, place)
            assert not found, f"after step {step}, {run}:\n" + "\n".join(found)
            rows += row_count(stage.database)
            shutil.copyfile(stage.database, shown_before)
    assert step >= min(steps.stop, 30)
    assert kills >= 2
    assert rows > 10_000


def _replicate_and_kill(place: Place, warehouse: Path, seconds: float) -> bool:
    """Run the command and kill it after a while; whether it was still at work."""
    process = subprocess.Popen(
        [sys.executable, "-m", "flexprice_wallets", "replicate", "--destination",
         place.destination, "--database", str(warehouse)],
        cwd=warehouse.parent, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    return process.wait() == -signal.SIGKILL
