"""A schedule that tries a load again whose replication failed."""

from __future__ import annotations

import json
from pathlib import Path

from flexprice_emulator import Emulator
from tests.command_line import PROGRAM, run_process
from tests.replicate.comparison import differences
from tests.replicate.server import Database

NOBODY = "postgresql://tester:secret-word@127.0.0.1:9/nothing"


def test_trying_again_replicates_what_is_loaded_already(database: Database, tmp_path: Path) -> None:
    codes, said = [], []
    with Emulator(customers=5, seed=3) as emulator:
        for address in (NOBODY, database.address):
            variables = {
                "FLEXPRICE_API_KEY": emulator.api_key,
                "FLEXPRICE_BASE_URL": emulator.base_url,
                "FLEXPRICE_REPLICATE": "postgres",
                "DESTINATION__POSTGRES__CREDENTIALS": address,
            }
            at = emulator.world.now.isoformat()
            command = (*PROGRAM, "load", "--json", "--snapshot-at", at)
            done = run_process(command, tmp_path, variables, timeout=240)
            codes.append(done.code)
            said.append(json.loads(done.out)["already_loaded"])
    assert (codes, said) == ([6, 0], [False, True])
    assert differences(tmp_path / "warehouse.duckdb", database) == []
