"""A month of a billing system, told run by run: everything that can happen to a wallet, at least once."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from flexprice_emulator import AlertThreshold, OperationError, Rates, World
from tests.history.stage import Run, Stage

BEGIN: Final = datetime(2026, 2, 23, 6, tzinfo=UTC)
_NOW: Final = timedelta(0)
_JUST_BEFORE_MIDNIGHT: Final = 24 - 1e-6

#: What a ledger can hold; a breakdown fails for good only in the storm. What is pending or expires is seen to by
#: `_settle`: the oracle follows no money into wallets that have ended.
_LEDGER: Final = {
    "subscription_grant": 0.05,
    "request_top_up": 0.08,
    "fail_top_up": 0.05,
    "manual_debit": 0.03,
}

#: Money moves every hour, and settings now and then; wallets come and go only as the story says.
_EVERYDAY = Rates.only(
    debit=0.08,
    top_up=0.03,
    meter_usage=0.15,
    finalise_invoice=0.03,
    pay_invoices=0.03,
    set_name=0.02,
    set_alerts=0.02,
    set_auto_topup=0.02,
    set_metadata=0.02,
    set_allowed_price_types=0.02,
    set_alert_state=0.02,
    touch_wallet=0.2,
    rename_customer=0.03,
    touch_customer=0.2,
    **_LEDGER,
)
_STORM = Rates(
    debit=0.1,
    top_up=0.05,
    meter_usage=0.2,
    set_conversion_rate=0.03,
    set_currency=0.03,
    freeze=0.05,
    thaw=0.3,
    close=0.03,
    close_with_remainder=0.02,
    hard_delete=0.02,
    soft_delete=0.02,
    reopen=0.3,
    move_wallet=0.04,
    add_wallet=0.03,
    add_customer=0.04,
    archive_customer=0.05,
    unarchive_customer=0.4,
    bonus_top_up=0.02,
    credit_note=0.01,
    void_invoice=0.01,
    adjust_credits=0.01,
    **_LEDGER,
)


@dataclass(frozen=True)
class Cast:
    """Customers and wallets that the story needs by name."""

    home: str
    away: str
    sleeper: str
    debtor: str
    frozen: str
    closed: str
    closed_with_rest: str
    deleted: str
    lost: str
    back_same_day: str
    back_later: str
    mover: str
    changer: str
    rated: str
    asleep: str
    overdrawn: str
    closed_on_the_move: str

    @classmethod
    def of(cls, world: World) -> Cast:
        customers = {
            name: world.add_customer(wallets=0).id for name in ("home", "away", "sleeper", "debtor")
        }

        def wallet(customer: str, credits_: str, currency: str = "usd") -> str:
            return world.add_wallet(
                customers[customer],
                currency=currency,
                wallet_type="PRE_PAID",
                credits_=Decimal(credits_),
                rate=Decimal("0.5"),
            ).id

        for customer in customers.values():
            world.meter_usage(customer, "usd", "7.1234567890123456")
        return cls(
            **customers,
            frozen=wallet("home", "100.25"),
            closed=wallet("home", "10"),
            closed_with_rest=wallet("home", "33.3333"),
            deleted=wallet("home", "5"),
            lost=wallet("home", "8.8"),
            back_same_day=wallet("away", "40"),
            back_later=wallet("away", "41"),
            mover=wallet("home", "77", "eur"),
            changer=wallet("away", "12.5"),
            rated=wallet("away", "1000"),
            asleep=wallet("sleeper", "3"),
            overdrawn=wallet("debtor", "1"),
            closed_on_the_move=wallet("home", "64"),
        )


def story(stage: Stage) -> Iterator[Run]:
    """Act, and yield the run that follows; the stage loads it."""
    cast = Cast.of(stage.world)
    yield from _first_days(stage, cast)
    yield from _ends_and_returns(stage, cast)
    yield from _partial_sight(stage, cast)
    yield from _storm(stage)


def _first_days(stage: Stage, cast: Cast) -> Iterator[Run]:
    world = stage.world
    yield Run(ledger=False)
    stage.at(0, 6.5)
    yield Run(ledger_fault="not_found")  # as a server that has no ledger
    stage.at(0, 7)
    yield Run()
    stage.at(0, 7.5)
    yield Run()  # nothing has changed

    stage.at(0, 15)
    world.touch_wallet(cast.rated)
    world.touch_customer(cast.home)
    world.debit(cast.overdrawn, "3.5")
    yield Run()

    stage.at(0, _JUST_BEFORE_MIDNIGHT)
    world.freeze(cast.frozen)
    world.advance(_NOW, rates=_EVERYDAY)
    yield Run(no_usage=[cast.rated], no_unpaid=[cast.mover], no_breakdown=[cast.changer])

    stage.at(1, 0)
    yield Run(real_time=False, breakdown=False)

    # Two days without a run; on the third the wallet that was frozen is active again.
    stage.at(4, 9)
    world.thaw(cast.frozen)
    world.set_conversion_rate(cast.rated, "0.25")
    world.move_wallet(cast.mover, cast.away)
    world.advance(_NOW, rates=_EVERYDAY)
    yield Run(breakdown=False)

    stage.at(4, 21)
    world.set_currency(cast.changer, "eur")
    world.set_alert_settings(cast.rated, {"warning": AlertThreshold(Decimal(500))})
    world.set_alert_config(cast.rated, AlertThreshold(Decimal("99.5")))
    yield Run()


def _ends_and_returns(stage: Stage, cast: Cast) -> Iterator[Run]:
    world = stage.world
    stage.at(5, 3)
    world.close(cast.closed)
    world.close(cast.closed_with_rest, with_remainder=True)
    world.soft_delete(cast.deleted)
    world.hard_delete(cast.lost)
    world.move_wallet(cast.closed_on_the_move, cast.away)
    yield Run()

    stage.at(5, 12)
    world.close(cast.back_same_day)
    world.hard_delete(cast.back_later)
    world.move_wallet(cast.closed_on_the_move, cast.debtor)
    world.close(cast.closed_on_the_move)
    world.advance(_NOW, rates=_EVERYDAY)
    _settle(world, random.Random(1))
    yield Run()

    stage.at(5, 18)
    world.reopen(cast.back_same_day)
    world.archive_customer(cast.sleeper, force=True)
    yield Run(real_time=False)

    stage.at(7, 8)
    world.reopen(cast.back_later)
    world.reopen(cast.closed)
    world.top_up(cast.back_same_day, "12.3456", free=True)
    newcomer = world.add_customer(wallets=2)
    yield Run()

    stage.at(7, 9)
    world.unarchive_customer(cast.sleeper)
    world.debit(cast.asleep, "1")
    world.add_wallet(newcomer.id)
    # Ends and returns within one day, moved and with another currency.
    world.hard_delete(cast.closed)
    world.freeze(cast.mover)
    yield Run()

    stage.at(7, 23)
    world.reopen(cast.closed)
    world.set_currency(cast.closed, "gbp")
    world.move_wallet(cast.closed, cast.debtor)
    world.thaw(cast.mover)
    yield Run(extra_fields={"colour": "blue"})

    # Away and back again between two runs with real-time figures: those before do not go on.
    stage.at(8, 1)
    world.move_wallet(cast.mover, cast.home)
    yield Run(real_time=False, breakdown=False)
    stage.at(8, 2)
    world.move_wallet(cast.mover, cast.away)
    yield Run(real_time=False, breakdown=False)
    stage.at(8, 3)
    yield Run()


def _partial_sight(stage: Stage, cast: Cast) -> Iterator[Run]:
    world = stage.world
    stage.at(10, 6)
    world.advance(_NOW, rates=_EVERYDAY)
    world.freeze(cast.frozen)
    world.debit(cast.rated, "100")
    yield Run(failed_customers=[cast.home, cast.debtor], ledger_fault="redirect")

    stage.at(10, 7)
    yield Run(
        failed_wallets=[cast.frozen],
        rejected_wallets=[cast.rated],
        rejected_transactions=[_last_transaction(world, cast.rated)],
    )

    stage.at(11, 5)
    world.debit(cast.back_same_day, "2")
    world.debit(cast.asleep, "0.5")
    key = world.customer(cast.sleeper).external_id
    yield Run(customer_ids=(cast.away,), lookup_keys=(key, "nobody's key"))

    stage.at(12, 5)
    world.debit(cast.rated, "1")
    world.move_wallet(cast.frozen, cast.debtor)
    # The broken transaction is not read again by this run, as it has not changed.
    yield Run(customer_ids=(cast.home,), failed_customers=[])

    stage.at(12, 6)
    world.archive_customer(cast.sleeper, force=True)
    yield Run(customer_ids=(cast.sleeper, cast.debtor), breakdown=False)

    stage.at(13, 5)
    world.thaw(cast.frozen)
    yield Run(failed_customers=[cast.debtor], real_time=False)

    stage.at(13, 6)
    yield Run()


def _storm(stage: Stage, steps: int = 12) -> Iterator[Run]:
    """Anything, at any rate, under any kind of run."""
    world, rng = stage.world, random.Random(stage.world.seed)
    hour = 0.0
    for _ in range(steps):
        hour += rng.choice((1, 2, 3, 5, 30, 55))
        stage.at(14, hour)
        world.advance(_NOW, rates=_STORM)
        _settle(world, rng)
        for customer_id in _some(rng, world.published_customer_ids(), 0.3):
            _try_to_archive(world, customer_id)
        yield _any_run(rng, stage)


def _any_run(rng: random.Random, stage: Stage) -> Run:
    world = stage.world
    customers = world.published_customer_ids()
    listed = world.listed_wallet_ids()
    hidden = sorted(set(world.wallets) - set(listed))
    named = _some(rng, sorted(world.customers), 12) if rng.random() < 0.25 else []
    real_time = rng.random() < 0.8
    return Run(
        real_time=real_time,
        breakdown=rng.random() < 0.8,
        customer_ids=tuple(named),
        failed_customers=_some(rng, customers, 1.2),
        failed_wallets=_some(rng, hidden, 1.2),
        rejected_wallets=_some(rng, listed, 1.2),
        rejected_transactions=_some(rng, _newest_transactions(world), 2),
        ledger=rng.random() < 0.9,
        ledger_fault=rng.choice(("redirect", "forbidden")) if rng.random() < 0.1 else None,
        no_breakdown=_some(rng, listed, 2),
        no_usage=_some(rng, listed, 2),
        no_unpaid=_some(rng, listed, 2),
    )


def _settle(world: World, rng: random.Random) -> None:
    """Complete pending credits of listed wallets, and let what has expired of others lapse."""
    listed = set(world.listed_wallet_ids())
    for key, row in world.truth()["transactions"].items():
        if row["wallet_id"] not in listed or rng.random() < 0.5:
            continue
        is_expired = row["expiry_date"] is not None and row["expiry_date"] < world.now
        if row["transaction_status"] == "pending":
            world.complete_top_up(key)
        elif is_expired and world.transaction(key).credits_available > 0:
            world.expire_credit(key)


def _last_transaction(world: World, wallet_id: str) -> str:
    """The newest transaction of a wallet."""
    transactions = world.truth()["transactions"]
    newest: str = max(
        (key for key, row in transactions.items() if row["wallet_id"] == wallet_id),
        key=lambda key: transactions[key]["updated_at"],
    )
    return newest


def _newest_transactions(world: World) -> list[str]:
    """Transactions of the last hours, oldest first."""
    transactions = world.truth()["transactions"]
    return sorted(transactions, key=lambda key: transactions[key]["updated_at"])[-20:]


def _some(rng: random.Random, items: Sequence[str], expected: float) -> list[str]:
    """A few of the items: as many as expected, more or less."""
    count = int(expected * 2 * rng.random())
    return rng.sample(list(items), min(count, len(items)))


def _try_to_archive(world: World, customer_id: str) -> None:
    try:
        world.archive_customer(customer_id, force=True)
    except OperationError:
        return
