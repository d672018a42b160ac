"""What the tools are tried on: the small history, quiet and while loads go on, and the README's queries."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.bi.environments import CHECKOUT, python_of
from tests.command_line import environment
from tests.readme.fenced_blocks import fenced_blocks
from tests.small_history import SmallHistory, small_history

Read = Callable[[str, str, Path], dict[str, Any]]


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> SmallHistory:
    return small_history(tmp_path_factory)


@pytest.fixture(scope="session")
def queries(history: SmallHistory) -> list[str]:
    """The README's queries, about the wallet of the story."""
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    return [
        block.text.replace("wallet_X", history.wallet_id).strip().rstrip(";")
        for block in fenced_blocks(readme)
        if block.language == "sql"
    ]


@pytest.fixture(scope="session")
def read(queries: list[str], tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Runs a client's script in an environment of its own; returns what it read."""
    folder = tmp_path_factory.mktemp("clients")
    asked = folder / "queries.json"
    asked.write_text(json.dumps(queries), encoding="utf-8")

    def read_with(name: str, script: str, warehouse: Path) -> dict[str, Any]:
        done = subprocess.run(
            [python_of(name), Path(__file__).parent / "clients" / script, warehouse, asked],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={k: v for k, v in environment(folder).items() if k != "PYTHONPATH"},
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return read_with


class Loads:
    """Loads, one after another, in the background."""

    def __init__(self, history: SmallHistory, warehouse: Path) -> None:
        self.warehouse = warehouse
        self.published = 0
        self.failures: list[str] = []
        self._history = history
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Loads:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        with self._history.emulated() as emulator:
            variables = {
                "FLEXPRICE_API_KEY": emulator.api_key,
                "FLEXPRICE_BASE_URL": emulator.base_url,
            }
            command = [sys.executable, "-m", "flexprice_wallets", "load", "--database"]
            while not self._is_over.is_set():
                emulator.world.debit(self._history.wallet_id, Decimal("0.0001"))
                done = subprocess.run(
                    [*command, self.warehouse],
                    env=environment(self.warehouse.parent, **variables),
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if done.returncode:
                    self.failures.append(done.stderr)
                    return
                self.published += 1


@pytest.fixture
def loads(history: SmallHistory, tmp_path: Path) -> Iterator[Loads]:
    with Loads(history, history.copy(tmp_path)) as running:
        yield running
    assert running.failures == []
