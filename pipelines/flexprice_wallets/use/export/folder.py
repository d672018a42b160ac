"""A folder that is written beside its place and put there in one step; what others put there stays theirs."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flexprice_wallets.errors import (
    AnotherRunAtWork,
    ConfigurationError,
    ExitCode,
    StorageError,
)
from flexprice_wallets.signals import committing
from flexprice_wallets.use.export.exchange import exchange
from flexprice_wallets.warehouse.lock import LockHeld, held_lock
from flexprice_wallets.warehouse.paths import expanded_path

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
    place = expanded_path(folder).resolve()
    if not place.parent.is_dir():
        raise ConfigurationError(
            f"The folder that {folder} is to be in does not exist: create it, or name another place."
        )
    with ExitStack() as stack:
        try:
            stack.enter_context(held_lock(place.with_name(f".{place.name}.lock")))
        except LockHeld:
            raise AnotherRunAtWork(
                f"Another export into {folder} is under way: wait until it is done and run again."
            ) from None
        except OSError as error:
            raise _refused(folder, error) from error
        _require_ours(place)
        new = NewFolder(place.with_name(f".{place.name}.exporting"))
        try:
            shutil.rmtree(new.path, ignore_errors=True)  # what a killed export left
            new.path.mkdir()
            yield new
            _require_ours(place)
            _write_manifest(new)
            _open_to_all_that_may_enter(new.path)
            _put_in_place(new.path, place)
        except OSError as error:
            raise _refused(folder, error) from error
        finally:
            shutil.rmtree(new.path, ignore_errors=True)


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
        with committing(ExitCode.COMPLETE):
            new.rename(place)
    else:
        new.chmod(place.stat().st_mode & 0o7777)
        with committing(ExitCode.COMPLETE):
            exchange(new, place)


def _open_to_all_that_may_enter(new: Path) -> None:
    """Give the folders within the rights that the umask gave this one: DuckDB makes its own for the owner to write."""
    mode = new.stat().st_mode & 0o7777
    for parent, names, _ in os.walk(new):
        for name in names:
            (Path(parent) / name).chmod(mode)


def _files(folder: Path) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        for name in names:
            yield (Path(parent) / name).relative_to(folder).as_posix()


def _refused(folder: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{folder} cannot be written ({error.strerror or error}): "
        "free space, make its parent folder writable, or name another place."
    )
