"""Errors of dlt and of the destinations' libraries, raised as what they are about. Heavy: imports dlt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from dlt.common.exceptions import DltException

from flexprice_wallets.errors import AnotherRunAtWork, DestinationError, FlexpriceWalletsError

Errors = tuple[type[Exception], ...]

#: How deltalake leads from an error to the one behind it, which says what is wrong, in the colours of a terminal.
_BEHIND: Final = re.compile(r"\s*\x1b\[\d+m↳\x1b\[\d+m\s*")


@contextmanager
def errors_named(engine: str, errors: Errors, conflicts: Errors) -> Iterator[None]:
    """Within, errors of dlt and of a library are raised as this package's.

    Args:
        engine: its name, for people.
        errors: what the library raises.
        conflicts: what it raises where two runs were at work at once.

    Raises:
        AnotherRunAtWork: for one of `conflicts`.
        DestinationError: for any other.
    """
    try:
        yield
    except DltException as error:
        raise _behind(error, conflicts) from error
    except errors as error:
        if isinstance(error, conflicts):
            raise _another_run() from error
        raise DestinationError(
            f"{engine} refused or could not be reached ({first_line(error)}): mend that and run again."
        ) from error


def first_line(error: BaseException) -> str:
    """What an error says, as far as it fits into a sentence."""
    text = _BEHIND.sub(": ", str(error).strip())
    return next(iter(text.splitlines()), type(error).__name__)[:300]


def _behind(error: BaseException, conflicts: Errors) -> FlexpriceWalletsError:
    """The error of this package behind one of dlt's, or one that names the innermost."""
    seen: BaseException | None = error
    innermost = error
    while seen is not None:
        if isinstance(seen, FlexpriceWalletsError):
            return seen
        if isinstance(seen, conflicts):
            return _another_run()
        innermost = seen
        seen = seen.__cause__ or seen.__context__
    return DestinationError(
        f"dlt could not send to the destination ({type(innermost).__name__}: {first_line(innermost)}); what is shown "
        "there is what was shown. Run again."
    )


def _another_run() -> AnotherRunAtWork:
    return AnotherRunAtWork(
        "Another run has brought the destination up to date meanwhile: run again."
    )
