"""How much the API was asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class RequestCounts:
    """How many requests were sent, and how many of them were repetitions. Whoever counts holds a lock."""

    requests: int = 0
    retries: int = 0
