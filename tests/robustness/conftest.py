"""A world small enough to be loaded again and again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flexprice_emulator import Emulator


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(customers=40, seed=5) as running:
        yield running


@pytest.fixture
def database(tmp_path: Path) -> Path:
    folder = tmp_path / "warehouse"
    folder.mkdir()
    return folder / "warehouse.duckdb"
