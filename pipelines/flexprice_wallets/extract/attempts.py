"""Tries a call once, or again and again: the one place where transport, pace and judgement meet."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import requests

from flexprice_wallets.errors import AccessRefused, ConfigurationError
from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.backoff import RetryPolicy
from flexprice_wallets.extract.calls import Call, Failure
from flexprice_wallets.extract.client import ApiClient, AttemptFailed
from flexprice_wallets.extract.counts import RequestCounts
from flexprice_wallets.extract.endpoints import DEFAULT_BASE_URL
from flexprice_wallets.extract.outcomes import Failed, Outcome, Refused, outcome_of
from flexprice_wallets.extract.pace import Pace, Stopped

Decoder = Callable[[bytes], list[object]]

_STOPPED = Failed(Failure("stopped", "The run has stopped"), may_pass=False)


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
        try:
            started = self.pace.start()
        except Stopped:
            return _STOPPED, 0.0
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


def open_api(options: ApiOptions) -> Api:
    """The API, ready to be asked.

    Raises:
        ConfigurationError: as `ApiOptions.check`, or where the base URL is none.
    """
    options.check()
    try:
        client = ApiClient(
            options.base_url,
            options.api_key,
            environment_id=options.environment_id,
            connections=options.workers + 1,
            timeouts=options.timeouts,
            allow_plain_http=options.allow_plain_http,
        )
    except requests.exceptions.InvalidSchema:
        raise ConfigurationError(
            "The proxy that HTTPS_PROXY (or ALL_PROXY) names is a SOCKS proxy, which needs the package PySocks: "
            "install it with `pip install requests[socks]`, or unset the variable."
        ) from None
    except requests.exceptions.InvalidProxyURL:
        raise ConfigurationError(
            "The proxy that HTTPS_PROXY (or HTTP_PROXY, ALL_PROXY) names is no address: set it to one such as "
            "http://proxy.example:3128, or unset the variable."
        ) from None
    except OSError as error:
        if isinstance(error, ValueError):
            raise _no_address() from None
        raise ConfigurationError(
            f"The file of trusted certificates cannot be used ({error}): set REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE) to "
            "a file that is there, or unset it."
        ) from None
    except ValueError:
        # Of the standard library or of requests; the text of the exception may hold more than belongs in a log.
        raise _no_address() from None
    # One more than the workers: the listing goes on while all of them are busy.
    pace = Pace(options.workers + 1, options.max_requests_per_second)
    return Api(client, pace, options.retries)


def _no_address() -> ConfigurationError:
    return ConfigurationError(
        f"Set --base-url (or FLEXPRICE_BASE_URL) to an address such as {DEFAULT_BASE_URL}: this one is none."
    )


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
