"""An API for the recipes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flexprice_emulator import Emulator
from tests.schedules.recipes import Place


@pytest.fixture(scope="session")
def shared_emulator() -> Iterator[Emulator]:
    with Emulator(customers=12, seed=3) as running:
        yield running


@pytest.fixture
def emulator(shared_emulator: Emulator) -> Iterator[Emulator]:
    """An API with twelve customers; faults put in force end with the test."""
    yield shared_emulator
    shared_emulator.faults.clear()


@pytest.fixture
def place(tmp_path: Path, emulator: Emulator) -> Place:
    return Place(tmp_path, emulator)
