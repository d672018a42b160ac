"""How the limit of requests under way finds itself, on servers that are played event by event."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from dataclasses import dataclass, field

import pytest

from flexprice_emulator.server_load import ServerLoad
from flexprice_wallets.extract.asking.limit import AdaptiveLimit

QUICKEST = 0.02


@dataclass
class Load:
    """A program that asks as much as it may from `begin` on, in all `requests` times."""

    begin: float = 0.0
    requests: int = 10**9
    limit: AdaptiveLimit = field(default_factory=lambda: AdaptiveLimit(64))
    under_way: int = 0
    #: When each answer came, what it took, and how many requests were allowed then.
    answers: list[tuple[float, float, int]] = field(default_factory=list)

    def between(self, begin: float, end: float) -> list[tuple[float, float, int]]:
        return [each for each in self.answers if begin <= each[0] < end]

    def per_second(self, begin: float, end: float) -> float:
        return len(self.between(begin, end)) / (end - begin)

    def mean_seconds(self, begin: float, end: float) -> float:
        answers = self.between(begin, end)
        return sum(seconds for _, seconds, _ in answers) / len(answers)

    def mean_allowed(self, begin: float, end: float) -> float:
        answers = self.between(begin, end)
        return sum(allowed for _, _, allowed in answers) / len(answers)

    def first_moment_of(self, allowed: int) -> float:
        return next(now for now, _, each in self.answers if each >= allowed)


class Server:
    """Works on `capacity` requests at once, each for some 20 ms; others wait. None is any number."""

    def __init__(
        self, capacity: int | None, *, scatter: float = 0.05, slow_from: float = math.inf
    ) -> None:
        self.load = ServerLoad(1000 * QUICKEST, capacity)
        self.scatter = scatter
        self.slow_from = slow_from

    def delay(self, now: float) -> float:
        seconds = QUICKEST * random.lognormvariate(0, self.scatter)
        self.load.latency_ms = 1000 * seconds * (3 if now >= self.slow_from else 1)
        return self.load.delay(now)


def play(server: Server, *loads: Load, until: float) -> None:
    numbers = itertools.count()
    events: list[tuple[float, int, Load, float | None]] = [
        (load.begin, next(numbers), load, None) for load in loads
    ]
    heapq.heapify(events)
    while events and events[0][0] < until:
        now, _, load, started = heapq.heappop(events)
        if started is not None:
            load.limit.answered(started, now - started, now, load.under_way)
            load.under_way -= 1
            load.answers.append((now, now - started, load.limit.allowed))
        while load.under_way < load.limit.allowed and load.requests:
            load.under_way += 1
            load.requests -= 1
            heapq.heappush(events, (now + server.delay(now), next(numbers), load, now))


@pytest.fixture(autouse=True)
def _same_each_time() -> None:
    random.seed(7)


def test_it_reaches_its_ceiling_in_a_handful_of_round_trips() -> None:
    load = Load()
    play(Server(None), load, until=2)
    assert load.answers[0][2] == 1, "it starts with one"
    assert load.first_moment_of(16) < 8 * QUICKEST
    assert load.first_moment_of(64) < 12 * QUICKEST
    assert load.mean_allowed(0.5, 2) > 63


@pytest.mark.parametrize("capacity", [2, 4, 8, 16, 32])
def test_it_settles_where_a_server_gives_its_best(capacity: int) -> None:
    load = Load()
    play(Server(capacity), load, until=10)
    assert load.per_second(2, 10) > 0.9 * capacity / QUICKEST
    assert load.mean_seconds(2, 10) < 2 * QUICKEST


def test_a_server_for_one_at_a_time_is_hardly_queued_for() -> None:
    load = Load()
    play(Server(1), load, until=20)
    assert load.per_second(5, 20) > 0.9 / QUICKEST
    assert load.mean_seconds(5, 20) < 2.3 * QUICKEST


@pytest.mark.parametrize("capacity", [8, 16, 32])
@pytest.mark.parametrize("later", [0.0, 2.0])
def test_two_loads_share_fairly(capacity: int, later: float) -> None:
    fairness, slowness = [], []
    for seed in range(4):
        random.seed(seed)
        first, second = Load(), Load(begin=later)
        play(Server(capacity), first, second, until=later + 12)
        window = (later + 3, later + 12)
        less, more = sorted(load.per_second(*window) for load in (first, second))
        assert less + more > 0.9 * capacity / QUICKEST
        fairness.append(less / more)
        slowness.append(max(load.mean_seconds(*window) for load in (first, second)) / QUICKEST)
    assert sum(fairness) / 4 > 0.65
    assert sum(slowness) / 4 < 2.5


def test_a_server_that_gets_slower_by_itself_is_asked_as_much_as_before() -> None:
    load = Load()
    play(Server(None, slow_from=1), load, until=8)
    assert load.mean_seconds(4, 8) > 2.9 * QUICKEST
    assert load.mean_allowed(4, 8) > 50


@pytest.mark.parametrize(("scatter", "allowed"), [(0.2, 60), (0.5, 45), (0.8, 25)])
def test_answers_that_scatter_are_not_taken_for_a_queue(scatter: float, allowed: int) -> None:
    means = []
    for seed in range(6):
        random.seed(seed)
        load = Load()
        play(Server(None, scatter=scatter), load, until=6)
        means.append(load.mean_allowed(1, 6))
    assert sum(means) / len(means) > allowed


def good(limit: AdaptiveLimit, count: int, now: float, under_way: int = 64) -> None:
    for _ in range(count):
        limit.answered(now, QUICKEST, now + QUICKEST, under_way)


def test_an_overload_halves_once_for_all_that_were_under_way() -> None:
    limit = AdaptiveLimit(64)
    good(limit, 1000, 1.0)
    assert limit.allowed == 64
    for _ in range(10):
        limit.overloaded(2.0, 3.0)
    assert limit.allowed == 32
    good(limit, 100, 2.5)
    assert limit.allowed == 32, "answers to earlier requests tell nothing"
    for moment, allowed in ((4.0, 16), (5.0, 8), (6.0, 4), (7.0, 2), (8.0, 1), (9.0, 1)):
        limit.overloaded(moment, moment + 0.5)
        assert limit.allowed == allowed
    for number in range(40):
        good(limit, 64, 10.0 + number)
    assert limit.allowed == 64


def test_a_limit_that_is_not_used_does_not_grow() -> None:
    limit = AdaptiveLimit(64)
    for number in range(50):
        good(limit, 30, float(number), under_way=1)
    assert limit.allowed <= 3


def test_requests_of_another_kind_are_measured_by_themselves() -> None:
    limit = AdaptiveLimit(64)
    good(limit, 1000, 1.0)
    limit.other_requests()
    for number in range(10):
        for _ in range(64):
            limit.answered(2.0 + number, 50 * QUICKEST, 2.9 + number, 64)
    assert limit.allowed == 64
