"""Answers of the API, and its error bodies in the shape of each contract."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flexprice_emulator.formats import json_text
from flexprice_emulator.records import Contract

REASONS = {
    100: "Continue",
    102: "Processing",
    103: "Early Hints",
    200: "OK",
    302: "Found",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    507: "Insufficient Storage",
    508: "Loop Detected",
}

_CODES = {
    400: "validation_error",
    404: "not_found",
    429: "rate_limit_exceeded",
    500: "internal_error",
    503: "service_unavailable",
}


@dataclass(slots=True, frozen=True)
class Response:
    """A status, a body and headers beside Content-Type and Content-Length."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    def head(self, length: int | None = None) -> bytes:
        """Return the status line and headers; `length` replaces the true Content-Length."""
        lines = [
            f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Unknown')}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body) if length is None else length}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class ApiError(Exception):
    """A refusal of the API that becomes an error body."""

    def __init__(self, status: int, message: str, **details: object) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details


def json_response(text: str, status: int = 200) -> Response:
    """Return an answer with this JSON text."""
    # Lone surrogates cannot come from the world, but from raw overrides: let them pass.
    return Response(status, text.encode("utf-8", "surrogatepass"))


def data_response(value: object, status: int = 200) -> Response:
    """Return an answer with plain data as JSON."""
    return json_response(json_text(value), status)


def error_response(error: ApiError, contract: Contract) -> Response:
    """Return the error body of the contract; 401 and 403 look the same in both."""
    status, message = error.status, error.message
    body: dict[str, object]
    if status == 401:
        body = {"error": message}
    elif status == 403:
        body = {"error": "Access denied", "message": message}
    elif contract == "2026-08":
        body = {
            "code": _CODES.get(status, "error"),
            "message": message,
            "http_status_code": status,
            "details": error.details,
        }
    else:
        body = {
            "success": False,
            "error": {
                "message": message,
                "internal_error": f"{_CODES.get(status, 'error')}: {message}",
                "details": error.details,
            },
        }
    return data_response(body, status)
