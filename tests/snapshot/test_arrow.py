"""Rows come out of the buffer as they went in, however many they are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flexprice_wallets.snapshot.arrow import RowBuffer

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def row(number: int) -> dict[str, Any]:
    return {"snapshot_id": "s1", "snapshot_at": AT, "customer_id": f"cust_{number}"}


def test_rows_wait_until_there_are_enough() -> None:
    buffer = RowBuffer(capacity=5000)
    for number in range(4999):
        buffer.write("snapshot_customers", row(number))
    assert list(buffer.drain()) == []
    buffer.write("snapshot_customers", row(4999))
    [(name, table)] = buffer.drain()
    assert name == "snapshot_customers"
    assert table.to_pylist() == [row(number) for number in range(5000)]
    assert list(buffer.drain(is_last=True)) == []


def test_the_last_rows_come_however_few() -> None:
    buffer = RowBuffer()
    for number in range(2500):
        buffer.write("snapshot_customers", row(number))
    buffer.write("fetch_failures", {"snapshot_id": "s1", "snapshot_at": AT, "attempts": 3})
    tables = dict(buffer.drain(is_last=True))
    assert tables["snapshot_customers"].to_pylist() == [row(number) for number in range(2500)]
    [failure] = tables["fetch_failures"].to_pylist()
    assert failure["attempts"] == 3
    assert failure["customer_id"] is None
    assert buffer.written["snapshot_customers"] == 2500
    assert buffer.written["fetch_failures"] == 1


def test_rows_given_by_column_stand_among_those_given_one_by_one() -> None:
    buffer = RowBuffer(capacity=5)
    buffer.write("fetch_failures", {"snapshot_id": "s1", "snapshot_at": AT, "attempts": 1})
    constants = {"snapshot_id": "s1", "snapshot_at": AT}
    buffer.write_columns("fetch_failures", {"attempts": [2, None, 3]}, constants)
    assert list(buffer.drain()) == []
    buffer.write("fetch_failures", {"snapshot_id": "s1", "snapshot_at": AT, "attempts": 4})
    [(_, table)] = buffer.drain()
    rows = table.to_pylist()
    assert sorted(str(row["attempts"]) for row in rows) == ["1", "2", "3", "4", "None"]
    assert {(row["snapshot_id"], row["snapshot_at"]) for row in rows} == {("s1", AT)}
    assert {row["message"] for row in rows} == {None}
    assert buffer.written["fetch_failures"] == 5


def test_shared_values_are_in_every_row_of_every_table_that_has_the_column() -> None:
    buffer = RowBuffer(shared={"snapshot_id": "s1", "snapshot_at": AT})
    for number in range(1500):
        buffer.write("snapshot_customers", {"customer_id": f"cust_{number}"})
    buffer.write("warehouse", {"contract_version": 6, "hash_recipe": "r"})
    tables = dict(buffer.drain(is_last=True))
    assert tables["snapshot_customers"].to_pylist() == [row(number) for number in range(1500)]
    assert tables["warehouse"].to_pylist()[0]["hash_recipe"] == "r"
