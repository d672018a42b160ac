"""Writes parquet files as Delta tables, as dlt's destination does: through deltalake.

Runs in an environment that holds deltalake: `python write_delta.py FILE`, a file of JSON with the location and the
rows' file of each table.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq
from deltalake import write_deltalake


def main() -> None:
    for location, file in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        write_deltalake(location, pq.read_table(file))


if __name__ == "__main__":
    main()
