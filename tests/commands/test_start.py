from __future__ import annotations

import sys
from pathlib import Path

from tests.command_line import run_process

#: What a load needs only after it has started the process that asks, or only in that process.
HEAVY = ("requests", "urllib3", "duckdb", "dlt", "pandas", "pyarrow")


def test_a_load_starts_asking_before_anything_heavy_is_imported(tmp_path: Path) -> None:
    program = (
        "import sys; import flexprice_wallets.commands.main, flexprice_wallets.commands.load; "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    ended = run_process((sys.executable, "-c", program), tmp_path, {})
    assert (ended.code, ended.out.strip()) == (0, "[]"), ended.err
