"""The workers: each takes a task, tries it once, and hands on the reply or puts the task off for another try."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import Generic, TypeVar

from flexprice_wallets.errors import FlexpriceWalletsError
from flexprice_wallets.extract.attempts import Api, Decoder, access_refused
from flexprice_wallets.extract.calls import Call, Reply, Resource
from flexprice_wallets.extract.outcomes import Failed, Missing, Outcome, Refused, Taken
from flexprice_wallets.extract.schedule import Schedule, Task
from flexprice_wallets.records.answers import wallet_of_answer, wallets_of_answer, wallets_page

Event = TypeVar("Event")

#: Seconds in which replies gather before they are taken together: taking each by itself would hold up the workers.
_GATHERING = 0.01
#: Two seconds' worth of a fast API: so long may the program that takes them need to start.
_MOST_DONE = 4000

_DECODERS: dict[Resource, Decoder] = {
    "customer_wallets": wallets_of_answer,
    "wallet": lambda body: [wallet_of_answer(body)],
    "ended_wallets": wallets_page,
}


class Workers(Generic[Event]):
    """Runs calls on `count` threads; replies come out in the order in which they are done, among other events.

    Both lines are bounded: who submits waits while `replies` is not drained. The threads are daemons, so a hanging
    connection never keeps the process alive.
    """

    def __init__(self, api: Api, count: int) -> None:
        self._api = api
        self._schedule = Schedule(capacity=4 * count + 1000)
        # Bounded by `announce`: the lock of a bounded queue has all workers wait for each other.
        self._done: queue.SimpleQueue[Reply | Event | BaseException] = queue.SimpleQueue()
        self._gathered: deque[Reply | Event | BaseException] = deque()
        self._is_stopped = False
        for number in range(count):
            threading.Thread(target=self._work, name=f"fetch-{number}", daemon=True).start()

    def submit(self, call: Call) -> None:
        """Have the call made; waits while too many stand in line."""
        self._schedule.put(Task(call))

    def announce(self, event: Reply | Event | BaseException) -> None:
        """Have `take` give this too, or raise it where it is an exception; waits while `take` lags behind."""
        while self._done.qsize() >= _MOST_DONE and not self._is_stopped:
            time.sleep(_GATHERING)
        self._done.put(event)

    def take(self) -> Reply | Event:
        """Wait for the next reading or event.

        Raises:
            AccessRefused: where the API refused the key.
            BaseException: what was announced or broke a worker.
        """
        if not self._gathered:
            self._gather()
        done = self._gathered.popleft()
        if isinstance(done, BaseException):
            raise done
        return done

    def _gather(self) -> None:
        self._gathered.append(self._done.get())
        time.sleep(_GATHERING)
        for _ in range(self._done.qsize()):
            self._gathered.append(self._done.get_nowait())

    def stop(self) -> None:
        """End the workers; requests under way are left to themselves."""
        self._is_stopped = True
        self._api.stop()
        self._schedule.close()

    def _work(self) -> None:
        try:
            while (task := self._schedule.take()) is not None:
                self._try(task)
        except BaseException as error:  # noqa: BLE001 - handed to the consumer, which raises it
            self.announce(error)

    def _try(self, task: Task) -> None:
        call = task.call
        outcome, seconds = self._api.attempt(
            call, _DECODERS[call.resource], is_retry=task.attempts > 0
        )
        observed_at = datetime.now(UTC)
        task.attempts += 1
        task.spent += seconds
        if isinstance(outcome, Failed):
            delay = self._api.delay_before_next(outcome, task.attempts, task.spent)
            if delay is not None:
                task.spent += delay
                self._schedule.put_off(task, delay)
                return
        self.announce(_reply(call, observed_at, task.attempts, outcome))


def _reply(
    call: Call, observed_at: datetime, attempts: int, outcome: Outcome
) -> Reply | FlexpriceWalletsError:
    match outcome:
        case Taken(records):
            return Reply(call, observed_at, attempts, records=records)
        case Missing():
            return Reply(call, observed_at, attempts, is_missing=True)
        case Failed(failure):
            return Reply(call, observed_at, attempts, failure=failure)
        case Refused(failure) if call.resource == "ended_wallets" and failure.http_status == 403:
            # The key may read the wallets of customers, which is what matters.
            return Reply(call, observed_at, attempts, is_missing=True)
        case Refused():
            return access_refused(outcome)
