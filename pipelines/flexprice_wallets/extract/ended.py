"""Looks at ended wallets again, in a handful of requests: one that has ended can still get money."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from flexprice_wallets.extract.asking.api import Answered, Api
from flexprice_wallets.extract.asking.outcomes import Failed, Refused
from flexprice_wallets.extract.calls import Failure, Reply, closed_wallets, ended_wallets
from flexprice_wallets.extract.events import text_field
from flexprice_wallets.records.answers import AnswerError, wallets_one_by_one, wallets_page

#: So many requests are a handful.
_MOST_REQUESTS: Final = 5
_WALLETS_PER_REPLY: Final = 500
#: With these an API says that it does not offer the list of wallets, or not to this key.
_NOT_OFFERED: Final = frozenset({400, 403})


def read_ended_wallets(api: Api, wallet_ids: list[str]) -> Iterator[Reply]:
    """Those of these wallets that the API still knows, each once, some hundred in a reply.

    Where a handful of requests cannot name them all, one asks for every closed wallet, and where the answer to that is
    too large, as many requests as it takes. One reply with `is_missing` says that the API does not offer this.

    Raises:
        AccessRefused: the API refuses the key (401).
    """
    left = set(wallet_ids)
    calls = ended_wallets(wallet_ids)
    if len(calls) > _MOST_REQUESTS:
        [answered] = api.answers([closed_wallets()], lambda body: [body])
        if not _is_too_large(answered):
            yield from _closed_wallets(answered, left)
            return
    for answered in api.answers(calls, wallets_page):
        reply = _reply(answered)
        yield reply._replace(records=reply.records and _taken(reply.records, left))
        if reply.is_missing:
            return


def _closed_wallets(answered: Answered, left: set[str]) -> Iterator[Reply]:
    reply = _reply(answered)
    if not reply.records:
        yield reply
        return
    [body] = reply.records
    assert isinstance(body, bytes), "what the decoder gives"
    records = wallets_one_by_one(body)
    try:
        # Decoded meanwhile: as objects, 64 MB of JSON take 2 GB.
        while some := list(islice(records, _WALLETS_PER_REPLY)):
            yield reply._replace(records=_taken(some, left))
    except AnswerError as error:
        failure = Failure("unexpected_answer", str(error), 200)
        yield reply._replace(records=None, failure=failure)


def _taken(records: list[object], left: set[str]) -> list[object]:
    """Those that are still to be found."""
    taken = []
    for record in records:
        wallet_id = text_field(record, "id")
        if wallet_id in left:
            left.remove(wallet_id)
            taken.append(record)
    return taken


def _is_too_large(answered: Answered) -> bool:
    outcome = answered.outcome
    return isinstance(outcome, Failed) and outcome.failure.error_code == "endless_answer"


def _reply(answered: Answered) -> Reply:
    match answered.outcome:
        case Refused(failure) | Failed(failure) if failure.http_status in _NOT_OFFERED:
            return Reply(answered.call, answered.observed_at, answered.attempts, is_missing=True)
    return answered.reply()
