"""Environments of their own for packages that cannot share ours; kept in the checkout, where git ignores them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from filelock import FileLock

CHECKOUT: Final = Path(__file__).resolve().parents[1]


def python_with(folder: Path, packages: Sequence[str], wheel: Path | None = None) -> Path:
    """The interpreter of an environment, made when it is first asked for.

    Args:
        folder: where it lies.
        packages: what it holds, as pip's requirements.
        wheel: a wheel of this project that pip has to fit in beside them; in an environment that is there already, it
            takes the place of an older one.

    Raises:
        RuntimeError: pip cannot make it.
    """
    python = folder / "bin" / "python"
    made_of = folder / "made-of.txt"
    recipe = "\n".join((str(CHECKOUT), sys.version, *packages))
    folder.parent.mkdir(exist_ok=True)
    with FileLock(folder.parent / f"{folder.name}.lock"):
        if not made_of.is_file() or made_of.read_text(encoding="utf-8") != recipe:
            shutil.rmtree(folder, ignore_errors=True)
            venv.create(folder, with_pip=False, symlinks=True)
            _install(python, *packages, *([str(wheel)] if wheel else []))
            made_of.write_text(recipe, encoding="utf-8")
        elif wheel:
            _install(python, "--force-reinstall", "--no-deps", str(wheel))
    return python


def _install(python: Path, *what: str) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    done = subprocess.run([*pip, *what], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"the environment {python.parents[1].name} cannot be made: {done.stderr.strip()}"
        )
