"""Which call is sent next, and when: by a clock that stands still until it is moved, or by the real one."""

from __future__ import annotations

import threading
import time

import pytest

from flexprice_wallets.extract.asking.line import Attempt, Line, Task
from flexprice_wallets.extract.calls import Resource, wallet


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def task(name: str = "wallet_1") -> Task:
    return Task(wallet(name, "cust_1"), lambda _: [], lambda _: None)


def put(line: Line, *names: str) -> None:
    for name in names:
        assert line.put(task(name))


def taken(line: Line, count: int) -> list[str]:
    """Take so many tasks, each once the one before is answered."""
    names: list[str] = []
    attempt = None
    for _ in range(count):
        attempt = line.take(attempt)
        assert attempt is not None
        names.append(attempt.task.call.resource_id)
    return names


class Taker:
    """A worker that says how its last attempt ended, and waits for another."""

    def __init__(self, line: Line, last: Attempt | None = None) -> None:
        self.attempt: Attempt | None = None
        self._line, self._last = line, last
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self) -> None:
        self.attempt = self._line.take(self._last)

    def has_one(self, within: float) -> bool:
        self._thread.join(within)
        return self.attempt is not None

    def is_gone(self, within: float) -> bool:
        self._thread.join(within)
        return not self._thread.is_alive()


def first(line: Line) -> Attempt:
    put(line, "first")
    attempt = line.take()
    assert attempt is not None
    return attempt


# --- Order ---------------------------------------------------------------------------------------------------------


def test_tasks_come_in_order_and_urgent_ones_first() -> None:
    line = Line(8)
    put(line, "a", "b")
    line.put(task("now"), is_urgent=True)
    assert taken(line, 3) == ["now", "a", "b"]


def test_a_task_that_is_due_comes_before_new_ones() -> None:
    line = Line(8)
    put(line, "new")
    line.put_off(task("later"), 30)
    line.put_off(task("due"), 0)
    assert taken(line, 2) == ["due", "new"]


def test_a_task_comes_not_before_it_is_due() -> None:
    line = Line(8)
    line.put_off(task("second"), 0.1)
    line.put_off(task("first"), 0.05)
    begun = time.monotonic()
    assert taken(line, 2) == ["first", "second"]
    assert time.monotonic() - begun >= 0.1


def test_whoever_waits_for_a_late_task_takes_an_earlier_one() -> None:
    for put_earlier in (
        lambda line: line.put(task("now")),
        lambda line: line.put_off(task("now"), 0.01),
    ):
        line = Line(8)
        line.put_off(task("late"), 30)
        takers = [Taker(line) for _ in range(3)]
        time.sleep(0.05)
        put_earlier(line)
        deadline = time.monotonic() + 5
        while not any(taker.attempt for taker in takers) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert [t.attempt.task.call.resource_id for t in takers if t.attempt] == ["now"]
        line.close()


# --- Pace ----------------------------------------------------------------------------------------------------------


def test_no_more_are_under_way_than_allowed(clock: Clock) -> None:
    line = Line(1, clock=clock)
    attempt = first(line)
    put(line, "second", "third")
    waiting = Taker(line)
    assert not waiting.has_one(0.1)
    assert line.take(attempt) is not None
    assert not waiting.has_one(0.1)
    line.close()


def test_all_that_may_ask_do_ask() -> None:
    line = Line(16)
    for number in range(600):
        put(line, f"wallet_{number}")
    lock, under_way, most = threading.Lock(), [0], [0]

    def work() -> None:
        attempt = None
        while (attempt := line.take(attempt)) is not None:
            with lock:
                under_way[0] += 1
                most[0] = max(most[0], under_way[0])
            time.sleep(0.02)
            with lock:
                under_way[0] -= 1
            attempt.ended = time.monotonic()
            attempt.seconds, attempt.is_good = 0.02, True
            if attempt.task.call.resource_id == "wallet_599":
                line.close()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(40)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most[0] == 16
    assert line.counts.requests == 600
    assert time.monotonic() - begun < 3, "600 requests of 0.02 s, soon 16 at once"


def test_an_overload_falls_and_a_retry_after_holds_everybody_back(clock: Clock) -> None:
    line = Line(4, clock=clock)
    attempt = first(line)
    put(line, "second", "third")
    clock.now += 0.01
    attempt.ended, attempt.is_overload, attempt.pause = clock.now, True, 0.3
    waiting = [Taker(line, attempt), Taker(line)]
    assert not any(taker.has_one(0.1) for taker in waiting)
    clock.now += 0.31
    assert any(taker.has_one(2) for taker in waiting)
    line.close()


def test_starts_are_spread_out_after_a_pause(clock: Clock) -> None:
    line = Line(4, clock=clock)
    attempt = first(line)
    put(line, "second", "third")
    attempt.ended, attempt.is_overload, attempt.pause = clock.now, True, 1.0
    clock.now += 1.1
    second = line.take(attempt)
    assert second is not None
    waiting = Taker(line, second)
    assert not waiting.has_one(0.1)
    clock.now += 0.26
    assert waiting.has_one(2)


def test_a_rate_keeps_starts_apart(clock: Clock) -> None:
    line = Line(4, requests_per_second=10, clock=clock)
    attempt = first(line)
    put(line, "second")
    waiting = Taker(line, attempt)
    assert not waiting.has_one(0.05)
    clock.now += 0.11
    assert waiting.has_one(2)


def test_only_what_comes_by_the_thousand_tells_how_busy_the_api_is(clock: Clock) -> None:
    line = Line(64, clock=clock)
    attempt = first(line)
    kinds: tuple[tuple[Resource, bool], ...] = (("customers", False), ("wallet", True))
    for resource, grows in kinds:
        for _ in range(20):
            put(line, "next")
            clock.now += 0.02
            attempt.task.call = attempt.task.call._replace(resource=resource)
            attempt.ended, attempt.seconds, attempt.is_good = clock.now, 0.02, True
            following = line.take(attempt)
            assert following is not None
            attempt = following
        assert (line.allowed > 1) is grows


def test_requests_and_retries_are_counted(clock: Clock) -> None:
    line = Line(4, clock=clock)
    attempt = first(line)
    again = task()
    again.attempts = 1
    line.put(again)
    assert line.take(attempt) is not None
    assert (line.counts.requests, line.counts.retries) == (2, 1)


# --- The end -------------------------------------------------------------------------------------------------------


def test_closing_lets_everybody_go_without_a_request(clock: Clock) -> None:
    line = Line(1, clock=clock)
    attempt = first(line)
    put(line, "second")
    later = task("later")
    line.put_off(later, 60)
    waiting = [Taker(line) for _ in range(3)]
    left = line.close()
    assert [each.call.resource_id for each in left] == ["second", "later"]
    assert all(taker.is_gone(5) for taker in waiting)
    assert not any(taker.attempt for taker in waiting)
    assert line.take(attempt) is None
    assert not line.put(task())
    assert not line.put_off(task(), 1)
    assert line.counts.requests == 1
