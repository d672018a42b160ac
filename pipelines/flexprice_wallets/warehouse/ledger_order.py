"""The order in which a wallet's transactions were completed, told from their balances. Pure.

The server writes into each completed transaction what the wallet held before and after it: these make a chain. Their
times do not, where several were written at one instant or a pending one was completed later.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

#: Times of transactions that were written at once may be this far apart the other way round: in microseconds.
_SLACK: Final = 1_000_000
#: Attempts for each transaction before a ledger is taken for one whose balances make no chain.
_ATTEMPTS: Final = 30


@dataclass(frozen=True, slots=True)
class Entry:
    """A completed transaction: its balances, in credits, and when it can have been completed, in microseconds.

    `place`: where it stands going by its times.
    """

    row_id: int
    before: Decimal
    after: Decimal
    earliest: int
    latest: int
    place: int

    @property
    def key(self) -> tuple[int, int]:
        return (self.latest, self.place)


def completion_order(entries: Sequence[Entry]) -> list[Entry]:
    """Put the transactions of one wallet into the order of completion.

    A chain from 0 through all of them which their times allow, if there is one. Else one that is broken where nothing
    else fits: something is missing between the transactions on both sides.
    """
    return _chain(entries) or _broken_chain(entries)


class _Waiting:
    """Transactions that have no place yet."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.by_latest = sorted(entries, key=lambda each: each.key)
        self._by_before: defaultdict[Decimal, list[Entry]] = defaultdict(list)
        for entry in self.by_latest:
            self._by_before[entry.before].append(entry)

    def take(self, entry: Entry) -> None:
        self.by_latest.remove(entry)
        self._by_before[entry.before].remove(entry)

    def put_back(self, entry: Entry) -> None:
        insort(self.by_latest, entry, key=lambda each: each.key)
        insort(self._by_before[entry.before], entry, key=lambda each: each.key)

    def fitting(self, balance: Decimal) -> list[Entry]:
        """Those that can follow at a balance, the likeliest first."""
        if not self.by_latest:
            return []
        # Whatever comes now was completed before all others.
        limit = self.by_latest[0].latest + _SLACK
        return [each for each in self._by_before.get(balance, ()) if each.earliest <= limit]


def _chain(entries: Sequence[Entry]) -> list[Entry] | None:
    waiting = _Waiting(entries)
    placed: list[Entry] = []
    choices: list[Iterator[Entry]] = [iter(waiting.fitting(Decimal(0)))]
    attempts = _ATTEMPTS * len(entries) + 100
    while len(placed) < len(entries):
        attempts -= 1
        if attempts < 0:
            return None
        entry = next(choices[-1], None)
        if entry is None:
            choices.pop()
            if not placed:
                return None
            waiting.put_back(placed.pop())
            continue
        waiting.take(entry)
        placed.append(entry)
        choices.append(iter(waiting.fitting(entry.after)))
    return placed


def _broken_chain(entries: Sequence[Entry]) -> list[Entry]:
    waiting = _Waiting(entries)
    placed: list[Entry] = []
    balance = Decimal(0)
    while waiting.by_latest:
        entry = next(iter(waiting.fitting(balance)), waiting.by_latest[0])
        waiting.take(entry)
        placed.append(entry)
        balance = entry.after
    return placed
