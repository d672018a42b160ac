"""When to ask again: exponential backoff with full jitter, bounded in tries and in time. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long one thing is asked for. Times are seconds."""

    attempts: int = 6
    total_time: float = 120.0
    first_delay: float = 0.25
    longest_delay: float = 20.0
    longest_retry_after: float = 60.0

    def delay(
        self, attempts: int, spent: float, retry_after: float | None, random: Random
    ) -> float | None:
        """Seconds to wait before the next attempt after `attempts` failed ones, or None to give up.

        A Retry-After is waited out (with jitter on top, so that waiting workers wake spread out) up to the longest
        one; a longer one is cut to it.
        """
        if attempts >= self.attempts:
            return None
        ceiling = min(self.longest_delay, self.first_delay * 2.0 ** (attempts - 1))
        delay = random.uniform(ceiling / 2, ceiling)
        if retry_after is not None:
            delay += min(retry_after, self.longest_retry_after)
        return delay if spent + delay <= self.total_time else None
