"""Histories made by chance, in which everything happens that the contract speaks of."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from tests.views.history import History, Seen, moment, wallet


def random_history(seed: int, *, snapshots: int = 25, wallets: int = 6) -> History:
    """Return a history over some ten days with several snapshots on some and none on others."""
    dice = random.Random(seed)
    history = History()
    at = moment("2026-03-01 00:00") - timedelta(hours=dice.randint(0, 30))
    customers = ["c1", "c2", "c3"]
    state: dict[str, Seen] = {}
    ended: set[str] = set()
    real_time_given: dict[str, bool] = {}
    for _ in range(snapshots):
        at += timedelta(hours=dice.choice((1, 3, 6, 6, 12, 24, 24, 60)))
        if dice.random() < 0.15:
            # Exactly at midnight.
            at = (at + timedelta(days=1)).replace(hour=0, minute=0)
        for number in range(wallets):
            wallet_id = f"w{number}"
            state[wallet_id] = _moved(dice, state.get(wallet_id), wallet_id, customers)
            if dice.random() < 0.1:
                real_time_given[wallet_id] = not real_time_given.get(wallet_id, True)
        selected = dice.sample(customers, dice.randint(1, 2)) if dice.random() < 0.25 else None
        covered = customers if selected is None else selected
        failed = [c for c in covered if dice.random() < 0.15]
        seen: list[Seen] = []
        last_customer = {
            s.wallet_id: s.customer_id for snapshot in history.snapshots for s in snapshot.seen
        }
        rejected = []
        for wallet_id in state:
            found = _found(state[wallet_id], last_customer.get(wallet_id), covered, failed)
            if found is None:
                continue
            if wallet_id in ended and not (found.is_listed and dice.random() < 0.3):
                continue
            if wallet_id not in last_customer and (not found.is_listed or dice.random() < 0.3):
                continue
            if wallet_id in last_customer and dice.random() < 0.08:
                rejected.append(wallet_id)
                continue
            if wallet_id in last_customer and wallet_id not in ended and dice.random() < 0.06:
                ended.add(wallet_id)
                seen.append(_ended(dice, found, last_customer[wallet_id]))
                continue
            ended.discard(wallet_id)
            if not real_time_given.get(wallet_id, True):
                found = replace(found, real_time=None, free=None, purchased=None)
            seen.append(found)
        history.snapshot(
            at,
            seen,
            failed=failed,
            rejected=rejected,
            selected=selected,
            real_time=dice.random() < 0.7,
            credits=dice.random() < 0.5,
        )
    return history


def _found(now: Seen, home: str | None, covered: list[str], failed: list[str]) -> Seen | None:
    """What a snapshot finds of a wallet last seen under `home`; None where it cannot read it."""
    readable = [customer for customer in covered if customer not in failed]
    home = home or now.customer_id
    if home not in readable and not (now.is_listed and now.customer_id in readable):
        return None
    # Had it moved to a customer that is not read, nobody would know yet.
    return now if now.customer_id in readable else replace(now, customer_id=home)


def _ended(dice: random.Random, now: Seen, home: str) -> Seen:
    ended = dice.choice(("closed", "deleted", "not_found"))
    if ended == "not_found":
        return wallet(now.wallet_id, customer=home, ended=ended)
    return wallet(
        now.wallet_id,
        dice.choice((0, now.balance)),
        customer=now.customer_id,
        currency=now.currency,
        rate=now.rate,
        ended=ended,
    )


def _moved(dice: random.Random, before: Seen | None, wallet_id: str, customers: list[str]) -> Seen:
    """What a wallet is now, given what it was."""
    if before is None:
        before = wallet(wallet_id, dice.randint(1, 50) * 10, customer=dice.choice(customers))
    balance = before.balance
    if dice.random() < 0.4:
        balance += dice.choice((-30, -20, -10, 10, 50, 200))
    is_listed = before.is_listed if dice.random() < 0.9 else not before.is_listed
    pending = Decimal(dice.choice((0, 0, 5)))
    return wallet(
        wallet_id,
        balance,
        customer=before.customer_id if dice.random() < 0.96 else dice.choice(customers),
        currency=before.currency if dice.random() < 0.97 else dice.choice(("usd", "eur")),
        rate=before.rate if dice.random() < 0.96 else dice.choice((1, 2)),
        real_time=balance - pending,
        free=dice.choice((1, 1, 2)),
        purchased=3,
        status="active" if is_listed else "frozen",
    )
