"""What a destination has to do, and which there are. Light: imports no library of theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from flexprice_wallets.errors import ConfigurationError

if TYPE_CHECKING:
    import pyarrow as pa

    from flexprice_wallets.replicate.plan import Committed, Contents
    from flexprice_wallets.replicate.tables import ReplicatedTable


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What upkeep did: rows that nobody reads any more, and files before and after."""

    rows_removed: int
    files_before: int
    files_after: int


class Destination(Protocol):
    """A dataset in another engine, of which one run knows what it had committed when the run began.

    Rows go there through dlt and are only appended. They count once `commit` has added one row to `shipments`, which
    of several runs that began from the same state succeeds for one.
    """

    def committed(self) -> Committed | None:
        """What is committed there; None where nothing is. The state that `commit` continues from."""

    def stored_name(self, table: ReplicatedTable, ship_id: str) -> str:
        """What a table is called that a shipment fills."""

    def prepare(self, filled: Mapping[str, ReplicatedTable], ship_id: str) -> None:
        """Make ready for a shipment that fills tables, given by the names that they get."""

    def known_rows(self, table: ReplicatedTable, contents: Contents) -> Iterator[pa.Table]:
        """The grain and hash of every committed row of a table whose rows may change."""

    def send(
        self, rows: Mapping[str, tuple[ReplicatedTable, Iterator[pa.Table]]], ship_id: str
    ) -> dict[str, int]:
        """Send rows of tables, by their names there; returns how many of each were sent."""

    def arrived(self, stored_as: str, ship_id: str) -> int:
        """How many rows of a shipment are in a table."""

    def finish(self, filled: Mapping[str, ReplicatedTable], changed: frozenset[str]) -> None:
        """Do what makes reading fast, before anything is shown: to filled tables, and to all that got rows."""

    def commit(self, shipment: Mapping[str, Any], ship_id: str) -> None:
        """Add the row of `shipments` that makes the shipment's rows count.

        Raises:
            AnotherRunAtWork: where another run has committed meanwhile.
        """

    def show(self, committed: Committed) -> None:
        """Have readers see what is committed, and clear away what nobody reads any more."""

    def maintain(self, close: Callable[[], None]) -> Upkeep:
        """Remove rows that nobody reads, and make one file of many.

        Args:
            close: commits a shipment without rows, so that no run that began before can commit any more.

        Raises:
            ConfigurationError: where the engine does this by itself.
        """


@dataclass(frozen=True, slots=True)
class Engine:
    """How one kind of destination is used.

    Attributes:
        packages: what its extra installs.
        opened: `module:function`; opens a dataset by its name, with a new folder for dlt.
    """

    packages: tuple[str, ...]
    opened: str

    def open(self, dataset: str, folder: Path) -> AbstractContextManager[Destination]:
        """Open a dataset; see the function."""
        module, _, function = self.opened.partition(":")
        opened: AbstractContextManager[Destination] = getattr(import_module(module), function)(
            dataset, folder
        )
        return opened


#: By the name of the extra.
ENGINES: Final[Mapping[str, Engine]] = {
    "postgres": Engine(
        ("psycopg2",), "flexprice_wallets.replicate.postgres_destination:opened_postgres"
    ),
    "delta": Engine(("deltalake",), "flexprice_wallets.replicate.delta:opened_delta"),
    "iceberg": Engine(
        ("pyiceberg", "sqlalchemy"), "flexprice_wallets.replicate.iceberg:opened_iceberg"
    ),
}


def engine(name: str) -> Engine:
    """The engine by its name.

    Raises:
        ConfigurationError: where its extra is not installed.
    """
    found = ENGINES[name]
    if missing := [package for package in found.packages if find_spec(package) is None]:
        raise ConfigurationError(
            f"The package for {name} is not installed ({', '.join(missing)}): "
            f"run pip install 'flexprice-wallets[{name}]'."
        )
    return found
