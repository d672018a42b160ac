from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexprice_wallets.extract.asking.backoff import RetryPolicy
from flexprice_wallets.extract.asking.outcomes import (
    Answer,
    Failed,
    Missing,
    Outcome,
    Refused,
    Taken,
    outcome_of,
    retry_after_seconds,
)
from flexprice_wallets.records.answers import wallets_of_answer

NOW = datetime(2026, 8, 20, 12, tzinfo=UTC)


def judged(status: int, body: bytes = b"", **headers: str) -> Outcome:
    return outcome_of(Answer(status, headers, body), wallets_of_answer)


def failed(status: int, body: bytes = b"") -> Failed:
    outcome = judged(status, body)
    assert isinstance(outcome, Failed)
    return outcome


def test_an_answer_with_records() -> None:
    assert judged(200, b'[{"id": "wallet_1"}]') == Taken([{"id": "wallet_1"}])
    assert judged(200, b"[]") == Taken([])


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[", b"null"])
def test_a_200_that_is_no_answer_may_pass(body: bytes) -> None:
    outcome = failed(200, body)
    assert outcome.may_pass
    assert outcome.failure.error_code == "unexpected_answer"


def test_what_does_not_exist() -> None:
    assert judged(404, b'{"message": "Wallet not found"}') == Missing()


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key(status: int) -> None:
    outcome = judged(status, b'{"error": "Invalid API key"}')
    assert isinstance(outcome, Refused)
    assert (outcome.failure.http_status, outcome.failure.message) == (status, "Invalid API key")


@pytest.mark.parametrize(
    ("status", "may_pass", "is_overload"),
    [
        *((status, True, False) for status in (408, 425, 500, 502, 504)),
        *((status, True, True) for status in (429, 503)),
        *((status, False, False) for status in (301, 302, 307, 400, 405, 422, 501)),
    ],
)
def test_failures(status: int, may_pass: bool, is_overload: bool) -> None:
    outcome = failed(status)
    assert (outcome.may_pass, outcome.is_overload) == (may_pass, is_overload)
    assert outcome.failure.error_code == f"http_{status}"
    assert outcome.failure.http_status == status


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"code": "x", "message": "Too much", "http_status_code": 500}', "Too much"),
        (b'{"success": false, "error": {"message": "Too little"}}', "Too little"),
        (b'{"error": "Just so"}', "Just so"),
        (b'{"message": "two\\nlines"}', "two lines"),
        (b'{"message": 7}', "HTTP status 500"),
        (b'{"message": "  "}', "HTTP status 500"),
        (b"<html>Bad Gateway</html>", "HTTP status 500"),
        (b"[1]", "HTTP status 500"),
        (b"", "HTTP status 500"),
        (b"[" * 100_000, "HTTP status 500"),
        (b'{"message": "' + b"x" * 9000 + b'"}', "x" * 500),
    ],
    ids=range(11),
)
def test_what_the_api_says_of_an_error(body: bytes, message: str) -> None:
    assert failed(500, body).failure.message == message


def test_retry_after_comes_along() -> None:
    outcome = judged(429, b"", **{"Retry-After": "7"})
    assert isinstance(outcome, Failed)
    assert outcome.retry_after == 7


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0),
        (" 12 ", 12),
        ("9" * 30, 1e6),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0),
        ("soon", None),
        ("", None),
        ("-3", None),
        ("1.5", None),
        ("٣", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, NOW) == seconds


# --- backoff -------------------------------------------------------------------------------------------------------

POLICY = RetryPolicy(attempts=5, total_time=100, first_delay=1, longest_delay=6)


@pytest.mark.parametrize(("attempts", "longest"), [(1, 1), (2, 2), (3, 4), (4, 6)])
def test_delays_double_up_to_the_longest(attempts: int, longest: float) -> None:
    delays = [POLICY.delay(attempts, 0, None, Random(seed)) for seed in range(200)]
    found = [delay for delay in delays if delay is not None]
    assert len(found) == 200
    assert longest / 2 <= min(found) < longest * 0.55
    assert longest * 0.95 < max(found) <= longest


def test_it_gives_up_after_so_many_attempts_or_seconds() -> None:
    assert POLICY.delay(5, 0, None, Random(1)) is None
    assert POLICY.delay(1, 98.9, None, Random(1)) is not None
    assert POLICY.delay(1, 99.9, None, Random(1)) is None


def test_a_retry_after_is_waited_out_up_to_the_longest() -> None:
    delay = POLICY.delay(1, 0, 30, Random(1))
    assert delay is not None
    assert 30.5 <= delay <= 31
    delay = POLICY.delay(1, 0, 86_400, Random(1))
    assert delay is not None
    assert 60.5 <= delay <= 61


@given(
    st.integers(1, 10),
    st.floats(0, 200),
    st.none() | st.floats(0, 1e6),
    st.integers(0, 1000),
)
def test_no_delay_goes_past_the_total_time(
    attempts: int, spent: float, retry_after: float | None, seed: int
) -> None:
    delay = POLICY.delay(attempts, spent, retry_after, Random(seed))
    assert delay is None or 0 < delay <= POLICY.total_time - spent
