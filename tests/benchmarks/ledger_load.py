"""The first load of a long ledger: from the command to the published file."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.benchmarks.cases import CONNECTIONS, STEPS, LedgerCase
from tests.benchmarks.ledger_responder import ledger_process
from tests.benchmarks.measurement import WrongResult
from tests.benchmarks.process_tree import Run, run_measured
from tests.benchmarks.programs import THIS
from tests.benchmarks.results import Section, megabytes, seconds

_LONGEST_RUN: Final = 900.0


@dataclass(frozen=True, slots=True)
class LedgerLoad:
    """What the runs of a case took, in seconds and bytes; medians, and the most memory."""

    case: LedgerCase
    wall: float
    cpu: float
    peak_memory: int

    @property
    def per_second(self) -> float:
        """Transactions a second, of the whole process."""
        return self.case.transactions / self.wall


def measure_ledger(case: LedgerCase, *, say: Callable[[str], None]) -> LedgerLoad:
    """Load the ledger once for its memory, and then as often as the case says for its times.

    Raises:
        WrongResult: the warehouse does not hold that many transactions.
    """
    with ledger_process(case.transactions, case.customers) as base_url:
        sampled = _run(case, base_url, with_memory=True)
        say(f"{case.name}: {THIS.name}, {sampled.wall:.2f} s (for its memory)")
        runs = []
        for _ in range(case.runs):
            runs.append(_run(case, base_url, with_memory=False))
            say(f"{case.name}: {THIS.name}, {runs[-1].wall:.2f} s")
    return LedgerLoad(
        case,
        statistics.median(run.wall for run in runs),
        statistics.median(run.cpu for run in runs),
        sampled.peak_memory or 0,
    )


def ledger_section(loads: Iterable[LedgerLoad]) -> Section:
    """A row for each case."""
    rows = [
        (
            f"{load.case.transactions:,}",
            f"{load.case.customers:,}",
            str(load.case.runs),
            seconds(load.wall),
            seconds(load.cpu),
            f"{load.per_second:,.0f}",
            megabytes(load.peak_memory),
        )
        for load in loads
    ]
    return Section(
        "The ledger",
        f"A {STEPS['first']} with a long ledger, from an API that answers at once: of one customer, or of many with a "
        "wallet each.",
        (
            "transactions",
            "customers",
            "runs",
            "wall, s",
            "CPU, s",
            "transactions/s",
            "peak memory, MB",
        ),
        rows,
    )


def _run(case: LedgerCase, base_url: str, *, with_memory: bool) -> Run:
    home = THIS.home(install=False)
    with TemporaryDirectory(prefix="flexprice-benchmark-") as name:
        folder = Path(name)
        run = run_measured(
            THIS.command(home),
            THIS.variables(folder, home, base_url, CONNECTIONS),
            folder,
            with_memory=with_memory,
            timeout=_LONGEST_RUN,
        )
        if run.code:
            raise WrongResult(f"{case.name}: it ended with {run.code}:\n{run.output[-3000:]}")
        loaded = THIS.transactions(folder)
        wallets = THIS.wallets(folder)
    if loaded != case.transactions:
        raise WrongResult(f"{case.name}: {loaded} transactions instead of {case.transactions}")
    if case.customers > 1 and wallets != case.customers:
        raise WrongResult(f"{case.name}: {wallets} wallets instead of {case.customers}")
    return run
