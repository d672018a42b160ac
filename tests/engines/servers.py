"""Servers on loopback: started as programs of their own, waited for, and stopped."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def running(
    command: list[Any], log: Path, variables: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Start a server, and stop it.

    Args:
        command: that starts it.
        log: file for what it says; it works in that file's folder.
        variables: of its environment, beside ours.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**inherited, **(variables or {})},
            cwd=log.parent,
        )  # fmt: skip
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def wait_for(is_ready: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until a server is ready.

    Raises:
        RuntimeError: it is not, after so many seconds.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if is_ready():
                return
        except OSError:
            pass
        time.sleep(0.5)
    raise RuntimeError(f"{what} has not started within {seconds:.0f} s")
