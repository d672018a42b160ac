"""What is asked of the API and what came of it, as data: named tuples, which go from process to process quickest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple
from urllib.parse import quote, quote_plus

from flexprice_wallets.extract import endpoints

Resource = Literal["customers", "customer_wallets", "wallet", "ended_wallets"]


class Call(NamedTuple):
    """One thing to ask for. `target` is the path below the base URL with its query; `body` is JSON for a POST."""

    resource: Resource
    resource_id: str
    target: str
    customer_id: str | None = None
    wallet_id: str | None = None
    body: bytes | None = None


class Failure(NamedTuple):
    """Why something could not be read. `http_status` is None where no answer came."""

    error_code: str
    message: str
    http_status: int | None = None


class Reply(NamedTuple):
    """What became of a call: records, or 404 (`is_missing`), or a failure. `observed_at` is in UTC."""

    call: Call
    observed_at: datetime
    attempts: int
    records: list[object] | None = None
    is_missing: bool = False
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Which figures to ask for beside the settled balance; the API gives the breakdown only with the real-time ones."""

    real_time_balance: bool = True
    credits_available_breakdown: bool = True

    @property
    def query(self) -> str:
        """What goes behind the first parameter of a query."""
        query = ""
        if self.real_time_balance:
            query += "&include_real_time_balance=true"
        if self.credits_available_breakdown:
            query += "&expand=credits_available_breakdown"
        return query


def customer_wallets(customer_id: str, figures: Figures) -> Call:
    """Ask for the wallets of a customer by its Flexprice id."""
    target = f"{endpoints.CUSTOMER_WALLETS}?id={quote_plus(customer_id)}{figures.query}"
    return Call("customer_wallets", customer_id, target, customer_id=customer_id)


def lookup_key_wallets(lookup_key: str, figures: Figures) -> Call:
    """Ask for the wallets of a customer by its id in the caller's own system."""
    target = f"{endpoints.CUSTOMER_WALLETS}?lookup_key={quote_plus(lookup_key)}{figures.query}"
    return Call("customer_wallets", lookup_key, target)


def wallet(wallet_id: str, customer_id: str) -> Call:
    """Ask for one wallet whatever its status; the API gives its settled figures only."""
    target = endpoints.WALLET.format(wallet_id=quote(wallet_id, safe=""))
    return Call("wallet", wallet_id, target, customer_id=customer_id, wallet_id=wallet_id)


#: Characters of a query that servers and proxies take without fail.
_LONGEST_QUERY: Final = 6000
#: So many calls are a handful: for more, all closed wallets are asked for at once, as long as that answer is bearable.
_HANDFUL: Final = 5
_MOST_AT_ONCE: Final = 15_000


def ended_wallets(wallet_ids: Sequence[str]) -> list[Call]:
    """Ask for many wallets at once, whatever their status, in a handful of calls.

    The API knows no pages here. Wallets that it does not know are left out of the answer.
    """
    calls = wallets_by_ids(wallet_ids)
    if len(calls) > _HANDFUL and len(wallet_ids) <= _MOST_AT_ONCE:
        return [_wallets("status=closed", ALL_CLOSED)]
    return calls


#: What the call for every closed wallet of the environment is about.
ALL_CLOSED: Final = "all closed"


def wallets_by_ids(wallet_ids: Sequence[str]) -> list[Call]:
    """Ask for wallets by their ids, as many at once as a query holds."""
    queries: list[str] = []
    for wallet_id in wallet_ids:
        part = f"wallet_ids={quote_plus(wallet_id)}"
        if queries and len(queries[-1]) + len(part) < _LONGEST_QUERY:
            queries[-1] += f"&{part}"
        else:
            queries.append(part)
    return [
        _wallets(query, f"{number} of {len(queries)}")
        for number, query in enumerate(queries, start=1)
    ]


def _wallets(query: str, name: str) -> Call:
    return Call("ended_wallets", name, f"{endpoints.WALLETS}?{query}")
