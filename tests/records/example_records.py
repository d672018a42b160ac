"""The example records of both contracts, every field filled, decoded anew at each call."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from flexprice_wallets.records import json_text

CONTRACTS: Final = ("2026-01", "2026-08")
_FOLDER: Final = Path(__file__).parents[1] / "records"


def wallet(contract: str) -> dict[str, Any]:
    """A wallet as a server of `contract` sends it; numbers are decimals."""
    return _record(contract, "wallet")


def customer(contract: str) -> dict[str, Any]:
    """The customer of that wallet."""
    return _record(contract, "customer")


def _record(contract: str, kind: str) -> dict[str, Any]:
    records: Any = json_text.decode((_FOLDER / f"{contract}.json").read_bytes())
    record: dict[str, Any] = records[kind]
    return record
