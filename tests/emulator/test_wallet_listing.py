"""``GET /v1/wallets`` and ``POST /v1/wallets/search``."""

from typing import Any

import pytest

from tests.emulator.emulator_client import Client


def listed(client: Client, **params: Any) -> list[dict[str, Any]]:
    answer = client.get("/wallets", params=params)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["pagination"] == {"total": len(body["items"]), "limit": 50, "offset": 0}
    items: list[dict[str, Any]] = body["items"]
    return items


def searched(client: Client, **body: Any) -> list[dict[str, Any]]:
    answer = client.call("POST", "/wallets/search", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["pagination"]["total"] == len(answer.json()["items"])
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def ids(records: list[dict[str, Any]]) -> list[str]:
    return sorted(record["id"] for record in records)


def test_status_is_that_of_the_wallet(client: Client) -> None:
    world = client.emulator.world
    closed, frozen, deleted, gone, *_ = world.listed_wallet_ids()
    world.close(closed)
    world.freeze(frozen)
    world.soft_delete(deleted)
    world.hard_delete(gone)
    assert (
        ids(listed(client, status="closed")) == ids(searched(client, status="closed")) == [closed]
    )
    assert ids(listed(client, status="frozen")) == [frozen]
    active = ids(listed(client, status="active"))
    assert deleted in active
    assert not {closed, frozen, gone} & set(active)
    assert ids(listed(client)) == sorted(set(world.wallets) - {gone})


def test_wallet_ids_repeat_and_unknown_ones_are_left_out(client: Client) -> None:
    first, second, *_ = client.emulator.world.listed_wallet_ids()
    asked = [first, second, first, "wallet_unknown"]
    assert ids(listed(client, wallet_ids=asked)) == [first, second]
    assert ids(searched(client, wallet_ids=asked)) == [first, second]
    assert searched(client, wallet_ids=[first], status="closed") == []


def test_limit_offset_and_sort_are_ignored(client: Client) -> None:
    everything = sorted(client.emulator.world.wallets)
    by_id = [{"field": "id", "direction": "asc"}]
    assert ids(listed(client, limit=1, offset=1000)) == everything
    assert ids(searched(client, limit=1, offset=1000, sort=by_id)) == everything
    orders = {tuple(row["id"] for row in searched(client, sort=by_id)) for _ in range(3)}
    assert len(orders) > 1


def test_breakdown_comes_with_expand_alone(client: Client) -> None:
    (key, *_) = client.emulator.world.listed_wallet_ids()
    expand = "credits_available_breakdown"
    for records in (
        listed(client, wallet_ids=key, expand=expand),
        searched(client, wallet_ids=[key], expand=expand),
    ):
        assert "credits_available_breakdown" in records[0]
        assert "real_time_balance" not in records[0]
    assert "credits_available_breakdown" not in listed(client, wallet_ids=key)[0]


@pytest.mark.parametrize(
    "wrong", [{"status": "published"}, {"expand": "customer"}, {"wallet_ids": "wallet_1"}]
)
def test_wrong_filters_are_refused(client: Client, wrong: dict[str, Any]) -> None:
    assert client.call("POST", "/wallets/search", json=wrong).status_code == 400
    if "wallet_ids" not in wrong:
        assert client.get("/wallets", params=wrong).status_code == 400
