"""Carries the derived tables of the ledger over a snapshot, a batch of wallets at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final

import duckdb
import pyarrow as pa

from flexprice_wallets.warehouse.atomic import do_in_transaction
from flexprice_wallets.warehouse.ledger_order import Entry, completion_order
from flexprice_wallets.warehouse.sql_files import literal, read_sql, sql_folder

#: Transactions that are carried over at once; twice as many take more than 140 MB on DuckDB 1.5.
_LEAST_PER_BATCH: Final = 50_000
#: More at once are hardly faster, and where nobody set a limit DuckDB would allow any number.
_MOST_PER_BATCH: Final = 400_000
#: What a transaction takes in a batch, in bytes.
_BYTES_EACH: Final = 2_500


def transactions_per_batch(memory: int) -> int:
    """How many transactions to carry over at once with so many bytes; each batch rewrites parts of the tables."""
    return min(max(_LEAST_PER_BATCH, memory // _BYTES_EACH), _MOST_PER_BATCH)


def apply_ledger(connection: duckdb.DuckDBPyConnection, raw_schema: str) -> None:
    """Carry the ledger's tables over the snapshot in the temporary table `applying`."""

    def run(script: str) -> None:
        connection.execute(_sql(script, raw_schema))

    def rebuild_wallets() -> None:
        run("ledger")
        _put_in_order(connection)
        run("ledger_closing")

    def finish() -> None:
        connection.execute(_reasons())
        run("ledger_origins")
        run("ledger_months")
        connection.execute(
            "drop view written_transactions; drop table touched_ledgers; drop table rebuilt_ledgers"
        )

    do_in_transaction(connection, lambda: run("ledger_touched"))
    appended = "temp.touched_ledgers where is_candidate group by append_batch order by append_batch"
    for _ in _wallet_ranges(connection, appended):
        do_in_transaction(connection, lambda: run("ledger_append"))
    do_in_transaction(connection, lambda: run("ledger_batches"))
    for _ in _wallet_ranges(connection, "temp.rebuilt_ledgers group by batch order by batch"):
        do_in_transaction(connection, rebuild_wallets)
    do_in_transaction(connection, finish)


def _wallet_ranges(connection: duckdb.DuckDBPyConnection, batches: str) -> Iterator[None]:
    """Set the variables of the scripts to the first and last wallet of each batch in turn."""
    ranges = connection.execute(f"select min(wallet_id), max(wallet_id) from {batches}").fetchall()
    for first_wallet_id, last_wallet_id in ranges:
        connection.execute(f"set variable first_wallet_id = {literal(first_wallet_id)}")
        connection.execute(f"set variable last_wallet_id = {literal(last_wallet_id)}")
        yield


def _put_in_order(connection: duckdb.DuckDBPyConnection) -> None:
    """Write the table `chained`: the places of those transactions whose times do not tell them."""
    rows = connection.execute(
        "select ledger_number, row_id, credit_balance_before, credit_balance_after, earliest, latest, ledger_position "
        "from temp.disordered order by ledger_number"
    ).fetchall()
    row_ids: list[int] = []
    positions: list[int] = []
    for _, ledger in groupby(rows, key=lambda row: row[0]):
        ordered = completion_order([Entry(*row[1:]) for row in ledger])
        row_ids += [entry.row_id for entry in ordered]
        positions += range(1, len(ordered) + 1)
    chained = pa.table(
        {
            "row_id": pa.array(row_ids, pa.int64()),
            "ledger_position": pa.array(positions, pa.int64()),
        }
    )
    connection.register("chained_rows", chained)
    connection.execute("create or replace temp table chained as select * from chained_rows")
    connection.unregister("chained_rows")


def _reasons() -> str:
    """The SQL that writes what reasons mean, which only the view says, into the table `transaction_reasons`."""
    view = "create or replace view flexprice.transaction_reasons as"
    text = (sql_folder() / "transaction_reasons.sql").read_text(encoding="utf-8")
    return text.replace(view, "create or replace temp table transaction_reasons as")


def _sql(name: str, raw_schema: str) -> str:
    # These scripts name no view, so the schema of the views only has to be another one.
    return read_sql(f"upkeep/{name}", raw_schema=raw_schema, schema=f"{raw_schema} views")
