"""Where a warehouse's files are: everything lies beside the published file, on its file system."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from flexprice_wallets.errors import ConfigurationError
from flexprice_wallets.warehouse.names import check_names, check_path

_IS_PLAIN = re.compile(r"[\w\s/.,:;@=+~#&()-]*")


def resolved_path(database: str | os.PathLike[str]) -> Path:
    """The absolute path of a warehouse that somebody named: `~` is their home, and links are followed.

    Every command and `open()` find the file by this.

    Raises:
        ConfigurationError: where there is no such home, the links lead in a circle, or DuckDB cannot open such a path.
    """
    path = expanded_path(database)
    try:
        resolved = path.resolve()
    except ValueError:  # a zero byte, which the check words better
        resolved = path
    except (OSError, RuntimeError) as error:
        raise ConfigurationError(
            f"--database {database} cannot be followed ({_reason(error)}): name the file itself."
        ) from error
    check_path(resolved)
    return resolved


def expanded_path(path: str | os.PathLike[str]) -> Path:
    """A path that somebody named, with `~` as their home.

    Raises:
        ConfigurationError: where there is no such home.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ConfigurationError(
            f"There is no home folder for {os.fspath(path)}: write the path without ~."
        ) from error


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or "links in a circle"


@dataclass(frozen=True, slots=True)
class WarehousePaths:
    """`published` is what people open; symbolic links are resolved, so that a link stays one."""

    published: Path

    @classmethod
    def of(
        cls,
        database: str | os.PathLike[str],
        raw_schema: str = "flexprice_raw",
        schema: str = "flexprice",
    ) -> WarehousePaths:
        """The paths of a warehouse that is to be written, as somebody named it.

        Raises:
            ConfigurationError: as `resolved_path`; or where the file and its schemas have names that DuckDB cannot
                tell apart.
        """
        published = resolved_path(database)
        check_names(published, raw_schema, schema)
        return cls(published)

    @property
    def lock(self) -> Path:
        return self.published.with_name(f".{self.published.name}.lock")

    @property
    def working_folder(self) -> Path:
        """The private folder of the run at work; there is none while nobody works."""
        return self.published.with_name(f".{self.published.name}.loading")

    @property
    def copy(self) -> Path:
        """The copy that the run loads into. Its name is the published one's, which is its catalog's name in DuckDB."""
        return self.working_folder / self.published.name

    @property
    def pipelines_folder(self) -> Path:
        """Where dlt's files go while a run is at work.

        dlt and DuckDB put this path into patterns and SQL texts, where quotes, percent signs and brackets mean
        something else: beside a warehouse with such a path it is a folder for temporary files.
        """
        if _IS_PLAIN.fullmatch(str(self.working_folder)):
            return self.working_folder / "dlt"
        name = hashlib.sha256(os.fsencode(self.working_folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"flexprice-wallets-{os.getuid()}-{name}"

    @property
    def run_file(self) -> Path:
        """Says who is at work."""
        return self.working_folder / "run.json"

    @property
    def foreign_wal(self) -> Path:
        """What a program that wrote into the published file leaves beside it."""
        return self.published.with_name(f"{self.published.name}.wal")
