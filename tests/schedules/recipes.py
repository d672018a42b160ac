"""The recipes, and a place where their commands are run as they stand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from flexprice_emulator import Emulator
from flexprice_wallets.warehouse.lock import exclusive_run
from flexprice_wallets.warehouse.paths import WarehousePaths, resolved_path
from tests.command_line import PROGRAM, Ended, run_process

RECIPES: Final = Path(__file__).resolve().parents[2] / "pipelines" / "schedules"


class Place:
    """A folder that is home, with a key, an API and `flexprice-wallets` on the path."""

    def __init__(self, folder: Path, emulator: Emulator) -> None:
        self.folder = folder
        self.variables = {
            "FLEXPRICE_API_KEY": emulator.api_key,
            "FLEXPRICE_BASE_URL": emulator.base_url,
        }
        self.program = folder / "programs" / "flexprice-wallets"
        self.program.parent.mkdir()
        self.program.write_text(f'#!/bin/sh\nexec "{PROGRAM[0]}" {" ".join(PROGRAM[1:])} "$@"\n')
        self.program.chmod(0o755)

    def run(self, *command: str, **variables: str) -> Ended:
        path = f"{self.program.parent}:{os.environ['PATH']}"
        return run_process(command, self.folder, {**self.variables, "PATH": path, **variables})


@contextmanager
def another_run(database: Path) -> Iterator[None]:
    """Another run at work on a warehouse."""
    with exclusive_run(WarehousePaths(resolved_path(database))):
        yield
