"""What is measured: how many customers at which latency, by which programs, how often."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from tests.benchmarks.programs import AIOHTTP, AIRBYTE, DLT, PROGRAMS, SINGER, THIS, Program

#: Those of the floor and of the peers. This project runs with its default options.
CONNECTIONS: Final = 50

Step = Literal["first", "unchanged", "changed"]
STEPS: Final[dict[Step, str]] = {
    "first": "first load",
    "unchanged": "again, nothing changed",
    "changed": "again, 5 % changed",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One situation for several programs. Peers load all anew each time, so only this project does the later steps.

    With several `runs` memory is sampled in one more first load, whose times do not count; with one, in that.
    """

    name: str
    customers: int
    latency_ms: float
    programs: tuple[Program, ...] = (THIS,)
    steps: tuple[Step, ...] = ("first",)
    runs: int = 3
    with_memory: bool = False
    is_scaling: bool = False

    @property
    def title(self) -> str:
        return f"{self.customers:,} customers, {self.latency_ms:g} ms, {CONNECTIONS} connections"

    def scaled(self, factor: float, runs: int | None) -> Case:
        """The same with another number of customers or runs."""
        customers = max(10, round(self.customers * factor))
        return replace(self, customers=customers, runs=runs or self.runs)

    def of_this_project(self) -> Case:
        """The same without the peers."""
        return replace(self, programs=(THIS,))


@dataclass(frozen=True, slots=True)
class LedgerCase:
    """A first load by this project of a ledger of so many transactions, where the API answers at once.

    All is one customer's, or each customer has a wallet. Memory is sampled in one more, whose times do not count.
    """

    name: str
    transactions: int
    customers: int = 1
    runs: int = 3

    def scaled(self, factor: float, runs: int | None) -> LedgerCase:
        """The same with another number of transactions or runs."""
        transactions = max(10, round(self.transactions * factor))
        customers = max(1, round(self.customers * factor))
        return replace(self, transactions=transactions, customers=customers, runs=runs or self.runs)


_ALL_STEPS: Final[tuple[Step, ...]] = ("first", "unchanged", "changed")
_EVERYBODY: Final = (THIS, AIOHTTP, DLT, AIRBYTE, SINGER)

#: A Singer tap asks for one customer after another, which takes minutes where answers take their time: there, 1,000.
CASES: Final = (
    Case("20k-20ms", 20_000, 20, (THIS, AIOHTTP, DLT), _ALL_STEPS, with_memory=True),
    Case("5k-100ms", 5_000, 100, (THIS, AIOHTTP)),
    Case("20k-0ms", 20_000, 0, _EVERYBODY),
    Case("1k-20ms", 1_000, 20, _EVERYBODY, with_memory=True),
    *(
        Case(f"scale-{customers // 1000}k-{latency}ms", customers, latency, is_scaling=True)
        for customers in (1_000, 10_000)
        for latency in (0, 20, 100)
    ),
    *(
        Case(f"scale-100k-{latency}ms", 100_000, latency, runs=1, is_scaling=True)
        for latency in (0, 20, 100)
    ),
    Case("scale-1000k-0ms", 1_000_000, 0, runs=1, is_scaling=True),
)

LEDGER_CASES: Final = (
    LedgerCase("ledger-1m", 1_000_000),
    LedgerCase("ledger-100k-customers", 300_000, customers=100_000, runs=1),
)

assert set(_EVERYBODY) == set(PROGRAMS), "every program is compared somewhere"
