"""What an attempt's outcome means: pure decisions on status codes and answer bodies."""

from __future__ import annotations

import email.utils
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from flexprice_wallets.extract.calls import Failure
from flexprice_wallets.records.answers import AnswerError

#: Beside these every status of 500 and above may pass, but for those that say that it never will.
_PASSING_STATUSES = frozenset({408, 425, 429})
_LASTING_STATUSES = frozenset({501, 505})
_OVERLOAD_STATUSES = frozenset({429, 503})
_LONGEST_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered to one attempt, and after how many seconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Taken:
    """The attempt gave records."""

    records: list[object]


@dataclass(frozen=True, slots=True)
class Missing:
    """The API says that there is no such thing (404)."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The API refuses the key (401) or the key's right to this (403): nothing else will be answered either."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed. `may_pass`: asking again may help. `retry_after`: seconds the API asks to wait."""

    failure: Failure
    may_pass: bool
    is_overload: bool = False
    retry_after: float | None = None


Outcome = Taken | Missing | Refused | Failed


def outcome_of(answer: Answer, decode: Callable[[bytes], list[object]]) -> Outcome:
    """Judge an answer; `decode` turns the body of a 200 into records or raises AnswerError."""
    if answer.status == 200:
        try:
            return Taken(decode(answer.body))
        except AnswerError as error:
            return Failed(Failure("unexpected_answer", str(error), 200), may_pass=True)
    failure = Failure(f"http_{answer.status}", _message(answer), answer.status)
    if answer.status == 404:
        return Missing()
    if answer.status in (401, 403):
        return Refused(failure)
    if 300 <= answer.status < 400:
        return Failed(
            Failure(
                failure.error_code,
                "The API redirects elsewhere, which is not followed because the key would go along; "
                "set the base URL to where the API is",
                answer.status,
            ),
            may_pass=False,
        )
    return Failed(
        failure,
        may_pass=_may_pass(answer.status),
        is_overload=answer.status in _OVERLOAD_STATUSES,
        retry_after=retry_after_seconds(answer.headers.get("Retry-After"), datetime.now(UTC)),
    )


def _may_pass(status: int) -> bool:
    """Whether asking again may help."""
    return status in _PASSING_STATUSES or (500 <= status <= 599 and status not in _LASTING_STATUSES)


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks to wait (RFC 9110: seconds or a date); None where it says nothing."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), 10**6))
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a date that no calendar has
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def _message(answer: Answer) -> str:
    """What the API says of an error, in either contract's shape; never HTML."""
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        return f"HTTP status {answer.status}"
    message = None
    if isinstance(content, dict):
        error = content.get("error")
        nested = error.get("message") if isinstance(error, dict) else error
        message = content.get("message") or nested
    if not isinstance(message, str) or not message.strip():
        return f"HTTP status {answer.status}"
    printable = "".join(character if character.isprintable() else " " for character in message)
    return printable[:_LONGEST_MESSAGE]
