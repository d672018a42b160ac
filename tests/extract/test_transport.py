"""What is taken from the insides of requests, urllib3 and http.client: proxies, certificates, connections, heads."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from flexprice_wallets.extract.api_options import Timeouts
from flexprice_wallets.extract.asking.client import ApiClient, AttemptFailed
from flexprice_wallets.extract.calls import Call
from flexprice_wallets.extract.secret import Secret

#: A key that only these tests use, and its certificate for billing.example and 127.0.0.1.
CERTIFICATE = Path(__file__).with_name("billing.example.pem")
KEY = "some-secret-key"
CALL = Call("wallet", "x", "/wallets/x")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Answers every request, also as a proxy that leads all connections to itself."""

    def __init__(self, *, tls: bool = False, answer: bytes = ANSWER, tunnel: bytes = b"200 OK"):
        self._tls, self._answer, self._tunnel = tls, answer, tunnel
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        #: The heads of requests, by connection.
        self.connections: list[list[str]] = []
        self.thread = threading.Thread(target=self._accept, daemon=True)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.thread.join(5)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        heads: list[str] = []
        self.connections.append(heads)
        connection.settimeout(10)
        with suppress(OSError):
            if self._tls:
                connection = _secured(connection)
            while head := connection.recv(65536).decode():
                heads.append(head)
                if not head.startswith("CONNECT"):
                    connection.sendall(self._answer)
                    continue
                connection.sendall(b"HTTP/1.1 %b\r\n\r\n" % self._tunnel)
                connection = _secured(connection)
        connection.close()


def _secured(connection: socket.socket) -> socket.socket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context.wrap_socket(connection, server_side=True)


@contextmanager
def server(
    *, tls: bool = False, answer: bytes = ANSWER, tunnel: bytes = b"200 OK"
) -> Iterator[Server]:
    running = Server(tls=tls, answer=answer, tunnel=tunnel)
    running.thread.start()
    try:
        yield running
    finally:
        running.close()


def ask(base_url: str, times: int = 1) -> list[bytes]:
    timeouts = Timeouts(5.0, 5.0, 5.0)
    client = ApiClient(base_url, Secret(KEY), timeouts=timeouts, allow_plain_http=True)
    try:
        return [client.ask(CALL).body for _ in range(times)]
    finally:
        client.close()


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))


def test_a_connection_is_kept() -> None:
    with server() as running:
        assert ask(f"http://127.0.0.1:{running.port}/v1", times=3) == [b"{}"] * 3
        [heads] = running.connections
    assert [head.split("\r\n")[0] for head in heads] == ["GET /v1/wallets/x HTTP/1.1"] * 3
    assert f"\r\nHost: 127.0.0.1:{running.port}\r\n" in heads[0]
    assert f"\r\nx-api-key: {KEY}\r\n" in heads[0]


@pytest.mark.usefixtures("trusted")
def test_a_certificate_that_is_trusted() -> None:
    with server(tls=True) as running:
        assert ask(f"https://127.0.0.1:{running.port}/v1", times=2) == [b"{}"] * 2
        assert len(running.connections) == 1


def test_a_certificate_that_is_not_trusted_gets_no_key() -> None:
    with server(tls=True) as running:
        with pytest.raises(AttemptFailed, match="certificate could not be verified"):
            ask(f"https://127.0.0.1:{running.port}/v1")
        assert running.connections == [[]]


@pytest.mark.usefixtures("trusted")
def test_a_proxy_leads_to_the_api_and_sees_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with server() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        assert ask("https://billing.example/v1", times=2) == [b"{}"] * 2
        [[to_proxy, *to_api]] = proxy.connections
    assert to_proxy.startswith("CONNECT billing.example:443 ")
    assert KEY not in to_proxy
    assert [head.split("\r\n")[0] for head in to_api] == ["GET /v1/wallets/x HTTP/1.1"] * 2


def test_a_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(tunnel=b"403 Forbidden") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(AttemptFailed, match="proxy refused the connection"):
            ask("https://billing.example/v1")


def test_plain_http_by_a_proxy_names_the_whole_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with server() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        assert ask("http://billing.example/v1") == [b"{}"]
        [[head]] = proxy.connections
    assert head.startswith("GET http://billing.example/v1/wallets/x HTTP/1.1\r\n")
    assert "\r\nHost: billing.example\r\n" in head


HEADS = {
    "no header": b"HTTP/1.1 200 OK\r\nnothing\r\n\r\n",
    "a space before the colon": b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n{}",
    "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}",
    "a length of 5,000 digits": b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\n{}" % (b"9" * 5000),
    "many headers": b"HTTP/1.1 200 OK\r\n%bContent-Length: 2\r\n\r\n{}" % (b"x: y\r\n" * 200),
    "a long line": b"HTTP/1.1 200 OK\r\nx: %b\r\nContent-Length: 2\r\n\r\n{}" % (b"y" * 70_000),
    "another version": b"HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "another protocol": b"HTTP/1.1 101 Switching\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_cannot_be_read_is_no_answer(name: str) -> None:
    with server(answer=HEADS[name]) as running, pytest.raises(AttemptFailed) as raised:
        ask(f"http://127.0.0.1:{running.port}/v1")
    assert raised.value.outcome.failure.error_code == "connection"
    assert raised.value.outcome.may_pass
