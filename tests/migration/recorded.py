"""A warehouse of an earlier version, and an API that still says what that version last read."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.secret import Secret

_FOLDER: Final = Path(__file__).parent / "from_0_1_0"


def warehouse_of_0_1_0(folder: Path) -> Path:
    """A copy of the warehouse: 37 snapshots of a month with every kind of event, loaded by version 0.1.0."""
    database = folder / "warehouse.duckdb"
    database.write_bytes(gzip.decompress((_FOLDER / "warehouse.gz").read_bytes()))
    return database


class Answers:
    """What the API said when the last snapshot was taken; tests may change it."""

    def __init__(self) -> None:
        recorded = json.loads(gzip.decompress((_FOLDER / "answers.json.gz").read_bytes()))
        self.snapshot_at = datetime.fromisoformat(recorded["snapshot_at"])
        self.customers: str = recorded["customers"]
        self.customer_wallets: dict[str, str] = recorded["customer_wallets"]
        self.wallets: dict[str, tuple[int, str]] = recorded["wallets"]

    def add_to_wallets(self, text: str) -> None:
        """Add members to every wallet that is listed, such as `"priority": 7`."""
        self.customer_wallets = {
            customer_id: body.replace('{"id":', f'{{{text},"id":')
            for customer_id, body in self.customer_wallets.items()
        }

    def get(self, target: str) -> tuple[int, str]:
        parts = urlsplit(target)
        if parts.path == "/v1/customers/wallets":
            return 200, self.customer_wallets[parse_qs(parts.query)["id"][0]]
        status, body = self.wallets.get(parts.path.removeprefix("/v1/wallets/"), (404, "{}"))
        return status, body


@contextmanager
def serving(answers: Answers) -> Iterator[ApiOptions]:
    """The answers over HTTP, and how to reach them."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(*answers.get(self.path))

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            is_listing = self.path == "/v1/customers/search"
            self._answer(*((200, answers.customers) if is_listing else (404, "{}")))

        def _answer(self, status: int, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield ApiOptions(
                Secret("sk_recorded_answers"),
                f"http://127.0.0.1:{server.server_port}/v1",
                workers=4,
            )
        finally:
            server.shutdown()
            thread.join()
