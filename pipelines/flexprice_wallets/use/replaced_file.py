"""Writes a small file beside its place and puts it there in one step."""

from __future__ import annotations

import os
import time

from flexprice_wallets.errors import ExitCode
from flexprice_wallets.signals import committing
from flexprice_wallets.warehouse.paths import expanded_path


def replace_file(output: str | os.PathLike[str], text: str, *, ends_run: bool = False) -> None:
    """Write a text file, which replaces an earlier one when it is complete. Its mode follows the umask.

    Args:
        output: its path; `~` is the user's home, and a link stays one.
        text: what it is to hold, written as UTF-8.
        ends_run: the file is what the command was run for: once it is there, the command has succeeded.

    Raises:
        ConfigurationError: there is no such home.
        OSError: the file system refuses; an earlier file is then what it was.
    """
    place = expanded_path(output).resolve()
    new = place.with_name(f".{place.name[:200]}.{os.getpid()}-{time.time_ns()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        if ends_run:
            with committing(ExitCode.COMPLETE):
                os.replace(new, place)
        else:
            os.replace(new, place)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
