from __future__ import annotations

import tracemalloc
from secrets import token_bytes

from flexprice_wallets.snapshot.known import Known, KnownCustomer, KnownWallet, packed_hashes

PARTS = {"settings": 16, "balance": 16, "real_time": 24, "credits_available": 16}


def test_each_fingerprint_is_kept_by_itself() -> None:
    wallet = KnownWallet("cust_1", is_listed=True)
    assert {part: getattr(wallet, part) for part in PARTS} == {
        part: bytes(size) for part, size in PARTS.items()
    }
    expected = {}
    for part, size in reversed(PARTS.items()):
        expected[part] = token_bytes(size)
        setattr(wallet, part, expected[part])
    assert {part: getattr(wallet, part) for part in PARTS} == expected
    assert wallet.hashes == packed_hashes(*(expected[part] for part in PARTS))


def test_figures_are_forgotten_and_settings_are_not() -> None:
    settings = token_bytes(16)
    wallet = KnownWallet("cust_1", True, None, packed_hashes(settings, *[b"\1" * 16] * 3))
    wallet.forget_figures()
    assert wallet.hashes == packed_hashes(settings, b"", b"", b"")


def test_what_is_known_takes_at_most_500_bytes_a_wallet() -> None:
    customers, wallets_of_each = 8_000, 1.5
    tracemalloc.start()
    try:
        known = Known()
        for number in range(customers):
            customer_id = f"cust_{number:026d}"
            known.customers[customer_id] = KnownCustomer(token_bytes(16), is_listed=True)
            for wallet in range(1 + number % 2):
                known.wallets[f"wallet_{2 * number + wallet:026d}"] = KnownWallet(
                    customer_id, True, None, token_bytes(72)
                )
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(known.wallets) == customers * wallets_of_each
    assert taken / len(known.wallets) < 500, "customers included"
