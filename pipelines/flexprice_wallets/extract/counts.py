"""How much the API was asked."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass(slots=True)
class RequestCounts:
    """How many requests were sent, and how many of them were repetitions."""

    requests: int = 0
    retries: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, *, is_retry: bool) -> None:
        with self._lock:
            self.requests += 1
            self.retries += is_retry
