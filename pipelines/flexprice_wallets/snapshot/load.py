"""One load, from the lock to the published file. Light to import: requests start before the heavy imports do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flexprice_wallets.errors import ConfigurationError, ExitCode
from flexprice_wallets.extract.process import ProcessFeed
from flexprice_wallets.signals import programs_end, raise_if_interrupted
from flexprice_wallets.snapshot.dlt_settings import dlt_settings
from flexprice_wallets.snapshot.options import LoadOptions
from flexprice_wallets.snapshot.progress import Progress
from flexprice_wallets.snapshot.snapshot_row import SnapshotRow, as_snapshot_row
from flexprice_wallets.snapshot.snapshot_time import choose_snapshot_time
from flexprice_wallets.warehouse.lock import exclusive_run
from flexprice_wallets.warehouse.paths import WarehousePaths
from flexprice_wallets.warehouse.working_copy import publish, working_folder

if TYPE_CHECKING:
    from flexprice_wallets.extract.feed import Feed


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What `take_snapshot` brought: the snapshot's row of `snapshots`, and in which file.

    `already_loaded`: the warehouse held a snapshot of the time asked for; it is that one's row, and nothing was read.
    """

    snapshot: SnapshotRow
    database: Path
    already_loaded: bool = False

    @property
    def exit_code(self) -> ExitCode:
        is_complete = self.already_loaded or self.snapshot["completeness"] == "complete"
        return ExitCode.COMPLETE if is_complete else ExitCode.PARTIAL


def require_posix() -> None:
    """Refuse systems on which a load cannot do what it promises: replace a file under its readers, and lock it.

    Raises:
        ConfigurationError: this is none of them.
    """
    if os.name != "posix":
        raise ConfigurationError(
            "A load runs on Linux and macOS only: use one of them, or the Windows Subsystem for Linux."
        )


def take_snapshot(
    options: LoadOptions, on_progress: Callable[[Progress], None] = lambda _: None
) -> LoadResult:
    """Take one snapshot and publish it: all customers' wallets are read, and what changed is written.

    It changes nothing in the process around it, and can be called in any thread. Ctrl-C comes out as KeyboardInterrupt.
    A SystemExit that the program's own signal handler raises comes out as itself, except within a query of DuckDB 2.0,
    which does not tell the two apart: that is a KeyboardInterrupt as well.

    Args:
        options: what to ask for, of whom, and which file to write.
        on_progress: is told, in this thread, how far the load is. What it raises ends the load: an Exception as the
            cause of RunFailed, any other as itself.

    Returns:
        The snapshot's row and the file. Whether all could be read is its `completeness`.

    Raises:
        ConfigurationError: an option is wrong. SnapshotTimeError: `snapshot_at` is naive, before the last snapshot, or
            in the future.
        AccessRefused: the API refuses the key.
        AnotherRunAtWork: another load or thread writes this file.
        RunFailed: too much could not be read, or not be taken; its subclasses say what.
        WarehouseError: the file cannot be used; its subclasses say why.

    All of them are in `errors`. After an error the file is what it was.
    """
    handled_before = sys.exception()
    raised: list[BaseException] = []

    def tell(progress: Progress) -> None:
        # dlt swallows what a signal raises while it looks up a connection's file.
        raise_if_interrupted()
        try:
            on_progress(progress)
        except BaseException as error:
            raised.append(error)
            raise

    try:
        return _take_snapshot(options, tell)
    except Exception as error:
        ends = [each for each in raised if not isinstance(each, Exception)]
        end = ends[0] if ends else programs_end(error, [handled_before, *raised])
        if end is None:
            raise
    # Not within the handler: the chain of what ends the program would lead back to itself.
    raise end


def _take_snapshot(options: LoadOptions, on_progress: Callable[[Progress], None]) -> LoadResult:
    require_posix()
    paths = WarehousePaths.of(options.database, options.raw_schema, options.schema)
    with exclusive_run(paths), working_folder(paths):
        started_at = datetime.now(UTC)
        if options.snapshot_at is not None:
            choose_snapshot_time(started_at, None, options.snapshot_at)
            if (row := _published_row(paths, options)) is not None:
                return LoadResult(row, paths.published, already_loaded=True)
        feed = _open_feed(options)
        try:
            with dlt_settings(options.log_level):
                from flexprice_wallets.snapshot.pipeline import load_snapshot

                row = load_snapshot(paths, options, feed, started_at, on_progress)
            raise_if_interrupted()
            result = LoadResult(row, paths.published)
            publish(paths, result.exit_code)
        finally:
            feed.stop()
    return result


def _published_row(paths: WarehousePaths, options: LoadOptions) -> SnapshotRow | None:
    """The row of the snapshot that was published with the time asked for; None where there is none."""
    if options.snapshot_at is None or not paths.published.exists():
        return None
    from flexprice_wallets.warehouse.database import check_warehouse, open_database, snapshot_row

    with open_database(paths.published, read_only=True) as connection:
        check_warehouse(connection, options.raw_schema, paths.published.name)
        row = snapshot_row(
            connection, options.raw_schema, options.snapshot_at, paths.published.name
        )
    return None if row is None else as_snapshot_row(row)


def _open_feed(options: LoadOptions) -> Feed:
    """The feed, already at work."""
    if options.fetch_in_own_process:
        options.api.check()
        return ProcessFeed(options.api, options.selection, options.figures)
    from flexprice_wallets.extract.asking.api import open_api
    from flexprice_wallets.extract.threads import ThreadFeed

    api = open_api(options.api)
    return ThreadFeed(api, options.selection, options.figures)


def rebuild_views(database: Path, *, raw_schema: str, schema: str, rebuild: bool) -> Path:
    """Make the views (and, with `rebuild`, the derived tables) of a warehouse again and publish it.

    Raises:
        FlexpriceWalletsError: see `errors`; then the published file is what it was.
    """
    require_posix()
    paths = WarehousePaths.of(database, raw_schema, schema)
    with exclusive_run(paths), working_folder(paths):
        from flexprice_wallets.warehouse.maintenance import renew_views

        renew_views(paths, raw_schema=raw_schema, schema=schema, rebuild=rebuild)
        publish(paths)
    return paths.published
