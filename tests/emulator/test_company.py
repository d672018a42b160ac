"""A world looks like a company: in the beginning, and after a month of business."""

from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from flexprice_emulator import AlertThreshold, Contract, Rates, World
from flexprice_emulator.profiles import PLAN_NAMES
from tests.emulator.books import faults

Record = dict[str, Any]


def listed(truth: Record) -> list[Record]:
    return [row for row in truth["wallets"].values() if row["is_listed"]]


def held_and_owed(truth: Record) -> dict[str, tuple[Decimal, Decimal]]:
    """By currency: the positive balances, and what is pending for their customers."""
    held: defaultdict[str, Decimal] = defaultdict(Decimal)
    owed: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in listed(truth):
        held[row["currency"]] += max(row["balance"], Decimal(0))
    for customer in truth["customers"].values():
        for currency, pending in customer["pending"].items():
            owed[currency] += sum(pending.values())
    return {currency: (held[currency], owed[currency]) for currency in held}


@pytest.mark.parametrize("seed", range(3))
def test_month_of_business(seed: int) -> None:
    world = World.company(200, seed=seed, days=30)
    begin = World(200, seed=seed, now=world.now - timedelta(days=30))
    for truth in (begin.truth(), world.truth()):
        assert faults(truth) == []
        rows = listed(truth)
        kinds = Counter(row["wallet_type"] for row in rows)
        assert kinds["PRE_PAID"] > 3 * kinds["POST_PAID"] > 0
        for currency, (held, owed) in held_and_owed(truth).items():
            assert Decimal("0.002") < owed / held < Decimal("0.6"), currency
        under_water = [
            row for row in rows if row["wallet_type"] == "PRE_PAID" and row["real_time_balance"] < 0
        ]
        assert len(under_water) < len(rows) / 5
        expiring = [
            row
            for row in truth["transactions"].values()
            if row["credits_available"] > 0 and row["expiry_date"]
        ]
        assert len(expiring) > len(rows) / 4
    reasons = Counter(row["transaction_reason"] for row in world.truth()["transactions"].values())
    assert len(reasons) >= 9
    assert reasons["INVOICE_PAYMENT"] > reasons.total() / 2
    assert sum(row["credits_available_breakdown"] is None for row in rows) < len(rows) / 6


@pytest.mark.parametrize("contract", ["2026-01", "2026-08"])
def test_plans_tell_customers_apart(contract: Contract) -> None:
    truth = World(400, contract=contract).truth()
    plans = {
        key: (row["metadata"] or {}).get("plan", "none") for key, row in truth["customers"].items()
    }
    assert set(plans.values()) == {*PLAN_NAMES, "none"}
    dollars: defaultdict[str, list[Decimal]] = defaultdict(list)
    for row in listed(truth):
        if row["currency"] == "usd" and row["balance"] > 0:
            dollars[plans[row["customer_id"]]].append(row["balance"])
    means = [sum(dollars[plan]) / len(dollars[plan]) for plan in PLAN_NAMES]
    assert means == sorted(means)


def test_customer_has_one_wallet_of_a_currency_and_type() -> None:
    rows = listed(World(300).truth())
    kinds = Counter((row["customer_id"], row["currency"], row["wallet_type"]) for row in rows)
    assert max(kinds.values()) == 1


def test_alert_state_moves_with_the_balance() -> None:
    world = World(0)
    customer = world.add_customer(wallets=0)
    key = world.add_wallet(customer.id, credits_=Decimal(100), rate=Decimal("0.5")).id
    levels = {"critical": 10, "warning": 20, "info": 30}
    world.set_alert_settings(
        key, {level: AlertThreshold(Decimal(value)) for level, value in levels.items()}
    )
    states = []
    for credits_ in (39, 2, 20, 20):  # 30.5, 29.5, 19.5 and 9.5 are left
        world.debit(key, credits_)
        states.append(world.wallet(key).alert_state)
    world.top_up(key, 100)
    states.append(world.wallet(key).alert_state)
    assert states == ["ok", "info", "warning", "in_alarm", "ok"]
    world.set_alert_settings(key, {"critical": AlertThreshold(Decimal(50), condition="above")})
    world.top_up(key, 1)
    assert world.wallet(key).alert_state == "in_alarm"
    world.set_alert_settings(key, None)
    world.set_alert_config(key, AlertThreshold(Decimal(10)))
    world.debit(key, 1)
    assert world.wallet(key).alert_state == "ok"
    world.set_alert_config(key, None)
    world.set_alert_state(key, "warning")
    world.debit(key, 1)
    assert world.wallet(key).alert_state == "warning"


def test_every_state_of_an_alert_occurs() -> None:
    world = World.company(150, seed=2, days=20)
    states = Counter(row["alert_state"] for row in listed(world.truth()))
    assert set(states) == {"ok", "info", "warning", "in_alarm", ""}
    assert states["ok"] > states["in_alarm"]


def test_same_seed_same_company() -> None:
    assert World.company(30, days=5).truth() == World.company(30, days=5).truth()
    assert World.company(30, seed=2, days=5).truth() != World.company(30, days=5).truth()


def test_company_loses_nothing_by_accident() -> None:
    world = World.company(100, days=30)
    rates = Rates.company()
    assert rates.set_currency == rates.set_conversion_rate == rates.hard_delete == 0
    assert not any(row["is_hard_deleted"] for row in world.truth()["wallets"].values())
    assert world.now == World(0).now
