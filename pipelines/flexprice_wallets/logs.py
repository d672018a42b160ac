"""Logs: to stderr, for people or for machines, and never with a secret in them."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from flexprice_wallets.api.secret import Secret

_LEVELS = (logging.INFO, logging.INFO, logging.DEBUG)


class RedactingFormatter(logging.Formatter):
    """Formats a record, traces included, and takes the secret out of what came out, whoever logged it."""

    def __init__(self, inner: logging.Formatter, secret: Secret | None) -> None:
        super().__init__()
        self._inner = inner
        self._secret = secret

    def format(self, record: logging.LogRecord) -> str:
        text = self._inner.format(record)
        return text.replace(self._secret.reveal(), "***") if self._secret else text


class TextFormatter(logging.Formatter):
    """`2026-03-01T06:00:00Z WARNING message`."""

    def format(self, record: logging.LogRecord) -> str:
        text = f"{_time(record)} {record.levelname:<7} {record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `message`, and `exception` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logs(verbosity: int, log_format: str, secret: Secret | None = None) -> None:
    """Send logs to stderr: ours from INFO on, with two `-v` everybody's from DEBUG on."""
    inner = JsonFormatter() if log_format == "json" else TextFormatter()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(inner, secret))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if verbosity >= 2 else logging.WARNING)
    logging.getLogger("flexprice_wallets").setLevel(_LEVELS[min(verbosity, 2)])


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
