"""Answers against the oracle, at full precision and through time."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from flexprice_emulator import Contract, Emulator, OperationError, Quirks, World
from tests.emulator.emulator_client import EVERYTHING, Client

_DECIMALS = """balance credit_balance conversion_rate topup_conversion_rate real_time_balance
real_time_credit_balance current_period_usage unpaid_invoices_amount"""
DECIMALS = _DECIMALS.split()
_SAME = """id customer_id tenant_id environment_id description currency wallet_type wallet_status
status alert_state metadata created_by updated_by"""
SAME = _SAME.split()


def exact(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def microseconds(text: str) -> datetime:
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", text))


def thresholds(record: dict[str, Any]) -> dict[str, Decimal]:
    if "alert_config" in record:
        config = record["alert_config"]
        return {} if config is None else {"default": Decimal(config["threshold"]["value"])}
    return {
        level: Decimal(entry["threshold"])
        for level, entry in (record["alert_settings"] or {}).items()
        if level != "alert_enabled" and entry is not None
    }


def check_against_truth(client: Client) -> int:
    truth = client.emulator.world.truth()
    seen = 0
    for customer_id in truth["customers"]:
        answer = client.get("/customers/wallets", params={"id": customer_id} | EVERYTHING)
        records = exact(answer.text)
        expected = {
            key
            for key, row in truth["wallets"].items()
            if row["customer_id"] == customer_id and row["is_listed"]
        }
        assert {record["id"] for record in records} == expected
        for record in records:
            row = truth["wallets"][record["id"]]
            assert {name: record[name] for name in SAME} == {name: row[name] for name in SAME}
            for name in DECIMALS:
                assert isinstance(record[name], str)
                assert "E" not in record[name]
                assert Decimal(record[name]) == row[name], name
            breakdown = record["credits_available_breakdown"]
            assert {key: Decimal(text) for key, text in breakdown.items()} == row[
                "credits_available_breakdown"
            ]
            assert record.get("name") == row["name"]
            assert microseconds(record["updated_at"]) == row["updated_at"]
            assert thresholds(record) == {
                entry["level"]: entry["threshold"] for entry in row["alert_thresholds"]
            }
            topup = record["auto_topup"]
            amount = None if topup is None or topup["amount"] is None else Decimal(topup["amount"])
            assert amount == (row["auto_topup"] or {"amount": None})["amount"]
            seen += 1
    return seen


@pytest.mark.parametrize("numbers_as", ["strings", "mixed"])
def test_answers_agree_with_the_truth_through_time(contract: Contract, numbers_as: Any) -> None:
    with Emulator(customers=60, seed=5, contract=contract, numbers_as=numbers_as) as emulator:
        client = Client(emulator)
        assert check_against_truth(client) > 30
        done = emulator.world.advance(timedelta(hours=1), steps=60)
        assert len(done) > 15
        assert check_against_truth(client) > 30
        client.session.close()


def test_real_time_credits_keep_all_digits(august: Client) -> None:
    world = august.emulator.world
    customer_id = world.add_customer(wallets=0).id
    rate = Decimal("0.00003")
    world.add_wallet(customer_id, currency="usd", wallet_type="PRE_PAID", rate=rate)
    world.meter_usage(customer_id, "usd", "98765432109.0000000000000001")
    (record,) = august.wallets(customer_id, **EVERYTHING)
    row = world.truth()["wallets"][record["id"]]
    assert Decimal(record["real_time_credit_balance"]) == row["real_time_credit_balance"]
    assert len(row["real_time_credit_balance"].as_tuple().digits) > 28


def test_mixed_numbers_are_numbers_with_all_their_digits(contract: Contract) -> None:
    quirks = Quirks(numbers_as="mixed")
    with Emulator(customers=200, contract=contract, quirks=quirks) as emulator:
        client = Client(emulator)
        text = client.get("/wallets").text
        client.session.close()
    assert re.search(r'"(value|threshold)":12345678901\.123456789[,}]', text)
    assert re.search(r'"amount":50[,}]', text)
    assert re.search(r'"amount":50\.0[,}]', text)
    assert re.search(r'"amount":"50"[,}]', text)


def test_same_seed_same_world() -> None:
    first, second = World(40, seed=7), World(40, seed=7)
    first.advance(steps=20)
    second.advance(steps=20)
    assert first.truth(ledger=True) == second.truth(ledger=True)
    assert first.truth() != World(40, seed=8).truth()


def test_settled_balances_stay_exact_and_breakdowns_add_up() -> None:
    world = World(200, seed=2)
    world.advance(steps=100)
    for row in world.truth()["wallets"].values():
        assert row["balance"] == row["credit_balance"] * row["conversion_rate"]
        assert row["balance"] == round(row["balance"], 9)
        parts = row["credits_available_breakdown"]
        assert parts["free"] + parts["purchased"] == max(row["credit_balance"], 0)
    balances: dict[str, Decimal] = {}
    for line in world.truth(ledger=True)["ledger"]:
        assert line["credit_balance_before"] == balances.get(line["wallet_id"], 0)
        balances[line["wallet_id"]] = line["credit_balance_after"]
    assert all(
        wallet.credit_balance == balances.get(key, 0) for key, wallet in world.wallets.items()
    )


def test_usage_moves_every_prepaid_wallet_and_no_updated_at() -> None:
    world = World(0)
    customer_id = world.add_customer(wallets=0).id
    for _ in range(2):
        world.add_wallet(customer_id, currency="usd", wallet_type="PRE_PAID", credits_=Decimal(5))
    before = world.truth()["wallets"]
    world.pass_time(timedelta(days=1))
    world.meter_usage(customer_id, "usd", "1000.0000000000000001")
    world.finalise_invoice(customer_id, "usd")
    after = world.truth()["wallets"]
    for key, row in after.items():
        assert row["real_time_balance"] == row["balance"] - Decimal("1000.0000000000000001")
        assert row["unpaid_invoices_amount"] == row["current_period_usage"]
        assert (row["updated_at"], row["balance"]) == (
            before[key]["updated_at"],
            before[key]["balance"],
        )


def test_touching_changes_only_who_and_when() -> None:
    world = World(30)
    key = world.listed_wallet_ids()[0]
    before = world.truth()["wallets"][key]
    world.set_time(datetime(2026, 9, 1, tzinfo=UTC))
    world.touch_wallet(key)
    after = world.truth()["wallets"][key]
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"updated_at", "updated_by"}
    assert after["updated_at"] == datetime(2026, 9, 1, tzinfo=UTC)


def test_operations_that_the_server_would_refuse() -> None:
    world = World(30)
    key = world.listed_wallet_ids()[0]
    with pytest.raises(OperationError, match="active wallets"):
        world.archive_customer(world.wallet(key).customer_id)
    with pytest.raises(OperationError, match="nine decimals"):
        world.top_up(key, "0.0000000001")
    with pytest.raises(OperationError, match="numeric"):
        world.set_conversion_rate(key, "0.000001")
    world.close(key)
    with pytest.raises(OperationError, match="closed already"):
        world.close(key)


def test_external_id_can_be_given_once() -> None:
    world = World(3)
    assert world.add_customer(external_id="acme").external_id == "acme"
    before = len(world.customers)
    with pytest.raises(OperationError, match="external id acme"):
        world.add_customer(external_id="acme")
    assert len(world.customers) == before


def test_closing_with_a_remainder_and_moving() -> None:
    world = World(0)
    customer, other = world.add_customer(wallets=0), world.add_customer(wallets=0)
    kept = world.add_wallet(customer.id, credits_=Decimal("7.5"))
    world.close(kept.id, with_remainder=True)
    assert world.truth()["wallets"][kept.id]["credit_balance"] == Decimal("7.5")
    world.reopen(kept.id)
    world.move_wallet(kept.id, other.id)
    assert [row.id for row in world.wallets_of(other.id)] == [kept.id]
    assert world.wallets_of(customer.id) == []


def test_times_have_zero_to_nine_decimals() -> None:
    with Emulator(customers=200) as emulator:
        text = Client(emulator).get("/wallets").text
    lengths = {len(part) for part in re.findall(r'"updated_at":"[^".]*\.?(\d*)Z"', text)}
    assert lengths == set(range(10))
