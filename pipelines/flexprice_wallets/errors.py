"""The exceptions of flexprice-wallets, one small tree. Each message is a sentence for the person who has to act.

FlexpriceWalletsError               exit code 1
├── ConfigurationError              2   an option is missing or wrong
│   ├── SnapshotTimeError           2   --snapshot-at is before the last snapshot, or in the future
│   ├── RatesError                  2   a file of exchange rates that cannot be read, or does not fit the warehouse
│   ├── MomentError                 2   a moment or day that cannot be read, or has no time zone
│   └── NotFound                    2   the warehouse knows no such wallet, customer or currency
├── RunFailed                       1   nothing was loaded
│   ├── ApiUnavailable              1   the API cannot be reached, or too much of it fails
│   ├── ListingFailed               1   the customers could not be listed completely
│   ├── UnexpectedAnswer            1   an answer that is no answer of the Flexprice API
│   ├── ForeignAnswer               1   answers of another tenant or environment than the warehouse's
│   ├── TooManyVanished             1   more wallets disappeared than is plausible
│   └── TooManyRejected             1   more records could not be taken than is plausible
├── WarehouseError                  1   the database file cannot be used
│   ├── NotAWarehouse               1   no file, one that is damaged, or some other program's
│   ├── WarehouseTooNew             1   written by a later version of this program or of DuckDB
│   ├── WarehouseTooOld             1   written by a version from which no way leads to this one
│   └── StorageError                1   disk full, file not readable, folder not writable
├── ReplicationError                1   the destination was not brought up to date, and shows what it showed
│   ├── DestinationError            1   the destination refused, or could not be reached
│   ├── DestinationTooNew           1   filled by a later version of this program
│   ├── ForeignDestination          1   it holds the data of another tenant or environment
│   └── DestinationDiverged         1   it holds snapshots that the file lacks
├── CheckFailed                     1   `status`: the data is older or worse than was asked for
├── OutputError                     1   an answer could not be printed
├── AccessRefused                   4   the API refused the key (401 or 403)
├── AnotherRunAtWork                5   the lock is held by a living process
└── Interrupted                     130 (Ctrl-C) or 143 (SIGTERM)
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What the command's exit code says to a scheduler."""

    COMPLETE = 0
    FAILED = 1
    WRONG_USE = 2
    PARTIAL = 3
    ACCESS_REFUSED = 4
    ANOTHER_RUN = 5
    NOT_REPLICATED = 6
    INTERRUPTED = 130
    TERMINATED = 143


class FlexpriceWalletsError(Exception):
    """Base of every error that this package raises on purpose."""

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED


class ConfigurationError(FlexpriceWalletsError):
    """An option is missing, wrong or contradicts another one."""

    exit_code = ExitCode.WRONG_USE


class SnapshotTimeError(ConfigurationError):
    """The time asked for as `--snapshot-at` cannot be that of a new snapshot."""


class RatesError(ConfigurationError):
    """A file of exchange rates cannot be read, contradicts itself, or does not fit the rates in the warehouse."""


class MomentError(ConfigurationError, ValueError):
    """A moment or a day cannot be read, or leaves its time zone open."""


class NotFound(ConfigurationError, LookupError):
    """The warehouse knows no wallet, customer or currency of that name."""


class RunFailed(FlexpriceWalletsError):
    """The run was given up; nothing was loaded and the published file is what it was."""


class ApiUnavailable(RunFailed):
    """The API cannot be reached, or fails for more customers than is tolerated."""


class ListingFailed(RunFailed):
    """The list of customers could not be read completely."""


class UnexpectedAnswer(RunFailed):
    """The API answered with something that is not its contract."""


class ForeignAnswer(RunFailed):
    """The answers come from another tenant or environment than the one the warehouse belongs to."""


class TooManyVanished(RunFailed):
    """More wallets ended or left their customers' lists than is plausible in one run."""


class TooManyRejected(RunFailed):
    """More wallets or customers had records that could not be taken than is plausible in one load."""


class WarehouseError(FlexpriceWalletsError):
    """The database file cannot be used as it is."""


class NotAWarehouse(WarehouseError):
    """The file is damaged, or is not a warehouse of this program."""


class WarehouseTooNew(WarehouseError):
    """The warehouse was written by a later version of this program, or of DuckDB."""


class WarehouseTooOld(WarehouseError):
    """The warehouse was written by a version of this program from which no way leads to this one."""


class StorageError(WarehouseError):
    """The file system refused: no space, no permission, read-only."""


class ReplicationError(FlexpriceWalletsError):
    """The destination was not brought up to date; whoever reads there sees what they saw before."""


class DestinationError(ReplicationError):
    """The destination refused, could not be reached, or holds what this program did not put there."""


class DestinationTooNew(ReplicationError):
    """A later version of this program has filled the destination."""


class ForeignDestination(ReplicationError):
    """The destination holds the data of another tenant or environment."""


class DestinationDiverged(ReplicationError):
    """The destination holds snapshots that the warehouse lacks: the file is an older copy, or another warehouse."""


class CheckFailed(FlexpriceWalletsError):
    """The warehouse can be read, and its data is older or worse than `status` was asked to accept."""


class OutputError(FlexpriceWalletsError):
    """What a command was asked for could not be printed."""


class AccessRefused(FlexpriceWalletsError):
    """The API refused the key, or the key has no right to what was asked."""

    exit_code = ExitCode.ACCESS_REFUSED


class AnotherRunAtWork(FlexpriceWalletsError):
    """Another run holds the lock of this database."""

    exit_code = ExitCode.ANOTHER_RUN


class Interrupted(FlexpriceWalletsError):
    """The run was ended by Ctrl-C or SIGTERM; nothing was published."""

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__(message)
        self.code = code


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """An error, what it was raised from, and so on, as far as a traceback would tell.

    Each once, also where the chain leads back to itself.
    """
    met: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in met:
        met.add(id(each))
        yield each
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
