"""The API key is nowhere but in the environment and on the wire to the API."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from flexprice_emulator import Emulator, Fault
from flexprice_wallets.errors import ConfigurationError, ExitCode, ListingFailed
from flexprice_wallets.extract.api_options import checked_base_url
from flexprice_wallets.extract.asking.client import ApiClient
from flexprice_wallets.extract.secret import Secret
from flexprice_wallets.logs import JsonFormatter, RedactingFormatter, TextFormatter
from tests.robustness.support import (
    FEW_RETRIES,
    Command,
    environment,
    family_of,
    query,
    snapshot,
    until,
)

#: With characters that JSON, URLs and Python write in their own ways.
KEY = 'sk_live_7Qz"4\\m%&+/=pW<9>x'
_FORMS = (KEY, "sk_live_7Qz", "pW<9>x", "7Qz%22", "pW%3C9")


def _assert_nowhere(folder: Path, *texts: str) -> None:
    for text in texts:
        for form in _FORMS:
            assert form not in text
    for path in (each for each in folder.rglob("*") if each.is_file()):
        content = path.read_bytes()
        for form in _FORMS:
            assert form.encode() not in content, path


class _Place:
    """A folder with everything that a run can write into: home, working folder, warehouse, temporary files."""

    def __init__(self, folder: Path, base_url: str) -> None:
        self.folder = folder
        self.database = folder / "data" / "warehouse.duckdb"
        for name in ("home", "cwd", "data", "tmp"):
            (folder / name).mkdir()
        variables = environment(folder / "home", base_url, KEY)
        self.variables = {
            **variables,
            "TMPDIR": str(folder / "tmp"),
            "DLT_DATA_DIR": str(folder / "home"),
        }

    def command(self, *arguments: str, variables: Mapping[str, str] | None = None) -> Command:
        return Command(
            "load",
            f"--database={self.database}",
            "-vv",
            *arguments,
            environment={**self.variables, **(variables or {})},
            cwd=self.folder / "cwd",
        )


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(customers=15, seed=5, api_key=KEY) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, emulator: Emulator) -> _Place:
    return _Place(tmp_path, emulator.base_url)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_load_that_works_leaves_no_key(
    log_format: str, place: _Place, emulator: Emulator
) -> None:
    emulator.faults.add(Fault("server_error", rate=0.1))
    emulator.faults.add(Fault("reset", rate=0.1))
    ended = place.command(f"--log-format={log_format}", "--json").wait()
    assert ended.code == 0, ended.err
    assert "urllib3" in ended.err or "dlt" in ended.err, "nothing was logged in depth"
    assert place.database.exists()
    _assert_nowhere(place.folder, ended.out, ended.err)


def test_a_key_from_a_file_is_used_and_left_in_that_file_only(place: _Place) -> None:
    secrets = place.folder / "cwd" / ".dlt" / "secrets.toml"
    secrets.parent.mkdir()
    secrets.write_text(f"[sources.flexprice_wallets]\napi_key = '{KEY}'\n")
    ended = place.command(variables={"FLEXPRICE_API_KEY": ""}).wait()
    assert ended.code == 0, ended.err
    secrets.unlink()
    _assert_nowhere(place.folder, ended.out, ended.err)


FAILURES = {
    "refused key": (Fault("unauthorized"), ExitCode.ACCESS_REFUSED),
    "no right": (Fault("forbidden", path="/v1/customers/wallets"), ExitCode.ACCESS_REFUSED),
    "redirect": (Fault("redirect"), ExitCode.FAILED),
    "foreign record": (None, ExitCode.FAILED),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_load_that_fails_leaves_no_key(name: str, place: _Place, emulator: Emulator) -> None:
    fault, code = FAILURES[name]
    if fault is None:
        wallet_id = emulator.world.listed_wallet_ids()[0]
        emulator.quirks.wallet_fields[wallet_id] = {"tenant_id": '"another"'}
    else:
        emulator.faults.add(fault)
    ended = place.command().wait()
    assert ended.code == code, ended.err
    _assert_nowhere(place.folder, ended.out, ended.err)


@pytest.mark.parametrize(
    ("status", "code"), [(401, ExitCode.ACCESS_REFUSED), (400, ExitCode.FAILED)]
)
def test_an_api_that_quotes_the_key_does_not_get_it_printed(
    status: int, code: ExitCode, place: _Place
) -> None:
    with _recorder(status, echo=True) as (port, _):
        ended = place.command(f"--base-url=http://127.0.0.1:{port}/v1").wait()
    assert ended.code == code, ended.err
    assert "***" in ended.err
    _assert_nowhere(place.folder, ended.out, ended.err)


def test_an_api_that_quotes_the_key_does_not_get_it_stored(
    place: _Place, emulator: Emulator
) -> None:
    customer_id = emulator.world.published_customer_ids()[0]
    quoted = json.dumps(KEY)
    emulator.quirks.wallet_lists[customer_id] = f'[{{"id": {quoted}, "note": {quoted}}}]'
    ended = place.command().wait()
    assert ended.code == ExitCode.PARTIAL, ended.err
    [(raw,)] = query(place.database, "select raw_record from flexprice_raw.rejected_records")
    assert "***" in raw
    _assert_nowhere(place.folder, ended.out, ended.err)


@pytest.mark.parametrize("bad", ["line\nend", "sp ace", "ümlaut", "tab\t"])
def test_a_key_that_is_none_is_refused_and_not_printed(bad: str, place: _Place) -> None:
    ended = place.command(variables={"FLEXPRICE_API_KEY": bad}).wait()
    assert ended.code == ExitCode.WRONG_USE
    assert bad not in ended.err


def test_a_run_that_is_killed_leaves_no_key(place: _Place, emulator: Emulator) -> None:
    emulator.faults.add(Fault("silence", path="/v1/customers/wallets", nth=8))
    command = place.command()
    until(lambda: emulator.requests.total > 8, "eight requests")
    until(lambda: list(place.folder.rglob("dlt*")), "files of dlt")
    for process in family_of(command.process.pid):
        for form in _FORMS:
            assert form not in Path(f"/proc/{process}/cmdline").read_text()
    command.process.send_signal(signal.SIGKILL)
    out, err = command.process.communicate()
    assert any((place.folder / "data").iterdir())
    _assert_nowhere(place.folder, out, err)


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_whoever_logs_the_key_does_not_get_it_printed(formatter: logging.Formatter) -> None:
    redacting = RedactingFormatter(formatter, Secret(KEY))
    try:
        raise ValueError(f"bad header {KEY!r}")
    except ValueError as error:
        trace = (ValueError, error, error.__traceback__)
    for message in (
        KEY,
        repr({"x-api-key": KEY}),
        f"/?key={KEY}",
        "sk_live_7Qz%224%5Cm%25%26%2B%2F%3DpW%3C9%3Ex",
    ):
        record = logging.LogRecord("anybody", logging.DEBUG, "", 1, "%s", (message,), trace)
        _assert_nowhere(Path(os.devnull), redacting.format(record))


# --- Other hosts ---------------------------------------------------------------------------------------------------


@contextmanager
def _recorder(status: int = 200, *, echo: bool = False) -> Iterator[tuple[int, list[str]]]:
    """A server that notes every header it is sent."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(f"{self.requestline}\n{self.headers}")
            body = (
                b'{"error": "%s"}'
                % str(self.headers.get("x-api-key"))
                .replace("\\", "\\\\")
                .replace('"', '\\"')
                .encode()
            )
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) if echo else 0))
            self.end_headers()
            self.wfile.write(body if echo else b"")

        do_POST = do_CONNECT = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], seen
    finally:
        server.shutdown()
        server.server_close()


def test_a_redirect_never_carries_the_key(emulator: Emulator, database: Path) -> None:
    with _recorder() as (port, seen):
        for location in (f"http://127.0.0.1:{port}/v1/", f"//127.0.0.1:{port}/"):
            emulator.faults.clear()
            emulator.faults.add(Fault("redirect", location=location))
            with pytest.raises(ListingFailed, match="redirects elsewhere"):
                snapshot(emulator, database, {"retries": FEW_RETRIES})
    assert seen == []


def test_plain_http_to_this_machine_goes_past_every_proxy(
    emulator: Emulator, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _recorder() as (port, seen):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert snapshot(emulator, database).exit_code is ExitCode.COMPLETE
    assert seen == []


def test_a_netrc_is_not_sent(
    emulator: Emulator, database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    snapshot(emulator, database)
    assert not any("authorization" in entry.headers for entry in emulator.requests.entries)


@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.cloud.flexprice.io/v1",
        "http://192.168.1.5:8080/v1",
        "http://localhost.example.com/v1",
        "http://127.0.0.1.example.com/v1",
        "http://localhost@example.com/v1",
        "http://0.0.0.0/v1",
        "HTTP://example.com/v1",
        "https://user:password@example.com/v1",
        "https://example.com/v1?key=1",
        "ftp://example.com/v1",
        "file:///etc/passwd",
        "http://[::1",
        "http://127.0.0.1:99999/v1",
        "http://127.0.0.1:abc/v1",
        "http://",
        "example.com/v1",
        "",
    ],
)
def test_the_key_is_not_sent_just_anywhere(base_url: str) -> None:
    with pytest.raises(ConfigurationError):
        ApiClient(base_url, Secret(KEY))


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.cloud.flexprice.io/v1/",
        "http://127.0.0.1:8080/v1",
        "http://localhost/v1",
        "http://[::1]:80/v1",
    ],
)
def test_the_key_is_sent_where_it_is_safe(base_url: str) -> None:
    assert checked_base_url(base_url) == base_url.rstrip("/")
    ApiClient(base_url, Secret(KEY))


def test_plain_http_can_be_asked_for() -> None:
    assert (
        checked_base_url("http://billing.internal/v1", allow_plain_http=True)
        == "http://billing.internal/v1"
    )
