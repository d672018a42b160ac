"""What of a process a load must leave as it was. Reads without writing."""

from __future__ import annotations

import locale
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any


def process_state() -> dict[str, Any]:
    """What outlives a load, by name, to be compared before and after; what only Linux tells is left out elsewhere."""
    return {
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "handlers": {each: signal.getsignal(each) for each in signal.valid_signals()},
        "blocked signals": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "hooks": (sys.excepthook, sys.unraisablehook, sys.displayhook),
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "locale": locale.setlocale(locale.LC_ALL),
        "loggers": {name: _logger_state(name) for name in ("", "dlt", "flexprice_wallets")},
        "default timeout": socket.getdefaulttimeout(),
        "recursion": sys.getrecursionlimit(),
        **_told_by_linux(),
    }


def _logger_state(name: str) -> tuple[Any, ...]:
    logger = logging.getLogger(name or None)
    return (logger.level, logger.propagate, logger.disabled, [*logger.handlers], [*logger.filters])


def _told_by_linux() -> dict[str, Any]:
    status = Path("/proc/self/status")
    if not status.exists():
        return {}
    told = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return {
        "umask": told["Umask"].strip(),
        "caught signals": told["SigCgt"].strip(),
        "ignored signals": told["SigIgn"].strip(),
        "files": _open_files(),
    }


def _open_files() -> list[str]:
    """What is open, pipes and sockets by their number; without the folder that is read to find it out."""
    found = []
    for each in Path("/proc/self/fd").iterdir():
        try:
            found.append(os.readlink(each))
        except FileNotFoundError:
            continue
    return sorted(found)
