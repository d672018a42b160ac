"""Shows how far a load is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flexprice_wallets.snapshot.progress import Progress

_logger = logging.getLogger(__name__)
_SECONDS_BETWEEN_LINES = 10.0
_BAR_EVERY = 0.1


@contextmanager
def shown_progress() -> Iterator[Callable[[Progress], None]]:
    """What a load tells its progress to."""
    if sys.stderr.isatty():
        with _bar() as on_progress:
            yield on_progress
    else:
        yield _lines()


def _lines() -> Callable[[Progress], None]:
    started = last = time.monotonic()

    def on_progress(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _SECONDS_BETWEEN_LINES:
            last = now
            if progress.transactions is not None:
                _logger.info("%d transactions of the ledger read", progress.transactions)
                return
            rate = progress.done / (now - started)
            left = ""
            if progress.expected and rate:
                left = f", about {max(0.0, progress.expected - progress.done) / rate:.0f} s left"
            _logger.info(
                "%d of %s customers read, %.0f per second%s",
                progress.done,
                progress.expected or "?",
                rate,
                left,
            )

    return on_progress


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.0f}/s"),
        TimeRemainingColumn(),
    )
    started = time.monotonic()
    last = 0.0
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("customers", total=None, rate=0.0)

        def on_progress(progress: Progress) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= _BAR_EVERY:
                last = now
                if progress.transactions is not None:
                    bar.update(
                        task,
                        description="transactions",
                        completed=progress.transactions,
                        total=None,
                    )
                    return
                rate = progress.done / max(now - started, 0.001)
                bar.update(task, completed=progress.done, total=progress.expected, rate=rate)

        yield on_progress
