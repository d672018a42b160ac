"""The long story of the suite, replicated after every load, with kills: the replica shows what DuckDB shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.replicate.comparison import row_count
from tests.replicate.places import Place, differences
from tests.replicate.telling import told

#: Each part has its own test, which has only so much time. The later one sends all loads of the earlier one at once.
_HALF = 18


@pytest.mark.slow
@pytest.mark.parametrize("steps", [range(1, _HALF), range(_HALF, 100)], ids=["earlier", "later"])
def test_the_story_after_every_load_and_kill(steps: range, tmp_path: Path, place: Place) -> None:
    rows = kills = 0
    for moment in told(place.destination, tmp_path, steps):
        if moment.shown_before:
            either = (moment.warehouse, moment.shown_before)
            whole = [warehouse for warehouse in either if not differences(warehouse, place)]
            assert whole, f"a kill in step {moment.step} left something half shown"
            kills += moment.is_killed
        else:
            found = differences(moment.warehouse, place)
            assert not found, f"after step {moment.step}, {moment.run}:\n" + "\n".join(found)
            rows += row_count(moment.warehouse)
    assert moment.step >= min(steps.stop - 1, 30)
    assert kills >= 2
    assert rows > 10_000
