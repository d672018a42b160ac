"""The ledger's rows in a warehouse: what is known before a load, and what is left to do after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from flexprice_wallets.records.records import Transactions
from flexprice_wallets.snapshot.ledger import LedgerBefore
from flexprice_wallets.warehouse.atomic import transaction
from flexprice_wallets.warehouse.sql_files import quoted


def read_ledger_before(
    connection: duckdb.DuckDBPyConnection,
    raw_schema: str,
    connect: Callable[[], duckdb.DuckDBPyConnection],
) -> LedgerBefore:
    """What a warehouse holds of the ledger. `connect`: opens another connection to it, for each look-up."""
    schema = quoted(raw_schema)
    [(is_known, read_to)] = connection.execute(
        "select count(*) filter (ledger = 'complete' and scope = 'all') > 0, max(ledger_read_to) "
        f"from {schema}.snapshots"
    ).fetchall()
    [(is_any,)] = connection.execute(
        f"select exists (from {schema}.wallet_transactions)"
    ).fetchall()
    [(tells_ended_wallets,)] = connection.execute(
        f"""
        select count(*) > 0 from (
            select snapshot_id, ledger from {schema}.snapshots where scope = 'all' order by snapshot_at desc limit 1
        ) as last
        where last.ledger = 'complete' and not exists (
            from {schema}.fetch_failures as failures
            where failures.snapshot_id = last.snapshot_id and failures.resource = 'ended_wallets'
        )
        """
    ).fetchall()
    last_hashes = _LastHashes(connect, raw_schema) if is_any else None
    return LedgerBefore(is_known, read_to, last_hashes, tells_ended_wallets)


@dataclass(frozen=True, slots=True)
class _LastHashes:
    """Looks up the hashes of the last versions of transactions."""

    connect: Callable[[], duckdb.DuckDBPyConnection]
    raw_schema: str

    def __call__(self, pages: list[Transactions]) -> dict[str, bytes]:
        ids, created = (
            [value for page in pages for value in page.columns[name]]
            for name in ("transaction_id", "source_created_at")
        )
        asked = pa.table(
            {
                "transaction_id": pa.array(ids, pa.string()),
                "source_created_at": pa.array(created, pa.timestamp("us", tz="UTC")),
            }
        )
        with self.connect() as connection:
            connection.register("asked", asked)
            # The time of creation, which never changes, is found in a large table in a fifth of the time of an id.
            rows = connection.execute(
                f"""
                with
                candidates as materialized (
                    select versions.transaction_id, versions.version_hash, versions.snapshot_at
                    from {quoted(self.raw_schema)}.wallet_transactions as versions
                    where
                        versions.source_created_at between ? and ?
                        and versions.source_created_at in (select asked.source_created_at from asked)
                )
                select candidates.transaction_id, max_by(candidates.version_hash, candidates.snapshot_at)
                from candidates
                inner join asked on candidates.transaction_id = asked.transaction_id
                group by candidates.transaction_id
                """,
                [min(created), max(created)],
            ).fetchall()
            connection.unregister("asked")
        return {transaction_id: bytes.fromhex(version) for transaction_id, version in rows}


def settle_ledger(
    connection: duckdb.DuckDBPyConnection, raw_schema: str, row: dict[str, Any]
) -> None:
    """Bring the transactions of a snapshot that was just written to what the contract says of them.

    Of a ledger that was not read to its end, nothing stays: its books would not close. Of a transaction that changed
    while the ledger was read, and so was read twice, the last version stays.

    Args:
        connection: a private, writable copy of a warehouse, not inside a transaction.
        raw_schema: schema of its tables.
        row: the snapshot's row, whose count is corrected.
    """
    schema, snapshot_at = quoted(raw_schema), row["snapshot_at"]
    with transaction(connection):
        if row["ledger"] in ("failed", "refused"):
            connection.execute(
                f"delete from {schema}.wallet_transactions where snapshot_at = ?", [snapshot_at]
            )
            connection.execute(
                f"delete from {schema}.rejected_records where snapshot_at = ? and resource = 'transaction'",
                [snapshot_at],
            )
        elif row["transactions_changed"]:
            [(removed,)] = connection.execute(
                f"""
                delete from {schema}.wallet_transactions
                where rowid in (
                    select rowid from (
                        select versions.rowid, row_number() over (
                            partition by versions.transaction_id
                            order by versions.source_updated_at desc, versions.observed_at desc
                        ) as number
                        from {schema}.wallet_transactions as versions
                        inner join (
                            select transaction_id
                            from {schema}.wallet_transactions
                            where snapshot_at = $snapshot_at
                            group by transaction_id
                            having count(*) > 1
                        ) as again on versions.transaction_id = again.transaction_id
                        where versions.snapshot_at = $snapshot_at
                    )
                    where number > 1
                )
                """,
                {"snapshot_at": snapshot_at},
            ).fetchall()
            if removed:
                row["transactions_changed"] -= removed
                connection.execute(
                    f"update {schema}.snapshots set transactions_changed = ? where snapshot_at = ?",
                    [row["transactions_changed"], snapshot_at],
                )
