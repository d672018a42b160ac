"""SIGTERM and Ctrl-C end a run within two seconds, whatever it is doing."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from flexprice_emulator import Emulator, Fault
from flexprice_wallets.errors import ExitCode, Interrupted
from flexprice_wallets.signals import interruptible
from tests.robustness.support import (
    Command,
    Finished,
    environment,
    leftovers,
    slowness,
    snapshot,
    snapshot_count,
    until,
    wrong_values,
)

CODES = {signal.SIGTERM: (143, "SIGTERM"), signal.SIGINT: (130, "Ctrl-C")}
SIGNALS = list(CODES)
#: What is asked for, in seconds, from the signal to the end of the process.
SOON = 2.0


def _assert_ended_by(number: signal.Signals, ended: Finished) -> None:
    code, name = CODES[number]
    assert ended.code == code, ended.err
    assert f"Ended by {name}" in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""
    assert ended.seconds < SOON * slowness()


@pytest.mark.parametrize("number", SIGNALS)
def test_hanging_requests_hold_nobody_up(
    number: signal.Signals, emulator: Emulator, database: Path, tmp_path: Path
) -> None:
    snapshot(emulator, database)
    before = database.read_bytes()
    for _ in range(200):
        emulator.world.add_customer(wallets=1)
    # The first answers come, or nobody would ask for so much at once.
    emulator.faults.add(Fault("silence", path="/v1/customers/wallets", nth=100))
    emulator.latency_ms = 20
    emulator.requests.clear()
    command = Command(
        "load",
        f"--database={database}",
        "--workers=50",
        environment=environment(tmp_path, emulator.base_url, emulator.api_key),
        cwd=tmp_path,
    )
    until(
        lambda: emulator.requests.by_endpoint["GET /v1/customers/wallets"] >= 105,
        "hanging requests",
    )
    _assert_ended_by(number, command.end_by(number))
    assert database.read_bytes() == before
    emulator.faults.clear()
    assert snapshot(emulator, database).exit_code is ExitCode.COMPLETE
    assert leftovers(database) == set()


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("requests", [1, 20, 100])
def test_a_first_load_ends_as_soon_while_its_views_are_made(
    number: signal.Signals, requests: int, emulator: Emulator, database: Path, tmp_path: Path
) -> None:
    for _ in range(400):
        emulator.world.add_customer(wallets=1)
    emulator.latency_ms = 100
    command = Command(
        "load",
        f"--database={database}",
        environment=environment(tmp_path, emulator.base_url, emulator.api_key),
        cwd=tmp_path,
    )
    until(
        lambda: emulator.requests.by_endpoint["GET /v1/customers/wallets"] >= requests,
        "requests",
    )
    _assert_ended_by(number, command.end_by(number))
    assert not database.exists()
    assert leftovers(database) == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "number"),
    [
        ("importing", signal.SIGTERM),
        ("comparing", signal.SIGINT),
        ("fetching", signal.SIGINT),
        ("normalising", signal.SIGTERM),
        ("loading", signal.SIGTERM),
        ("loading", signal.SIGINT),
        ("making views", signal.SIGTERM),
    ],
)
def test_a_signal_in_any_step_ends_the_run(
    step: str, number: signal.Signals, emulator: Emulator, database: Path, tmp_path: Path
) -> None:
    snapshot(emulator, database)
    before = database.read_bytes()
    steps = tmp_path / "steps"
    steps.touch()
    command = Command(
        "load",
        f"--database={database}",
        program=("-m", "tests.robustness.killable"),
        environment=environment(
            tmp_path,
            emulator.base_url,
            emulator.api_key,
            KILLABLE_AT="",
            KILLABLE_STEPS=str(steps),
            KILLABLE_FOLDER=str(database.with_name(f".{database.name}.loading")),
        ),
        cwd=tmp_path,
    )
    until(lambda: f"{step}\t" in steps.read_text(), f"the step {step}")
    _assert_ended_by(number, command.end_by(number))
    assert database.read_bytes() == before
    assert snapshot(emulator, database).exit_code is ExitCode.COMPLETE
    assert snapshot_count(database) == 2
    assert wrong_values(database, emulator.world.truth()) == []


_STUCK = """
import sys, time, duckdb
from flexprice_wallets.commands import main
from flexprice_wallets.signals import interruptible

def stuck(_arguments=None):
    with interruptible():
        print("ready", flush=True)
        {stuck}

main.cli.main = lambda *_, **__: stuck()
main.main()
"""


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(
    "stuck",
    [
        "duckdb.sql('select sum(a.range * b.range) from range(10000000) a, range(10000000) b').fetchall()",
        "import ctypes; [ctypes.CDLL(None).usleep(10**6) for _ in iter(int, 1)]",
        "[time.sleep(0.01) for _ in iter(int, 1)]",
        "exec('while True:\\n try: time.sleep(60)\\n except BaseException: pass')",
        "exec('try: time.sleep(60)\\nfinally: time.sleep(60)')",
        "exec('try: time.sleep(60)\\nexcept Exception: raise OSError(28, chr(33)) from None')",
    ],
    ids=[
        "in DuckDB",
        "in native code",
        "asleep",
        "swallowing",
        "clearing up for long",
        "turned into another error",
    ],
)
def test_a_run_that_is_stuck_ends_all_the_same(
    stuck: str, number: signal.Signals, tmp_path: Path
) -> None:
    command = Command(
        _STUCK.format(stuck=stuck),
        program=("-c",),
        environment=environment(tmp_path, "", ""),
        cwd=tmp_path,
    )
    assert command.process.stdout is not None
    assert command.process.stdout.readline() == "ready\n"
    _assert_ended_by(number, command.end_by(number))


@pytest.mark.parametrize("number", SIGNALS)
def test_handlers_are_put_back_and_a_second_signal_disturbs_nothing(number: signal.Signals) -> None:
    handlers = [signal.getsignal(each) for each in SIGNALS]
    cleared_up = []

    def run(act: Callable[[], None]) -> None:
        with interruptible():
            act()

    def signalled_twice() -> None:
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(number)
            cleared_up.append(True)

    with pytest.raises(Interrupted) as raised:
        run(signalled_twice)
    assert raised.value.code == CODES[number][0]
    assert cleared_up == [True]
    assert [signal.getsignal(each) for each in SIGNALS] == handlers
    run(lambda: None)
    assert signal.set_wakeup_fd(-1) == -1


_STUCK_AFTERWARDS = """
import sys, time
from flexprice_wallets.commands import main
from flexprice_wallets.errors import ExitCode
from flexprice_wallets.signals import committing, interruptible

def stuck(*_, **__):
    with interruptible():
        with committing(ExitCode.PARTIAL):
            pass
        print("ready", flush=True)
        while True:
            time.sleep(0.01)

main.cli.main = stuck
main.main()
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_a_run_that_is_stuck_after_its_success_ends_as_that(
    number: signal.Signals, tmp_path: Path
) -> None:
    command = Command(
        _STUCK_AFTERWARDS, program=("-c",), environment=environment(tmp_path, "", ""), cwd=tmp_path
    )
    assert command.process.stdout is not None
    assert command.process.stdout.readline() == "ready\n"
    ended = command.end_by(number)
    assert (ended.code, ended.err) == (ExitCode.PARTIAL, "")
    assert ended.seconds < SOON * slowness()
