from __future__ import annotations

import tracemalloc
from collections.abc import Iterable
from random import Random
from secrets import token_bytes

import pytest

from flexprice_wallets.snapshot.ids import Ids
from flexprice_wallets.snapshot.known import Known, KnownWallets, packed_hashes

PARTS = {"settings": 16, "balance": 16, "real_time": 24, "credits_available": 16}
HASH_SIZE = sum(PARTS.values())


def test_each_fingerprint_is_kept_by_itself() -> None:
    wallets = KnownWallets()
    neighbours = [token_bytes(HASH_SIZE), token_bytes(HASH_SIZE)]
    before = wallets.add("wallet_1", "cust_1", is_listed=True, hashes=neighbours[0])
    wallet = wallets.add("wallet_2", "cust_1", is_listed=True)
    after = wallets.add("wallet_3", "cust_1", is_listed=True, hashes=neighbours[1])
    assert {part: getattr(wallet, part) for part in PARTS} == {
        part: bytes(size) for part, size in PARTS.items()
    }
    expected = {}
    for part, size in reversed(PARTS.items()):
        expected[part] = token_bytes(size)
        setattr(wallet, part, expected[part])
    assert {part: getattr(wallet, part) for part in PARTS} == expected
    assert wallet.hashes == packed_hashes(*(expected[part] for part in PARTS))
    assert [before.hashes, after.hashes] == neighbours


def test_a_fingerprint_of_another_size_is_refused() -> None:
    wallets = KnownWallets()
    wallet = wallets.add("wallet_1", "cust_1", is_listed=True)
    with pytest.raises(ValueError, match="15 bytes"):
        wallet.settings = bytes(15)
    with pytest.raises(ValueError, match="71 bytes"):
        wallets.add("wallet_2", "cust_1", is_listed=True, hashes=bytes(HASH_SIZE - 1))


def test_figures_are_forgotten_and_settings_are_not() -> None:
    settings = token_bytes(16)
    wallet = KnownWallets().add(
        "wallet_1",
        "cust_1",
        is_listed=True,
        hashes=packed_hashes(settings, b"\1" * 16, b"\1" * 24, b"\1" * 16),
    )
    wallet.forget_figures()
    assert wallet.hashes == packed_hashes(settings, b"", b"", b"")


def test_what_is_noted_of_a_wallet_is_read_again() -> None:
    wallets = KnownWallets()
    wallets.add("wallet_b", "cust_1", is_listed=True)
    wallets.add(
        "wallet_a",
        "cust_1",
        is_listed=False,
        ended="closed",
        is_real_time_given=False,
    )
    wallets["wallet_b"].customer_id = "cust_0"
    wallets["wallet_b"].ended = "deleted"
    wallets["wallet_b"].is_seen = True
    wallets["wallet_b"].is_listed = False
    noted = {
        wallet_id: (
            each.customer_id,
            each.ended,
            each.is_listed,
            each.is_seen,
            each.is_real_time_given,
            each.is_credits_given,
        )
        for wallet_id, each in wallets.items()
    }
    assert noted == {
        "wallet_b": ("cust_0", "deleted", False, True, True, True),
        "wallet_a": ("cust_1", "closed", False, False, False, True),
    }
    wallets["wallet_a"].ended = None
    assert [each.ended for each in wallets.values()] == ["deleted", None]
    with pytest.raises(ValueError, match="wallet_a is there already"):
        wallets.add("wallet_a", "cust_1", is_listed=True)
    assert "wallet_c" not in wallets
    assert len(wallets) == 2


@pytest.mark.parametrize("share_in_order", [0, 0.5, 1])
def test_ids_are_found_where_they_were_added(share_in_order: float) -> None:
    random = Random(7)
    texts = {f"{random.choice('aéé€😀z')}{random.randrange(10**6)}" for _ in range(2_000)}
    texts |= {"", "a", "aa", "\0"}
    in_order = sorted(texts, key=str.encode)
    first = int(len(texts) * share_in_order)
    rest = in_order[first:]
    random.shuffle(rest)
    added = in_order[:first] + rest
    ids = Ids()
    assert [ids.add(each) for each in added] == list(range(len(added)))
    assert [ids.add(each) for each in added] == list(range(len(added)))
    assert list(ids) == added
    assert [ids.position(each) for each in added] == list(range(len(added)))
    assert [ids.position(each) for each in ("aaa", "zz", "cust")] == [None, None, None]


@pytest.mark.parametrize(("is_in_order", "at_most"), [(True, 240), (False, 480)])
def test_what_is_known_takes_little_memory(is_in_order: bool, at_most: int) -> None:
    customers, wallets_of_each = 8_000, 1.5

    def shuffled(numbers: range) -> Iterable[int]:
        return numbers if is_in_order else Random(1).sample(numbers, len(numbers))

    tracemalloc.start()
    try:
        known = Known()
        for number in shuffled(range(customers)):
            known.customers.add(f"cust_{number:026d}", token_bytes(16), is_listed=True)
        for number in range(customers if is_in_order else 0):
            known.wallets.expect_customer(f"cust_{number:026d}")
        for number in shuffled(range(int(customers * wallets_of_each))):
            known.wallets.add(
                f"wallet_{number:026d}",
                f"cust_{number % customers:026d}",
                is_listed=True,
                hashes=token_bytes(HASH_SIZE),
            )
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(known.wallets) == customers * wallets_of_each
    assert taken / len(known.wallets) < at_most, "bytes a wallet, customers included"
