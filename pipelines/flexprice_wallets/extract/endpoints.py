"""The endpoints that are called, as data (Flexprice API reference, contracts of January and August 2026)."""

from __future__ import annotations

from typing import Final

DEFAULT_BASE_URL: Final = "https://api.cloud.flexprice.io/v1"

SEARCH_CUSTOMERS: Final = "/customers/search"
CUSTOMER_WALLETS: Final = "/customers/wallets"
WALLET: Final = "/wallets/{wallet_id}"
WALLETS: Final = "/wallets"

KEY_HEADER: Final = "x-api-key"
ENVIRONMENT_HEADER: Final = "X-Environment-ID"

MEBIBYTE: Final = 1024 * 1024
#: Bytes that an answer may have, by what is asked for: a customer has a handful of wallets, a page a thousand records.
#: In memory an answer takes some thirty times as much.
LARGEST_ANSWERS: Final = {
    "customer_wallets": 4 * MEBIBYTE,
    "wallet": 4 * MEBIBYTE,
    "customers": 32 * MEBIBYTE,
    # Some 20,000 closed wallets, at about 830 bytes each.
    "ended_wallets": 16 * MEBIBYTE,
    "transactions": 16 * MEBIBYTE,
}

#: Most customers that one page of the listing may hold (the API answers 400 above).
CUSTOMERS_PER_PAGE: Final = 1000
