"""How fast all workers together may ask, by a clock that stands still until it is moved."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest

from flexprice_wallets.extract.pace import Pace, Stopped


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def good(pace: Pace, count: int) -> None:
    for _ in range(count):
        pace.finish(pace.start(), is_overload=False, retry_after=None)


def overload(pace: Pace, clock: Clock, retry_after: float | None = None) -> None:
    clock.now += 0.001
    started = pace.start()
    clock.now += 0.001
    pace.finish(started, is_overload=True, retry_after=retry_after)


class Starter:
    """A request that waits to start, in a thread of its own."""

    def __init__(self, pace: Pace) -> None:
        self.started: float | None = None
        self._pace = pace
        self._thread = threading.Thread(target=self._start, daemon=True)
        self._thread.start()

    def _start(self) -> None:
        with suppress(Stopped):
            self.started = self._pace.start()

    def has_ended(self, within: float) -> bool:
        self._thread.join(within)
        return not self._thread.is_alive()

    def has_started(self, within: float) -> bool:
        self._thread.join(within)
        return self.started is not None


def test_an_overload_halves_what_may_be_under_way(clock: Clock) -> None:
    pace = Pace(16, clock=clock)
    for allowed in (8, 4, 2, 1, 1):
        overload(pace, clock)
        assert pace.allowed == allowed


def test_one_overload_counts_once(clock: Clock) -> None:
    pace = Pace(16, clock=clock)
    started = [pace.start() for _ in range(8)]
    clock.now += 0.5
    for moment in started:
        pace.finish(moment, is_overload=True, retry_after=None)
    assert pace.allowed == 8


def test_good_answers_bring_it_back_one_by_one(clock: Clock) -> None:
    pace = Pace(4, clock=clock)
    overload(pace, clock)
    overload(pace, clock)
    assert pace.allowed == 1
    for count, allowed in ((1, 2), (1, 2), (1, 3), (3, 4), (100, 4)):
        good(pace, count)
        assert pace.allowed == allowed


def test_an_overload_begins_the_run_of_good_answers_anew(clock: Clock) -> None:
    pace = Pace(8, clock=clock)
    overload(pace, clock)
    good(pace, 3)
    overload(pace, clock)
    assert pace.allowed == 2
    good(pace, 1)
    assert pace.allowed == 2


def test_no_more_are_under_way_than_allowed(clock: Clock) -> None:
    pace = Pace(2, clock=clock)
    first = pace.start()
    pace.start()
    third = Starter(pace)
    assert not third.has_started(0.1)
    pace.finish(first, is_overload=False, retry_after=None)
    assert third.has_started(5)


def test_a_retry_after_holds_everybody_back_until_then(clock: Clock) -> None:
    pace = Pace(4, clock=clock)
    overload(pace, clock, retry_after=0.2)
    waiting = Starter(pace)
    assert not waiting.has_started(0.1)
    clock.now += 0.3
    assert waiting.has_started(5)


def test_starts_are_spread_out_after_a_pause(clock: Clock) -> None:
    pace = Pace(4, clock=clock)
    overload(pace, clock, retry_after=1)
    clock.now += 1.1
    pace.finish(pace.start(), is_overload=False, retry_after=None)
    second = Starter(pace)
    assert not second.has_started(0.1)
    clock.now += 0.25
    assert second.has_started(5)


def test_a_rate_keeps_starts_apart(clock: Clock) -> None:
    pace = Pace(4, requests_per_second=10, clock=clock)
    assert pace.start() == 100.0
    second = Starter(pace)
    assert not second.has_started(0.05)
    clock.now += 0.11
    assert second.has_started(5)


def test_stopping_lets_everybody_go(clock: Clock) -> None:
    pace = Pace(1, clock=clock)
    pace.start()
    waiting = [Starter(pace) for _ in range(3)]
    pace.stop()
    assert all(each.has_ended(5) for each in waiting)
    # A limit holds also when a run stops: nobody starts a request.
    assert not any(each.started for each in waiting)
    with pytest.raises(Stopped):
        pace.start()
