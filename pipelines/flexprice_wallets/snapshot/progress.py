"""How far a run is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Progress:
    """How far a run is, for whoever shows it.

    `done`, `expected`: customers; the latter is None until the API has said how many there are. `transactions`: None
    until the ledger is read, which comes after the customers.
    """

    done: int = 0
    expected: int | None = None
    transactions: int | None = None
