"""Runs the command as people do: a process of its own, in a folder of its own, with nobody's settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROGRAM = (sys.executable, "-m", "flexprice_wallets")
_KEPT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def environment(home: Path, **variables: str) -> dict[str, str]:
    """The environment of a command: an empty home, and no settings but these."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    # dlt keeps the state of other people's pipelines elsewhere where the user is root.
    own = {"HOME": str(home), "DLT_DATA_DIR": str(home / ".dlt-data"), "PYTHONNOUSERSITE": "1"}
    return {**kept, **own, **variables}


def run_process(
    command: tuple[str, ...], folder: Path, variables: Mapping[str, str], *, timeout: float = 60
) -> Ended:
    """Run any command in a folder, which is its home as well."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(folder, **variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def run_program(folder: Path, variables: Mapping[str, str], *arguments: str) -> Ended:
    """Run `flexprice-wallets` with these arguments."""
    return run_process((*PROGRAM, *arguments), folder, variables)
