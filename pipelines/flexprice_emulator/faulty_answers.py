"""Answers of faults: wrong in status, in content, or in what they say about pages."""

import gzip
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from flexprice_emulator.faults import OF_CONNECTIONS, Fault, FaultKind, Faults
from flexprice_emulator.records import Contract
from flexprice_emulator.request_log import Request
from flexprice_emulator.responses import ApiError, Response, error_response

_HTML = b"<html><head><title>Bad Gateway</title></head><body>nginx</body></html>"


@dataclass(frozen=True)
class _Case:
    """A fault with what it is done to."""

    fault: Fault
    request: Request
    true_answer: Response
    contract: Contract
    first_answers: dict[Fault, Response]


def faulty_answer(
    fault: Fault, request: Request, true_answer: Response, contract: Contract, faults: Faults
) -> Response:
    """Return the answer of a fault, which is the true one where the fault is of the connection."""
    if fault.kind in OF_CONNECTIONS:
        return true_answer
    case = _Case(fault, request, true_answer, contract, faults.first_answers)
    return _ANSWERS[fault.kind](case)


def _error(status: int, message: str) -> Callable[[_Case], Response]:
    return lambda case: error_response(ApiError(status, message), case.contract)


def _page_of_html(status: int) -> Callable[[_Case], Response]:
    return lambda _case: Response(status, _HTML, "text/html")


def _body(body: bytes) -> Callable[[_Case], Response]:
    return lambda _case: Response(200, body)


def _come_back(status: int) -> Callable[[_Case], Response]:
    def answer(case: _Case) -> Response:
        error = error_response(ApiError(status, "Too many requests"), case.contract)
        return replace(error, headers=_retry_after(case.fault))

    return answer


def _status(case: _Case) -> Response:
    status, headers = case.fault.status, _retry_after(case.fault)
    if 520 <= status <= 530:
        return Response(status, _HTML, "text/html", headers)
    error = error_response(ApiError(status, f"status {status}"), case.contract)
    return replace(error, headers=headers)


def _redirect(case: _Case) -> Response:
    return Response(302, b"", headers={"Location": case.fault.location})


def _wrong_shape(case: _Case) -> Response:
    is_list = case.true_answer.body.startswith(b"[")
    return Response(200, b'{"items":[]}' if is_list else b"[1]")


def _short_page(case: _Case) -> Response:
    def shorten(page: dict[str, Any]) -> None:
        page["items"] = page["items"][: case.fault.keep]

    return _changed_page(case.true_answer, shorten)


def _larger_total(case: _Case) -> Response:
    def enlarge(page: dict[str, Any]) -> None:
        page["pagination"]["total"] += case.fault.surplus

    return _changed_page(case.true_answer, enlarge)


def _changed_page(true_answer: Response, change: Callable[[dict[str, Any]], None]) -> Response:
    """Return a page with a change; an answer that is no page stays as it is."""
    page = json.loads(true_answer.body) if true_answer.status == 200 else None
    if not isinstance(page, dict) or not {"items", "pagination"} <= set(page):
        return true_answer
    change(page)
    return replace(true_answer, body=json.dumps(page).encode())


def _stuck_page(case: _Case) -> Response:
    return case.first_answers.setdefault(case.fault, case.true_answer)


def _large(case: _Case) -> Response:
    """Put many small numbers into the first object, which take far more memory than bytes."""
    begin, brace, rest = case.true_answer.body.partition(b"{")
    field = b'"padding":[' + b"0," * (case.fault.size // 2) + b"0]"
    comma = b"" if rest.startswith(b"}") else b","
    body = begin + brace + field + comma + rest if brace else b"[{" + field + b"}]"
    if "gzip" not in case.request.headers.get("accept-encoding", ""):
        return replace(case.true_answer, body=body)
    headers = {**case.true_answer.headers, "Content-Encoding": "gzip"}
    return replace(case.true_answer, body=gzip.compress(body, 6), headers=headers)


def _retry_after(fault: Fault) -> dict[str, str]:
    if fault.retry_after_text is not None:
        return {"Retry-After": fault.retry_after_text}
    if fault.retry_after is None:
        return {}
    if not fault.retry_after_as_date:
        return {"Retry-After": str(fault.retry_after)}
    # Imported here, for email is slow to import and rarely needed.
    from email.utils import formatdate

    return {"Retry-After": formatdate(time.time() + fault.retry_after, usegmt=True)}


_ANSWERS: dict[FaultKind, Callable[[_Case], Response]] = {
    "rate_limited": _come_back(429),
    "server_error": _error(500, "Internal server error"),
    "bad_gateway": _page_of_html(502),
    "unavailable": _come_back(503),
    "unauthorized": _error(401, "Invalid API key"),
    "forbidden": _error(403, "no access to this environment"),
    "not_found": _error(404, "not found"),
    "redirect": _redirect,
    "html": _page_of_html(200),
    "wrong_shape": _wrong_shape,
    "not_json": _body(b'[{"id": "wallet_'),
    "empty_body": _body(b""),
    "status": _status,
    "short_page": _short_page,
    "larger_total": _larger_total,
    "stuck_page": _stuck_page,
    "large": _large,
}
