"""``POST /v1/wallets/transactions/search``: each thing that the real server does there."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from flexprice_emulator import Contract, Emulator, Fault, Rates, Request, World
from flexprice_emulator.transaction_search import find, search_of
from tests.emulator.emulator_client import Client

PATH = "/wallets/transactions/search"
BY_UPDATE = [{"field": "updated_at", "direction": "asc"}, {"field": "id", "direction": "asc"}]
_FIELDS = """id wallet_id customer_id type amount credit_amount credit_balance_before
credit_balance_after transaction_status reference_type reference_id description metadata expiry_date
credits_available transaction_reason priority currency idempotency_key environment_id tenant_id
status created_at updated_at created_by updated_by"""
FIELDS = set(_FIELDS.split())
Record = dict[str, Any]


@pytest.fixture
def busy(client: Client) -> Client:
    """A client of a world in which a lot has happened."""
    client.emulator.world.advance(timedelta(hours=9), steps=25, rates=Rates.with_ledger())
    return client


def page(client: Client, **body: Any) -> Record:
    answer = client.call("POST", PATH, json=body)
    assert answer.status_code == 200, answer.text
    found: Record = answer.json()
    return found


def items(client: Client, **body: Any) -> list[Record]:
    found: list[Record] = page(client, **{"limit": 1000} | body)["items"]
    return found


def ids(rows: list[Record]) -> list[str]:
    return [row["id"] for row in rows]


def truth(client: Client) -> dict[str, Record]:
    rows: dict[str, Record] = client.emulator.world.truth()["transactions"]
    return rows


def chosen(client: Client, condition: Callable[[Record], bool]) -> set[str]:
    return {key for key, row in truth(client).items() if condition(row)}


def moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def date_filter(field: str, operator: str, at: datetime) -> Record:
    text = at.isoformat().replace("+00:00", "Z")
    return {"field": field, "operator": operator, "data_type": "date", "value": {"date": text}}


def test_every_field_agrees_with_the_truth(busy: Client) -> None:
    rows = truth(busy)
    found = [
        row
        for offset in range(0, len(rows), 1000)
        for row in items(busy, offset=offset, sort=BY_UPDATE)
    ]
    assert {row["id"] for row in found} == set(rows)
    kinds = set()
    for row in found:
        expected = rows[row["id"]]
        rate = "topup_conversion_rate" if row["type"] == "credit" else "conversion_rate"
        bonus = {"parent_transaction_id"} if expected["parent_transaction_id"] else set()
        assert set(row) == FIELDS | {rate} | bonus
        kinds.add((row["type"], row["transaction_status"], bool(bonus)))
        for name, value in row.items():
            match expected[name]:
                case Decimal() as number:
                    assert isinstance(value, str)
                    assert Decimal(value) == number
                case datetime() as time:
                    assert moment(value) == time
                case other:
                    assert value == other, name
    assert len(kinds) >= 4


def test_page_defaults_and_the_offset_of_the_next_page(busy: Client) -> None:
    total = len(busy.emulator.world.ledger)
    first = page(busy)
    assert len(first["items"]) == 50
    assert first["pagination"] == {"total": total, "limit": 50, "offset": 50}
    later = page(busy, limit=7, offset=14, sort=BY_UPDATE)
    assert later["pagination"] == {"total": total, "limit": 7, "offset": 21}
    beyond = page(busy, limit=7, offset=10**6, sort=BY_UPDATE)
    assert beyond == {"items": [], "pagination": {"total": total, "limit": 7, "offset": 10**6 + 7}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0},
        {"limit": 1001},
        {"offset": -1},
        {"sort": [{"field": "shoe_size"}]},
        {"filters": [{"field": "shoe_size", "operator": "eq", "value": {"string": "1"}}]},
        {"filters": [{"field": "id", "operator": "resembles", "value": {"string": "1"}}]},
        {"filters": {"field": "id"}},
        {"start_time": "yesterday"},
        {"start_time": "2026-08-02T00:00:00Z", "end_time": "2026-08-01T00:00:00Z"},
        {"expand": "invoice"},
        {"id": 7},
    ],
)
def test_nonsense_is_refused(client: Client, wrong: Record) -> None:
    assert client.call("POST", PATH, json=wrong).status_code == 400


@pytest.mark.parametrize("descends", [False, True])
@pytest.mark.parametrize("field", ["updated_at", "created_at"])
def test_sorted_pages_are_the_table_cut_up(busy: Client, field: str, descends: bool) -> None:
    direction = "desc" if descends else "asc"
    sort = [{"field": name, "direction": direction} for name in (field, "id")]
    rows = truth(busy).values()
    expected = sorted(rows, key=lambda row: (row[field], row["id"]), reverse=descends)
    found: list[str] = []
    while len(found) < len(expected):
        found += ids(items(busy, limit=90, offset=len(found), sort=sort))
    assert found == [row["id"] for row in expected]


def test_any_column_sorts_and_several_do(busy: Client) -> None:
    sort = [
        {"field": "transaction_reason", "direction": "desc"},
        {"field": "credit_amount", "direction": "asc"},
        {"field": "id", "direction": "asc"},
    ]
    rows = sorted(truth(busy).values(), key=lambda row: (row["credit_amount"], row["id"]))
    rows.sort(key=lambda row: str(row["transaction_reason"]), reverse=True)
    assert ids(items(busy, sort=sort)) == [row["id"] for row in rows][:1000]
    for field in FIELDS - {"metadata", "environment_id", "tenant_id"}:
        assert items(busy, sort=[{"field": field, "direction": "asc"}], limit=3)
    nulls = items(busy, sort=[{"field": "priority", "direction": "asc"}])
    priorities = [row["priority"] for row in nulls]
    assert priorities == sorted(priorities, key=lambda value: (value is None, value or 0))


def test_equal_times_come_in_any_order_without_the_id(busy: Client) -> None:
    world = busy.emulator.world
    for key in world.listed_wallet_ids()[:12]:
        world.top_up(key, 1)
    only = [{"field": "updated_at", "direction": "desc"}]
    orders = {tuple(ids(items(busy, sort=only, limit=12))) for _ in range(10)}
    assert len(orders) > 1
    both = [{"field": name, "direction": "desc"} for name in ("updated_at", "id")]
    assert len({tuple(ids(items(busy, sort=both, limit=12))) for _ in range(5)}) == 1


def test_id_is_that_of_the_wallet(busy: Client) -> None:
    key = max(
        busy.emulator.world.wallets, key=lambda key: len(busy.emulator.world.ledger.of_wallet(key))
    )
    expected = chosen(busy, lambda row: bool(row["wallet_id"] == key))
    assert len(expected) > 3
    found = page(busy, id=key, limit=2, sort=BY_UPDATE)
    assert (found["pagination"]["total"], len(found["items"])) == (len(expected), 2)
    assert set(ids(items(busy, id=key))) == expected
    # A key that the server does not know is ignored.
    assert page(busy, wallet_id=key)["pagination"]["total"] == len(truth(busy))
    assert items(busy, id="wallet_unknown") == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "debit"),
        ("transaction_status", "pending"),
        ("transaction_reason", "SUBSCRIPTION_CREDIT_GRANT"),
        ("priority", 1),
        ("created_by", "system"),
    ],
)
def test_fields_that_must_be_equal(busy: Client, field: str, value: Any) -> None:
    expected = chosen(busy, lambda row: bool(row[field] == value))
    assert expected
    assert set(ids(items(busy, **{field: value}))) == expected
    filters = [{"field": field, "operator": "eq", "value": {"string": value}}]
    if field != "priority":
        assert set(ids(items(busy, filters=filters))) == expected


def test_reference_needs_both_parts(busy: Client) -> None:
    row = next(row for row in truth(busy).values() if row["reference_type"] == "EXTERNAL")
    both = {"reference_type": "EXTERNAL", "reference_id": row["reference_id"]}
    assert ids(items(busy, **both)) == [row["id"]]
    everything = len(truth(busy))
    assert page(busy, reference_id=row["reference_id"])["pagination"]["total"] == everything


def test_start_and_end_of_creation_are_inclusive(busy: Client) -> None:
    times = sorted(row["created_at"] for row in truth(busy).values())
    first, last = times[len(times) // 3], times[len(times) // 2]
    expected = chosen(busy, lambda row: bool(first <= row["created_at"] <= last))
    for sort in ([], BY_UPDATE, [{**each, "field": each["field"]} for each in BY_UPDATE[::-1]]):
        found = items(busy, sort=sort, start_time=first.isoformat(), end_time=last.isoformat())
        assert set(ids(found)) == expected
    by_creation = [
        {"field": "created_at", "direction": "desc"},
        {"field": "id", "direction": "desc"},
    ]
    found = items(busy, sort=by_creation, start_time=first.isoformat(), end_time=last.isoformat())
    assert found[0]["created_at"] == max(row["created_at"] for row in found)
    assert set(ids(found)) == expected


def test_expiry_and_rest(busy: Client) -> None:
    some = sorted(row["expiry_date"] for row in truth(busy).values() if row["expiry_date"])
    until = some[len(some) // 2]
    found = items(busy, expiry_date_before=until.isoformat(), credits_available_gt="0")
    assert set(ids(found)) == chosen(
        busy,
        lambda row: (
            row["expiry_date"] is not None
            and row["expiry_date"] <= until
            and row["credits_available"] > 0
        ),
    )
    after = items(busy, expiry_date_after=until.isoformat())
    assert set(ids(after)) == chosen(
        busy, lambda row: row["expiry_date"] is not None and row["expiry_date"] >= until
    )


@pytest.mark.parametrize("sort", [BY_UPDATE, []])
def test_after_is_strictly_later_and_before_strictly_earlier(
    busy: Client, sort: list[Record]
) -> None:
    times = sorted({row["updated_at"] for row in truth(busy).values()})
    at = times[len(times) // 2]
    for operator, holds in {
        "after": lambda row: row["updated_at"] > at,
        "before": lambda row: row["updated_at"] < at,
        "eq": lambda row: row["updated_at"] == at,
    }.items():
        found = page(busy, limit=1000, sort=sort, filters=[date_filter("updated_at", operator, at)])
        expected = chosen(busy, holds)
        assert expected
        assert set(ids(found["items"])) == expected
        assert found["pagination"]["total"] == len(expected)
    both = [date_filter("updated_at", "after", times[3]), date_filter("updated_at", "before", at)]
    assert set(ids(items(busy, sort=sort, filters=both))) == chosen(
        busy, lambda row: times[3] < row["updated_at"] < at
    )


@pytest.mark.parametrize("operator", ["gt", "gte", "lt", "lte"])
def test_other_comparisons_of_dates_are_ignored_in_silence(busy: Client, operator: str) -> None:
    at = datetime(2026, 8, 1, tzinfo=UTC)
    found = page(busy, sort=BY_UPDATE, filters=[date_filter("updated_at", operator, at)])
    assert found["pagination"]["total"] == len(truth(busy))
    number = [{"field": "credit_amount", "operator": operator, "value": {"number": 100}}]
    total = page(busy, filters=number)["pagination"]["total"]
    assert 0 < total < len(truth(busy))


@pytest.mark.parametrize("field", ["id", "wallet_id", "customer_id"])
def test_in_takes_an_array_of_ids(busy: Client, field: str) -> None:
    wanted = sorted({row[field] for row in truth(busy).values()})[::3]
    condition = {"field": field, "operator": "in", "data_type": "array", "value": {"array": wanted}}
    found = items(busy, sort=BY_UPDATE, filters=[condition])
    assert set(ids(found)) == chosen(busy, lambda row: row[field] in wanted)
    assert [row["updated_at"] for row in found] == sorted(
        (row["updated_at"] for row in found), key=datetime.fromisoformat
    )
    beyond = items(busy, filters=[condition, {**condition, "operator": "not_in"}])
    assert beyond == []


def test_expand_adds_whole_records(busy: Client) -> None:
    (row,) = items(busy, limit=1, expand="customer,wallet,created_by_user")
    assert row["customer"]["id"] == row["customer_id"]
    assert row["wallet"]["id"] == row["wallet_id"]
    assert row["created_by_user"] == {"id": row["created_by"]}


def test_breakdown_is_left_out_for_good_after_another_reason(client: Client) -> None:
    world = client.emulator.world
    (key, *_) = world.listed_wallet_ids()
    customer_id = world.wallet(key).customer_id
    world.credit(key, 5, "CREDIT_NOTE")

    def record() -> Record:
        params = {
            "include_real_time_balance": "true",
            "expand": "credits_available_breakdown",
        }
        return next(each for each in client.wallets(customer_id, **params) if each["id"] == key)

    assert "credits_available_breakdown" not in record()
    world.debit(key, world.wallet(key).credit_balance)
    assert "real_time_balance" in record()
    assert "credits_available_breakdown" not in record()
    listed = client.get(
        "/wallets", params={"wallet_ids": key, "expand": "credits_available_breakdown"}
    )
    assert "credits_available_breakdown" not in listed.json()["items"][0]


@pytest.mark.parametrize("contract", ["2026-01", "2026-08"])
def test_server_may_lack_the_ledger(contract: Contract) -> None:
    world = World(3, contract=contract, keep_ledger=False)
    with Emulator(world=world) as emulator:
        client = Client(emulator)
        assert client.call("POST", PATH, json={}).status_code == 404
        client.session.close()
    with Emulator(customers=3, contract=contract) as emulator:
        client = Client(emulator)
        assert client.call("POST", PATH, json={}).status_code == 200
        emulator.quirks.has_ledger = False
        answer = client.call("POST", PATH, json={})
        assert (answer.status_code, answer.text) == (404, "404 page not found")
        client.session.close()


@pytest.mark.parametrize(
    ("kind", "status"),
    [("forbidden", 403), ("not_found", 404), ("server_error", 500), ("unavailable", 503)],
)
def test_endpoint_can_be_refused_or_fail(august: Client, kind: Any, status: int) -> None:
    august.emulator.faults.add(Fault(kind, path=f"/v1{PATH}"))
    assert august.call("POST", PATH, json={}).status_code == status
    assert august.search(limit=1).status_code == 200


def test_withheld_transaction_is_as_if_not_there_and_turns_up_late(busy: Client) -> None:
    rows = ids(items(busy, sort=BY_UPDATE))
    total = page(busy)["pagination"]["total"]
    busy.emulator.quirks.withheld_transactions = {rows[3]}
    found = page(busy, limit=1000, sort=BY_UPDATE)
    assert ids(found["items"]) == rows[:3] + rows[4:]
    assert found["pagination"]["total"] == total - 1
    (wallet_id,) = {row["wallet_id"] for row in truth(busy).values() if row["id"] == rows[3]}
    assert rows[3] not in ids(items(busy, id=wallet_id))
    assert rows[3] in truth(busy)
    busy.emulator.quirks.withheld_transactions.clear()
    assert ids(items(busy, sort=BY_UPDATE)) == rows


def test_late_transactions_appear_with_an_earlier_time(august: Client) -> None:
    world, quirks = august.emulator.world, august.emulator.quirks
    quirks.late_transactions_rate, quirks.late_transactions_seconds = 0.5, 90
    world.pass_time(timedelta(days=1))
    before = set(ids(items(august)))
    written = {world.top_up(key, 1).id for key in world.listed_wallet_ids()}
    shown = set(ids(items(august))) - before
    assert 0 < len(shown) < len(written)
    world.pass_time(timedelta(seconds=89))
    assert set(ids(items(august))) - before == shown
    world.pass_time(timedelta(seconds=1))
    assert set(ids(items(august))) - before == written


def test_transactions_are_written_while_pages_are_read(august: Client) -> None:
    world = august.emulator.world
    before = len(world.ledger)
    august.emulator.quirks.writes_per_transactions_page = 10
    assert page(august)["pagination"]["total"] == before + 10
    assert page(august)["pagination"]["total"] == before + 20

    def write(world: World, request: Request) -> None:
        if request.path.endswith("/transactions/search"):
            world.top_up(world.listed_wallet_ids()[0], 1)

    august.emulator.quirks.writes_per_transactions_page = 0
    august.emulator.on_request = write
    assert page(august)["pagination"]["total"] == before + 21


def test_fields_and_records_of_transactions_can_be_broken(august: Client) -> None:
    quirks = august.emulator.quirks
    first, second, *_ = ids(items(august, sort=BY_UPDATE))
    quirks.extra_transaction_fields = {"colour": {"name": "blue"}}
    quirks.transaction_fields[first] = {"credit_amount": "1e400", "wallet_id": None}
    quirks.transaction_records[second] = '{"id": NaN}'
    text = august.call("POST", PATH, json={"sort": BY_UPDATE}).text
    assert '"credit_amount":1e400' in text
    assert '{"id": NaN}' in text
    record = json.loads(text.replace("NaN", "0"))["items"][0]
    assert record["colour"] == {"name": "blue"}
    assert "wallet_id" not in record


def test_control_moves_money_and_tells_balances(august: Client) -> None:
    world = august.emulator.world
    (key, *_) = world.listed_wallet_ids()

    def operate(operation: str, **arguments: Any) -> str:
        body = {"operation": operation, "arguments": arguments}
        answer = august.control("POST", "/operations", body)
        assert answer.ok, answer.text
        return str(answer.json().get("id"))

    at = world.now.isoformat()
    pending = operate("request_top_up", wallet_id=key, credits_="7.5", bonus="1")
    world.pass_time(timedelta(hours=1))
    operate("close", wallet_id=key)
    operate("complete_top_up", transaction_id=pending)
    credit = operate(
        "credit",
        wallet_id=key,
        credits_="1",
        reason="CREDIT_NOTE",
        expires_at="2027-01-01T00:00:00Z",
    )
    operate("change_transaction", transaction_id=credit, credit_amount="2", description="x")
    operate("change_balance_behind_ledger", wallet_id=key, credits_="100")
    assert world.wallet(key).credit_balance == Decimal("109.5")
    assert truth(august)[credit]["credit_amount"] == Decimal(2)
    then = august.control("GET", f"/balances?at={at.replace('+00:00', 'Z')}").json()
    now = august.control(
        "GET", f"/balances?at={world.now.isoformat().replace('+00:00', 'Z')}"
    ).json()
    assert (now[key]["credit_balance"], set(then)) == ("9.5", set(world.wallets))
    assert "transactions" not in august.control("GET", "/truth?transactions=false").json()
    assert august.control("GET", "/truth").json()["transactions"][pending]["credit_amount"] == "7.5"


class Counted(dict[str, Any]):
    """A table that counts how many of its rows are looked at."""

    looked_at = 0

    def __getitem__(self, key: str) -> Any:
        self.looked_at += 1
        return super().__getitem__(key)


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_page_behind_a_time_looks_at_its_own_rows_only(direction: str) -> None:
    world = World(200, seed=1)
    world.advance(timedelta(hours=12), steps=20, rates=Rates.company())
    counted = Counted(world.ledger.transactions)
    world.ledger.transactions = counted
    times = sorted(row.updated_at for row in counted.values())
    at = datetime.fromtimestamp(times[len(times) // 3] // 10**9, UTC)
    sort = [{"field": name, "direction": direction} for name in ("updated_at", "id")]
    body = {"limit": 20, "offset": 40, "sort": sort}
    found = find(
        world.ledger,
        search_of(body | {"filters": [date_filter("updated_at", "after", at)]}),
        request_number=1,
    )
    assert (len(found.rows), counted.looked_at) == (20, 20)
    assert 100 < found.total < len(counted)
