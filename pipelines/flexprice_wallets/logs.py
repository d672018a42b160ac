"""Logs: to stderr, for people or for machines, and never with a secret in them."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import TextIO
from urllib.parse import quote

from flexprice_wallets.extract.secret import Secret

_LEVELS = (logging.INFO, logging.DEBUG, logging.DEBUG)


class RedactingFormatter(logging.Formatter):
    """Formats a record, traces included, and takes the secret out of what came out, whoever logged it."""

    def __init__(self, inner: logging.Formatter, secret: Secret | None) -> None:
        super().__init__()
        self._inner = inner
        self._forms = _written_forms(secret.reveal()) if secret else ()

    @property
    def is_for_machines(self) -> bool:
        return isinstance(self._inner, JsonFormatter)

    def format(self, record: logging.LogRecord) -> str:
        return self.redacted(self._inner.format(record))

    def redacted(self, text: str) -> str:
        """The text without the secret."""
        for form in self._forms:
            text = text.replace(form, "***")
        return text


class TextFormatter(logging.Formatter):
    """`2026-03-01T06:00:00Z WARNING message`."""

    def format(self, record: logging.LogRecord) -> str:
        text = f"{_time(record)} {record.levelname:<7} {record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `message`, and `exception` where there is one."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        # What the stream cannot encode it would escape in its own way, which is not JSON's.
        self._takes_any_character = encoding.lower().startswith("utf")

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=not self._takes_any_character)


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes in its one format: dlt would give it another, which knows nothing of secrets."""

    def __init__(self, formatter: RedactingFormatter) -> None:
        super().__init__(sys.stderr)
        self.formatter = formatter

    def setFormatter(self, fmt: logging.Formatter | None) -> None:  # noqa: N802 - named by logging
        """Leave the format as it is."""


def configure_logs(verbosity: int, log_format: str, secret: Secret | None = None) -> None:
    """Send logs to stderr: ours from INFO on, with `-v` from DEBUG on, with two everybody's."""
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    inner = JsonFormatter(encoding) if log_format == "json" else TextFormatter()
    handler = _StderrHandler(RedactingFormatter(inner, secret))
    root, of_dlt = logging.getLogger(), logging.getLogger("dlt")
    root.handlers[:] = [handler]
    # dlt keeps its log lines from the root, and writes with the handler that it finds.
    of_dlt.handlers[:] = [handler]
    of_dlt.propagate = False
    of_dlt.setLevel(logging.DEBUG if verbosity >= 2 else logging.ERROR)
    root.setLevel(logging.DEBUG if verbosity >= 2 else logging.WARNING)
    logging.getLogger("flexprice_wallets").setLevel(_LEVELS[min(verbosity, 2)])


def say_last(message: str) -> None:
    """Say on stderr how a command ended: a plain sentence for people, a log line for machines."""
    formatter = next((handler.formatter for handler in logging.getLogger().handlers), None)
    if isinstance(formatter, RedactingFormatter):
        if formatter.is_for_machines:
            logging.getLogger("flexprice_wallets").error("%s", message.removeprefix("Error: "))
            return
        message = formatter.redacted(message)
    # A stderr that is full or gone must not hide how the command ended: the exit code still tells it.
    with suppress(OSError):
        print(message, file=sys.stderr)


def _written_forms(secret: str) -> tuple[str, ...]:
    """The secret as it is, as a Python text or a URL holds it, and each of them in a JSON text; longest first."""
    forms = {secret, repr(secret)[1:-1], quote(secret, safe="")}
    forms |= {json.dumps(form)[1:-1] for form in forms}
    return tuple(sorted(forms, key=len, reverse=True))


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
