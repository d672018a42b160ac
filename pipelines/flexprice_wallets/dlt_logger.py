"""What a start of dlt changes in its logger, to be undone. dlt itself is not imported."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from types import TracebackType


@dataclass(frozen=True, slots=True)
class _State:
    level: int
    propagate: bool
    formatters: dict[logging.Handler, logging.Formatter | None]

    @classmethod
    def of(cls, logger: logging.Logger) -> _State:
        formatters = {handler: handler.formatter for handler in logger.handlers}
        return cls(logger.level, logger.propagate, formatters)


class LoggerChange:
    """Within, dlt starts: it sets its logger's level, adds a handler where there is none and formats by the first.

    `undo` takes that back, and leaves what somebody else has changed before, meanwhile and since.
    """

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)
        self._before = self._after = _State.of(self._logger)

    def __enter__(self) -> None:
        self._before = self._after = _State.of(self._logger)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._after = _State.of(self._logger)

    def undo(self) -> None:
        logger, before, after = self._logger, self._before, self._after
        if logger.level == after.level:
            logger.setLevel(before.level)
        if logger.propagate == after.propagate:
            logger.propagate = before.propagate
        for handler, formatter in after.formatters.items():
            if handler in before.formatters:
                if handler.formatter is formatter:
                    handler.setFormatter(before.formatters[handler])
            elif type(formatter).__module__.startswith("dlt."):
                logger.removeHandler(handler)
