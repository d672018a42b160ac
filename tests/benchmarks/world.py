"""What the API under the benchmark knows: customers and wallets as the emulator makes them, as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from flexprice_emulator import rendering
from flexprice_emulator.formats import json_text
from flexprice_emulator.population import add_customer
from flexprice_emulator.quirks import Quirks
from flexprice_emulator.records import Wallet
from flexprice_emulator.state import amount_of
from flexprice_emulator.world import World

#: In the changed world the balance of every so-many-th wallet is another: 5 %.
CHANGED_EVERY = 20

_SECOND = 1_000_000_000
_NO_QUIRKS = Quirks()


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer as JSON, the list of its wallets, and that list in the changed world."""

    id: str
    record: bytes
    wallets: bytes
    changed_wallets: bytes
    wallet_count: int
    changed_count: int


def customers_of_world(count: int) -> list[Customer]:
    """So many published customers, sorted by id; fewer of them are always the first of more."""
    world = World(0, seed=5, keep_ledger=False)
    created_ns = world.now_ns - 400 * 86_400 * _SECOND
    wallets_before = 0
    customers = []
    for number in range(count):
        # A second apart: ids are ordered by time, so the first stay the first.
        made = add_customer(world, created_ns=created_ns + number * _SECOND)
        wallets = world.wallets_of(made.id)
        before = _wallet_list(world, wallets)
        changed = [
            wallet
            for position, wallet in enumerate(wallets, start=wallets_before)
            if position % CHANGED_EVERY == 0
        ]
        for wallet in changed:
            _buy_one_credit(wallet)
        record = rendering.customer_json(world, made, _NO_QUIRKS).encode()
        after = _wallet_list(world, wallets) if changed else before
        customers.append(Customer(made.id, record, before, after, len(wallets), len(changed)))
        wallets_before += len(wallets)
    return customers


def _buy_one_credit(wallet: Wallet) -> None:
    wallet.purchased_credits += Decimal(1)
    wallet.credit_balance += Decimal(1)
    wallet.balance = amount_of(wallet.credit_balance, wallet.conversion_rate)
    wallet.updated_at += _SECOND


def _wallet_list(world: World, wallets: list[Wallet]) -> bytes:
    records = [
        rendering.wallet_record(world, wallet, _NO_QUIRKS)
        | rendering.real_time_fields(
            world,
            wallet,
            _NO_QUIRKS,
            world.pending_of(wallet.customer_id, wallet.currency),
            cached=False,
        )
        | rendering.breakdown_fields(world, wallet, _NO_QUIRKS)
        for wallet in wallets
    ]
    return json_text(records).encode()
