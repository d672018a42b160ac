from __future__ import annotations

import threading
import time

from flexprice_wallets.extract.calls import wallet
from flexprice_wallets.extract.schedule import Schedule, Task


def task(name: str) -> Task:
    return Task(wallet(name, "cust_1"))


def names(schedule: Schedule, count: int) -> list[str]:
    taken = [schedule.take() for _ in range(count)]
    return [each.call.resource_id for each in taken if each is not None]


def in_background(target: object) -> threading.Thread:
    thread = threading.Thread(target=target, daemon=True)  # type: ignore[arg-type]
    thread.start()
    return thread


def test_new_tasks_come_in_order() -> None:
    schedule = Schedule(capacity=10)
    for name in "abc":
        schedule.put(task(name))
    assert names(schedule, 3) == ["a", "b", "c"]


def test_a_task_that_is_due_comes_before_new_ones() -> None:
    schedule = Schedule(capacity=10)
    schedule.put(task("new"))
    schedule.put_off(task("later"), 30)
    schedule.put_off(task("due"), 0)
    assert names(schedule, 2) == ["due", "new"]


def test_a_task_comes_not_before_it_is_due() -> None:
    schedule = Schedule(capacity=10)
    schedule.put_off(task("second"), 0.1)
    schedule.put_off(task("first"), 0.05)
    begun = time.monotonic()
    assert names(schedule, 2) == ["first", "second"]
    assert time.monotonic() - begun >= 0.1


def test_whoever_waits_for_a_late_task_takes_an_earlier_one() -> None:
    schedule = Schedule(capacity=10)
    schedule.put_off(task("late"), 30)
    taken: list[str] = []
    thread = in_background(lambda: taken.extend(names(schedule, 1)))
    schedule.put(task("now"))
    thread.join(5)
    assert taken == ["now"]


def test_put_waits_for_room_and_put_off_does_not() -> None:
    schedule = Schedule(capacity=1)
    schedule.put(task("a"))
    schedule.put_off(task("again"), 0)
    thread = in_background(lambda: schedule.put(task("b")))
    thread.join(0.1)
    assert thread.is_alive()
    assert names(schedule, 2) == ["again", "a"]
    thread.join(5)
    assert names(schedule, 1) == ["b"]


def test_closing_lets_everybody_go() -> None:
    schedule = Schedule(capacity=1)
    schedule.put(task("a"))
    waiting = in_background(lambda: schedule.put(task("b")))
    schedule.close()
    waiting.join(5)
    assert not waiting.is_alive()
    assert schedule.take() is None

    empty = Schedule(capacity=1)
    taking = in_background(empty.take)
    empty.close()
    taking.join(5)
    assert not taking.is_alive()
