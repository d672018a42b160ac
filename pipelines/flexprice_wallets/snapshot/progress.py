"""How far a run is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Progress:
    """How far a run is, for whoever shows it. `expected` is None until the API has said how many there are."""

    done: int = 0
    expected: int | None = None
