"""Ends a run on SIGTERM or Ctrl-C within two seconds, whatever it is waiting for; never one that has succeeded."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from flexprice_wallets.errors import ExitCode, Interrupted, chain_of

_EXIT_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}
#: How long the main thread may take to clean up before the process is ended under it.
_GRACE = 1.0
#: How DuckDB words that a signal's handler raised something within a query; as a plain RuntimeError.
_INTERRUPTED_QUERY = "Query interrupted"


class _Run:
    """What signals mean for the run at work; a process has only one set of handlers."""

    def __init__(self) -> None:
        #: The first signal that came.
        self.received: Interrupted | None = None
        #: Signals are noted and raise nothing, while a step is made that takes effect at once.
        self.is_held = threading.Event()
        #: What the run has achieved, whatever comes; None until then.
        self.outcome: ExitCode | None = None


class _Process:
    """What there is one of in a process."""

    def __init__(self) -> None:
        self.run = _Run()
        #: The process is the command's own: after it nobody needs the handlers that were there.
        self.is_own = False


_process = _Process()


class _Watchdog:
    """Ends the process where the main thread is stuck in native code and cannot handle a signal itself."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._reader, self.writer = socket.socketpair()
        self.writer.setblocking(False)
        self._is_closed = threading.Event()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def close(self) -> None:
        self._is_closed.set()
        self.writer.close()

    def _watch(self) -> None:
        # The kernel side of signal handling writes the number here at once, even while native code runs.
        while number := self._reader.recv(1):
            exit_code = _EXIT_CODES.get(signal.Signals(number[0]))
            if exit_code is not None and not self._is_closed.wait(_GRACE):
                self._end(number[0], exit_code)
        self._reader.close()

    def _end(self, number: int, exit_code: ExitCode) -> None:
        while self._run.is_held.is_set():
            if self._is_closed.wait(0.01):
                return
        if self._run.outcome is not None:
            os._exit(self._run.outcome)
        with suppress(OSError):
            os.write(2, f"{_message(number)}\n".encode())
        os._exit(exit_code)


@contextmanager
def interruptible() -> Iterator[None]:
    """Within, SIGTERM and Ctrl-C raise Interrupted in the main thread; after a short grace the process ends itself.

    Libraries may turn that exception into one of their own: out of here comes Interrupted all the same. Once the run
    has succeeded (see `committing`) signals change nothing any more.
    """
    run = _process.run = _Run()
    watchdog = _Watchdog(run)
    unraisable_hook = sys.unraisablehook
    sys.unraisablehook = _without_interruptions(unraisable_hook)
    handlers = {number: signal.signal(number, _interrupt) for number in _EXIT_CODES}
    wakeup = signal.set_wakeup_fd(watchdog.writer.fileno(), warn_on_full_buffer=False)
    try:
        yield
    except BaseException:
        raise_if_interrupted()
        raise
    finally:
        sys.unraisablehook = unraisable_hook
        signal.set_wakeup_fd(wakeup)
        for number, handler in handlers.items():
            is_over = _process.is_own and run.outcome is not None
            signal.signal(number, signal.SIG_IGN if is_over else handler)
        watchdog.close()
        _process.run = _Run()


@contextmanager
def committing(outcome: ExitCode) -> Iterator[None]:
    """Make a step after which the run has succeeded: a signal comes before it and ends the run, or it does nothing.

    Args:
        outcome: how the command ends once the step is made.

    Raises:
        Interrupted: where a signal came before the step.
    """
    run = _process.run
    run.is_held.set()
    try:
        raise_if_interrupted()
        yield
        run.outcome = outcome
        run.received = None
    finally:
        run.is_held.clear()


def raise_if_interrupted() -> None:
    """Raise Interrupted again where a signal came: a library may have swallowed it."""
    run = _process.run
    if run.received is not None and run.outcome is None:
        raise run.received from None


def programs_end(
    error: BaseException, failures: Collection[BaseException | None] = ()
) -> KeyboardInterrupt | SystemExit | None:
    """What ends the program behind an error; None where the error is but a failure.

    dlt and DuckDB make errors of their own of it, which a program would take for a failure and go on. DuckDB 2.0 does
    not say what it was that a signal's handler raised within a query: it is taken for Ctrl-C.

    Args:
        error: what came out of a load.
        failures: what is known to end nothing, whatever it was raised from.
    """
    is_interrupted = False
    for each in chain_of(error):
        if any(each is failure for failure in failures):
            break
        if isinstance(each, KeyboardInterrupt | SystemExit):
            return each
        is_interrupted |= isinstance(each, RuntimeError) and str(each) == _INTERRUPTED_QUERY
    return KeyboardInterrupt() if is_interrupted else None


def own_process() -> None:
    """Say that the process is the command's own and ends with it."""
    _process.is_own = True


def _without_interruptions(
    hook: Callable[[sys.UnraisableHookArgs], object],
) -> Callable[[sys.UnraisableHookArgs], object]:
    """Keep quiet where a signal came within a destructor, which can raise nothing."""

    def quiet(unraisable: sys.UnraisableHookArgs) -> object:
        return None if isinstance(unraisable.exc_value, Interrupted) else hook(unraisable)

    return quiet


def _interrupt(number: int, _frame: FrameType | None) -> None:
    run = _process.run
    # A second signal must not disturb the cleaning up after the first.
    if run.outcome is None and run.received is None:
        run.received = Interrupted(_message(number), _EXIT_CODES[signal.Signals(number)])
        if not run.is_held.is_set():
            raise run.received


def _message(number: int) -> str:
    name = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
    return f"Ended by {name}; what was not yet published is dropped, and the next run starts over."
