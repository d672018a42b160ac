"""Answers like the API of a tenant with a ledger of any length, whose rows are made when asked for.

Either all is one customer's, whose wallets only the ledger tells of, or each of many customers has a wallet.

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
from urllib.parse import parse_qs, urlsplit

from tests.benchmarks.environments import CHECKOUT

_BEGIN: Final = datetime(2020, 1, 1, tzinfo=UTC)
#: Of one customer.
_WALLETS: Final = 1000
_OWNER: Final = b'"environment_id":"env_1","tenant_id":"tenant_1"'
_CUSTOMER: Final = b'{"id":"%b","external_id":"of %b","status":"published",' + _OWNER + b"}"
_WALLET: Final = (
    b'{"id":"wallet_01K%021d","customer_id":"%b","name":"Prepaid","currency":"usd","description":"","metadata":{},'
    b'"balance":"12.5625","credit_balance":"25.125","wallet_status":"active","wallet_type":"PRE_PAID",'
    b'"auto_topup":{"enabled":true,"threshold":"10","amount":"50","invoicing":true},'
    b'"config":{"allowed_price_types":["USAGE","FIXED"]},"conversion_rate":"0.5","topup_conversion_rate":"0.5",'
    b'"alert_settings":{"critical":{"threshold":"5","condition":"below"},"alert_enabled":true},"alert_state":"ok",'
    b'"status":"published","created_at":"2020-01-01T00:00:00Z","updated_at":"2020-01-01T00:00:00Z",'
    b'"real_time_balance":"12.5625","real_time_credit_balance":"25.125","current_period_usage":"0",'
    b'"unpaid_invoices_amount":"0","is_cached_fallback":false,'
    b'"credits_available_breakdown":{"free":"25.125","purchased":"0"},' + _OWNER + b"}"
)

_ROW: Final = (
    b'{"id":"wtxn_01K%023d","wallet_id":"wallet_01K%021d","customer_id":"%b","type":"%b","amount":"12.5625",'
    b'"credit_amount":"25.125","credit_balance_before":"%b","credit_balance_after":"%b",'
    b'"transaction_status":"completed","reference_type":"REQUEST","reference_id":"req_01K%023d",'
    b'"description":"Manual balance debit","metadata":{"consumed_credit_tx_ids":"wtxn_01K%023d"},'
    b'"expiry_date":null,"credits_available":"0","transaction_reason":"%b","priority":null,"currency":"usd",'
    b'"idempotency_key":"01K%023d","status":"published","created_at":"%b","updated_at":"%b",'
    b'"created_by":"system","updated_by":"system","conversion_rate":"0.5",' + _OWNER + b"}"
)


def customer_id(number: int) -> bytes:
    """The id of a customer, counted from 0; ids are in this order, too."""
    return b"cust_%08d" % number


def row(number: int, customers: int = 1) -> bytes:
    """The transaction of a number, counted from 0 in order of time."""
    wallets = _WALLETS if customers == 1 else customers
    wallet = number % wallets
    at = (_BEGIN + timedelta(seconds=number)).isoformat().replace("+00:00", ".123456Z").encode()
    is_credit = number // wallets % 2 == 0
    kind, reason = (
        (b"credit", b"FREE_CREDIT_GRANT") if is_credit else (b"debit", b"MANUAL_BALANCE_DEBIT")
    )
    before, after = (b"0", b"25.125") if is_credit else (b"25.125", b"0")
    return _ROW % (
        number,
        wallet,
        customer_id(0 if customers == 1 else wallet),
        kind,
        before,
        after,
        number,
        max(0, number - wallets),
        reason,
        number,
        at,
        at,
    )


def page(query: dict[str, Any], rows: int, customers: int = 1) -> bytes:
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
    return _page(b",".join(row(number, customers) for number in numbers), count, limit)


def customers_page(query: dict[str, Any], customers: int) -> bytes:
    """The answer to a search for customers."""
    numbers = range(query["offset"], min(query["offset"] + query["limit"], customers))
    found = (_CUSTOMER % (customer_id(number), customer_id(number)) for number in numbers)
    return _page(b",".join(found), customers, query["limit"])


def wallets_of(target: str, customers: int) -> bytes:
    """The answer for a customer's wallets."""
    if customers == 1:
        return b"[]"
    [asked] = parse_qs(urlsplit(target).query)["id"]
    return b"[%b]" % (_WALLET % (int(asked.removeprefix("cust_")), asked.encode()))


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
    customers = 1

    def do_GET(self) -> None:
        self._answer(wallets_of(self.path, self.customers))

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/customers/search"):
            self._answer(customers_page(query, self.customers))
        else:
            self._answer(page(query, self.rows, self.customers))

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def ledger_process(rows: int, customers: int = 1) -> Iterator[str]:
    """A process that answers with a ledger of so many rows, until the end of the block; gives its base URL."""
    module = "tests.benchmarks.ledger_responder"
    command = [sys.executable, "-m", module, str(rows), str(customers)]
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
    """Serve a ledger of so many rows, of so many customers, print the port, and end when stdin is closed."""
    _Handler.rows, _Handler.customers = map(int, sys.argv[1:])
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
