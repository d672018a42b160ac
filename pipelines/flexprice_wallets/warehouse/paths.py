"""Where a warehouse's files are: everything lies beside the published file, on its file system."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

_IS_PLAIN = re.compile(r"[\w\s/.,:;@=+~#&()-]*")


@dataclass(frozen=True, slots=True)
class WarehousePaths:
    """`published` is what people open; symbolic links are resolved, so that a link stays one."""

    published: Path

    @classmethod
    def of(cls, database: Path) -> WarehousePaths:
        return cls(Path(database).expanduser().resolve())

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
