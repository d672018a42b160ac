"""The endpoints under ``/v1``, oddities included (Flexprice API reference, Flexprice server)."""

import json
import random
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from flexprice_emulator import rendering
from flexprice_emulator.advance import write_at_random
from flexprice_emulator.listing import Page, listed_customers, page_of, sorted_rows
from flexprice_emulator.quirks import Quirks
from flexprice_emulator.records import Pending, Wallet
from flexprice_emulator.request_log import Request
from flexprice_emulator.responses import ApiError, Response, error_response, json_response
from flexprice_emulator.transaction_rendering import transaction_json
from flexprice_emulator.transaction_search import find, search_of
from flexprice_emulator.wallet_listing import (
    WantedWallets,
    expands_breakdown,
    listed_wallets,
    wanted_wallets,
)
from flexprice_emulator.world import World

_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False", ""), False),
}


class Api:
    """Answers requests from a world; one lock of the world makes each answer one moment."""

    def __init__(self, world: World, quirks: Quirks, *, api_key: str, unbound_api_key: str) -> None:
        self.world = world
        self.quirks = quirks
        self.api_key = api_key
        self.unbound_api_key = unbound_api_key
        # Pending amounts as last computed, with the world's time: what from_cache answers from.
        self._cache: dict[tuple[str, str], tuple[int, Pending]] = {}
        # Real-time fields as last answered, by wallet: what a cached wallet is answered from.
        self._real_time_cache: dict[str, dict[str, object]] = {}
        self._routes: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "/v1/customers/wallets"): self._customer_wallets,
            ("POST", "/v1/customers/search"): self._search_customers,
            ("GET", "/v1/customers"): self._list_customers,
            ("GET", "/v1/wallets"): self._list_wallets,
            ("POST", "/v1/wallets/search"): self._search_wallets,
            ("POST", "/v1/wallets/transactions/search"): self._search_transactions,
        }

    def answer(self, request: Request) -> Response:
        """Return the answer to a request, errors included."""
        with self.world.lock:
            try:
                self._authorize(request)
                return self._route(request)(request)
            except ApiError as error:
                return error_response(error, self.world.contract)

    def _route(self, request: Request) -> Callable[[Request], Response]:
        route = self._routes.get((request.method, request.path))
        if route is not None:
            return route
        parent, _, last = request.path.rpartition("/")
        if request.method == "GET" and parent == "/v1/wallets" and last:
            return self._wallet
        return _not_found

    def _authorize(self, request: Request) -> None:
        key = request.headers.get("x-api-key", "")
        if not key:
            raise ApiError(401, "Unauthorized")
        if key not in (self.api_key, self.unbound_api_key):
            raise ApiError(401, "Invalid API key")
        environment = request.headers.get("x-environment-id", "")
        if key == self.unbound_api_key and environment != self.world.environment_id:
            raise ApiError(403, "Invalid or inaccessible environment")

    def _customer_wallets(self, request: Request) -> Response:
        query = request.query
        customer_id = self._customer_id(query.get("id", ""), query.get("lookup_key", ""))
        real_time = _boolean(query, "include_real_time_balance")
        broken_down = expands_breakdown(query.get("expand", ""))
        from_cache = self.world.contract == "2026-08" and _boolean(query, "from_cache")
        max_live = _max_live(request) if from_cache else None

        if (override := self.quirks.wallet_lists.get(customer_id)) is not None:
            return json_response(override)
        wallets = [wallet for wallet in self.world.wallets_of(customer_id) if wallet.is_listed]
        _unordered(wallets, request)
        texts = []
        for wallet in wallets:
            record = rendering.wallet_record(self.world, wallet, self.quirks)
            if real_time:
                pending, cached = self._pending(wallet, from_cache=from_cache, max_live=max_live)
                record |= self._real_time(wallet, pending, cached=cached)
                if broken_down:
                    record |= rendering.breakdown_fields(self.world, wallet, self.quirks)
            texts.append(rendering.wallet_json(wallet.id, record, self.quirks))
        return json_response("[" + ",".join(texts) + "]")

    def _real_time(self, wallet: Wallet, pending: Pending, *, cached: bool) -> dict[str, object]:
        """Return the real-time fields; of a cached wallet those of its last fresh answer."""
        is_cached = wallet.id in self.quirks.cached_wallets and self.world.contract == "2026-08"
        if is_cached and wallet.id in self._real_time_cache:
            return {**self._real_time_cache[wallet.id], "is_cached_fallback": True}
        fields = rendering.real_time_fields(
            self.world, wallet, self.quirks, pending, cached=cached or is_cached
        )
        self._real_time_cache[wallet.id] = fields
        return fields

    def _customer_id(self, customer_id: str, lookup_key: str) -> str:
        """Return the id of the customer asked for: archived ones only by `id`."""
        if bool(customer_id) == bool(lookup_key):
            raise ApiError(400, "Either id or lookup_key is required, and not both")
        if lookup_key:
            customer_id = self.world.customer_ids_by_external_id.get(lookup_key, "")
        customer = self.world.customers.get(customer_id)
        if customer is None or customer.status == "deleted":
            raise ApiError(404, "Customer not found")
        if lookup_key and customer.status != "published":
            raise ApiError(404, "Customer not found")
        return customer.id

    def _pending(
        self, wallet: Wallet, *, from_cache: bool, max_live: Decimal | None
    ) -> tuple[Pending, bool]:
        """Return what is pending, and whether that is a cached figure."""
        key = (wallet.customer_id, wallet.currency)
        now = self.world.now_ns
        if from_cache and key in self._cache:
            computed_at, cached = self._cache[key]
            if max_live is None or now - computed_at <= max_live * 10**9:
                return cached, True
        owed = self.world.pending.get(wallet.customer_id, {}).get(wallet.currency)
        fresh = Pending() if owed is None else Pending(owed.usage, owed.unpaid)
        if from_cache:
            self._cache[key] = (now, fresh)
        return fresh, False

    def _wallet(self, request: Request) -> Response:
        wallet = self.world.wallets.get(request.path.rpartition("/")[2])
        if wallet is None or wallet.hard_deleted:
            raise ApiError(404, "Wallet not found")
        record = rendering.wallet_record(self.world, wallet, self.quirks)
        return json_response(rendering.wallet_json(wallet.id, record, self.quirks))

    def _list_wallets(self, request: Request) -> Response:
        wanted = wanted_wallets(
            request.query_list("wallet_ids"),
            request.query.get("status"),
            request.query.get("expand"),
        )
        return self._wallets(request, wanted)

    def _search_wallets(self, request: Request) -> Response:
        body = _json_object(request)
        wanted = wanted_wallets(body.get("wallet_ids"), body.get("status"), body.get("expand"))
        return self._wallets(request, wanted)

    def _wallets(self, request: Request, wanted: WantedWallets) -> Response:
        """Answer every wallet wanted, whatever limit and offset say, with pagination that lies."""
        wallets = listed_wallets(self.world, wanted)
        _unordered(wallets, request)
        texts = []
        for wallet in wallets:
            record = rendering.wallet_record(self.world, wallet, self.quirks)
            if wanted.broken_down:
                record |= rendering.breakdown_fields(self.world, wallet, self.quirks)
            texts.append(rendering.wallet_json(wallet.id, record, self.quirks))
        return _items(texts, {"total": len(texts), "limit": 50, "offset": 0})

    def _list_customers(self, request: Request) -> Response:
        if "sort" in request.query:
            raise ApiError(400, "Invalid query parameters", sort="must be a list of objects")
        return self._customers(request, page_of(request.query))

    def _search_customers(self, request: Request) -> Response:
        body = _json_object(request)
        return self._customers(request, page_of(body), body)

    def _customers(
        self, request: Request, page: Page, filters: dict[str, Any] | None = None
    ) -> Response:
        rows = listed_customers(self.world, filters or dict(request.query))
        ordered = sorted_rows(rows, page.sort, request.number)
        part = ordered[page.offset : page.offset + page.limit]
        texts = [rendering.customer_json(self.world, row, self.quirks) for row in part]
        return _items(texts, page.pagination(len(rows)))

    def _search_transactions(self, request: Request) -> Response:
        if not (self.quirks.has_ledger and self.world.keep_ledger):
            return _not_found(request)
        search = search_of(_json_object(request))
        write_at_random(self.world, self.quirks.writes_per_transactions_page)
        is_hidden = None
        if self.quirks.hides_transactions:
            is_hidden = partial(self.quirks.hides, now_ns=self.world.now_ns)
        found = find(self.world.ledger, search, request.number, is_hidden)
        texts = [
            transaction_json(self.world, row, self.quirks, search.expand) for row in found.rows
        ]
        return _items(texts, search.page.pagination(found.total))


def _not_found(_request: Request) -> Response:
    return Response(404, b"404 page not found", "text/plain")


def _items(texts: list[str], pagination: dict[str, int]) -> Response:
    return json_response(f'{{"items":[{",".join(texts)}],"pagination":{json.dumps(pagination)}}}')


def _unordered(wallets: list[Wallet], request: Request) -> None:
    """Shuffle: the server has no order, so nobody may come to rely on one."""
    if len(wallets) > 1:
        random.Random(request.number).shuffle(wallets)


def _boolean(query: dict[str, str], name: str) -> bool:
    try:
        return _BOOLEANS[query.get(name, "")]
    except KeyError:
        raise ApiError(400, f"{name} must be a boolean") from None


def _max_live(request: Request) -> Decimal | None:
    text = request.headers.get("x-max-live")
    if text is None:
        return None
    if not text.isdigit():
        raise ApiError(400, "x-max-live must be a number of seconds")
    return Decimal(text)


def _json_object(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except ValueError:
        raise ApiError(400, "Invalid request body") from None
    if not isinstance(body, dict):
        raise ApiError(400, "Invalid request body")
    return body
