"""Asks the API politely: workers take calls from one line, try each once, and hand on what came or put the call off.

Retries are by hand: tenacity, which dlt brings along, waits in the thread that asks. Here a call that is put off leaves
its worker to others: where one customer in twenty fails for good, each for some 6 s, at 2,400 requests/s 700 threads
would wait.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from requests.exceptions import InvalidProxyURL, InvalidSchema

from flexprice_wallets.errors import AccessRefused, ConfigurationError
from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.asking.backoff import RetryPolicy
from flexprice_wallets.extract.asking.client import ApiClient, AttemptFailed
from flexprice_wallets.extract.asking.line import Attempt, Line, Task
from flexprice_wallets.extract.asking.outcomes import Failed, Outcome, Refused, Taken, outcome_of
from flexprice_wallets.extract.calls import Call, Failure, Reply
from flexprice_wallets.extract.counts import RequestCounts

Decoder = Callable[[bytes], list[Any]]

_STOPPED: Final = Failed(Failure("stopped", "The load has stopped"), may_pass=False)
#: Seconds in which the threads that ask end. They do at once, but where the network does not let them go.
ENDING: Final = 1.0
#: Calls of one caller that are in line or under way at once.
_MOST_AHEAD: Final = 200


class Answered(NamedTuple):
    """What became of a call in the end. `outcome` is an exception where the program itself failed."""

    call: Call
    observed_at: datetime
    attempts: int
    outcome: Outcome | Exception

    def result(self) -> Outcome:
        """The outcome.

        Raises:
            AccessRefused: the API refused the key.
            Exception: a mistake in the program.
        """
        if isinstance(self.outcome, Exception):
            raise self.outcome
        if isinstance(self.outcome, Refused):
            raise access_refused(self.outcome)
        return self.outcome

    def reply(self) -> Reply:
        """The outcome as a reply.

        Raises:
            AccessRefused, Exception: as `result`.
        """
        match self.result():
            case Taken(records):
                return Reply(self.call, self.observed_at, self.attempts, records)
            case Failed(failure):
                return Reply(self.call, self.observed_at, self.attempts, failure=failure)
        return Reply(self.call, self.observed_at, self.attempts, is_missing=True)


class Api:
    """Asks the API. Safe to share between threads, which are daemons: a hanging connection keeps no process alive."""

    def __init__(
        self, client: ApiClient, line: Line, policy: RetryPolicy | None = None, workers: int = 8
    ) -> None:
        self.client = client
        self.policy = policy or RetryPolicy()
        self._line = line
        self._random = random.Random()
        self._workers = [
            threading.Thread(target=self._work, name=f"fetch-{number}", daemon=True)
            for number in range(workers)
        ]
        for worker in self._workers:
            worker.start()

    @property
    def counts(self) -> RequestCounts:
        """Requests sent so far."""
        return self._line.counts

    def submit(
        self,
        call: Call,
        decode: Decoder,
        deliver: Callable[[Answered], object],
        *,
        is_urgent: bool = False,
    ) -> None:
        """Have a call made until it is answered or given up; `deliver` is called in another thread and may not wait."""
        task = Task(call, decode, deliver)
        if not self._line.put(task, is_urgent=is_urgent):
            _deliver(task, _STOPPED)

    def ask(self, call: Call, decode: Decoder) -> Outcome:
        """Make a call before those in line, and wait for what becomes of it.

        Raises:
            AccessRefused: the API refuses the key.
        """
        answers: queue.SimpleQueue[Answered] = queue.SimpleQueue()
        self.submit(call, decode, answers.put, is_urgent=True)
        return answers.get().result()

    def answers(self, calls: Iterable[Call], decode: Decoder) -> Iterator[Answered]:
        """Make calls and give what becomes of them, in the order in which they are done."""
        done: queue.SimpleQueue[Answered] = queue.SimpleQueue()
        ahead = 0
        for call in calls:
            self.submit(call, decode, done.put)
            ahead += 1
            if ahead == _MOST_AHEAD:
                yield done.get()
                ahead -= 1
        for _ in range(ahead):
            yield done.get()

    def stop(self, until: float | None = None) -> None:
        """Send nothing any more, let everybody who waits go, and close all connections.

        The workers have ended then, but for those that are just looking up the API's host or connecting to it: they
        end once that has, and send nothing.

        Args:
            until: the time of `time.monotonic` until which workers are waited for; without it, `ENDING` from now.
        """
        for task in self._line.close():
            _deliver(task, _STOPPED)
        self.client.close()
        join(self._workers, time.monotonic() + ENDING if until is None else until)

    def _work(self) -> None:
        attempt = None
        while (attempt := self._line.take(attempt)) is not None:
            self._make(attempt)

    def _make(self, attempt: Attempt) -> None:
        """Make an attempt and hand on what came. Within the loop a waiting worker would keep its last answer."""
        outcome: Outcome | Exception
        try:
            outcome = self._try(attempt)
        except Exception as error:  # noqa: BLE001 - whoever waits for the answer raises it
            outcome = error
        if not self._is_put_off(attempt.task, outcome):
            _deliver(attempt.task, outcome)

    def _try(self, attempt: Attempt) -> Outcome:
        task = attempt.task
        task.attempts += 1
        outcome: Outcome
        try:
            answer = self.client.ask(task.call)
            attempt.ended, attempt.seconds = time.monotonic(), answer.seconds
            outcome = outcome_of(answer, task.decode)
        except AttemptFailed as failed:
            attempt.ended = time.monotonic()
            outcome = failed.outcome
        task.spent += attempt.ended - attempt.started
        attempt.is_good = isinstance(outcome, Taken)
        if isinstance(outcome, Failed):
            attempt.is_overload = outcome.is_overload
            attempt.pause = min(outcome.retry_after or 0.0, self.policy.longest_retry_after)
        return outcome

    def _is_put_off(self, task: Task, outcome: Outcome | Exception) -> bool:
        """Have the call made again later, if that may help."""
        if not isinstance(outcome, Failed) or not outcome.may_pass:
            return False
        delay = self.policy.delay(task.attempts, task.spent, outcome.retry_after, self._random)
        if delay is None:
            return False
        task.spent += delay
        return self._line.put_off(task, delay)


def join(threads: Iterable[threading.Thread], until: float) -> None:
    """Wait for other threads to end, until a time of `time.monotonic`."""
    for thread in threads:
        if thread is not threading.current_thread():
            thread.join(max(0.0, until - time.monotonic()))


def _deliver(task: Task, outcome: Outcome | Exception) -> None:
    task.deliver(Answered(task.call, datetime.now(UTC), task.attempts, outcome))


def open_api(options: ApiOptions) -> Api:
    """The API, ready to be asked.

    Raises:
        ConfigurationError: as `ApiOptions.check`, or the environment names a proxy or certificates that cannot be used.
    """
    options.check()
    try:
        client = ApiClient(
            options.base_url,
            options.api_key,
            environment_id=options.environment_id,
            connections=options.workers,
            timeouts=options.timeouts,
            allow_plain_http=options.allow_plain_http,
        )
    except (ValueError, OSError) as error:
        # The text of the exception may hold more than belongs in a log.
        raise ConfigurationError(_what_to_set(error)) from None
    line = Line(options.workers, options.max_requests_per_second)
    return Api(client, line, options.retries, options.workers)


def _what_to_set(error: ValueError | OSError) -> str:
    match error:
        case InvalidSchema():
            return (
                "The proxy that HTTPS_PROXY (or ALL_PROXY) names is a SOCKS proxy, which needs the package PySocks: "
                "install it with `pip install requests[socks]`, or unset the variable."
            )
        case InvalidProxyURL():
            return (
                "The proxy that HTTPS_PROXY (or HTTP_PROXY, ALL_PROXY) names is no address: set it to one such as "
                "http://proxy.example:3128, or unset the variable."
            )
        case ValueError():
            return "Set --base-url (or FLEXPRICE_BASE_URL) to the address of the API: this one cannot be used."
    return (
        f"The file of trusted certificates cannot be used ({error}): set REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE) to "
        "a file that is there, or unset it."
    )


def access_refused(refused: Refused) -> AccessRefused:
    """The error for a refused key: 401 is the key itself, 403 a right it lacks."""
    said = refused.failure.message
    if refused.failure.http_status == 401:
        return AccessRefused(
            f"The API refused the key ({said}): set FLEXPRICE_API_KEY to a valid key of this Flexprice region."
        )
    return AccessRefused(
        f"The key has no right to read wallets ({said}): give the key that right, or name its "
        "environment with --environment-id (or FLEXPRICE_ENVIRONMENT_ID)."
    )
