"""Runs a command and measures it with everything that it starts: time, CPU and memory."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SAMPLE_EVERY = 0.05
_KIBIBYTE = 1024


@dataclass(frozen=True, slots=True)
class Run:
    """What a command took.

    `cpu` is user and system time of all processes that were waited for. `peak_memory` is the largest sum, in bytes, of
    the proportional set sizes (shared pages count once in all); None where it was not sampled. `started_at` is of the
    clock `time.monotonic`.
    """

    code: int
    started_at: float
    wall: float
    cpu: float
    peak_memory: int | None
    output: str


def run_measured(
    command: Sequence[str],
    variables: Mapping[str, str],
    folder: Path,
    *,
    with_memory: bool,
    timeout: float,
) -> Run:
    """Run a command in a folder with just these variables.

    Sampling memory makes the kernel walk all pages, which costs the program time: times of a run with it are not
    comparable with those of a run without.

    Raises:
        TimeoutError: it took longer than `timeout` seconds, and was killed.
    """
    log = folder / "output.txt"
    with log.open("wb") as output:
        started_at = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        is_late = threading.Event()
        timer = threading.Timer(timeout, _kill, (process.pid, is_late))
        timer.daemon = True
        timer.start()
        sampler = MemorySampler(process.pid) if with_memory else None
        try:
            # Unlike `wait`, this says what the process and its children used.
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            _kill(process.pid, is_late)
            raise
        finally:
            timer.cancel()
            peak = sampler.stop() if sampler else None
        wall = time.monotonic() - started_at
    process.returncode = os.waitstatus_to_exitcode(status)
    text = log.read_text(encoding="utf-8", errors="replace")
    if is_late.is_set():
        raise TimeoutError(f"{command[0]} took longer than {timeout:.0f} s:\n{text[-2000:]}")
    cpu = usage.ru_utime + usage.ru_stime
    return Run(process.returncode, started_at, wall, cpu, peak, text)


def _kill(group: int, is_late: threading.Event) -> None:
    is_late.set()
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


class MemorySampler:
    """Sums the memory of a session's processes again and again on a thread, and keeps the largest sum."""

    def __init__(self, session: int) -> None:
        self._session = session
        self._largest = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """End the sampling; returns the largest sum in bytes."""
        self._is_over.set()
        self._thread.join()
        return self._largest

    def _sample(self) -> None:
        while not self._is_over.wait(_SAMPLE_EVERY):
            held = sum(map(_proportional_set_size, _processes_of(self._session)))
            self._largest = max(self._largest, held)


def _processes_of(session: int) -> Iterator[Path]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                status = (folder / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            # The name, in brackets, may hold anything; the session is the fourth field after it.
            if int(status.rpartition(")")[2].split()[3]) == session:
                yield folder


def _proportional_set_size(process: Path) -> int:
    try:
        lines = (process / "smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * _KIBIBYTE
