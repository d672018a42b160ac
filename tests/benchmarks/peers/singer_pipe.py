"""The tap into its target, as Singer means it: two processes and a pipe."""

import json
import os
import subprocess
import sys
from pathlib import Path

TAP = Path(__file__).with_name("singer_tap.py")

Path("tap.json").write_text("{}")
Path("target.json").write_text(
    json.dumps({"path": "peer.duckdb", "default_target_schema": "flexprice"})
)
tap = subprocess.Popen(
    [sys.executable, str(TAP), "--config", "tap.json"],
    stdout=subprocess.PIPE,
    env={**os.environ, "TAP_FLEXPRICE_LOGLEVEL": "ERROR"},
)
target = subprocess.Popen(["target-duckdb", "--config", "target.json"], stdin=tap.stdout)
tap.stdout.close()
codes = tap.wait(), target.wait()
sys.exit(max(map(abs, codes)))
