"""A folder that is written beside its place and put there in one step; what others put there stays theirs."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from flexprice_wallets.errors import AnotherRunAtWork, ConfigurationError, StorageError
from flexprice_wallets.use.export.exchange import exchange
from flexprice_wallets.warehouse.lock import current_umask

MANIFEST: Final = "manifest.json"
_WRITTEN_BY: Final = "flexprice-wallets export"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export says of itself in `manifest.json`; the same for the same snapshot."""

    file_format: str
    snapshot_id: str | None
    rows: dict[str, int]


@dataclass(slots=True)
class NewFolder:
    """The folder to write into; it takes its place once the manifest is set."""

    path: Path
    manifest: Manifest | None = None


@contextmanager
def replaced_folder(folder: Path) -> Iterator[NewFolder]:
    """A new folder that replaces `folder` at the end of the block; nothing changes where the block fails.

    Raises:
        ConfigurationError: where `folder` holds anything that no export wrote.
        AnotherRunAtWork: where another process is replacing it.
        StorageError: where the file system refuses.
    """
    place = folder.expanduser().resolve()
    if not place.parent.is_dir():
        raise ConfigurationError(
            f"The folder that {folder} is to be in does not exist: create it, or name another place."
        )
    lock = FileLock(
        place.with_name(f".{place.name}.lock"), mode=0o666 & ~current_umask(), is_singleton=False
    )
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise AnotherRunAtWork(
            f"Another export into {folder} is under way: wait until it is done and run again."
        ) from None
    except OSError as error:
        raise _refused(folder, error) from error
    try:
        _require_ours(place)
        new = NewFolder(place.with_name(f".{place.name}.exporting"))
        try:
            shutil.rmtree(new.path, ignore_errors=True)  # what a killed export left
            new.path.mkdir()
            yield new
            _require_ours(place)
            _write_manifest(new)
            _follow_umask(new.path)
            _put_in_place(new.path, place)
        except OSError as error:
            raise _refused(folder, error) from error
        finally:
            shutil.rmtree(new.path, ignore_errors=True)
    finally:
        lock.release()


def _follow_umask(place: Path) -> None:
    """Give all below `place` the rights of any new folder and file: DuckDB makes folders no group may write."""
    umask = current_umask()
    for path in place.rglob("*"):
        path.chmod((0o777 if path.is_dir() else 0o666) & ~umask)


def _require_ours(place: Path) -> None:
    """Refuse a folder that holds files which no export wrote: they would be lost."""
    if not place.exists():
        return
    if not place.is_dir():
        raise ConfigurationError(f"{place} is a file: name a folder.")
    found = set(_files(place))
    if not found:
        return
    foreign = sorted(found - _known_files(place) - {MANIFEST})
    if foreign:
        raise ConfigurationError(
            f"{place} holds {foreign[0]!r}, which no export wrote: name another folder, or an empty one."
        )


def _known_files(place: Path) -> set[str]:
    try:
        content = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        if content["written_by"] == _WRITTEN_BY:
            return set(content["files"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise ConfigurationError(
        f"{place} is not empty, and no export wrote it (it has no {MANIFEST} of ours): name another folder."
    )


def _write_manifest(new: NewFolder) -> None:
    if new.manifest is None:
        raise ValueError("the new folder has no manifest")
    content = {
        "written_by": _WRITTEN_BY,
        "format": new.manifest.file_format,
        "snapshot_id": new.manifest.snapshot_id,
        "rows": new.manifest.rows,
        "files": sorted(_files(new.path)),
    }
    text = json.dumps(content, indent=2) + "\n"
    (new.path / MANIFEST).write_text(text, encoding="utf-8")


def _put_in_place(new: Path, place: Path) -> None:
    if not place.exists():
        new.rename(place)
    else:
        new.chmod(place.stat().st_mode & 0o7777)
        exchange(new, place)


def _files(folder: Path) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        for name in names:
            yield (Path(parent) / name).relative_to(folder).as_posix()


def _refused(folder: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{folder} cannot be written ({error.strerror or error}): "
        "free space, make its parent folder writable, or name another place."
    )
