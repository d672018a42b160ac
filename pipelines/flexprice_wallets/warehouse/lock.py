"""One run at a time for each warehouse. Must stay light: it is taken before anything heavy is imported."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from flexprice_wallets.errors import AnotherRunAtWork, ConfigurationError, StorageError
from flexprice_wallets.warehouse.paths import WarehousePaths

_PATIENCE_FOR_NAME = 0.5
#: How `flock` says that somebody else holds the lock.
_HELD: Final = frozenset({errno.EACCES, errno.EAGAIN})


class LockHeld(Exception):
    """Another process, or another thread of this one, holds the lock."""


@contextmanager
def held_lock(path: Path) -> Iterator[None]:
    """Hold the lock that a file stands for; the file stays. The kernel frees it when the process dies, however it dies.

    The file's mode is left to the umask, so that those who share a folder share its locks.

    Raises:
        LockHeld: where it is held already.
        ConfigurationError: on a system that has no such locks.
        OSError: where the file can be neither created nor opened.
    """
    if sys.platform == "win32":
        raise ConfigurationError(
            "Warehouses can be written on Linux, macOS and other POSIX systems only: on Windows, run this in WSL."
        )
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:
        # Somebody else's lock file, which they alone may write: reading it is enough on every local file system.
        descriptor = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _HELD:
                raise LockHeld from error
            raise
        yield
    finally:
        os.close(descriptor)


@contextmanager
def exclusive_run(paths: WarehousePaths) -> Iterator[None]:
    """Hold the warehouse's lock.

    Raises:
        AnotherRunAtWork: where a living process holds it; the message names that one.
        ConfigurationError: where the folder does not exist.
        StorageError: where the folder may not be written.
    """
    if not paths.published.parent.is_dir():
        raise ConfigurationError(
            f"The folder of --database {paths.published} does not exist: create it, or name another place."
        )
    with ExitStack() as stack:
        try:
            stack.enter_context(held_lock(paths.lock))
        except LockHeld:
            raise AnotherRunAtWork(
                f"Another run is at work on {paths.published.name}{_who(paths)}: "
                "wait until it is done and run again."
            ) from None
        except OSError as error:
            raise folder_error(paths, error) from error
        yield


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
        except PermissionError:  # another user's, whose folder is private
            return ""
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
