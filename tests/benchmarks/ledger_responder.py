"""Answers like the API of a tenant with one customer and a ledger of any length, whose rows are made when asked for.

Each row is of a second of its own, so where a page begins and ends is plain arithmetic. Each wallet is granted credits
and spends them, again and again, and its books close.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from tests.benchmarks.environments import CHECKOUT

_BEGIN: Final = datetime(2020, 1, 1, tzinfo=UTC)
_WALLETS: Final = 1000
_OWNER: Final = b'"environment_id":"env_1","tenant_id":"tenant_1"'
_CUSTOMER: Final = b'{"id":"cust_1","external_id":"one","status":"published",%b}' % _OWNER

_ROW: Final = (
    b'{"id":"wtxn_01K%023d","wallet_id":"wallet_01K%021d","customer_id":"cust_1","type":"%b","amount":"12.5625",'
    b'"credit_amount":"25.125","credit_balance_before":"%b","credit_balance_after":"%b",'
    b'"transaction_status":"completed","reference_type":"REQUEST","reference_id":"req_01K%023d",'
    b'"description":"Manual balance debit","metadata":{"consumed_credit_tx_ids":"wtxn_01K%023d"},'
    b'"expiry_date":null,"credits_available":"0","transaction_reason":"%b","priority":null,"currency":"usd",'
    b'"idempotency_key":"01K%023d","status":"published","created_at":"%b","updated_at":"%b",'
    b'"created_by":"system","updated_by":"system","conversion_rate":"0.5",' + _OWNER + b"}"
)


def row(number: int) -> bytes:
    """The transaction of a number, counted from 0 in order of time."""
    at = (_BEGIN + timedelta(seconds=number)).isoformat().replace("+00:00", ".123456Z").encode()
    is_credit = number // _WALLETS % 2 == 0
    kind, reason = (
        (b"credit", b"FREE_CREDIT_GRANT") if is_credit else (b"debit", b"MANUAL_BALANCE_DEBIT")
    )
    before, after = (b"0", b"25.125") if is_credit else (b"25.125", b"0")
    return _ROW % (
        number,
        number % _WALLETS,
        kind,
        before,
        after,
        number,
        max(0, number - _WALLETS),
        reason,
        number,
        at,
        at,
    )


def page(query: dict[str, Any], rows: int) -> bytes:
    """The answer to a search: only what `extract.ledger` asks for is understood."""
    first, last = 0, rows
    for each in query.get("filters", ()):
        number = _number(each["value"]["date"])
        if each["operator"] == "after":
            first = max(first, number)
        else:
            last = min(last, number)
    count = max(0, last - first)
    limit = query["limit"]
    if query["sort"][0]["direction"] == "desc":
        numbers = range(last - 1, max(first, last - limit) - 1, -1)
    else:
        numbers = range(first, min(first + limit, last))
    return _page(b",".join(map(row, numbers)), count, limit)


def _number(date: str) -> int:
    """The first row that is not before a moment."""
    after = datetime.fromisoformat(date) - _BEGIN - timedelta(microseconds=123456)
    return -(-after // timedelta(seconds=1))


def _page(items: bytes, total: int, limit: int) -> bytes:
    return b'{"items":[%b],"pagination":{"total":%d,"limit":%d,"offset":%d}}' % (
        items,
        total,
        limit,
        limit,
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rows = 0

    def do_GET(self) -> None:
        self._answer(b"[]")

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/customers/search"):
            self._answer(_page(_CUSTOMER if not query["offset"] else b"", 1, query["limit"]))
        else:
            self._answer(page(query, self.rows))

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def ledger_process(rows: int) -> Iterator[str]:
    """A process that answers with a ledger of so many rows, until the end of the block; gives its base URL."""
    command = [sys.executable, "-m", "tests.benchmarks.ledger_responder", str(rows)]
    process = subprocess.Popen(
        command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def main() -> None:
    """Serve a ledger of as many rows as the command line says, print the port, and end when stdin is closed."""
    _Handler.rows = int(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
