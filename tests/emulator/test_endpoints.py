"""Each oddity of the API, asked of the running server."""

from decimal import Decimal
from typing import Any

import pytest

from flexprice_emulator import Emulator
from tests.emulator.emulator_client import EVERYTHING, Client

BY_ID = [{"field": "id", "direction": "asc"}]
REAL_TIME = {
    "real_time_balance",
    "real_time_credit_balance",
    "current_period_usage",
    "unpaid_invoices_amount",
    "balance_updated_at",
}
_SETTLED = """id customer_id tenant_id environment_id description currency wallet_type wallet_status
status balance credit_balance conversion_rate topup_conversion_rate alert_state auto_topup config
metadata created_at updated_at created_by updated_by"""
SETTLED = set(_SETTLED.split())


def customer_with_wallets(emulator: Emulator, least: int = 1) -> str:
    world = emulator.world
    return next(
        key
        for key, row in world.customers.items()
        if row.status == "published"
        and sum(wallet.is_listed for wallet in world.wallets_of(key)) >= least
    )


def error_message(client: Client, body: dict[str, Any]) -> str:
    """Return the message, after checking the contract's shape of an error."""
    if client.emulator.world.contract == "2026-08":
        assert set(body) == {"code", "message", "http_status_code", "details"}
        return str(body["message"])
    assert body["success"] is False
    assert set(body["error"]) == {"message", "internal_error", "details"}
    return str(body["error"]["message"])


def test_settled_fields_are_those_of_the_contract(client: Client) -> None:
    (record, *_) = client.wallets(customer_with_wallets(client.emulator))
    own = {"alert_enabled", "alert_config"}
    if client.emulator.world.contract == "2026-08":
        own = {"alert_settings"}
    assert set(record) - {"name"} == SETTLED | own


def test_real_time_fields_come_only_when_asked_for(client: Client) -> None:
    customer_id = customer_with_wallets(client.emulator)
    extra = {"is_cached_fallback"} if client.emulator.world.contract == "2026-08" else set()
    (settled, *_) = client.wallets(customer_id, expand="credits_available_breakdown")
    assert not set(settled) & (REAL_TIME | {"credits_available_breakdown", "is_cached_fallback"})
    (real_time, *_) = client.wallets(customer_id, include_real_time_balance="true")
    assert set(real_time) - set(settled) == REAL_TIME | extra
    (everything, *_) = client.wallets(customer_id, **EVERYTHING)
    assert set(everything) - set(real_time) == {"credits_available_breakdown"}


@pytest.mark.parametrize("params", [{}, {"id": "a", "lookup_key": "b"}])
def test_exactly_one_of_id_and_lookup_key(client: Client, params: dict[str, str]) -> None:
    answer = client.get("/customers/wallets", params=params)
    assert answer.status_code == 400
    assert "lookup_key" in error_message(client, answer.json())


@pytest.mark.parametrize(
    "params", [{"expand": "customer"}, {"include_real_time_balance": "perhaps"}]
)
def test_wrong_options_are_refused(client: Client, params: dict[str, str]) -> None:
    customer_id = customer_with_wallets(client.emulator)
    answer = client.get("/customers/wallets", params={"id": customer_id} | params)
    assert answer.status_code == 400


def test_archived_customer_is_answered_by_id_only(client: Client) -> None:
    world = client.emulator.world
    key = customer_with_wallets(client.emulator)
    world.archive_customer(key, force=True)
    assert client.wallets(key)
    lookup = {"lookup_key": world.customers[key].external_id}
    assert client.get("/customers/wallets", params=lookup).status_code == 404
    world.unarchive_customer(key)
    assert client.get("/customers/wallets", params=lookup).json()


def test_unknown_customer_is_404_and_one_without_wallets_is_empty(client: Client) -> None:
    answer = client.get("/customers/wallets", params={"id": "cust_unknown"})
    assert answer.status_code == 404
    error_message(client, answer.json())
    assert client.wallets(client.emulator.world.add_customer(wallets=0).id) == []


def test_only_active_published_wallets_are_listed_but_any_is_read_by_id(client: Client) -> None:
    world = client.emulator.world
    customer_id = world.add_customer(wallets=5).id
    frozen, closed, deleted, gone, kept = [row.id for row in world.wallets_of(customer_id)]
    world.freeze(frozen)
    world.close(closed)
    world.soft_delete(deleted)
    world.hard_delete(gone)
    assert [row["id"] for row in client.wallets(customer_id)] == [kept]

    states = {key: client.get(f"/wallets/{key}") for key in (frozen, closed, deleted, gone)}
    assert states[frozen].json()["wallet_status"] == "frozen"
    assert states[closed].json()["wallet_status"] == "closed"
    assert states[closed].json()["balance"] == "0"
    assert states[deleted].json()["status"] == "deleted"
    assert states[gone].status_code == 404
    assert not set(states[frozen].json()) & REAL_TIME

    world.thaw(frozen)
    world.reopen(closed)
    assert {row["id"] for row in client.wallets(customer_id)} == {kept, frozen, closed}


def test_wallets_come_in_no_order(client: Client) -> None:
    customer_id = client.emulator.world.add_customer(wallets=5).id
    orders = {tuple(row["id"] for row in client.wallets(customer_id)) for _ in range(20)}
    assert len(orders) > 1


def test_list_of_all_wallets_ignores_limit_and_lies(client: Client) -> None:
    answer = client.get("/wallets", params={"limit": 1, "offset": 1000}).json()
    total = len(client.emulator.world.wallets)
    assert len(answer["items"]) == total
    assert answer["pagination"] == {"total": total, "limit": 50, "offset": 0}


def test_search_pages_and_names_the_next_offset(client: Client) -> None:
    expected = client.emulator.world.published_customer_ids()
    found: list[str] = []
    while len(found) < len(expected):
        page = client.search(limit=20, offset=len(found), sort=BY_ID).json()
        assert page["pagination"] == {
            "total": len(expected),
            "limit": 20,
            "offset": len(found) + 20,
        }
        found += [row["id"] for row in page["items"]]
    assert found == expected


def test_search_without_sort_overlaps_and_misses(client: Client) -> None:
    seen = [
        row["id"]
        for offset in range(0, 60, 10)
        for row in client.search(limit=10, offset=offset).json()["items"]
    ]
    assert len(seen) == len(client.emulator.world.published_customer_ids())
    assert len(set(seen)) < len(seen)


def test_search_defaults_to_fifty_published_customers(client: Client) -> None:
    client.emulator.world.archive_customer(customer_with_wallets(client.emulator), force=True)
    answer = client.search().json()
    assert answer["pagination"]["limit"] == len(answer["items"]) == 50
    archived = client.search(status="archived", limit=1000).json()["items"]
    assert archived
    assert {row["status"] for row in archived} == {"archived"}


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": "many"},
        {"offset": -1},
        {"sort": "id"},
        {"sort": [{"field": "shoe_size"}]},
        {"sort": [{"field": "id", "direction": "sideways"}]},
    ],
)
def test_search_refuses_what_the_server_refuses(client: Client, body: dict[str, Any]) -> None:
    answer = client.search(**body)
    assert answer.status_code == 400
    error_message(client, answer.json())


def test_older_listing_of_customers(client: Client) -> None:
    answer = client.get("/customers", params={"limit": 7, "offset": 3}).json()
    assert len(answer["items"]) == 7
    assert answer["pagination"]["offset"] == 10
    assert client.get("/customers", params={"sort": "id"}).status_code == 400


def test_keys(client: Client) -> None:
    emulator, path = client.emulator, "/wallets"
    del client.session.headers["x-api-key"]
    missing = client.get(path)
    assert (missing.status_code, missing.json()) == (401, {"error": "Unauthorized"})
    wrong = client.get(path, headers={"x-api-key": "wrong"})
    assert (wrong.status_code, wrong.json()) == (401, {"error": "Invalid API key"})
    unbound = {"x-api-key": emulator.unbound_api_key}
    refused = client.get(path, headers=unbound)
    assert refused.status_code == 403
    assert refused.json()["error"] == "Access denied"
    assert refused.json()["message"] == "Invalid or inaccessible environment"
    chosen = unbound | {"X-Environment-ID": emulator.world.environment_id}
    assert client.get(path, headers=chosen).status_code == 200


def test_from_cache_answers_older_figures_in_august_only(client: Client) -> None:
    world = client.emulator.world
    customer = world.add_customer(wallets=0)
    world.add_wallet(customer.id, currency="usd", wallet_type="PRE_PAID")
    cached = {"include_real_time_balance": "true", "from_cache": "true"}

    def usage(**params: str) -> tuple[str, object]:
        (row,) = client.wallets(customer.id, **(cached | params))
        return row["current_period_usage"], row.get("is_cached_fallback")

    before = usage()[0]
    world.meter_usage(customer.id, "usd", "3.5")
    if world.contract == "2026-08":
        assert usage() == (before, True)
        assert usage(from_cache="false") != (before, True)
    else:
        assert usage() != (before, None)
        assert usage()[1] is None


def test_cached_wallet_misses_what_has_moved_since(august: Client) -> None:
    world, quirks = august.emulator.world, august.emulator.quirks
    customer = world.add_customer(wallets=0)
    for kind in ("PRE_PAID", "POST_PAID"):
        world.add_wallet(
            customer.id, currency="usd", wallet_type=kind, credits_=Decimal(10), rate=Decimal(1)
        )
    stale, fresh = (wallet.id for wallet in world.wallets_of(customer.id))

    def figures() -> dict[str, tuple[str, str, bool]]:
        return {
            row["id"]: (row["balance"], row["real_time_balance"], row["is_cached_fallback"])
            for row in august.wallets(customer.id, include_real_time_balance="true")
        }

    before = figures()
    assert before[stale] == ("10", "10", False)
    quirks.cached_wallets = {stale}
    world.top_up(stale, 100)
    world.top_up(fresh, 100)
    assert figures() == {stale: ("110", "10", True), fresh: ("110", "110", False)}
    quirks.cached_wallets.clear()
    assert figures()[stale] == ("110", "110", False)
    quirks.cached_wallets = {stale}
    world.debit(stale, 1)
    assert figures()[stale] == ("109", "110", True)
