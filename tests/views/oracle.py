"""What the views must say, computed from what the snapshots saw, with loops and no SQL.

Slow and plain on purpose: each rule of the contract is one step that can be checked by reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from tests.views.history import ANSWER_DELAY, History, Seen, Snapshot


@dataclass
class Interval:
    """One row of `wallet_balance_history`."""

    wallet_id: str
    customer_id: str
    life_number: int
    currency: str
    rate: Decimal
    balance: Decimal
    real_time: Decimal | None
    pending: Decimal | None
    free: Decimal | None
    purchased: Decimal | None
    balance_observed_at: datetime
    real_time_observed_at: datetime | None
    credits_observed_at: datetime | None
    valid_from: datetime
    valid_to: datetime | None = None
    #: How the wallet had ended that holds money all the same.
    ended: str | None = None

    def row(self) -> tuple[Any, ...]:
        return (
            self.wallet_id,
            self.valid_from,
            self.valid_to,
            self.customer_id,
            self.life_number,
            self.ended,
            self.currency,
            self.rate,
            self.balance,
            self.balance / self.rate,
            self.real_time,
            self.pending,
            self.free,
            self.purchased,
            self.balance_observed_at,
            self.real_time_observed_at,
            self.credits_observed_at,
        )

    def figures(self) -> tuple[Any, ...]:
        return (
            self.customer_id,
            self.currency,
            self.rate,
            self.balance,
            self.real_time,
            self.pending,
            self.free,
            self.purchased,
        )


@dataclass
class Life:
    """From the first sight of a wallet, or its return, to its end."""

    number: int
    started_at: datetime
    ended_at: datetime | None = None
    ended: str | None = None
    #: What was read at the end; None for 'not_found'.
    last: Seen | None = None


class Wallet:
    """One wallet through all snapshots."""

    def __init__(self, history: History, wallet_id: str) -> None:
        self.wallet_id = wallet_id
        self.intervals: list[Interval] = []
        self.lives: list[Life] = []
        #: Snapshots that observed the wallet, and those that observed each optional figure.
        self.observed: list[datetime] = []
        self.got_real_time: list[datetime] = []
        self.got_credits: list[datetime] = []
        #: Snapshots at which the settled figures were new.
        self.settled_moves: list[datetime] = []
        self._customer: str | None = None
        for snapshot in history.snapshots:
            self._take(snapshot)

    def _take(self, snapshot: Snapshot) -> None:
        seen = next((s for s in snapshot.seen if s.wallet_id == self.wallet_id), None)
        life = self.lives[-1] if self.lives else None
        if seen is None:
            return
        is_alive = life is not None and life.ended_at is None
        if not is_alive and seen.ended is not None and life is not None:
            return
        self.observed.append(snapshot.at)
        if not is_alive:
            life = Life(len(self.lives) + 1, snapshot.at)
            self.lives.append(life)
        assert life is not None
        if seen.ended is not None:
            life.ended_at, life.ended = snapshot.at, seen.ended
            life.last = seen if seen.ended != "not_found" else None
            before = self._open()
            if before is not None:
                before.valid_to = snapshot.at
                if life.last is not None and self._settled(life.last) != (
                    before.customer_id,
                    before.currency,
                    before.rate,
                    before.balance,
                ):
                    self.settled_moves.append(snapshot.at)
            elif life.last is not None:
                self.settled_moves.append(snapshot.at)
            if life.last is not None and life.last.balance != 0:
                self._hold_after_the_end(snapshot, life, life.last, before)
            return
        before = self._open()
        if before is not None and before.ended is not None:
            before.valid_to = snapshot.at  # it has returned
            before = None
        arrived = snapshot.at + ANSWER_DELAY
        now = Interval(
            self.wallet_id,
            seen.customer_id,
            life.number,
            seen.currency,
            seen.rate,
            seen.balance,
            None,
            None,
            None,
            None,
            arrived,
            None,
            None,
            snapshot.at,
        )
        if before is not None and (before.customer_id, before.currency) == (
            seen.customer_id,
            seen.currency,
        ):
            now.real_time, now.pending = before.real_time, before.pending
            now.free, now.purchased = before.free, before.purchased
            now.real_time_observed_at = before.real_time_observed_at
            now.credits_observed_at = before.credits_observed_at
        if before is not None and self._settled(seen) == (
            before.customer_id,
            before.currency,
            before.rate,
            before.balance,
        ):
            now.balance_observed_at = before.balance_observed_at
        else:
            self.settled_moves.append(snapshot.at)
        if seen.is_listed and snapshot.real_time and seen.real_time is not None:
            self.got_real_time.append(snapshot.at)
            if (now.real_time, now.pending) != (seen.real_time, seen.balance - seen.real_time):
                now.real_time = seen.real_time
                now.pending = seen.balance - seen.real_time
                now.real_time_observed_at = arrived
        if seen.is_listed and snapshot.credits and (seen.free, seen.purchased) != (None, None):
            self.got_credits.append(snapshot.at)
            if (now.free, now.purchased) != (seen.free, seen.purchased):
                now.free, now.purchased = seen.free, seen.purchased
                now.credits_observed_at = arrived
        if before is not None and before.figures() == now.figures():
            return
        if before is not None:
            before.valid_to = snapshot.at
        self.intervals.append(now)

    def _hold_after_the_end(
        self, snapshot: Snapshot, life: Life, last: Seen, before: Interval | None
    ) -> None:
        """An ended wallet holds what was read at its end, in an interval of its own."""
        is_new = before is None or self._settled(last) != (
            before.customer_id,
            before.currency,
            before.rate,
            before.balance,
        )
        arrived = snapshot.at + ANSWER_DELAY
        observed_at = arrived if before is None or is_new else before.balance_observed_at
        self.intervals.append(
            Interval(
                self.wallet_id,
                last.customer_id,
                life.number,
                last.currency,
                last.rate,
                last.balance,
                *(None, None, None, None),
                observed_at,
                *(None, None),
                snapshot.at,
                ended=life.ended,
            )
        )

    def _settled(self, seen: Seen) -> tuple[Any, ...]:
        return (seen.customer_id, seen.currency, seen.rate, seen.balance)

    def _open(self) -> Interval | None:
        last = self.intervals[-1] if self.intervals else None
        return last if last is not None and last.valid_to is None else None

    @property
    def living(self) -> list[Interval]:
        """The intervals of the wallet's lives."""
        return [interval for interval in self.intervals if interval.ended is None]

    def held_at(self, at: datetime) -> Interval | None:
        """The interval that holds at a moment."""
        for interval in self.living:
            if interval.valid_from <= at and (interval.valid_to is None or interval.valid_to > at):
                return interval
        return None

    def day(self, day: date) -> tuple[Any, ...] | None:
        """The wallet's row of `wallet_balance_daily`; None where it has none."""
        start = datetime.combine(day, time(), UTC)
        end = start + timedelta(days=1)
        lives = [
            life
            for life in self.lives
            if life.started_at < end and (life.ended_at is None or life.ended_at >= start)
        ]
        if not lives:
            return None
        life = lives[-1]
        is_ended = life.ended_at is not None and life.ended_at < end
        tick = timedelta(microseconds=1)
        opening = self.held_at(start - tick)
        if is_ended:
            assert life.ended_at is not None
            held = [i for i in self.living if i.valid_to == life.ended_at]
            last = held[0] if held else None
            currency = life.last.currency if life.last else last.currency if last else None
            closing = life.last.balance if life.last else None
            customer = life.last.customer_id if life.last else last.customer_id if last else None
            interval = None
        else:
            interval = self.held_at(end - tick)
            assert interval is not None
            currency, closing = interval.currency, interval.balance
            customer = interval.customer_id
        figures = [
            i.balance
            for i in self.living
            if i.currency == currency
            and i.valid_from < end
            and (i.valid_to is None or i.valid_to >= start)
        ]
        figures += [
            ended.last.balance
            for ended in lives
            if ended.ended_at is not None
            and start <= ended.ended_at < end
            and ended.last is not None
            and ended.last.currency == currency
        ]
        changed = any(start <= at < end for at in self.settled_moves) or (
            is_ended and life.ended == "not_found"
        )
        observed_today = any(start <= at < end for at in self.observed)
        observation = "changed" if changed else "unchanged" if observed_today else "carried_forward"
        real_time = free = None
        if interval is not None:
            if self._in_context(interval, self.got_real_time, start, end):
                real_time = interval.real_time
            if self._in_context(interval, self.got_credits, start, end):
                free = interval.free
        return (
            self.wallet_id,
            day,
            customer,
            currency,
            life.number,
            observation,
            opening.balance if opening is not None and opening.currency == currency else None,
            closing,
            min(figures, default=None),
            max(figures, default=None),
            real_time,
            free,
            max(at for at in self.observed if at < end),
        )

    def _in_context(
        self, interval: Interval, got: list[datetime], start: datetime, end: datetime
    ) -> bool:
        """Whether a figure was got on a day, since the interval's customer and currency hold."""
        since = interval.valid_from
        for earlier in reversed([i for i in self.living if i.valid_from < interval.valid_from]):
            if (earlier.customer_id, earlier.currency, earlier.life_number) != (
                interval.customer_id,
                interval.currency,
                interval.life_number,
            ):
                break
            since = earlier.valid_from
        return any(max(start, since) <= at < end for at in got)


def wallets_of(history: History) -> list[Wallet]:
    """Every wallet that was ever seen, through all snapshots."""
    ids = sorted({seen.wallet_id for snapshot in history.snapshots for seen in snapshot.seen})
    return [Wallet(history, wallet_id) for wallet_id in ids]


def expected_history(history: History) -> list[tuple[Any, ...]]:
    """Rows of `wallet_balance_history`."""
    return [interval.row() for w in wallets_of(history) for interval in w.intervals]


def expected_daily(history: History) -> list[tuple[Any, ...]]:
    """Rows of `wallet_balance_daily`."""
    days = [snapshot.at.date() for snapshot in history.snapshots]
    rows = []
    for w in wallets_of(history):
        day = min(days)
        while day <= max(days):
            row = w.day(day)
            if row is not None:
                rows.append(row)
            day += timedelta(days=1)
    return rows
