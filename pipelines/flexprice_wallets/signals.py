"""Ends a run on SIGTERM or Ctrl-C within two seconds, whatever it is waiting for."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from flexprice_wallets.errors import ExitCode, Interrupted

_logger = logging.getLogger(__name__)

_EXIT_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}
#: How long the main thread may take to clean up before the process is ended under it.
_GRACE = 1.0
#: The first signal that came; a process has only one set of handlers.
_received: list[Interrupted] = []
#: Set once nothing can be taken back any more: from then on a signal is only noted.
_is_held = threading.Event()


class _Watchdog:
    """Ends the process where the main thread is stuck in native code and cannot handle a signal itself."""

    def __init__(self) -> None:
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
            if _is_held.is_set():
                continue
            if exit_code is not None and not self._is_closed.wait(_GRACE) and not _is_held.is_set():
                os.write(sys.stderr.fileno(), f"{_message(number[0])}\n".encode())
                os._exit(exit_code)
        self._reader.close()


@contextmanager
def interruptible() -> Iterator[None]:
    """Within, SIGTERM and Ctrl-C raise Interrupted in the main thread; after a short grace the process ends itself.

    Libraries may turn that exception into one of their own: out of here comes Interrupted all the same.
    """
    _is_held.clear()  # by a load that ran without this
    watchdog = _Watchdog()
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
        _received.clear()
        _is_held.clear()
        sys.unraisablehook = unraisable_hook
        signal.set_wakeup_fd(wakeup)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        watchdog.close()


def hold_signals() -> None:
    """Let no signal interrupt what follows: what is done then cannot be undone, and must be told as it is."""
    _is_held.set()


def raise_if_interrupted() -> None:
    """Raise Interrupted again where a signal came in time: a library may have swallowed it."""
    if _received and not _is_held.is_set():
        raise _received[0] from None


def _without_interruptions(
    hook: Callable[[sys.UnraisableHookArgs], object],
) -> Callable[[sys.UnraisableHookArgs], object]:
    """Keep quiet where a signal came within a destructor, which can raise nothing."""

    def quiet(unraisable: sys.UnraisableHookArgs) -> object:
        return None if isinstance(unraisable.exc_value, Interrupted) else hook(unraisable)

    return quiet


def _interrupt(number: int, _frame: FrameType | None) -> None:
    if _is_held.is_set():
        _logger.warning("A signal came when the work was done: it changes nothing any more.")
        return
    if not _received:  # a second signal must not disturb the cleaning up after the first
        _received.append(Interrupted(_message(number), _EXIT_CODES[signal.Signals(number)]))
        raise _received[0]


def _message(number: int) -> str:
    name = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
    return f"Ended by {name}; what was not yet published is dropped, and the next run starts over."
