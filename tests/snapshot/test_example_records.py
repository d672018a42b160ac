"""Every field of the API reference's example records is found again in the warehouse, exactly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flexprice_emulator import Contract, Emulator, World
from flexprice_wallets.records import json_text
from flexprice_wallets.records.customer_tables import CUSTOMERS
from flexprice_wallets.records.wallet_tables import WALLET_TABLES
from tests.records import example_records
from tests.snapshot.loading import ask, load_from

_REAL_TIME = (
    *("real_time_balance", "real_time_credit_balance", "current_period_usage"),
    *("unpaid_invoices_amount", "is_cached_fallback"),
)
_SETTINGS = (
    *("name", "description", "wallet_type", "wallet_status", "topup_conversion_rate"),
    *("alert_enabled", "alert_state", "tenant_id", "environment_id", "created_by", "updated_by"),
)


@dataclass(frozen=True)
class Place:
    """Where a field is found: a column of the one row with these keys, or a member of its JSON."""

    table: str
    column: str
    keys: dict[str, str] = field(default_factory=dict)
    member: str | None = None


def _threshold(level: str) -> dict[str, Place]:
    path = f"alert_settings.{level}"
    return {
        f"{path}.{part}": Place("wallet_alert_thresholds", part, {"level": level})
        for part in ("threshold", "condition")
    }


#: Each field of a wallet by its path, and every place that holds it.
WALLET_PLACES: dict[str, tuple[Place, ...]] = {
    "id": tuple(
        Place(table, "wallet_id")
        for table in ("wallets", "wallet_balances", "wallet_real_time_balances")
    ),
    "customer_id": tuple(
        Place(table, "customer_id")
        for table in ("wallets", "wallet_balances", "wallet_real_time_balances")
    ),
    "currency": tuple(
        Place(table, "currency")
        for table in (
            *("wallets", "wallet_balances", "wallet_real_time_balances"),
            "wallet_auto_topups",
        )
    ),
    **{name: (Place("wallets", name),) for name in _SETTINGS},
    "status": (Place("wallets", "record_status"),),
    "created_at": (Place("wallets", "source_created_at"),),
    "updated_at": (
        Place("wallets", "source_updated_at"),
        Place("wallet_balances", "source_updated_at"),
    ),
    "conversion_rate": (
        Place("wallets", "conversion_rate"),
        Place("wallet_balances", "conversion_rate"),
    ),
    "balance": (Place("wallet_balances", "balance"),),
    "credit_balance": (Place("wallet_balances", "credit_balance"),),
    "balance_updated_at": (Place("wallet_balances", "source_balance_updated_at"),),
    **{name: (Place("wallet_real_time_balances", name),) for name in _REAL_TIME},
    **{
        f"credits_available_breakdown.{kind}": (
            Place("wallet_credits_available", "credits_available", {"credit_type": kind}),
        )
        for kind in ("free", "purchased")
    },
    "alert_config.threshold.type": (
        Place("wallet_alert_thresholds", "threshold_type", {"level": "default"}),
    ),
    "alert_config.threshold.value": (
        Place("wallet_alert_thresholds", "threshold", {"level": "default"}),
    ),
    "alert_settings.alert_enabled": (Place("wallets", "alert_enabled"),),
    **{
        path: (place,)
        for level in ("critical", "warning", "info")
        for path, place in _threshold(level).items()
    },
    "auto_topup.enabled": (Place("wallet_auto_topups", "is_enabled"),),
    "auto_topup.threshold": (Place("wallet_auto_topups", "threshold"),),
    "auto_topup.amount": (Place("wallet_auto_topups", "amount"),),
    "auto_topup.invoicing": (Place("wallet_auto_topups", "is_invoiced"),),
    "auto_topup.cooldown.value": (Place("wallet_auto_topups", "cooldown_value"),),
    "auto_topup.cooldown.unit": (Place("wallet_auto_topups", "cooldown_unit"),),
}
_CUSTOMER_COLUMNS = {"id": "customer_id"} | {
    path: field.name for field in CUSTOMERS.fields for path in field.paths
}


def leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every value of a record that is no object, with its path; the items of a list share theirs."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, path)
    else:
        yield path, value


def places_in_wallet(path: tuple[str, ...], value: object) -> tuple[Place, ...]:
    """Where a field of a wallet must be (KeyError where nobody has said that)."""
    if path[0] == "metadata" and len(path) == 2:
        return (Place("wallet_metadata", "value", {"key": path[1]}),)
    if path == ("config", "allowed_price_types"):
        keys = {"price_type": str(value)}
        return (Place("wallet_allowed_price_types", "price_type", keys),)
    dotted = ".".join(path)
    return WALLET_PLACES.get(dotted) or (_declared(dotted),)


def _declared(path: str) -> Place:
    """Where a field that is named nowhere above is declared to be (KeyError where nobody has said that)."""
    for table in WALLET_TABLES:
        for each in table.fields:
            if table.rows is None and path in each.paths:
                return Place(table.name, each.name)
    raise KeyError(path)


def places_in_customer(path: tuple[str, ...], _: object) -> tuple[Place, ...]:
    if path[0] == "metadata" and len(path) == 2:
        return (Place("customers", "metadata", member=path[1]),)
    return (Place("customers", _CUSTOMER_COLUMNS[".".join(path)]),)


def found(database: Path, place: Place) -> Any:
    conditions = "".join(f" and {name} = ?" for name in place.keys)
    (row,) = ask(
        database,
        f"select * from flexprice_raw.{place.table} where true{conditions}",
        *place.keys.values(),
    )
    value = row[place.column]
    return value if place.member is None else json.loads(value)[place.member]


def is_same(sent: object, held: object) -> bool:
    """Whether a column holds exactly what was sent: numbers to the last digit, times cut to the microsecond."""
    if isinstance(held, Decimal):
        return held == Decimal(str(sent))
    if isinstance(held, datetime):
        return held == datetime.fromisoformat(str(sent))
    if isinstance(sent, Decimal):
        return type(held) is int and held == sent
    return type(held) is type(sent) and held == sent


@pytest.fixture(scope="module", params=example_records.CONTRACTS)
def contract(request: pytest.FixtureRequest) -> Contract:
    chosen: Contract = request.param
    return chosen


@pytest.fixture(scope="module")
def database(contract: Contract, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse that holds the example records and nothing else."""
    path = tmp_path_factory.mktemp("examples") / "warehouse.duckdb"
    world = World(0, contract=contract)
    template = world.add_customer(wallets=0)
    del world.customers[template.id]
    customer = example_records.customer(contract)
    world.add_customer_record(replace(template, id=customer["id"]))
    with Emulator(world=world) as emulator:
        quirks = emulator.quirks
        quirks.customer_records[customer["id"]] = json_text.encode(customer)
        wallets = json_text.encode([example_records.wallet(contract)])
        quirks.wallet_lists[customer["id"]] = wallets
        assert load_from(emulator, path).snapshot["completeness"] == "complete"
    return path


def test_every_field_of_the_wallet_is_found_again(contract: Contract, database: Path) -> None:
    for path, sent in leaves(example_records.wallet(contract)):
        for place in places_in_wallet(path, sent):
            held = found(database, place)
            assert is_same(sent, held), f"{path}: sent {sent!r}, {place} holds {held!r}"


def test_every_field_of_the_customer_is_found_again(contract: Contract, database: Path) -> None:
    for path, sent in leaves(example_records.customer(contract)):
        for place in places_in_customer(path, sent):
            held = found(database, place)
            assert is_same(sent, held), f"{path}: sent {sent!r}, {place} holds {held!r}"


def test_nothing_of_them_is_unrecognized(database: Path) -> None:
    for table in ("wallets", "customers"):
        (row,) = ask(database, f"select unrecognized_fields from flexprice_raw.{table}")
        assert row["unrecognized_fields"] is None


def test_what_is_reckoned_is_exact(contract: Contract, database: Path) -> None:
    wallet = example_records.wallet(contract)
    (row,) = ask(database, "select pending_amount from flexprice_raw.wallet_real_time_balances")
    balance, real_time = Decimal(wallet["balance"]), Decimal(wallet["real_time_balance"])
    assert row["pending_amount"] == balance - real_time


@pytest.mark.parametrize("path", ["colour", "auto_topup.colour", "alert_config.colour"])
def test_a_field_without_a_place_is_noticed(path: str) -> None:
    with pytest.raises(KeyError):
        places_in_wallet(tuple(path.split(".")), "blue")
