"""The benchmark works and counts what was written; how long anything takes is not tested."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks import environments
from tests.benchmarks.environments import CHECKOUT, NotInstalled
from tests.benchmarks.programs import AIOHTTP
from tests.benchmarks.report import write
from tests.benchmarks.results import Section
from tests.benchmarks.world import customers_of_world

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs Linux")


@pytest.mark.slow
def test_a_small_run_loads_what_the_responder_says_and_writes_the_table(tmp_path: Path) -> None:
    output = tmp_path / "BENCHMARKS.md"
    # The command itself fails where a warehouse holds other wallets, or where other rows were written.
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.benchmarks", "load", "--case=20k-20ms"),
            *("--this-only", "--scale=0.003", "--runs=1", f"--output={output}"),
        ],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.strip("| ").split(" | ") for line in output.read_text().splitlines()]
    steps = {tuple(row[:2]): row for row in rows if row[0] == "flexprice-wallets" and len(row) > 11}
    customers = customers_of_world(60)
    wallets = sum(each.wallet_count for each in customers)
    changed = sum(each.changed_count for each in customers)
    assert changed > 0
    assert {
        step: (int(row[10].replace(",", "")), int(row[11].replace(",", "")))
        for (_, step), row in steps.items()
        if step != "first load"
    } == {"again, nothing changed": (wallets, 0), "again, 5 % changed": (wallets, 4 * changed)}
    assert int(steps["flexprice-wallets", "first load"][10]) == wallets
    # Nobody measures targets with 60 customers.
    assert "not measured" in output.read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "scale", "transactions", "customers"),
    [("ledger-1m", "0.003", "3,000", "1"), ("ledger-100k-customers", "0.001", "300", "100")],
)
def test_a_small_ledger_is_loaded_and_stands_in_the_table(
    tmp_path: Path, case: str, scale: str, transactions: str, customers: str
) -> None:
    output = tmp_path / "BENCHMARKS.md"
    # The command itself fails where a warehouse holds another number of transactions.
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.benchmarks", "load", f"--case={case}"),
            *(f"--scale={scale}", "--runs=1", f"--output={output}"),
        ],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    beginning = f"| {transactions} | {customers} |"
    [row] = [line for line in output.read_text().splitlines() if line.startswith(beginning)]
    _, _, runs, wall, _, per_second, peak_memory = row.strip("| ").split(" | ")
    assert runs == "1"
    assert float(wall) * float(per_second.replace(",", "")) == pytest.approx(
        int(transactions.replace(",", "")), rel=0.1
    )
    assert int(peak_memory) > 50
    # Nor with 3,000 transactions.
    assert "| 15,000/s |  | not measured |" in output.read_text()


def test_fewer_customers_are_the_first_of_more() -> None:
    assert customers_of_world(10) == customers_of_world(20)[:10]


def test_a_part_that_is_renewed_leaves_the_other_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "BENCHMARKS.md"
    write(file, "warehouse", [Section("Slow", "Once.", ("a",), [("1",)])], "command")
    write(file, "load", [Section("First", "Once.", ("b",), [("2",)])], "command")
    write(file, "load", [Section("Second", "Again.", ("c",), [("3",)])], "command")
    text = file.read_text()
    assert [line for line in text.splitlines() if line.startswith("### ")] == [
        "### Second",
        "### Slow",
    ]


def test_a_peer_that_is_not_here_is_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(environments, "CHECKOUT", tmp_path)
    with pytest.raises(NotInstalled):
        AIOHTTP.home(install=False)


def test_the_responder_ends_with_the_benchmark() -> None:
    command = [sys.executable, "-m", "tests.benchmarks.responder", "10"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=pipe, stdout=pipe) as responder:
        assert responder.stdout is not None
        assert responder.stdin is not None
        assert int(responder.stdout.readline()) > 0
        responder.stdin.close()
        assert responder.wait(timeout=60) == 0
