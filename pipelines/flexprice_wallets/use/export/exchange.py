"""Exchanges two folders in one step, where the system can."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
#: Not on this system, or not on this file system.
_UNSUPPORTED: Final = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}


def exchange(one: Path, other: Path) -> None:
    """Give two folders of one file system each other's names.

    In one step on Linux; elsewhere there is a moment in which `other` does not exist.

    Raises:
        OSError: the system refuses; both are then what they were.
    """
    if not _exchange_at_once(one, other):
        _exchange_by_turns(one, other)


def is_supported(folder: Path) -> bool:
    """Whether it happens in one step on the file system of this folder."""
    with TemporaryDirectory(dir=folder) as one, TemporaryDirectory(dir=folder) as other:
        return _exchange_at_once(Path(one), Path(other))


def _exchange_at_once(one: Path, other: Path) -> bool:
    """Whether it was done; False where the system does not know how."""
    if sys.platform != "linux":
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    names = (os.fsencode(one), os.fsencode(other))
    if rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(other))


def _exchange_by_turns(one: Path, other: Path) -> None:
    aside = other.with_name(f"{one.name}.old")
    other.rename(aside)
    try:
        one.rename(other)
    except OSError:
        aside.rename(other)
        raise
    aside.rename(one)
