"""One run at a time for each warehouse. Must stay light: it is taken before anything heavy is imported."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from filelock import FileLock, Timeout

from flexprice_wallets.errors import AnotherRunAtWork, ConfigurationError, StorageError
from flexprice_wallets.warehouse.paths import WarehousePaths

_PATIENCE_FOR_NAME = 0.5


@contextmanager
def exclusive_run(paths: WarehousePaths) -> Iterator[None]:
    """Hold the warehouse's lock. The kernel frees it when the process dies, however it dies.

    Raises:
        AnotherRunAtWork: where a living process holds it; the message names that one.
        ConfigurationError: where the folder does not exist.
        StorageError: where the folder may not be written.
    """
    if not paths.published.parent.is_dir():
        raise ConfigurationError(
            f"The folder of --database {paths.published} does not exist: create it, or name another place."
        )
    # A lock that only its first user may write would shut out everybody else of a group.
    lock = FileLock(paths.lock, mode=0o666 & ~current_umask(), is_singleton=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise AnotherRunAtWork(
            f"Another run is at work on {paths.published.name}{_who(paths)}: "
            "wait until it is done and run again."
        ) from None
    except OSError as error:
        raise folder_error(paths, error) from error
    try:
        yield
    finally:
        lock.release()


def current_umask() -> int:
    """The rights that new files of this process do not get."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def run_description() -> str:
    """Who is at work, as JSON for the run file."""
    return json.dumps(
        {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    )


def folder_error(paths: WarehousePaths, error: OSError) -> StorageError:
    """The error for a folder that cannot be worked in."""
    return StorageError(
        f"The folder of {paths.published} cannot be written ({error.strerror or error}): "
        "make it writable, or name another --database."
    )


def _who(paths: WarehousePaths) -> str:
    """The process at work; it writes its name just after it took the lock, so it is given a moment."""
    deadline = time.monotonic() + _PATIENCE_FOR_NAME
    while True:
        try:
            run = json.loads(paths.run_file.read_text(encoding="utf-8"))
            if _may_live(run):
                return f" (process {run['pid']} on {run['host']}, since {run['started_at']})"
        except (OSError, ValueError, KeyError, TypeError):
            pass
        if time.monotonic() > deadline:
            return ""
        time.sleep(0.02)


def _may_live(run: dict[str, Any]) -> bool:
    """Whether a run file can be that of a living process; a killed run's is there until the next has cleared up."""
    if run["host"] != socket.gethostname():
        return True
    try:
        os.kill(run["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
