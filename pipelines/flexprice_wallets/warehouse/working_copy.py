"""The private copy of the published file, and putting it in place."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flexprice_wallets.errors import StorageError
from flexprice_wallets.warehouse.lock import folder_error, run_description
from flexprice_wallets.warehouse.paths import WarehousePaths

_logger = logging.getLogger(__name__)

#: Linux's request to share the blocks of two files (linux/fs.h).
_FICLONE = 0x40049409

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
            # What is in it is as private as the warehouse may be.
            paths.working_folder.mkdir(mode=0o700)
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
            _copy(paths.published, paths.copy)
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


def publish(paths: WarehousePaths, before_replacing: Callable[[], None] = lambda: None) -> None:
    """Put the copy in place of the published file in one step: readers see the old file or the new one, never both.

    The copy must be closed. Whoever has the old file open keeps reading it. `before_replacing` is called when nothing
    is left to do but the replacement.

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
            _take_over_rights(paths.published, paths.copy)
        _flush(paths.copy)
        before_replacing()
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
    except (
        OSError
    ) as error:  # some network file systems cannot; the file is in its place all the same
        _logger.warning(
            "The folder of %s could not be written through to the disk (%s): the snapshot is published, but a power "
            "cut right now could still take it back.",
            paths.published,
            error.strerror,
        )


def _copy(source: Path, target: Path) -> None:
    """Copy a file; from the first byte on nobody may read the copy who may not read the source."""
    target.unlink(missing_ok=True)
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    _take_over_rights(source, target, also=stat.S_IRUSR | stat.S_IWUSR)
    if not _share_blocks(source, target):
        shutil.copyfile(source, target)


def _share_blocks(source: Path, target: Path) -> bool:
    """Have the file system keep one set of blocks for both files until one changes, where it can (XFS, btrfs)."""
    if sys.platform != "linux":
        return False
    with open(source, "rb") as original, open(target, "wb") as copy:
        try:
            fcntl.ioctl(copy.fileno(), _FICLONE, original.fileno())
        except OSError as error:
            _logger.debug("The file system copies the warehouse whole (%s).", error.strerror)
            return False
    _logger.debug("The working copy shares its blocks with the published file.")
    return True


def _take_over_rights(source: Path, target: Path, *, also: int = 0) -> None:
    """Give `target` the owner and group (where this user may), and the mode of `source` with `also` added."""
    status = source.stat()
    mode = status.st_mode & 0o777
    for owner, group in ((status.st_uid, -1), (-1, status.st_gid)):
        try:
            os.chown(target, owner, group)
        except OSError as error:  # not allowed, or not known to the file system
            _logger.debug(
                "%s keeps another owner or group than %s (%s).",
                target.name,
                source.name,
                error.strerror,
            )
    if target.stat().st_gid != status.st_gid:
        mode &= ~stat.S_IRWXG  # what one group may is nothing for another
    target.chmod(mode | also)


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
