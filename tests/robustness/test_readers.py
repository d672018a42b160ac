"""Readers of the published file never see an error or half a load."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flexprice_emulator import Emulator, Rates
from tests.robustness.killing import ANY_NUMBER
from tests.robustness.support import Command, environment, snapshot, snapshot_count

LOADS = 20

#: In every state that was ever published all tables and views agree on the last snapshot.
_READER = """
import json, sys, time
from pathlib import Path
import duckdb

database, stop, keeps = sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "keeps"
states = set()
reads = 0
connection = duckdb.connect(database, read_only=True)
print("reading", flush=True)
while not stop.exists():
    if not keeps:
        connection.close()
        connection = duckdb.connect(database, read_only=True)
    time.sleep(0.05)
    reads += 1
    states.add(connection.execute('''
        with last as (select count(*) as n, max(snapshot_at) as at from flexprice_raw.snapshots)
        select
            last.n,
            last.at = (select max(snapshot_at) from flexprice_raw.wallet_balances),
            last.at = (select last_snapshot_at from flexprice.freshness),
            last.at = (select max(snapshot_at) from flexprice_raw.stored_progress),
            (select count(*) from flexprice.wallets)
            = (select count(distinct wallet_id) from flexprice_raw.wallets)
        from last
    ''').fetchone())
print(json.dumps([reads, sorted(states)]))
"""


@pytest.mark.slow
def test_readers_are_not_disturbed_by_loads(
    emulator: Emulator, database: Path, tmp_path: Path
) -> None:
    begin = datetime.now(UTC) - timedelta(days=2)
    snapshot(emulator, database, snapshot_at=begin)
    stop = tmp_path / "stop"
    readers = {kind: _reader(kind, database, stop, tmp_path) for kind in ("opens anew", "keeps")}
    for number in range(1, LOADS + 1):
        emulator.world.advance(rates=Rates(debit=0.5, top_up=0.5, set_name=0.1))
        at = begin + timedelta(hours=number)
        snapshot(emulator, database, limits=ANY_NUMBER, snapshot_at=at)
    assert snapshot_count(database) == LOADS + 1
    stop.touch()
    for kind, reader in readers.items():
        ended = reader.wait()
        assert ended.code == 0, ended.err
        reads, states = json.loads(ended.out)
        assert reads > LOADS / 2
        assert all(agrees for _, *every in states for agrees in every), states
        seen = [count for count, *_ in states]
        if kind == "keeps":
            assert seen == [1], "what is open stays as it was"
        else:
            assert len(seen) > LOADS / 2


def _reader(kind: str, database: Path, stop: Path, folder: Path) -> Command:
    reader = Command(
        database,
        stop,
        kind,
        program=("-c", _READER),
        environment=environment(folder, "", ""),
        cwd=folder,
    )
    assert reader.process.stdout is not None
    assert reader.process.stdout.readline() == "reading\n"
    return reader
