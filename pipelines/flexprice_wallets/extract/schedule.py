"""A queue of calls of which some are due only later."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from dataclasses import dataclass

from flexprice_wallets.extract.calls import Call


@dataclass(slots=True)
class Task:
    """A call with what was tried so far. `spent`: seconds that the attempts and the waits between them took."""

    call: Call
    attempts: int = 0
    spent: float = 0.0


class Schedule:
    """Hands out tasks: those that wait for another try as soon as they are due, then new ones in order.

    At most `capacity` new tasks stand in line: `put` waits for room. Tasks put off are not bounded, as they came out
    of the line before.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._new: deque[Task] = deque()
        self._put_off: list[tuple[float, int, Task]] = []
        self._order = itertools.count()
        self._lock = threading.Lock()
        self._has_task = threading.Condition(self._lock)
        self._has_room = threading.Condition(self._lock)
        self._is_closed = False

    def put(self, task: Task) -> None:
        with self._lock:
            while len(self._new) >= self._capacity and not self._is_closed:
                self._has_room.wait()
            self._new.append(task)
            self._has_task.notify()

    def put_off(self, task: Task, seconds: float) -> None:
        """Have the task handed out again in so many seconds."""
        with self._lock:
            heapq.heappush(self._put_off, (time.monotonic() + seconds, next(self._order), task))
            self._has_task.notify()

    def take(self) -> Task | None:
        """Wait for the next task; None once the schedule is closed."""
        with self._lock:
            while not self._is_closed:
                now = time.monotonic()
                if self._put_off and self._put_off[0][0] <= now:
                    return heapq.heappop(self._put_off)[2]
                if self._new:
                    task = self._new.popleft()
                    # To wake whoever waits for each place would cost a change of threads a task.
                    if len(self._new) <= self._capacity // 2:
                        self._has_room.notify()
                    return task
                self._has_task.wait(self._put_off[0][0] - now if self._put_off else None)
            return None

    def close(self) -> None:
        """Let everybody who waits go; nothing is handed out any more."""
        with self._lock:
            self._is_closed = True
            self._has_task.notify_all()
            self._has_room.notify_all()
