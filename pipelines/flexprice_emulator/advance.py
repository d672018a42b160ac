"""A seeded random step of a world: many operations, mixed by rates."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal

from flexprice_emulator import reasons
from flexprice_emulator.operations import Operations
from flexprice_emulator.population import CURRENCIES, METADATA, PRICE_TYPES, RATES
from flexprice_emulator.rates import Rates
from flexprice_emulator.records import AlertThreshold, AutoTopup, Wallet
from flexprice_emulator.state import OperationError


def random_step(world: Operations, rates: Rates, elapsed: timedelta = timedelta(0)) -> Counter[str]:
    """Do one step on `world` and return how often each operation was done.

    The operations are spread over `elapsed`, by which the world's clock moves, in the order of the
    rates. A rate is a share of the wallets, customers or transactions that its operation can
    concern; an operation that turns out to be impossible is not counted.
    """
    rng, done = world.rng, Counter[str]()
    names = [entry.name for entry in fields(rates) if getattr(rates, entry.name) > 0]
    begin, span = world.now, elapsed / max(len(names), 1)
    for number, name in enumerate(names):
        candidates = _candidates(world, name)
        expected = getattr(rates, name) * len(candidates)
        times = int(expected) + (rng.random() < expected % 1)
        keys = rng.sample(candidates, min(times, len(candidates)))
        for place, key in enumerate(keys, start=1):
            if elapsed:
                world.set_time(begin + span * (number + place / len(keys)))
            try:
                _OPERATIONS[name](world, rng, key)
            except OperationError:
                continue
            done[name] += 1
    world.set_time(begin + elapsed)
    return done


def write_at_random(world: Operations, times: int) -> None:
    """Debit and top up wallets now, so many in all: what goes on while somebody reads."""
    wallets = _candidates(world, "debit")
    for number in range(times if wallets else 0):
        key = world.ledger_rng.choice(wallets)
        if number % 2 and world.wallet(key).credit_balance > 1:
            world.debit(key, 1)
        else:
            world.top_up(key, 1)


def _candidates(world: Operations, operation: str) -> Sequence[str]:
    """Return the ids that an operation can concern: of wallets, or of customers."""
    customers, wallets = world.customers.values(), world.wallets.values()
    if operation == "unarchive_customer":
        return [customer.id for customer in customers if customer.status == "archived"]
    if operation in ("add_customer", "archive_customer", "add_wallet") or "_customer" in operation:
        return [customer.id for customer in customers if customer.status == "published"]
    if operation in ("complete_top_up", "fail_top_up"):
        # A bonus is completed with its purchase.
        pending = world.ledger.pending.values()
        return [row.id for row in pending if row.parent_transaction_id is None]
    if operation == "expire_credit":
        return [row.id for row in world.ledger.expired(world.now_ns)]
    if operation == "auto_top_up":
        return [wallet.id for wallet in wallets if _wants_auto_topup(wallet)]
    if operation == "thaw":
        return [wallet.id for wallet in wallets if wallet.wallet_status == "frozen"]
    if operation == "reopen":
        return [wallet.id for wallet in wallets if _has_ended(wallet)]
    return [wallet.id for wallet in wallets if wallet.is_listed]


def _wants_auto_topup(wallet: Wallet) -> bool:
    """Whether an active wallet is below the threshold of its automatic top-up."""
    settings = wallet.auto_topup
    if settings is None or not settings.enabled or settings.threshold is None:
        return False
    return wallet.is_listed and wallet.credit_balance < settings.threshold


def _has_ended(wallet: Wallet) -> bool:
    return wallet.hard_deleted or wallet.wallet_status == "closed" or wallet.status != "published"


def _some_of(rng: random.Random, wallet: Wallet) -> Decimal:
    """Return up to a third of the wallet's credits (of 100 where it may go into debt)."""
    limit = max(wallet.credit_balance, Decimal(0))
    if wallet.wallet_type == "POST_PAID":
        limit = max(limit, Decimal(100))
    units = int(limit.scaleb(4)) // 3
    if units < 1:
        raise OperationError(f"wallet {wallet.id} has nothing to debit")
    return Decimal(rng.randrange(1, units + 1)).scaleb(-4)


def _debit(world: Operations, rng: random.Random, key: str) -> None:
    world.debit(key, _some_of(rng, world.wallet(key)))


def _top_up(world: Operations, rng: random.Random, key: str) -> None:
    world.top_up(key, _some_credits(rng), free=rng.random() < 0.3)


def _some_credits(rng: random.Random) -> Decimal:
    return Decimal(rng.randrange(1, 10**7)).scaleb(-4)


def _subscription_grant(world: Operations, rng: random.Random, key: str) -> None:
    world.top_up(
        key,
        _some_credits(rng),
        reason=reasons.SUBSCRIPTION_CREDIT_GRANT,
        priority=rng.choice((None, 1, 2)),
        expires_at=world.now + timedelta(days=rng.choice((1, 7, 30, 90))),
    )


def _bonus_top_up(world: Operations, rng: random.Random, key: str) -> None:
    credits_ = _some_credits(rng)
    world.top_up(key, credits_, bonus=credits_.scaleb(-1).quantize(Decimal("0.0001")) + 1)


def _request_top_up(world: Operations, rng: random.Random, key: str) -> None:
    expires_at = rng.choice((None, world.now + timedelta(days=365)))
    world.request_top_up(key, _some_credits(rng), expires_at=expires_at)


def _manual_debit(world: Operations, rng: random.Random, key: str) -> None:
    world.debit(key, _some_of(rng, world.wallet(key)), reasons.MANUAL_BALANCE_DEBIT)


def _adjust_credits(world: Operations, rng: random.Random, key: str) -> None:
    if rng.random() < 0.5:
        world.credit(key, _some_credits(rng), reasons.CREDIT_ADJUSTMENT)
    else:
        world.debit(key, _some_of(rng, world.wallet(key)), reasons.CREDIT_ADJUSTMENT)


def _meter_usage(world: Operations, rng: random.Random, key: str) -> None:
    amount = Decimal(rng.randrange(1, 10**7)).scaleb(-rng.choice((2, 6, 9, 16)))
    world.meter_usage(world.wallet(key).customer_id, world.wallet(key).currency, amount)


def _finalise_invoice(world: Operations, _rng: random.Random, key: str) -> None:
    world.finalise_invoice(world.wallet(key).customer_id, world.wallet(key).currency)


def _pay_invoices(world: Operations, rng: random.Random, key: str) -> None:
    wallet = world.wallet(key)
    world.pay_invoices(wallet.customer_id, wallet.currency, rng.choice((key, None)))


def _set_alerts(world: Operations, rng: random.Random, key: str) -> None:
    threshold = AlertThreshold(Decimal(rng.randrange(10**6)).scaleb(-3))
    enabled = rng.random() < 0.9
    world.set_alert_config(key, threshold, enabled=enabled)
    levels = {"critical": threshold, "warning": None, "info": None}
    world.set_alert_settings(key, rng.choice((levels, levels, None)), enabled=enabled)


def _set_auto_topup(world: Operations, rng: random.Random, key: str) -> None:
    settings = AutoTopup(True, Decimal(rng.randrange(1000)), Decimal(500), None, (1, "hour"))
    world.set_auto_topup(key, rng.choice((settings, settings, None)))


def _move_wallet(world: Operations, rng: random.Random, key: str) -> None:
    world.move_wallet(key, rng.choice(_candidates(world, "rename_customer")))


_OPERATIONS: dict[str, Callable[[Operations, random.Random, str], object]] = {
    "debit": _debit,
    "top_up": _top_up,
    "meter_usage": _meter_usage,
    "finalise_invoice": _finalise_invoice,
    "pay_invoices": _pay_invoices,
    "set_name": lambda w, rng, key: w.set_name(key, rng.choice(("", f"Wallet {w.version}"))),
    "set_alerts": _set_alerts,
    "set_auto_topup": _set_auto_topup,
    "set_metadata": lambda w, rng, key: w.set_metadata(key, rng.choice(METADATA)),
    "set_allowed_price_types": lambda w, rng, key: w.set_allowed_price_types(
        key, rng.choice(PRICE_TYPES)
    ),
    "set_alert_state": lambda w, rng, key: w.set_alert_state(
        key, rng.choice(("ok", "info", "warning", "in_alarm"))
    ),
    "set_conversion_rate": lambda w, rng, key: w.set_conversion_rate(key, rng.choice(RATES)),
    "set_currency": lambda w, rng, key: w.set_currency(key, rng.choice(CURRENCIES)),
    "freeze": lambda w, _rng, key: w.freeze(key),
    "thaw": lambda w, _rng, key: w.thaw(key),
    "close": lambda w, _rng, key: w.close(key),
    "close_with_remainder": lambda w, _rng, key: w.close(key, with_remainder=True),
    "hard_delete": lambda w, _rng, key: w.hard_delete(key),
    "soft_delete": lambda w, _rng, key: w.soft_delete(key),
    "reopen": lambda w, _rng, key: w.reopen(key),
    "move_wallet": _move_wallet,
    "add_wallet": lambda w, _rng, key: w.add_wallet(key),
    "touch_wallet": lambda w, rng, key: w.touch_wallet(key, f"user_{rng.randrange(100)}"),
    "add_customer": lambda w, _rng, _key: w.add_customer(),
    "archive_customer": lambda w, _rng, key: w.archive_customer(key),
    "unarchive_customer": lambda w, _rng, key: w.unarchive_customer(key),
    "rename_customer": lambda w, rng, key: w.rename_customer(key, f"Renamed {rng.randrange(999)}"),
    "touch_customer": lambda w, _rng, key: w.touch_customer(key),
    "subscription_grant": _subscription_grant,
    "bonus_top_up": _bonus_top_up,
    "request_top_up": _request_top_up,
    "complete_top_up": lambda w, _rng, key: w.complete_top_up(key),
    "fail_top_up": lambda w, _rng, key: w.fail_top_up(key),
    "auto_top_up": lambda w, _rng, key: w.auto_top_up(key),
    "expire_credit": lambda w, _rng, key: w.expire_credit(key),
    "manual_debit": _manual_debit,
    "credit_note": lambda w, rng, key: w.credit(key, _some_credits(rng), reasons.CREDIT_NOTE),
    "void_invoice": lambda w, rng, key: w.credit(
        key, _some_credits(rng), reasons.INVOICE_VOID_REFUND
    ),
    "adjust_credits": _adjust_credits,
    "close_with_auto_topup": lambda w, _rng, key: w.close(key, auto_topup=True),
}
