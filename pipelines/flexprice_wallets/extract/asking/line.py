"""The line of calls, and when the next of them may be sent: for all workers at once, behind one lock."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from flexprice_wallets.extract.asking.limit import AdaptiveLimit
from flexprice_wallets.extract.calls import Call
from flexprice_wallets.extract.counts import RequestCounts

#: Seconds over which requests start after a pause, so that not all come back at once.
_RECOVERY: Final = 1.0
#: Answers that tell how busy the API is: they come by the thousand, and each asks for as much as the other.
_TELLING: Final = frozenset({"customer_wallets", "wallet", "transactions"})


@dataclass(slots=True, eq=False)
class Task:
    """A call with what was tried so far. `spent`: seconds that the attempts and the waits between them took."""

    call: Call
    decode: Callable[[bytes], list[Any]]
    deliver: Callable[[Any], object]
    attempts: int = 0
    spent: float = 0.0


@dataclass(slots=True)
class Attempt:
    """One try of a task, and how it ended.

    `started` and `ended` are the clock's; `seconds` is what the answer took, `pause` for how long nothing may start.
    """

    task: Task
    started: float
    ended: float = 0.0
    seconds: float = 0.0
    is_good: bool = False
    is_overload: bool = False
    pause: float = 0.0


class Line:
    """Hands out tasks: those that were put off as soon as they are due, then urgent ones, then the others in order.

    A task starts when fewer are under way than the limit allows, no pause is on, and the last start is long enough ago.
    """

    def __init__(
        self,
        ceiling: int,
        requests_per_second: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts = RequestCounts()
        self._limit = AdaptiveLimit(ceiling)
        self._kind = ""
        self._waiting: deque[Task] = deque()
        self._put_off: list[tuple[float, int, Task]] = []
        self._numbers = itertools.count()
        self._under_way = 0
        self._paused_until = self._next_start = 0.0
        self._interval = 1.0 / requests_per_second if requests_per_second else 0.0
        self._recovery_interval = _RECOVERY / ceiling
        self._clock = clock
        self._is_closed = False
        self._changed = threading.Condition(threading.Lock())
        #: Of the workers without a task one waits for something to change; the others wait for its place.
        self._first_place = threading.Lock()

    @property
    def allowed(self) -> int:
        """Requests that may be under way now."""
        return self._limit.allowed

    def put(self, task: Task, *, is_urgent: bool = False) -> bool:
        """Add a task; False once the line is closed."""
        with self._changed:
            if not self._is_closed:
                (self._waiting.appendleft if is_urgent else self._waiting.append)(task)
                self._wake()
            return not self._is_closed

    def put_off(self, task: Task, seconds: float) -> bool:
        """Have a task handed out again in so many seconds; False once the line is closed."""
        with self._changed:
            if not self._is_closed:
                due = self._clock() + seconds
                heapq.heappush(self._put_off, (due, next(self._numbers), task))
                self._wake()
            return not self._is_closed

    def take(self, last: Attempt | None = None) -> Attempt | None:
        """Say how the last attempt ended, and wait for the next one that may start; None once the line is closed.

        A worker that comes with an attempt goes before those who wait, so that none of them wakes in its place.
        """
        with self._changed:
            if last is not None:
                self._note(last)
                self._under_way -= 1
            attempt = self._start()
            self._wake()
        if attempt is None:
            with self._first_place, self._changed:
                while (attempt := self._start()) is None and not self._is_closed:
                    self._changed.wait(self._seconds_until_start())
        return attempt

    def close(self) -> list[Task]:
        """Let everybody who waits go; returns the tasks that nobody will take."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
            return [*self._waiting, *(task for _, _, task in self._put_off)]

    def _note(self, last: Attempt) -> None:
        if last.is_overload:
            self._limit.overloaded(last.started, last.ended)
            self._paused_until = max(self._paused_until, last.ended + last.pause)
        elif last.is_good and last.task.call.resource in _TELLING:
            if last.task.call.resource != self._kind:
                self._kind = last.task.call.resource
                self._limit.other_requests()
            self._limit.answered(last.started, last.seconds, last.ended, self._under_way)

    def _wake(self) -> None:
        """Have the worker in the first place look, unless something else must happen first."""
        if self._seconds_until_start() is not None:
            self._changed.notify()

    def _seconds_until_start(self) -> float | None:
        """None where something else must happen first."""
        if self._under_way >= self._limit.allowed or not (self._waiting or self._put_off):
            return None
        now = self._clock()
        due = now if self._waiting else self._put_off[0][0]
        return max(due, self._paused_until, self._next_start) - now

    def _start(self) -> Attempt | None:
        """The next attempt, if one may start now."""
        seconds = self._seconds_until_start()
        if self._is_closed or seconds is None or seconds > 0:
            return None
        now = self._clock()
        is_put_off = self._put_off and self._put_off[0][0] <= now
        task = heapq.heappop(self._put_off)[2] if is_put_off else self._waiting.popleft()
        self._under_way += 1
        is_after_pause = 0.0 < now - self._paused_until < _RECOVERY
        interval = max(self._interval, self._recovery_interval if is_after_pause else 0.0)
        self._next_start = max(now, self._next_start) + interval
        self.counts.requests += 1
        self.counts.retries += task.attempts > 0
        return Attempt(task, now)
