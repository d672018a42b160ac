"""A seeded random step of a world: many operations, mixed by rates."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal

from flexprice_emulator.operations import Operations
from flexprice_emulator.population import CURRENCIES, METADATA, PRICE_TYPES, RATES
from flexprice_emulator.records import AlertThreshold, AutoTopup, Wallet
from flexprice_emulator.state import OperationError


@dataclass(frozen=True)
class Rates:
    """How often each operation happens in one step: a share of the wallets (or customers)."""

    debit: float = 0.03
    top_up: float = 0.01
    meter_usage: float = 0.05
    finalise_invoice: float = 0.01
    pay_invoices: float = 0.005
    set_name: float = 0.001
    set_alerts: float = 0.001
    set_auto_topup: float = 0.001
    set_metadata: float = 0.001
    set_allowed_price_types: float = 0.001
    set_alert_state: float = 0.002
    set_conversion_rate: float = 0.0005
    set_currency: float = 0.0002
    freeze: float = 0.001
    thaw: float = 0.2
    close: float = 0.001
    close_with_remainder: float = 0.0002
    hard_delete: float = 0.0002
    soft_delete: float = 0.0003
    reopen: float = 0.02
    move_wallet: float = 0.0003
    add_wallet: float = 0.002
    touch_wallet: float = 0.01
    add_customer: float = 0.002
    archive_customer: float = 0.001
    unarchive_customer: float = 0.01
    rename_customer: float = 0.001
    touch_customer: float = 0.002

    @classmethod
    def only(cls, **rates: float) -> "Rates":
        """Return rates that are zero but for those named."""
        return cls(**{entry.name: 0.0 for entry in fields(cls)} | rates)


def random_step(world: Operations, rates: Rates) -> Counter[str]:
    """Do one step on `world` and return how often each operation was done.

    `thaw`, `reopen` and `unarchive_customer` are shares of the wallets and customers they can
    concern; an operation that turns out to be impossible is not counted.
    """
    rng, done = world.rng, Counter[str]()
    for entry in fields(rates):
        rate = getattr(rates, entry.name)
        if rate <= 0:
            continue
        candidates = _candidates(world, entry.name)
        expected = rate * len(candidates)
        times = int(expected) + (rng.random() < expected % 1)
        for key in rng.sample(candidates, min(times, len(candidates))):
            try:
                _OPERATIONS[entry.name](world, rng, key)
            except OperationError:
                continue
            done[entry.name] += 1
    return done


def _candidates(world: Operations, operation: str) -> Sequence[str]:
    """Return the ids that an operation can concern: of wallets, or of customers."""
    customers, wallets = world.customers.values(), world.wallets.values()
    if operation == "unarchive_customer":
        return [customer.id for customer in customers if customer.status == "archived"]
    if operation in ("add_customer", "archive_customer", "add_wallet") or "_customer" in operation:
        return [customer.id for customer in customers if customer.status == "published"]
    if operation == "thaw":
        return [wallet.id for wallet in wallets if wallet.wallet_status == "frozen"]
    if operation == "reopen":
        return [wallet.id for wallet in wallets if _has_ended(wallet)]
    return [wallet.id for wallet in wallets if wallet.is_listed]


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
    world.top_up(key, Decimal(rng.randrange(1, 10**7)).scaleb(-4), free=rng.random() < 0.3)


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
}
