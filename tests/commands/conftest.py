"""Commands run in this process, in a folder of their own, with nobody's settings; and an API for them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flexprice_emulator import Emulator
from flexprice_wallets.commands.main import run
from tests.command_line import Ended
from tests.small_history import SmallHistory, small_history

Command = Callable[..., Ended]


@pytest.fixture(scope="session")
def shared_emulator() -> Iterator[Emulator]:
    with Emulator(customers=12, seed=3) as running:
        yield running


@pytest.fixture
def emulator(shared_emulator: Emulator) -> Iterator[Emulator]:
    """An API with twelve customers; faults put in force end with the test. Nobody may move its world."""
    yield shared_emulator
    shared_emulator.faults.clear()


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> SmallHistory:
    return small_history(tmp_path_factory)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder and home of the commands: empty, as is their part of the environment."""
    for name in os.environ:
        if name.startswith(("FLEXPRICE_", "SOURCES__", "DLT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def command(
    folder: Path,  # noqa: ARG001 - it must be the working folder
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Command]:
    """Runs `flexprice-wallets` in this process."""
    loggers = [logging.getLogger(name) for name in ("", "flexprice_wallets", "dlt")]
    before = [([*logger.handlers], logger.level, logger.propagate) for logger in loggers]

    def run_here(*arguments: str) -> Ended:
        capfd.readouterr()
        code = run(list(map(str, arguments)))
        return Ended(code, *capfd.readouterr())

    yield run_here
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate


@pytest.fixture
def connected(command: Command, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The same with key and address of the emulator in the environment."""
    monkeypatch.setenv("FLEXPRICE_API_KEY", emulator.api_key)
    monkeypatch.setenv("FLEXPRICE_BASE_URL", emulator.base_url)
    return command
