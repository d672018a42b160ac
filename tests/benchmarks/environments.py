"""Environments of their own for the peers; kept in the checkout, where git ignores them."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parents[2]
PEERS: Final = Path(__file__).resolve().parent / "peers"


class NotInstalled(Exception):
    """A peer's packages are not here, and nobody asked for them to be installed."""


def environment_of(peer: str, *, install: bool) -> Path:
    """The folder of the environment that holds what `peers/<peer>.txt` lists.

    Raises:
        NotInstalled: it is not there and `install` is false, or pip cannot make it.
    """
    requirements = PEERS / f"{peer}.txt"
    folder = CHECKOUT / f".venv-peer-{peer}"
    stamp = folder / "made-of.txt"
    recipe = hashlib.sha256(requirements.read_bytes()).hexdigest() + f"\n{CHECKOUT}\n{sys.version}"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == recipe:
        return folder
    if not install:
        raise NotInstalled(peer)
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=False, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install"]
    done = subprocess.run(
        [*pip, "--quiet", "--requirement", str(requirements)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotInstalled(f"{peer}: {done.stderr.strip()[-300:]}")
    stamp.write_text(recipe, encoding="utf-8")
    return folder


def version_in(folder: Path, package: str) -> str:
    """The version of a package in an environment."""
    name = package.replace("-", "_")
    found = sorted(folder.glob(f"lib/python*/site-packages/{name}-*.dist-info"))
    return found[0].name.removesuffix(".dist-info").rpartition("-")[2] if found else "?"
