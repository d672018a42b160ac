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

from flexprice_wallets.extract.calls import Call
from flexprice_wallets.extract.counts import RequestCounts
from flexprice_wallets.extract.limit import AdaptiveLimit

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
    Whoever takes a task wakes the next who may start, so a worker is woken only where there is something to do.
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
        self._may_start = threading.Condition(threading.Lock())
        #: Until when one of those who wait sleeps; the others sleep until they are woken.
        self._sleeps_until: float | None = None
        self._is_closed = False

    @property
    def allowed(self) -> int:
        """Requests that may be under way now."""
        return self._limit.allowed

    def put(self, task: Task, *, is_urgent: bool = False) -> bool:
        """Add a task; False once the line is closed."""
        with self._may_start:
            if self._is_closed:
                return False
            if is_urgent:
                self._waiting.appendleft(task)
            else:
                self._waiting.append(task)
            self._wake(self._clock())
            return True

    def put_off(self, task: Task, seconds: float) -> bool:
        """Have a task handed out again in so many seconds; False once the line is closed."""
        with self._may_start:
            if self._is_closed:
                return False
            now = self._clock()
            heapq.heappush(self._put_off, (now + seconds, next(self._numbers), task))
            self._wake(now)
            return True

    def take(self, last: Attempt | None = None) -> Attempt | None:
        """Say how the last attempt ended, and wait for the next one that may start; None once the line is closed.

        Until then the last one counts as under way, so that its worker goes on and no other is woken in its place.
        """
        with self._may_start:
            if last is not None:
                self._note(last)
                self._under_way -= 1
            while not self._is_closed:
                now = self._clock()
                seconds = self._seconds_until_start(now)
                if seconds is not None and seconds <= 0:
                    return Attempt(self._start(now), now)
                self._sleep(now, seconds)
            return None

    def close(self) -> list[Task]:
        """Let everybody who waits go; returns the tasks that nobody will take."""
        with self._may_start:
            self._is_closed = True
            self._may_start.notify_all()
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

    def _seconds_until_start(self, now: float) -> float | None:
        """None where something else must happen first."""
        if self._under_way >= self._limit.allowed:
            return None
        if self._waiting:
            due = now
        elif self._put_off:
            due = self._put_off[0][0]
        else:
            return None
        return max(due, self._paused_until, self._next_start) - now

    def _start(self, now: float) -> Task:
        is_put_off = self._put_off and self._put_off[0][0] <= now
        task = heapq.heappop(self._put_off)[2] if is_put_off else self._waiting.popleft()
        self._under_way += 1
        is_after_pause = 0.0 < now - self._paused_until < _RECOVERY
        interval = max(self._interval, self._recovery_interval if is_after_pause else 0.0)
        self._next_start = max(now, self._next_start) + interval
        self.counts.requests += 1
        self.counts.retries += task.attempts > 0
        self._wake(now)
        return task

    def _wake(self, now: float) -> None:
        """Wake another worker if there will be something to do before one wakes by itself."""
        seconds = self._seconds_until_start(now)
        if seconds is not None and not self._is_watched(now + max(0.0, seconds)):
            self._may_start.notify()

    def _sleep(self, now: float, seconds: float | None) -> None:
        if seconds is None or self._is_watched(now + seconds):
            self._may_start.wait()
            return
        self._sleeps_until = now + seconds
        self._may_start.wait(seconds)
        self._sleeps_until = None

    def _is_watched(self, moment: float) -> bool:
        """Whether somebody wakes by then."""
        return self._sleeps_until is not None and self._sleeps_until <= moment
