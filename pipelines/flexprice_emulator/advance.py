"""A seeded random step of a world: many operations, mixed by rates."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from datetime import timedelta

from flexprice_emulator.operations import Operations
from flexprice_emulator.random_operations import RANDOM_OPERATIONS
from flexprice_emulator.rates import Rates
from flexprice_emulator.records import Wallet
from flexprice_emulator.state import OperationError


def random_step(world: Operations, rates: Rates, elapsed: timedelta = timedelta(0)) -> Counter[str]:
    """Do one step on `world` and return how often each operation was done.

    The operations are spread over `elapsed`, by which the world's clock moves, kind by kind in any
    order. A rate is a share of the wallets, customers or transactions that its operation can
    concern; an operation that turns out to be impossible is not counted.
    """
    rng, done = world.rng, Counter[str]()
    names = [entry.name for entry in fields(rates) if getattr(rates, entry.name) > 0]
    rng.shuffle(names)
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
                RANDOM_OPERATIONS[name](world, rng, key)
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
    if operation in ("add_wallet", "change_plan") or "_customer" in operation:
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
