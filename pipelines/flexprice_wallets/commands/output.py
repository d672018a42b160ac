"""What a command says on stdout."""

from __future__ import annotations

import click

from flexprice_wallets.errors import OutputError


def say(text: str = "", *, ends_line: bool = True) -> None:
    """Print `text` on stdout at once.

    Raises:
        OutputError: where it cannot be written, as on a full disk.
        BrokenPipeError: where nobody reads it any more; click ends the process quietly then.
    """
    try:
        click.echo(text, nl=ends_line)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(
            f"The result could not be printed on standard output ({error.strerror}); what was done until then stands."
        ) from error
