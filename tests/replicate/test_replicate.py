"""Replication to every kind of destination: what is shown there, and when nothing may be."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from flexprice_wallets.errors import (
    AnotherRunAtWork,
    DestinationDiverged,
    ForeignDestination,
    ReplicationError,
)
from flexprice_wallets.replicate import tables
from flexprice_wallets.replicate.replicate import replicate
from flexprice_wallets.warehouse.descriptions import derived_tables
from tests.replicate.changes import (
    FIRST,
    LAST,
    change,
    with_another_snapshot,
    without_last_snapshot,
)
from tests.replicate.comparison import relations
from tests.replicate.places import differences
from tests.replicate.telling import two_at_once

ODD_TEXTS = [
    "",
    " ",
    "NULL",
    r"\N",
    "it's",
    'a "b"',
    r"a\new\table",
    "two\nlines",
    "two\r\nlines, and\r",
    "the end\n\\.\nand more",
    r"\.",
    "tab\t",
    "%s %(x)s",
    "Ä € 😀",
    "$$",
]
NINES = "9999999999999999999999.9999999999999999"


def test_a_destination_shows_what_the_warehouse_holds(warehouse, place):
    result = replicate(place.destination, warehouse)
    assert differences(warehouse, place) == []
    assert result.rows["wallet_balances"] > 0
    again = replicate(place.destination, warehouse)
    assert again.is_up_to_date
    assert again.rows == {}
    with_another_snapshot(warehouse)
    third = replicate(place.destination, warehouse)
    assert (third.rows, third.filled) == ({"snapshots": 1, "stored_wallets": 1}, ())
    assert differences(warehouse, place) == []


def test_texts_figures_and_times_arrive_exactly(warehouse, place):
    with duckdb.connect(str(warehouse)) as connection:
        for number, text in enumerate(ODD_TEXTS, start=1):
            connection.execute(
                "update flexprice_raw.wallets set name = ?, description = null where wallet_id ="
                " (select wallet_id from flexprice_raw.stored_wallets where wallet_number = ?)",
                [text, number],
            )
        connection.execute(
            f"update flexprice_raw.wallet_real_time_balances set real_time_balance = {NINES},"
            f" pending_amount = -{NINES},"
            " observed_at = timestamptz '2026-02-25 05:59:59.123457+00'"
        )
    replicate(place.destination, warehouse)
    assert differences(warehouse, place) == []
    with place.reading() as shown:
        names = {name for (name,) in shown.query("select name from flexprice.wallets")}
        figures = shown.query(
            "select distinct real_time_balance::text from flexprice_raw.wallet_real_time_balances"
        )
    assert {*ODD_TEXTS} <= names
    assert figures == [(NINES,)]


def test_a_file_restored_from_a_backup_is_refused(warehouse, place, tmp_path):
    older = without_last_snapshot(warehouse, tmp_path)
    replicate(place.destination, warehouse)
    with pytest.raises(DestinationDiverged, match="ahead"):
        replicate(place.destination, older)
    # It was loaded on since, at the same logical time.
    diverged = Path(shutil.copyfile(warehouse, tmp_path / "diverged.duckdb"))
    change(
        diverged,
        f"update flexprice_raw.snapshots set _dlt_load_id = '1' where snapshot_at = {LAST}",
    )
    with pytest.raises(DestinationDiverged, match="backup was restored"):
        replicate(place.destination, diverged)
    assert differences(warehouse, place) == []


def test_another_tenants_destination_is_refused(warehouse, place, tmp_path):
    replicate(place.destination, warehouse)
    foreign = Path(shutil.copyfile(warehouse, tmp_path / "foreign.duckdb"))
    change(foreign, "update flexprice_raw.warehouse set tenant_id = 'tenant_of_others'")
    with pytest.raises(ForeignDestination, match="tenant_of_others"):
        replicate(place.destination, foreign)
    assert differences(warehouse, place) == []


def test_two_rows_of_one_grain_are_refused(warehouse, place):
    change(
        warehouse,
        "insert into flexprice_raw.stored_wallets select * from flexprice_raw.stored_wallets limit 1",
    )
    with pytest.raises(ReplicationError, match="stored_wallets has"):
        replicate(place.destination, warehouse)
    assert place.shipments() == 0


def test_datasets_lie_beside_each_other(warehouse, place):
    replicate(place.destination, warehouse, "one")
    change(warehouse, "update flexprice_raw.wallets set name = 'other'")
    replicate(place.destination, warehouse, "two")
    assert differences(warehouse, place, "two") == []
    assert differences(warehouse, place, "one") != []


def test_rebuilt_and_migrated_rows_are_sent_again(warehouse, place):
    replicate(place.destination, warehouse)
    change(
        warehouse,
        "update flexprice_raw.stored_wallets set wallet_number = wallet_number + 1000",
        "update flexprice_raw.stored_balance_intervals set wallet_number = wallet_number + 1000",
        "update flexprice_raw.wallet_balances set credit_balance = credit_balance + 1",
        f"delete from flexprice_raw.stored_customers where customer_id = {FIRST}",
    )
    result = replicate(place.destination, warehouse)
    assert {*result.filled} == {"stored_balance_intervals", "wallet_balances"}
    assert result.rows["stored_customers"] == 1
    assert result.snapshots == 0
    assert differences(warehouse, place) == []


def test_a_new_derivation_sends_the_derived_tables_again(warehouse, place, monkeypatch):
    replicate(place.destination, warehouse)
    monkeypatch.setattr(tables, "upkeep_version", lambda: "another")
    tables.replicated_tables.cache_clear()
    try:
        result = replicate(place.destination, warehouse)
        assert {*result.filled} == {table.name for table in derived_tables()}
        assert differences(warehouse, place) == []
    finally:
        tables.replicated_tables.cache_clear()


def test_two_machines_at_once(warehouse, place):
    codes, outputs = two_at_once(place.destination, warehouse)
    assert codes in ([0, 0], [0, 5]), outputs
    assert place.shipments() == 1
    assert differences(warehouse, place) == []


def test_of_two_shipments_with_one_number_the_first_counts(warehouse, place, monkeypatch):
    """A lock may be lost with its connection, and a lake has none: what is committed refuses the second."""
    replicate(place.destination, warehouse)
    with_another_snapshot(warehouse)
    destination = place.implementation()
    commit = destination.commit

    def overtaken(self, shipment, ship_id):
        place.overtake()
        commit(self, shipment, ship_id)

    wallets = "select * from flexprice_raw.stored_wallets order by wallet_id"
    with place.reading() as shown:
        before = shown.query(wallets)
    with monkeypatch.context() as patched:
        patched.setattr(destination, "commit", overtaken)
        with pytest.raises(AnotherRunAtWork, match="meanwhile"):
            replicate(place.destination, warehouse)
    with place.reading() as shown:
        assert shown.query(wallets) == before
    replicate(place.destination, warehouse)
    assert differences(warehouse, place) == []


def test_rows_of_a_killed_run_are_not_shown(warehouse, place, monkeypatch):
    replicate(place.destination, warehouse)
    before = shutil.copyfile(warehouse, warehouse.with_name("before.duckdb"))
    with_another_snapshot(warehouse)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(place.implementation(), "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            replicate(place.destination, warehouse)
    assert differences(before, place) == []
    replicate(place.destination, warehouse)
    assert differences(warehouse, place) == []


def test_nothing_is_left_out(warehouse):
    names = {name for _, _, name in relations("x")}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        there = connection.execute(
            "select table_name from information_schema.tables where table_schema in ('flexprice', 'flexprice_raw')"
        ).fetchall()
    assert {name for (name,) in there} - names <= {"_dlt_version", "_dlt_pipeline_state"}
