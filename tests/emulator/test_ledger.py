"""The ledger of a world: known answers, and books that close whatever happens."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexprice_emulator import AutoTopup, Contract, OperationError, Rates, World
from tests.emulator.books import Record, faults, signed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def world_with_wallet(credits_: str = "0", rate: str = "0.5") -> tuple[World, str]:
    world = World(0, now=NOON)
    wallet = world.add_wallet(
        world.add_customer(wallets=0).id,
        currency="usd",
        wallet_type="PRE_PAID",
        credits_=Decimal(credits_),
        rate=Decimal(rate),
    )
    return world, wallet.id


def row(world: World, transaction: Any) -> Record:
    record: Record = world.truth()["transactions"][transaction.id]
    return record


def available(world: World) -> list[str]:
    """What is left of each credit, in the order in which they were written."""
    rows = world.truth()["transactions"].values()
    return [str(each["credits_available"]) for each in rows if each["type"] == "credit"]


def held(world: World, wallet_id: str) -> str:
    return str(world.wallet(wallet_id).credit_balance)


def test_wallet_with_credits_begins_with_a_purchase() -> None:
    world, wallet_id = world_with_wallet("12.5")
    (opening,) = world.truth()["transactions"].values()
    assert opening["transaction_reason"] == "PURCHASED_CREDIT_DIRECT"
    assert opening["type"] == "credit"
    assert (opening["credit_balance_before"], opening["credit_balance_after"]) == (
        0,
        Decimal("12.5"),
    )
    assert (opening["amount"], opening["topup_conversion_rate"]) == (
        Decimal("6.25"),
        Decimal("0.5"),
    )
    assert opening["created_at"] == opening["completed_at"] == NOON
    assert world.truth()["wallets"][wallet_id]["credit_balance"] == Decimal("12.5")


def test_debit_consumes_by_priority_then_expiry_then_age() -> None:
    world, wallet_id = world_with_wallet()
    never = world.top_up(wallet_id, 10)
    world.pass_time(HOUR)
    late = world.top_up(wallet_id, 10, expires_at=NOON + timedelta(days=9))
    soon = world.top_up(wallet_id, 10, expires_at=NOON + timedelta(days=1))
    first = world.top_up(wallet_id, 10, free=True, priority=1)
    second = world.top_up(wallet_id, 10, free=True, priority=2)
    world.pass_time(HOUR)
    debit = world.debit(wallet_id, 35)
    wanted = [first.id, second.id, soon.id, late.id]
    assert row(world, debit)["metadata"]["consumed_credit_tx_ids"] == ",".join(wanted)
    left = [row(world, each)["credits_available"] for each in (first, second, soon, late, never)]
    assert left == [0, 0, 0, 5, 10]
    # What was consumed was updated by the debit, the rest and all creation times stay.
    assert row(world, late)["updated_at"] == NOON + 2 * HOUR == row(world, debit)["created_at"]
    assert row(world, late)["created_at"] == NOON + HOUR
    assert row(world, never)["updated_at"] == NOON
    older = world.debit(wallet_id, 8)
    assert older.metadata["consumed_credit_tx_ids"] == f"{late.id},{never.id}"


def test_pending_purchase_is_completed_later_even_in_a_closed_wallet() -> None:
    world, wallet_id = world_with_wallet("4")
    purchase = world.request_top_up(wallet_id, 100, bonus=7)
    assert row(world, purchase)["transaction_status"] == "pending"
    assert row(world, purchase)["credits_available"] == 0
    world.pass_time(HOUR)
    world.close(wallet_id)
    assert world.truth()["wallets"][wallet_id]["credit_balance"] == 0
    world.pass_time(HOUR)
    world.complete_top_up(purchase.id)
    after = row(world, purchase)
    assert (after["credit_balance_before"], after["credit_balance_after"]) == (0, 100)
    assert (after["created_at"], after["updated_at"]) == (NOON, NOON + 2 * HOUR)
    wallet = world.truth()["wallets"][wallet_id]
    assert (wallet["wallet_status"], wallet["credit_balance"]) == ("closed", 107)
    (bonus,) = [
        each
        for each in world.truth()["transactions"].values()
        if each["parent_transaction_id"] == purchase.id
    ]
    assert (bonus["transaction_reason"], bonus["transaction_status"]) == (
        "PURCHASED_CREDIT_BONUS",
        "completed",
    )
    assert faults(world.truth()) == []
    with pytest.raises(OperationError, match="completed, not pending"):
        world.complete_top_up(purchase.id)


def test_failed_purchase_moves_nothing() -> None:
    world, wallet_id = world_with_wallet("4")
    purchase = world.request_top_up(wallet_id, 100)
    world.pass_time(HOUR)
    world.fail_top_up(purchase.id)
    assert row(world, purchase)["transaction_status"] == "failed"
    assert row(world, purchase)["updated_at"] == NOON + HOUR
    assert world.truth()["wallets"][wallet_id]["credit_balance"] == 4
    assert not world.ledger.pending


@pytest.mark.parametrize(("invoicing", "held"), [(False, 50), (True, 0)])
def test_closing_can_set_off_the_automatic_top_up(invoicing: bool, held: int) -> None:
    world, wallet_id = world_with_wallet("4")
    settings_ = AutoTopup(True, Decimal(10), Decimal(50), invoicing)
    world.set_auto_topup(wallet_id, settings_)
    world.close(wallet_id, auto_topup=True)
    reasons = [each["transaction_reason"] for each in world.truth()["transactions"].values()]
    kind = "PURCHASED_CREDIT_INVOICED" if invoicing else "PURCHASED_CREDIT_DIRECT"
    assert reasons == ["PURCHASED_CREDIT_DIRECT", "WALLET_TERMINATION", kind]
    wallet = world.truth()["wallets"][wallet_id]
    assert (wallet["wallet_status"], wallet["credit_balance"]) == ("closed", held)
    world.reopen(wallet_id)
    world.set_auto_topup(wallet_id, None)
    world.top_up(wallet_id, 1)
    before = world.truth()
    with pytest.raises(OperationError, match="no automatic top-up"):
        world.close(wallet_id, auto_topup=True)
    assert world.truth() == before


def test_expiry_takes_off_that_credit_alone() -> None:
    world, wallet_id = world_with_wallet("4")
    credit = world.top_up(wallet_id, 10, free=True, expires_at=NOON + HOUR)
    preferred = world.top_up(wallet_id, 3, free=True, priority=1)
    with pytest.raises(OperationError, match="nothing that has expired"):
        world.expire_credit(credit.id)
    world.debit(wallet_id, 5)  # the preferred one, and two of the one that will expire
    world.pass_time(2 * HOUR)
    assert world.expire_credits() == 1
    assert world.expire_credits() == 0
    expiry = list(world.ledger)[-1]
    assert expiry.transaction_reason == "CREDIT_EXPIRED"
    assert expiry.credit_amount == 8
    assert expiry.metadata["consumed_credit_tx_ids"] == expiry.reference_id == credit.id
    assert available(world) == ["4", "0", "0"]
    assert row(world, preferred)["credits_available"] == 0


def test_expired_credits_are_consumed_last() -> None:
    world, wallet_id = world_with_wallet("4")
    expired = world.top_up(wallet_id, 10, priority=1, expires_at=NOON + HOUR)
    world.pass_time(2 * HOUR)
    world.debit(wallet_id, 3)
    assert available(world) == ["1", "10"]
    world.debit(wallet_id, 3)
    assert row(world, expired)["credits_available"] == 8
    assert faults(world.truth()) == []


def test_debt_is_covered_before_anything_is_available() -> None:
    world, wallet_id = world_with_wallet("4")
    world.debit(wallet_id, 10, "MANUAL_BALANCE_DEBIT")
    assert (available(world), held(world, wallet_id)) == (["0"], "-6")
    world.top_up(wallet_id, 5)
    assert (available(world), held(world, wallet_id)) == (["0", "0"], "-1")
    world.top_up(wallet_id, 5)
    assert (available(world), held(world, wallet_id)) == (["0", "0", "4"], "4")
    assert faults(world.truth()) == []


@pytest.mark.parametrize("reason", ["CREDIT_NOTE", "CREDIT_ADJUSTMENT", "A_REASON_OF_TOMORROW"])
def test_breakdown_fails_for_good_after_another_reason(reason: str) -> None:
    world, wallet_id = world_with_wallet("4")
    known = world.truth()["wallets"][wallet_id]["credits_available_breakdown"]
    assert known == {"free": 0, "purchased": 4}
    world.credit(wallet_id, 6, reason)
    assert world.truth()["wallets"][wallet_id]["credits_available_breakdown"] is None
    world.debit(wallet_id, 10)
    world.top_up(wallet_id, 1)
    assert world.truth()["wallets"][wallet_id]["credits_available_breakdown"] is None


def test_pending_bonus_does_not_fail_the_breakdown_yet() -> None:
    world, wallet_id = world_with_wallet("4")
    purchase = world.request_top_up(wallet_id, 6, bonus=1)
    assert world.truth()["wallets"][wallet_id]["credits_available_breakdown"] is not None
    world.complete_top_up(purchase.id)
    assert world.truth()["wallets"][wallet_id]["credits_available_breakdown"] is None


def test_rate_and_currency_are_those_of_the_time() -> None:
    world, wallet_id = world_with_wallet("10", rate="0.5")
    world.pass_time(HOUR)
    world.set_conversion_rate(wallet_id, "2")
    world.set_currency(wallet_id, "eur")
    debit = row(world, world.debit(wallet_id, 3))
    credit = row(world, world.top_up(wallet_id, 3))
    assert (debit["currency"], debit["conversion_rate"], debit["amount"]) == ("eur", 2, 6)
    assert (credit["topup_conversion_rate"], credit["amount"]) == (Decimal("0.5"), Decimal("1.5"))
    before = world.ledger_balance_at(wallet_id, NOON)
    assert before == {
        "credit_balance": 10,
        "balance": 5,
        "currency": "usd",
        "conversion_rate": Decimal("0.5"),
    }
    after = world.ledger_balance_at(wallet_id, NOON + HOUR)
    assert (after["currency"], after["credit_balance"], after["balance"]) == ("eur", 10, 20)


def test_balance_at_counts_from_the_instant_of_completion() -> None:
    world, wallet_id = world_with_wallet("10")
    purchase = world.request_top_up(wallet_id, 5)
    world.pass_time(HOUR)
    world.debit(wallet_id, 1)
    world.pass_time(HOUR)
    world.complete_top_up(purchase.id)
    tick = timedelta(microseconds=1)

    def at(moment: datetime) -> Decimal:
        credits_: Decimal = world.ledger_balance_at(wallet_id, moment)["credit_balance"]
        return credits_

    moments = [
        NOON - tick,
        NOON,
        NOON + HOUR - tick,
        NOON + HOUR,
        NOON + 2 * HOUR - tick,
        world.now,
    ]
    assert [at(moment) for moment in moments] == [0, 10, 10, 9, 9, 14]


def test_what_the_server_refuses() -> None:
    world, wallet_id = world_with_wallet("10")
    with pytest.raises(OperationError, match="does not accept"):
        world.top_up(wallet_id, 1, reason="CREDIT_ADJUSTMENT")
    for nothing in (0, -1):
        with pytest.raises(OperationError, match="moves nothing"):
            world.debit(wallet_id, nothing)
        with pytest.raises(OperationError, match="moves nothing"):
            world.top_up(wallet_id, 1, bonus=nothing)
    with pytest.raises(OperationError, match="no transaction"):
        world.complete_top_up("wtxn_unknown")
    assert len(world.ledger) == 1


def test_hands_in_the_database_break_the_books() -> None:
    world, wallet_id = world_with_wallet("10")
    assert faults(world.truth()) == []
    world.change_balance_behind_ledger(wallet_id, "2.5")
    wallet = world.truth()["wallets"][wallet_id]
    assert (wallet["credit_balance"], wallet["balance"]) == (Decimal("12.5"), Decimal("6.25"))
    assert any("make 10, it holds 12.5" in fault for fault in faults(world.truth()))
    world.change_balance_behind_ledger(wallet_id, "-2.5")
    (opening,) = world.ledger
    world.pass_time(HOUR)
    world.change_transaction(opening.id, credit_amount=Decimal(11), description="mended")
    assert row(world, opening)["updated_at"] == NOON + HOUR
    assert faults(world.truth())
    world.change_transaction(opening.id, marks_update=False, credit_amount=Decimal(10))
    assert row(world, opening)["updated_at"] == NOON + HOUR
    assert faults(world.truth()) == []
    with pytest.raises(OperationError, match="cannot change wallet_id"):
        world.change_transaction(opening.id, wallet_id="wallet_other")


def test_world_is_the_same_without_a_ledger() -> None:
    kept, bare = World(80, seed=4), World(80, seed=4, keep_ledger=False)
    for world in (kept, bare):
        world.advance(steps=10, rates=Rates.only(top_up=0.3, meter_usage=0.2, set_name=0.1))
    one, other = kept.truth(transactions=False), bare.truth(transactions=False)
    assert one == other
    assert len(kept.ledger) > 100
    assert len(bare.ledger) == 0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("contract", ["2026-01", "2026-08"])
def test_books_close_in_random_worlds(seed: int, contract: Contract) -> None:
    world = World(60, seed=seed, contract=contract)
    assert faults(world.truth()) == []
    done = world.advance(
        timedelta(hours=9), steps=60, rates=Rates.with_ledger(close_with_auto_topup=0.01)
    )
    truth = world.truth()
    assert faults(truth) == []
    rare = {"close_with_auto_topup", "adjust_credits", "credit_note", "void_invoice"}
    common = {"expire_credit", "complete_top_up", "auto_top_up", "subscription_grant", "debit"}
    assert common <= set(done)
    assert len(rare & set(done)) >= 2
    reasons = {each["transaction_reason"] for each in truth["transactions"].values()}
    assert len(reasons) >= 9
    closed = [each for each in truth["wallets"].values() if each["wallet_status"] == "closed"]
    assert any(each["credit_balance"] > 0 for each in closed)
    # The ledger alone tells what every wallet holds, and held while nothing moved.
    for key, wallet in truth["wallets"].items():
        now = world.ledger_balance_at(key, world.now)
        assert (now["credit_balance"], now["balance"]) == (
            wallet["credit_balance"],
            wallet["balance"],
        )


def test_balances_at_every_step_are_those_of_the_truth_then() -> None:
    world = World(40, seed=9)
    seen = []
    for _ in range(40):
        world.advance(timedelta(hours=7), rates=Rates.with_ledger(set_conversion_rate=0.05))
        wallets = world.truth(transactions=False)["wallets"]
        seen.append((world.now, {key: each["balance"] for key, each in wallets.items()}))
    for moment, balances in seen:
        then = {key: world.ledger_balance_at(key, moment)["balance"] for key in balances}
        assert then == balances


def test_operations_of_a_step_are_spread_over_it() -> None:
    world = World(60, seed=5)
    begin = world.now
    world.advance(HOUR, rates=Rates.only(debit=0.5, top_up=0.5))
    rows = world.truth()["transactions"].values()
    moments = [each["created_at"] for each in rows if each["created_at"] > begin]
    assert len(moments) > 30
    assert begin < min(moments) < max(moments) <= world.now == begin + HOUR
    assert len(set(moments)) > 30
    # A step that takes no time moves no clock.
    world.advance(timedelta(0), rates=Rates.only(debit=0.5))
    assert world.now == begin + HOUR


credits_ = st.integers(1, 2000).map(lambda units: Decimal(units).scaleb(-2))
moves = st.tuples(
    st.sampled_from(
        ("debit", "top_up", "request", "complete", "fail", "expire", "note", "pass", "close")
    ),
    credits_,
    st.sampled_from((None, None, 1, 2)),
    st.sampled_from((None, 1, 5)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(moves, max_size=25))
def test_books_close_after_any_moves(
    story: list[tuple[str, Decimal, int | None, int | None]],
) -> None:
    world, wallet_id = world_with_wallet("3")
    for name, amount, priority, hours in story:
        expires_at = None if hours is None else world.now + hours * HOUR
        details: dict[str, Any] = {"priority": priority, "expires_at": expires_at}
        match name:
            case "debit":
                world.debit(wallet_id, amount)
            case "top_up":
                world.top_up(wallet_id, amount, **details)
            case "request":
                world.request_top_up(wallet_id, amount, bonus=priority, **details)
            case "complete" | "fail":
                for each in [*world.ledger.pending.values()][:1]:
                    if each.parent_transaction_id is None:
                        getattr(world, f"{name}_top_up")(each.id)
            case "expire":
                world.expire_credits()
            case "note":
                world.credit(wallet_id, amount, "CREDIT_NOTE", **details)
            case "pass":
                world.pass_time(HOUR)
            case "close":
                if world.wallet(wallet_id).is_listed:
                    world.close(wallet_id)
        assert faults(world.truth()) == []
    # What a debit consumed is what is missing in the credits that it names.
    rows = world.truth()["transactions"].values()
    used = sum(each["credit_amount"] for each in rows if each["type"] == "debit")
    granted = sum(
        signed(each) for each in rows if each["completed_at"] and each["type"] == "credit"
    )
    assert world.wallet(wallet_id).credit_balance == granted - used
