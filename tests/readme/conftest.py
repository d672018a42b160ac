"""The README, and what its examples are tried on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flexprice_emulator import Emulator
from tests.small_history import SmallHistory, small_history

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def readme() -> str:
    return (CHECKOUT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> SmallHistory:
    return small_history(tmp_path_factory)


@pytest.fixture(scope="session")
def emulator(history: SmallHistory) -> Iterator[Emulator]:
    with history.emulated() as running:
        yield running
