"""When a load is given up, on readings made up for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from flexprice_wallets.errors import ApiUnavailable, TooManyRejected, TooManyVanished
from flexprice_wallets.extract.calls import Reply, wallet
from flexprice_wallets.extract.counts import RequestCounts
from flexprice_wallets.extract.events import FeedEvent, LedgerEvent, ListingDone
from flexprice_wallets.snapshot.limits import Limits, Tolerance
from flexprice_wallets.snapshot.observation import Observation
from tests.snapshot.records import FIRST, Observer, failed, listed, raw_wallet, settled_only

ANY = Tolerance.parse("100%")


class MadeUpFeed:
    """Gives readings as they are written down."""

    def __init__(self, replies: list[Reply], followed: list[Reply] | None = None) -> None:
        self.counts = RequestCounts()
        self._replies = replies
        self._followed = followed or []

    def customers(self) -> Iterator[Reply | FeedEvent]:
        yield from self._replies
        yield ListingDone(len(self._replies))

    def wallets(self, wallets: list[tuple[str, str]]) -> Iterator[Reply]:
        asked = {wallet_id for wallet_id, _ in wallets}
        return (each for each in self._followed if each.call.wallet_id in asked)

    def ended_wallets(self, _: list[str]) -> Iterator[Reply]:
        return iter(())

    def transactions(
        self, _after: datetime | None, _wallet_ids: list[str] | None
    ) -> Iterator[LedgerEvent]:
        return iter(())

    def stop(self) -> None:
        pass


def observe(observer: Observer, feed: MadeUpFeed, **limits: Tolerance) -> None:
    wanted = {"failures": ANY, "vanished": ANY, "rejected": ANY, **limits}
    observation = Observation(feed, observer.comparison, None, Limits(**wanted))
    for _ in observation.observe():
        pass
    observation.finish()


def wallets_of(customers: range, **changes: object) -> list[Reply]:
    return [
        listed(f"cust_{n}", raw_wallet(id=f"wallet_{n}", customer_id=f"cust_{n}", **changes))
        for n in customers
    ]


def test_a_clear_run_of_failures_ends_a_load_and_a_broken_one_does_not() -> None:
    many = [failed(f"cust_{n}") for n in range(39)]
    good = wallets_of(range(1000, 1001))
    observe(Observer(), MadeUpFeed([*many, *good, *many, *good]))
    with pytest.raises(ApiUnavailable, match="40 customers in a row"):
        observe(Observer(), MadeUpFeed([*good, *many, failed("cust_39")]))


def vanish(lost: int, known: int, new: int) -> None:
    """Of the wallets known before some leave their lists, while others come."""
    observer = Observer()
    for reply in wallets_of(range(known)):
        observer.comparison.take_customer_wallets(reply)
    observer.begin()
    stay = wallets_of(range(lost, known + new))
    empty = [listed(f"cust_{n}") for n in range(lost)]
    closed = [
        Reply(
            wallet(f"wallet_{n}", f"cust_{n}"),
            FIRST,
            1,
            records=[
                settled_only(
                    id=f"wallet_{n}", customer_id=f"cust_{n}", wallet_status="closed", balance="0"
                )
            ],
        )
        for n in range(lost)
    ]
    observe(observer, MadeUpFeed([*stay, *empty], closed), vanished=Tolerance.parse("20%"))


def test_new_wallets_do_not_hide_that_others_vanish() -> None:
    vanish(lost=12, known=60, new=0)
    with pytest.raises(TooManyVanished, match="12 of 40"):
        vanish(lost=12, known=40, new=0)
    with pytest.raises(TooManyVanished, match="12 of 40"):
        vanish(lost=12, known=40, new=1000)


@pytest.mark.parametrize(
    ("broken", "whole", "is_refused"), [(15, 100, False), (30, 100, True), (3, 3, True)]
)
def test_a_load_whose_records_cannot_be_taken_is_given_up(
    broken: int, whole: int, is_refused: bool
) -> None:
    replies = wallets_of(range(broken), currency=None) + wallets_of(range(broken, whole))
    if not is_refused:
        return observe(Observer(), MadeUpFeed(replies), rejected=Tolerance.parse("20%"))
    with pytest.raises(
        TooManyRejected, match=rf"{broken} of {whole} wallets .*currency is missing"
    ):
        observe(Observer(), MadeUpFeed(replies), rejected=Tolerance.parse("20%"))
    return observe(Observer(), MadeUpFeed(replies))
