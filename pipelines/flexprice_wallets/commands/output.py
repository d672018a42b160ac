"""What a command says on stdout, and what becomes of it where nobody listens."""

from __future__ import annotations

import errno
import logging
import os
import sys

import click

from flexprice_wallets.errors import OutputError

_logger = logging.getLogger(__name__)


def say(text: str = "", *, ends_line: bool = True) -> None:
    """Print `text` on stdout at once: the answer that the command was run for.

    Raises:
        OutputError: where it cannot be written, as on a full disk.
        BrokenPipeError: where nobody reads it any more; click ends the process quietly then.
    """
    try:
        _print(text, ends_line=ends_line)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(
            f"The answer could not be printed on standard output ({error.strerror}): run again with one that takes it."
        ) from error


def report_done(text: str) -> None:
    """Print `text` on stdout: what was done. Where it cannot be printed, it is done all the same."""
    try:
        _print(text, ends_line=True)
    except OSError as error:
        _logger.warning(
            "What was asked for is done, but the result could not be printed (%s).",
            error.strerror or error,
        )


def open_standard_streams() -> None:
    """See to it that the process can print, whatever it was given.

    A closed stdin, stdout or stderr is a number that the next file to be opened gets: what libraries and child
    processes print would go into the database. Characters that the locale cannot print are escaped.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for good
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _print(text: str, *, ends_line: bool) -> None:
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed")
    click.echo(text, nl=ends_line)
