"""What is read back from a warehouse is what was compared when it was written."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from flexprice_emulator import Contract, Emulator, World
from flexprice_wallets.errors import WarehouseTooOld
from flexprice_wallets.records.fingerprints import customer_fingerprint, settings_fingerprint
from flexprice_wallets.snapshot.read_known import read_known
from flexprice_wallets.warehouse.migrations import migrate_warehouse
from flexprice_wallets.warehouse.stored_versions import read_last_customers, read_last_settings
from tests.snapshot.loading import ask, load_from

SCHEMA = "flexprice_raw"


@pytest.fixture(scope="module", params=["2026-01", "2026-08"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two snapshots: all kinds of settings, some unreadable, some unknown fields; then some have gone."""
    contract: Contract = request.param
    path = tmp_path_factory.mktemp("known") / "warehouse.duckdb"
    with Emulator(customers=40, seed=4, contract=contract) as emulator:
        world, quirks = emulator.world, emulator.quirks
        wallets = world.listed_wallet_ids()
        quirks.wallet_fields[wallets[0]] = {"metadata": "7", "alert_state": "[]"}
        quirks.extra_wallet_fields = {"z": Decimal("1.50"), "a": {"é": "\n", "b": [None, True]}}
        quirks.extra_customer_fields = {"tier": {"name": "gold", "rank": 1}}
        load_from(emulator, path)
        for wallet_id in wallets[1:5]:
            world.freeze(wallet_id)
        world.close(wallets[5])
        world.hard_delete(wallets[6])
        world.archive_customer(world.published_customer_ids()[0], force=True)
        load_from(emulator, path)
    return path


def test_the_hash_of_settings_read_back_is_the_stored_one(database: Path) -> None:
    with duckdb.connect(str(database), read_only=True) as connection:
        known = read_known(connection, SCHEMA)
        settings = read_last_settings(connection, SCHEMA, list(known.wallets))
    assert len(known.wallets) > 40
    assert set(settings) == set(known.wallets)
    for wallet_id, wallet in known.wallets.items():
        again = settings_fingerprint(wallet.customer_id, settings[wallet_id])
        assert again == wallet.settings, settings[wallet_id]
    assert {wallet.ended for wallet in known.wallets.values()} == {None, "closed", "not_found"}
    assert any(each.unreadable_fields for each in settings.values())
    assert any(each.rows.get("wallet_metadata") for each in settings.values())
    assert any(each.rows.get("wallet_auto_topups") for each in settings.values())
    assert any(each.rows.get("wallet_alert_thresholds") for each in settings.values())


def test_the_hash_of_customers_read_back_is_the_stored_one(database: Path) -> None:
    with duckdb.connect(str(database), read_only=True) as connection:
        known = read_known(connection, SCHEMA)
        records = read_last_customers(connection, SCHEMA, list(known.customers))
    assert {record.customer_id for record in records} == set(known.customers)
    for record in records:
        customer = known.customers[record.customer_id]
        assert customer_fingerprint(record) == customer.fingerprint
    assert not all(customer.is_listed for customer in known.customers.values())


def test_whose_the_warehouse_is_is_read_back(database: Path) -> None:
    with duckdb.connect(str(database), read_only=True) as connection:
        known = read_known(connection, SCHEMA)
    (row,) = ask(database, "select tenant_id, environment_id from flexprice.snapshots limit 1")
    assert (known.tenant_id, known.environment_id) == (row["tenant_id"], row["environment_id"])
    assert not known.is_first


def test_whose_the_warehouse_is_is_stored_with_the_first_record(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    query = "select tenant_id, environment_id from flexprice_raw.warehouse"
    with Emulator(world=World(0)) as emulator:
        load_from(emulator, path)
        assert ask(path, query) == [{"tenant_id": None, "environment_id": None}]
        emulator.world.add_customer(wallets=1)
        load_from(emulator, path)
        [row] = ask(path, query)
        assert row["tenant_id"] is not None
        assert row["environment_id"] is not None
        [last] = ask(path, "select * from flexprice.snapshots order by snapshot_at desc limit 1")
        assert row == {name: last[name] for name in row}


def test_only_what_is_asked_for_is_read(database: Path) -> None:
    with duckdb.connect(str(database), read_only=True) as connection:
        wallet_id = min(read_known(connection, SCHEMA).wallets)
        settings = read_last_settings(connection, SCHEMA, [wallet_id, "wallet_unknown"])
        assert set(settings) == {wallet_id}
        assert read_last_customers(connection, SCHEMA, []) == []


def test_hashes_of_another_recipe_are_not_compared(database: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.duckdb"
    shutil.copy(database, other)
    with duckdb.connect(str(other)) as connection:
        connection.execute(f"update {SCHEMA}.warehouse set hash_recipe = 'md5, version 0'")
        with pytest.raises(WarehouseTooOld, match="'md5, version 0'"):
            migrate_warehouse(connection, SCHEMA, "other")
