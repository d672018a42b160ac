"""A throwaway PostgreSQL server on a port of this machine, and what is asked of it."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.views.test_postgres import _run, other_user, programs

#: dlt refuses an address without a password, which this server does not ask for.
PASSWORD = "unused"


class Database:
    """One database of the server."""

    def __init__(self, address: str) -> None:
        self.address = address

    def query(self, query: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        import psycopg2

        connection = psycopg2.connect(self.address)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("set timezone = 'Asia/Tokyo'")
                cursor.execute(query, parameters)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()


class Server:
    """A running server, with a new database for whoever asks."""

    def __init__(self, port: int, process: int) -> None:
        self._port = port
        self._process = process
        self._count = 0

    def database(self) -> Database:
        self._count += 1
        name = f"warehouse_{self._count}"
        self.address_of("postgres").query(f"create database {name}")
        return self.address_of(name)

    def address_of(self, name: str) -> Database:
        return Database(f"postgresql://tester:{PASSWORD}@127.0.0.1:{self._port}/{name}")

    def cpu_seconds(self) -> float:
        """User and system time of all its processes, those that have ended included."""
        ticks = 0
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                text = status.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            # The name, in brackets, may hold anything; the parent is the second field after it.
            fields = text.rpartition(")")[2].split()
            if int(status.parent.name) == self._process:
                ticks += sum(map(int, fields[11:15]))
            elif int(fields[1]) == self._process:
                ticks += sum(map(int, fields[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def running_server() -> Iterator[Server]:
    """Start a server that loses what it holds with the machine, and stop it; skips the test where none is installed."""
    pytest.importorskip("psycopg2", reason="the extra `postgres` is not installed")
    where = programs()
    if where is None:
        pytest.skip("PostgreSQL's server (initdb, pg_ctl, postgres, psql) is not installed")
    with started_server(where, "-c fsync=off") as server:
        yield server


@contextmanager
def started_server(where: Path, settings: str = "") -> Iterator[Server]:
    """Start a server, and stop it.

    Args:
        where: folder of its programs.
        settings: options of `postgres`, beside the place and the zone.
    """
    user = other_user()
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    try:
        if user is not None:
            shutil.chown(folder, user)
        data = folder / "data"
        _run([where / "initdb", "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8",
              "--locale=C", "-N"], user)  # fmt: skip
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = (
            f"-p {port} -c listen_addresses=127.0.0.1 -c timezone=Asia/Tokyo -k {folder} {settings}"
        )
        _run(
            [where / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"], user
        )
        try:
            process = int((data / "postmaster.pid").read_text(encoding="utf-8").split()[0])
            yield Server(port, process)
        finally:
            _run([where / "pg_ctl", "-D", data, "-m", "immediate", "stop"], user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
