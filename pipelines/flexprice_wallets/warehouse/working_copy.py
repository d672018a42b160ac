"""The private copy of the published file, and putting it in place."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flexprice_wallets.errors import ExitCode, StorageError
from flexprice_wallets.signals import committing
from flexprice_wallets.warehouse.file_copy import can_share, copy_file, take_over_owner
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

    Only this user can look into it, whatever the umask. The lock must be held.

    Raises:
        StorageError: where there is not enough room, or the folder may not be written.
    """
    remove_leftovers(paths)
    try:
        try:
            paths.working_folder.mkdir(mode=0o700)
            is_shared = can_share(paths.working_folder)
            _require_room(paths, is_shared=is_shared)
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
    try:
        if paths.working_folder.exists():
            _logger.warning("An earlier run was killed at work; its unpublished files are removed.")
            try:
                shutil.rmtree(paths.working_folder)
            except PermissionError:
                _put_aside(paths.working_folder)
        if paths.pipelines_folder.exists():  # where it is not in there
            shutil.rmtree(paths.pipelines_folder)
    except OSError as error:
        raise folder_error(paths, error) from error


def _put_aside(folder: Path) -> None:
    """Rename another user's private folder, which they alone can remove: it must not stop everybody else's runs."""
    aside = folder.with_name(f"{folder.name}-{time.time_ns()}")
    folder.rename(aside)
    _logger.warning("They belong to another user, who can remove them: %s.", aside)


def copy_published(paths: WarehousePaths) -> bool:
    """Copy the published file into the working folder; False where there is none yet.

    Only the file itself counts: the rows in a `.wal` beside it were never published.

    Raises:
        StorageError: where it cannot be read or copied, or another program writes into it.
    """
    try:
        for _ in range(_COPIES_TRIED):
            before = _state(paths.published)
            is_shared = copy_file(paths.published, paths.copy)
            if _state(paths.published) == before:
                _logger.debug(
                    "The working copy %s.",
                    "shares the blocks of the published file (reflink)"
                    if is_shared
                    else "is a whole one: this file system cannot share blocks",
                )
                return True
    except FileNotFoundError:
        return False
    except PermissionError as error:
        raise StorageError(
            f"{paths.published} may not be read ({error.strerror}): give yourself the right to read the file."
        ) from error
    except OSError as error:
        raise StorageError(
            f"{paths.published} cannot be copied ({error.strerror or error}): free space or mend the permissions."
        ) from error
    raise StorageError(
        f"{paths.published} is being written by another program: close it there and run again."
    )


def publish(paths: WarehousePaths, exit_code: ExitCode = ExitCode.COMPLETE) -> None:
    """Put the copy in place of the published file in one step: readers see the old file or the new one, never both.

    The copy must be closed. Whoever has the old file open keeps reading the old version. Once the file is replaced the
    run has succeeded: nothing that fails, and no signal that comes, makes it a failure any more.

    Args:
        paths: the warehouse's.
        exit_code: how a command ends that has published this copy.

    Raises:
        StorageError: where the file system refuses; the published file is then what it was.
        Interrupted: where a signal came before the replacement.
    """
    try:
        copy_wal = paths.copy.with_name(f"{paths.copy.name}.wal")
        if copy_wal.exists():
            raise StorageError(
                f"{paths.copy.name} was not closed properly; nothing was published. Run again."
            )
        _take_over_owner(paths)
        _flush(paths.copy)
        with committing(exit_code):
            if paths.foreign_wal.exists():
                _logger.warning(
                    "Another program wrote into %s and left %s: its rows are not part of the history and are removed.",
                    paths.published.name,
                    paths.foreign_wal.name,
                )
                paths.foreign_wal.unlink()
            os.replace(paths.copy, paths.published)
    except OSError as error:
        raise folder_error(paths, error) from error
    try:
        _flush(paths.published.parent)
    except OSError as error:
        _logger.warning(
            "The folder of %s could not be flushed to the disk (%s): the new file is published, but should the "
            "machine lose power now, the earlier one may be there again.",
            paths.published.name,
            error.strerror or error,
        )


def _take_over_owner(paths: WarehousePaths) -> None:
    """Give the copy the rights that the published file has now."""
    try:
        status = paths.published.stat()
    except FileNotFoundError:
        return
    descriptor = os.open(paths.copy, os.O_RDONLY)
    try:
        has_group = take_over_owner(status, descriptor)
    finally:
        os.close(descriptor)
    if not has_group:
        _logger.warning(
            "%s loses the rights of its group: this user is no member of group %d and cannot keep it.",
            paths.published.name,
            status.st_gid,
        )


def _state(path: Path) -> tuple[int, int, int]:
    """What differs once somebody wrote into the file or replaced it."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _require_room(paths: WarehousePaths, *, is_shared: bool) -> None:
    """Make sure that there is room for the copy, if it needs any, and for as much again to be written.

    Raises:
        StorageError: where there is not.
        OSError: the file system refuses.
    """
    try:
        size = paths.published.stat().st_size
    except FileNotFoundError:
        size = 0
    needed = (1 if is_shared else 2) * size + _ROOM_BESIDE_COPY
    free = shutil.disk_usage(paths.published.parent).free
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
