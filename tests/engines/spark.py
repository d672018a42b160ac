"""Apache Spark with Delta, as a program of its own that is told what to do."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from tests.engines.installing import delta_jars, java_home, python_of

#: The session's zone: no answer may depend on it, and days there are not those of UTC.
ZONE: Final = "America/New_York"
_JAVA: Final = 17
_SCRIPT: Final = Path(__file__).parent / "clients" / "spark_session.py"


class Spark:
    """A running session."""

    dialect = "spark"

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._hear()

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """What a statement answers; names in double quotes are taken for names, as by other engines.

        Raises:
            RuntimeError: Spark refuses it.
        """
        answer = self._folder / "answer.arrow"
        self.execute(statement.replace('"', "`"), answer)
        with pa.OSFile(str(answer)) as file:
            table = pa.ipc.open_file(file).read_all()
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))

    def execute(self, statement: str, answer: Path | None = None) -> None:
        """Do what a statement says.

        Raises:
            RuntimeError: Spark refuses it.
        """
        assert self._process.stdin is not None
        asked = {"statement": statement, "answer": str(answer or self._folder / "unread.arrow")}
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        self._hear()

    def _hear(self) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"Spark has ended with {self._process.wait()}: see {self._folder}")
        failure = json.loads(line)
        if failure is not None:
            raise RuntimeError(failure)


@contextmanager
def running_spark(folder: Path) -> Iterator[Spark]:
    """Start a session, and end it; what it writes is in the folder."""
    jars = ",".join(map(str, delta_jars()))
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        "JAVA_HOME": str(java_home(_JAVA)),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    with (folder / "spark.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [python_of("spark"), _SCRIPT, folder, jars, ZONE],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=variables,
            cwd=folder,
        )  # fmt: skip
        try:
            yield Spark(process, folder)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
