"""How many requests may be under way at once: found by how long answers take. Pure.

The gradient algorithm of Netflix's concurrency-limits (https://github.com/Netflix/concurrency-limits), which is TCP
Vegas for requests: the limit doubles while answers stay as quick as they were (TCP's slow start), and from then on
each round of answers multiplies it by the gradient, quickest over latest, and adds its square root, or half of that
where they slow down. A server that works on n requests at once settles at about 1.25 n. 429, 503 and timeouts halve
the limit, once for all requests that were under way together.

How quick answers are without a queue is measured again now and then, with a quarter of the requests: the server may
have changed, or another load may have been queueing the last time. Each mean counts with its standard error in favour
of more requests: chance makes some round the quickest of all, and where answers scatter widely (a log-normal with
σ = 0.8) the limit would creep to 2.
"""

from __future__ import annotations

import math
import random
from typing import Final

#: Answers may take so many times as long as without a queue.
_TOLERANCE: Final = 1.25
#: Answers in a round, at least: usually, while the limit doubles, and while nobody is to queue.
_ROUND, _FIRST_ROUND, _MEASURING_ROUND = 24, 3, 12
#: Rounds between two measurements without a queue: few until one finds what the last one did, within a tenth.
_SHORT_INTERVAL, _LONG_INTERVAL, _SAME = 10, 48, 0.1
#: The share of requests that go on meanwhile.
_SHARE: Final = 0.25


class AdaptiveLimit:
    """A limit from 1 to `ceiling`. Times are seconds of any one clock."""

    #: Of this round: answers so far, the most requests under way, the sums of the seconds and of their squares.
    _count: int
    _busiest: int
    _sum: float
    _squares: float

    def __init__(self, ceiling: int) -> None:
        self._ceiling = ceiling
        self._limit = 1.0
        self._is_doubling = True
        #: Seconds that answers take where none waits for another.
        self._quickest = math.inf
        #: What to return to after a measurement without a queue.
        self._before: float | None = None
        self._rounds_left, self._interval = 0, _SHORT_INTERVAL
        #: Requests that started before tell of an earlier limit.
        self._valid_from = -math.inf
        self._begin_round(2)

    @property
    def allowed(self) -> int:
        """Requests that may be under way now."""
        return int(self._limit)

    def answered(self, started: float, seconds: float, now: float, under_way: int) -> None:
        """Take a good answer: when its request started, what it took, and how many were under way, itself included."""
        if started <= self._valid_from:
            return
        self._count += 1
        self._sum += seconds
        self._squares += seconds * seconds
        self._busiest = max(self._busiest, under_way)
        if self._is_doubling and self._quickest < math.inf and under_way * 2 >= self.allowed:
            self._set(self._limit + 1, now)
        if self._count >= self._round:
            self._end_round(now)

    def overloaded(self, started: float, now: float) -> None:
        """Take a 429, a 503 or a timeout. What started before the last fall tells nothing new."""
        if started > self._valid_from:
            self._is_doubling = False
            self._set((self._before or self._limit) / 2, now)
            self._valid_from, self._before = now, None
            self._begin_round(_ROUND)

    def other_requests(self) -> None:
        """From now on requests are of another kind, whose answers take another time."""
        self._limit = self._before or self._limit
        self._quickest, self._before = math.inf, None
        self._begin_round(_FIRST_ROUND)

    def _end_round(self, now: float) -> None:
        mean = self._sum / self._count
        error = math.sqrt(max(0.0, self._squares / self._count - mean * mean) / self._count)
        size = _ROUND
        if self._before is not None:
            is_same = abs(mean + error - self._quickest) < _SAME * self._quickest
            self._interval = min(_LONG_INTERVAL, 2 * self._interval) if is_same else _SHORT_INTERVAL
            self._quickest = mean + error
            self._set(self._before, now)
            self._valid_from, self._before = now, None
        else:
            self._quickest = min(self._quickest, mean + error)
            gradient = _TOLERANCE * self._quickest / max(mean - error, mean / 4)
            if self._is_doubling and gradient >= 1:
                size = _FIRST_ROUND
            else:
                self._adjust(max(0.5, min(1.0, gradient)), now)
                self._rounds_left -= 1
                if gradient < 1 and self._rounds_left <= 0:
                    self._measure(now)
                    size = _MEASURING_ROUND
        self._begin_round(size)

    def _adjust(self, gradient: float, now: float) -> None:
        self._is_doubling = False
        limit = self._limit * gradient + math.sqrt(self._limit) * (1.0 if gradient == 1 else 0.5)
        # A limit that is not used says nothing of a higher one.
        if limit < self._limit or self._busiest * 2 >= self.allowed:
            self._set(limit, now)

    def _measure(self, now: float) -> None:
        # By chance a little earlier or later, so that loads beside each other do not measure at the same time.
        self._rounds_left = round(self._interval * random.uniform(0.8, 1.2))
        self._before = self._limit
        self._set(self._limit * _SHARE, now)

    def _set(self, limit: float, now: float) -> None:
        limit = max(1.0, min(float(self._ceiling), limit))
        if limit < self._limit:
            self._valid_from = now
        self._limit = limit

    def _begin_round(self, at_least: int) -> None:
        self._round = max(at_least, self.allowed)
        self._count = self._busiest = 0
        self._sum = self._squares = 0.0
