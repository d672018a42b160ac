"""Ledgers made by chance: wallets get, wait for, use and lose credits, and their rates change."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from tests.views.history import moment, wallet
from tests.views.ledger import LedgerHistory, Row, credit, debit

_CREDITS = (
    "PURCHASED_CREDIT_DIRECT", "FREE_CREDIT_GRANT", "CREDIT_NOTE", "CREDIT_ADJUSTMENT", "A_NEW_REASON",
)  # fmt: skip
_DEBITS = ("INVOICE_PAYMENT", "MANUAL_BALANCE_DEBIT", "CREDIT_ADJUSTMENT", None)


@dataclass
class Made:
    """A wallet on its way: its rows as they are now, and what it held from when on."""

    wallet_id: str
    rate: Decimal
    rows: dict[str, Row] = field(default_factory=dict)
    held: Decimal = Decimal(0)
    levels: list[tuple[datetime, Decimal]] = field(default_factory=list)
    #: Whether none of its credits waits for a payment, and few transactions are of one instant.
    is_calm: bool = False

    def set_held(self, at: datetime, credits_: Decimal) -> None:
        self.held = credits_
        self.levels.append((at, credits_))

    def act(self, rng: random.Random, at: datetime) -> None:
        action = rng.random()
        waiting = [row for row in self.rows.values() if row["transaction_status"] == "pending"]
        if waiting and action < 0.4:
            self._complete(rng.choice(waiting), at)
        elif self.held > 0 and action < 0.6:
            self._consume(rng, at)
        elif action < 0.75 and not self.is_calm:
            self._credit(rng, at, "pending", "PURCHASED_CREDIT_INVOICED")
        else:
            self._credit(rng, at, "completed", rng.choice(_CREDITS))
            if rng.random() < (0.01 if self.is_calm else 0.3):  # at the same instant
                self._consume(rng, at)

    def _credit(self, rng: random.Random, at: datetime, status: str, reason: str) -> None:
        amount = Decimal(rng.randint(1, 4)) * 25
        row = credit(
            self._new_id(rng), amount, at=_text(at), before=self.held, reason=reason, status=status,
            wallet=self.wallet_id, rate=self.rate,
            expires=_text(at + timedelta(days=rng.randint(1, 90))) if rng.random() < 0.3 else None,
        )  # fmt: skip
        self.rows[row["transaction_id"]] = row
        if status == "completed":
            self.set_held(at, self.held + amount)

    def _complete(self, row: Row, at: datetime) -> None:
        before, amount = self.held, row["credit_amount"]
        self.rows[row["transaction_id"]] = row | {
            "transaction_status": "completed",
            "credit_balance_before": before,
            "credit_balance_after": before + amount,
            "credits_available": amount,
            "source_updated_at": at,
        }
        self.set_held(at, before + amount)

    def _consume(self, rng: random.Random, at: datetime) -> None:
        amount = (
            self.held if rng.random() < 0.2 else min(self.held, Decimal(rng.randint(1, 3)) * 25)
        )
        row = debit(
            self._new_id(rng), amount, at=_text(at), before=self.held, reason=rng.choice(_DEBITS),
            wallet=self.wallet_id, rate=self.rate,
        )  # fmt: skip
        self.rows[row["transaction_id"]] = row
        self.set_held(at, self.held - amount)
        for key, each in self.rows.items():
            taken = min(amount, each["credits_available"])
            if taken:
                amount -= taken
                left = each["credits_available"] - taken
                self.rows[key] = each | {"credits_available": left, "source_updated_at": at}

    def _new_id(self, rng: random.Random) -> str:
        return f"{self.wallet_id}-{rng.getrandbits(32):08x}"


def random_ledger(
    seed: int, *, snapshots: int = 6, wallets: int = 5, calm_wallets: int = 0
) -> tuple[LedgerHistory, list[Made]]:
    """A history with its ledger, and what each wallet held at which time. Calm wallets keep their order."""
    rng = random.Random(seed)
    made = [Made(f"w{number}", Decimal("0.5")) for number in range(wallets)]
    for each in made[:calm_wallets]:
        each.is_calm = True
    ledger = LedgerHistory()
    at = moment("2026-01-05 10:00")
    for number in range(snapshots):
        for _ in range(40 if number == 0 else 8):
            at += timedelta(hours=rng.randint(1, 60))
            for each in made:
                if rng.random() < 0.4:
                    each.act(rng, at)
        if number and rng.random() < 0.5:
            rng.choice(made).rate = Decimal(rng.choice(("0.25", "2", "0.5")))
        at += timedelta(hours=1)
        seen = [wallet(each.wallet_id, each.held * each.rate, rate=each.rate) for each in made]
        ledger.snapshot(at, seen, [row for each in made for row in each.rows.values()])
    return ledger, made


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M")
