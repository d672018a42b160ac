"""Copies a file, sharing its blocks where the file system can: the copy then takes neither time nor room."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from pathlib import Path
from typing import Final

#: `ioctl_ficlone(2)`: the whole of one file becomes a reflink of another.
_FICLONE: Final = 0x40049409
_PIECE: Final = 4 * 1024 * 1024
#: Not on this system, or not between files of these file systems.
_UNSUPPORTED: Final = frozenset(
    {
        errno.EBADF,
        errno.EINVAL,
        errno.ENOSYS,
        errno.ENOTTY,
        errno.EOPNOTSUPP,
        errno.EPERM,
        errno.ETXTBSY,
        errno.EXDEV,
    }
)


def copy_file(source: Path, target: Path) -> bool:
    """Copy a file's content into a new one, which has its mode, owner and group before it has any of the content.

    The owner of the copy may write it, also where the file itself is read-only.

    Args:
        source: the file to copy.
        target: where the copy goes; what is there is replaced.

    Returns:
        Whether the two share their blocks.

    Raises:
        OSError: the file system refuses; a part of the copy may be there.
    """
    target.unlink(missing_ok=True)
    with open(source, "rb", buffering=0) as original:
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as copy:
            take_over_owner(os.fstat(original.fileno()), copy.fileno(), is_at_work=True)
            if _share(original.fileno(), copy.fileno()):
                return True
            size = os.fstat(original.fileno()).st_size
            # Some file systems copy by themselves, without the bytes coming here.
            if not _copied_by_kernel(original.fileno(), copy.fileno(), size):
                original.seek(0)
                copy.truncate(0)
                shutil.copyfileobj(original, copy, _PIECE)
    return False


def can_share(folder: Path) -> bool:
    """Whether files in this folder can share their blocks; False also where there is no room to try it.

    Raises:
        OSError: no file can be written there.
    """
    one, other = folder / "share-1", folder / "share-2"
    try:
        one.write_bytes(bytes(4096))
        with open(one, "rb", buffering=0) as source, open(other, "wb", buffering=0) as target:
            return _share(source.fileno(), target.fileno())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return False
        raise
    finally:
        one.unlink(missing_ok=True)
        other.unlink(missing_ok=True)


def take_over_owner(status: os.stat_result, descriptor: int, *, is_at_work: bool = False) -> bool:
    """Give an open file the mode, owner and group of another, as far as this user may.

    Args:
        status: that of the other file.
        descriptor: the open file.
        is_at_work: its owner must be able to read and write it, whatever the other's mode.

    Returns:
        Whether the group is the other's. Where it is not, the rights of the group are not given either: they would be
        rights of people whom nobody meant.
    """
    mode = status.st_mode & 0o777 | (0o600 if is_at_work else 0)
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) != (status.st_uid, status.st_gid):
        try:
            os.fchown(descriptor, status.st_uid, status.st_gid)
        except OSError:  # the owner is root's to give, the group its members'
            try:
                os.fchown(descriptor, -1, status.st_gid)
            except OSError:
                os.fchmod(descriptor, mode & ~0o070)
                return False
    os.fchmod(descriptor, mode)
    return True


def _share(source: int, target: int) -> bool:
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return False
        raise
    return True


def _copied_by_kernel(source: int, target: int, size: int) -> bool:
    """Whether the kernel copied all of it; False where it cannot."""
    if sys.platform != "linux":
        return False
    offset = 0
    while offset < size:
        try:
            copied = os.copy_file_range(source, target, min(_PIECE, size - offset), offset, offset)
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                return False
            raise
        if copied == 0:  # the file became shorter, or is none that has a length
            return False
        offset += copied
    return True
