"""The private copy of the published file, and putting it in place."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flexprice_wallets.errors import StorageError
from flexprice_wallets.warehouse.lock import folder_error, run_description
from flexprice_wallets.warehouse.paths import WarehousePaths

_logger = logging.getLogger(__name__)

#: Room that a run needs beside the copy itself, in bytes: dlt's files, DuckDB's growth and write-ahead log.
_ROOM_BESIDE_COPY = 64 * 1024 * 1024
#: A copy made while another program wrote into the published file may hold halves of two states.
_COPIES_TRIED = 3


@contextmanager
def working_folder(paths: WarehousePaths) -> Iterator[None]:
    """The private folder of this run; gone when the run is over. What a killed run left is removed first.

    The lock must be held.

    Raises:
        StorageError: where there is not enough room, or the folder may not be written.
    """
    remove_leftovers(paths)
    _require_room(paths)
    try:
        try:
            paths.working_folder.mkdir()
            paths.pipelines_folder.mkdir(mode=0o700)
            paths.run_file.write_text(run_description(), encoding="utf-8")
        except OSError as error:
            raise folder_error(paths, error) from error
        yield
    finally:
        shutil.rmtree(paths.pipelines_folder, ignore_errors=True)
        shutil.rmtree(paths.working_folder, ignore_errors=True)


def remove_leftovers(paths: WarehousePaths) -> None:
    """Remove the folder of a run that was killed, and say so."""
    if paths.working_folder.exists():
        _logger.warning("A former run was killed at work; its unpublished files are removed.")
        try:
            if paths.pipelines_folder.exists():
                shutil.rmtree(paths.pipelines_folder)
            shutil.rmtree(paths.working_folder)
        except OSError as error:
            raise folder_error(paths, error) from error


def copy_published(paths: WarehousePaths) -> bool:
    """Copy the published file into the working folder; False where there is none yet.

    Only the file itself counts: the rows in a `.wal` beside it were never published.
    """
    try:
        for _ in range(_COPIES_TRIED):
            before = _state(paths.published)
            shutil.copyfile(paths.published, paths.copy)
            if _state(paths.published) == before:
                return True
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StorageError(
            f"{paths.published} cannot be copied ({error.strerror or error}): "
            "free space or mend the permissions."
        ) from error
    raise StorageError(
        f"{paths.published} is being written by another program: close it there and run again."
    )


def publish(paths: WarehousePaths) -> None:
    """Put the copy in place of the published file in one step: readers see the old file or the new one, never both.

    The copy must be closed. Whoever has the old file open goes on reading it.

    Raises:
        StorageError: where the file system refuses; the published file is then what it was.
    """
    try:
        copy_wal = paths.copy.with_name(f"{paths.copy.name}.wal")
        if copy_wal.exists():
            raise StorageError(
                f"{paths.copy.name} was not closed properly; nothing was published. Run again."
            )
        if paths.published.exists():
            shutil.copymode(paths.published, paths.copy)
        _flush(paths.copy)
        if paths.foreign_wal.exists():
            _logger.warning(
                "Another program wrote into %s and left %s: its rows are not part of the history and are removed.",
                paths.published.name,
                paths.foreign_wal.name,
            )
            paths.foreign_wal.unlink()
        os.replace(paths.copy, paths.published)
        _flush(paths.published.parent)
    except OSError as error:
        raise folder_error(paths, error) from error


def _state(path: Path) -> tuple[int, int, int]:
    """What differs once somebody wrote into the file or replaced it."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _require_room(paths: WarehousePaths) -> None:
    try:
        size = paths.published.stat().st_size
    except FileNotFoundError:
        size = 0
    except OSError as error:
        raise folder_error(paths, error) from error
    needed = 2 * size + _ROOM_BESIDE_COPY
    try:
        free = shutil.disk_usage(paths.published.parent).free
    except OSError as error:
        raise folder_error(paths, error) from error
    if free < needed:
        raise StorageError(
            f"The file system of {paths.published} has {free // 2**20} MiB free, a run needs "
            f"{needed // 2**20} MiB: free space, or name another --database."
        )


def _flush(path: Path) -> None:
    """Have the kernel write a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
