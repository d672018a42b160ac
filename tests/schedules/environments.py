"""The orchestrators, each with this project's wheel beside it in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.environments import CHECKOUT, python_with

#: What pip has to fit together with the wheel and all that it needs.
ORCHESTRATORS: Final = {
    "airflow": ("apache-airflow>=3.1,<4",),
    "dagster": ("dagster==1.13.*",),
}
#: Read manifests and workflows as their services do, from schemas that they bring along.
VALIDATORS: Final = ("kubernetes-validate>=1.31", "check-jsonschema>=0.30")


def built_wheel(folder: Path) -> Path:
    """The wheel of this checkout, built as `make wheel` does.

    Raises:
        subprocess.CalledProcessError: it cannot be built.
    """
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir"]
    subprocess.run([*build, str(folder), str(CHECKOUT)], capture_output=True, check=True)
    [wheel] = folder.glob("*.whl")
    return wheel


def orchestrator(name: str, wheel: Path) -> Path:
    """The interpreter of an orchestrator's environment.

    Raises:
        RuntimeError: pip cannot fit the two together.
    """
    return python_with(CHECKOUT / f".venv-{name}", ORCHESTRATORS[name], wheel)


def validators() -> Path:
    """The interpreter of the environment with the validators.

    Raises:
        RuntimeError: pip cannot make it.
    """
    return python_with(CHECKOUT / ".venv-validators", VALIDATORS)
