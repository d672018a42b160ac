"""How fast all workers together may ask: shared pauses, adaptive concurrency, a request rate."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_RECOVERY_SPREAD = 1.0


class Stopped(Exception):
    """No request may start any more."""


class Pace:
    """Lets requests start no faster than the API stands, for all workers at once.

    An overload (429 or 503) halves the number of requests under way, once per overload: answers to requests that had
    started before the last halving say nothing new. Each run of as many good answers as may be under way allows one
    more. A `Retry-After` holds everybody back until that moment, and lets them go spread out after it.
    """

    def __init__(
        self,
        concurrency: int,
        requests_per_second: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ceiling = concurrency
        self._allowed = concurrency
        self._under_way = 0
        self._good_answers = 0
        self._paused_until = 0.0
        self._last_overload = float("-inf")
        self._interval = 1.0 / requests_per_second if requests_per_second else 0.0
        self._next_start = 0.0
        self._clock = clock
        self._changed = threading.Condition()
        self._stopped = False

    @property
    def allowed(self) -> int:
        """Requests that may be under way at once now."""
        return self._allowed

    def start(self) -> float:
        """Wait until a request may start; returns the moment it did, to be given back to `finish`.

        Raises:
            Stopped: the load has stopped, and no request may start any more.
        """
        with self._changed:
            while not self._stopped:
                now = self._clock()
                wait = max(self._paused_until, self._next_start) - now
                if self._under_way >= self._allowed:
                    self._changed.wait()
                elif wait > 0:
                    self._changed.wait(wait)
                else:
                    break
            else:
                raise Stopped
            now = self._clock()
            self._under_way += 1
            self._next_start = max(now, self._next_start) + self._spacing(now)
            return now

    def finish(self, started: float, *, is_overload: bool, retry_after: float | None) -> None:
        """Say how a request that started at `started` came out. `retry_after` is in seconds."""
        with self._changed:
            self._under_way -= 1
            if is_overload:
                self._slow_down(started, retry_after)
            else:
                self._good_answers += 1
                if self._allowed < self._ceiling and self._good_answers >= self._allowed:
                    self._allowed += 1
                    self._good_answers = 0
                    self._changed.notify()
            self._changed.notify()

    def stop(self) -> None:
        """Let everybody who waits go at once, without a request: the run ends."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _slow_down(self, started: float, retry_after: float | None) -> None:
        now = self._clock()
        if retry_after:
            self._paused_until = max(self._paused_until, now + retry_after)
        if started > self._last_overload:
            self._last_overload = now
            self._allowed = max(1, self._allowed // 2)
            self._good_answers = 0

    def _spacing(self, now: float) -> float:
        """Seconds until the next start: the rate's interval, or more just after a pause."""
        is_after_pause = 0.0 < now - self._paused_until < _RECOVERY_SPREAD
        return max(self._interval, _RECOVERY_SPREAD / self._ceiling if is_after_pause else 0.0)
