"""Tries a call once, or again and again: the one place where transport, pace and judgement meet."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from flexprice_wallets.api.backoff import RetryPolicy
from flexprice_wallets.api.calls import Call
from flexprice_wallets.api.client import ApiClient, AttemptFailed
from flexprice_wallets.api.outcomes import Failed, Outcome, Refused, outcome_of
from flexprice_wallets.api.pace import Pace
from flexprice_wallets.errors import AccessRefused

Decoder = Callable[[bytes], list[object]]


@dataclass(slots=True)
class RequestCounts:
    """How many requests were sent, and how many of them were repetitions."""

    requests: int = 0
    retries: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, *, is_retry: bool) -> None:
        with self._lock:
            self.requests += 1
            self.retries += is_retry


class Api:
    """Asks the API politely. Safe to share between threads."""

    def __init__(self, client: ApiClient, pace: Pace, policy: RetryPolicy | None = None) -> None:
        self.client = client
        self.pace = pace
        self.policy = policy or RetryPolicy()
        self.counts = RequestCounts()
        self._random = random.Random()
        self._stopped = threading.Event()

    def attempt(
        self, call: Call, decode: Decoder, *, is_retry: bool = False
    ) -> tuple[Outcome, float]:
        """Send the call once, when the pace allows it, and judge the answer; also the seconds from then on."""
        started = self.pace.start()
        outcome: Outcome | None = None
        try:
            self.counts.add(is_retry=is_retry)
            outcome = outcome_of(self.client.ask(call), decode)
        except AttemptFailed as failed:
            outcome = failed.outcome
        finally:
            is_overload = isinstance(outcome, Failed) and outcome.is_overload
            retry_after = outcome.retry_after if isinstance(outcome, Failed) else None
            if retry_after is not None:
                retry_after = min(retry_after, self.policy.longest_retry_after)
            self.pace.finish(started, is_overload=is_overload, retry_after=retry_after)
        return outcome, time.monotonic() - started

    def delay_before_next(self, failed: Failed, attempts: int, spent: float) -> float | None:
        """Seconds until a failed call may be sent again, or None to give it up.

        `spent`: the seconds that its attempts and the waits between them took; waiting for the pace does not count.
        """
        if not failed.may_pass:
            return None
        return self.policy.delay(attempts, spent, failed.retry_after, self._random)

    def ask(self, call: Call, decode: Decoder) -> Outcome:
        """Send the call until it is answered or given up, waiting in between.

        Raises:
            AccessRefused: where the API refuses the key.
        """
        attempts = 0
        spent = 0.0
        while True:
            outcome, seconds = self.attempt(call, decode, is_retry=attempts > 0)
            attempts += 1
            spent += seconds
            if isinstance(outcome, Refused):
                raise access_refused(outcome)
            if not isinstance(outcome, Failed) or self._stopped.is_set():
                return outcome
            delay = self.delay_before_next(outcome, attempts, spent)
            if delay is None:
                return outcome
            spent += delay
            self._stopped.wait(delay)

    def stop(self) -> None:
        """Wake everybody who waits: the run ends."""
        self._stopped.set()
        self.pace.stop()


def access_refused(refused: Refused) -> AccessRefused:
    """The error for a refused key: 401 is the key itself, 403 a right it lacks."""
    if refused.failure.http_status == 401:
        return AccessRefused(
            f"The API refused the key ({refused.failure.message}): "
            "set FLEXPRICE_API_KEY to a valid key of this Flexprice region."
        )
    return AccessRefused(
        f"The key has no right to read wallets ({refused.failure.message}): give the key that right, or name its "
        "environment with --environment-id (or FLEXPRICE_ENVIRONMENT_ID)."
    )
