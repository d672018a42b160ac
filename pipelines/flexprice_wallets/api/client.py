"""One HTTP attempt at a time, through the transport of `requests`.

The adapter is called directly: a Session looks up proxies, netrc and cookies again for every call, which costs more
than the request. What the environment says about proxies and certificates is asked for once. Redirects are not
followed, so the key never reaches another host.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from flexprice_wallets import __version__
from flexprice_wallets.api.bounded import BoundedAdapter
from flexprice_wallets.api.calls import Call, Failure
from flexprice_wallets.api.outcomes import Answer, Failed
from flexprice_wallets.api.secret import Secret
from flexprice_wallets.contract import endpoints
from flexprice_wallets.errors import ConfigurationError

_LARGEST_ANSWER = 256 * 1024 * 1024
_CHUNK = 1024 * 1024
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class AttemptFailed(Exception):
    """No usable answer came: the connection failed, timed out, or the answer was cut or endless."""

    def __init__(self, error_code: str, message: str) -> None:
        super().__init__(message)
        self.outcome = Failed(Failure(error_code, message), may_pass=True)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, between two pieces of an answer, and for a whole answer."""

    connect: float = 10.0
    read: float = 30.0
    answer: float = 90.0


class ApiClient:
    """Sends requests to one base URL with one key. Safe to share between threads."""

    def __init__(
        self,
        base_url: str,
        api_key: Secret,
        *,
        environment_id: str | None = None,
        connections: int = 8,
        timeouts: Timeouts = Timeouts(),
        allow_plain_http: bool = False,
    ) -> None:
        self.base_url = checked_base_url(base_url, allow_plain_http=allow_plain_http)
        self._timeouts = timeouts
        # As a JSON text holds it.
        self._key = json.dumps(api_key.reveal())[1:-1].encode()
        self._adapter = BoundedAdapter(
            timeouts.answer,
            pool_connections=1,
            pool_maxsize=connections,
            max_retries=0,
            pool_block=False,
        )
        headers = {
            "User-Agent": f"flexprice-wallets/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            endpoints.KEY_HEADER: api_key.reveal(),
        }
        if environment_id:
            headers[endpoints.ENVIRONMENT_HEADER] = environment_id
        with requests.Session() as session:
            self._transport: dict[str, Any] = dict(
                session.merge_environment_settings(self.base_url, {}, None, None, None)
            )
        if urlsplit(self.base_url).hostname in _LOOPBACK:
            # A proxy is another machine, which plain http would show the key to.
            self._transport["proxies"] = {}
        self._transport["stream"] = True
        self._get = requests.Request("GET", self.base_url, headers=headers).prepare()
        self._post = requests.Request(
            "POST", self.base_url, headers={**headers, "Content-Type": "application/json"}
        ).prepare()

    def ask(self, call: Call) -> Answer:
        """Send one request and read the whole answer.

        Raises:
            AttemptFailed: where no whole answer came in time.
        """
        prepared = (self._get if call.body is None else self._post).copy()
        prepared.url = self.base_url + call.target
        if call.body is not None:
            prepared.body = call.body
            prepared.headers["Content-Length"] = str(len(call.body))
        timeout = (self._timeouts.connect, self._timeouts.read)
        try:
            response = self._adapter.send(prepared, timeout=timeout, **self._transport)
        except requests.exceptions.ConnectTimeout as error:
            raise AttemptFailed("timeout", "Connecting to the API took too long") from error
        except requests.exceptions.Timeout as error:
            raise AttemptFailed("timeout", "The API did not answer in time") from error
        except requests.exceptions.SSLError as error:
            raise AttemptFailed("tls", "The API's certificate could not be verified") from error
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            raise AttemptFailed("connection", _connection_message(error)) from error
        body = self._read(response)
        if self._key in body:
            # Some gateways quote the request; what they say goes into messages and tables.
            body = body.replace(self._key, b"***")
        return Answer(response.status_code, response.headers, body)

    def close(self) -> None:
        """Close the idle connections."""
        self._adapter.close()

    def _read(self, response: requests.Response) -> bytes:
        pieces: list[bytes] = []
        size = 0
        is_whole = False
        try:
            while piece := response.raw.read1(_CHUNK, decode_content=True):
                pieces.append(piece)
                size += len(piece)
                if size > _LARGEST_ANSWER:
                    raise AttemptFailed("endless_answer", "The answer was larger than 256 MiB")
            is_whole = True
        except urllib3.exceptions.ReadTimeoutError as error:
            raise AttemptFailed("timeout", "The answer did not end in time") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise AttemptFailed("cut_answer", "The answer was cut before its end") from error
        finally:
            if is_whole:
                response.raw.release_conn()
            else:
                response.raw.close()
        return b"".join(pieces)


def checked_base_url(base_url: str, *, allow_plain_http: bool = False) -> str:
    """The base URL without its last slash, if the key may be sent there.

    Raises:
        ConfigurationError: where it is no http(s) URL, holds a user or password, a query or a fragment, or is plain
            http to another machine.
    """
    where = "Set --base-url (or FLEXPRICE_BASE_URL)"
    try:
        parts = urlsplit(base_url.strip())
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise ConfigurationError(
            f"{where} to an address such as {endpoints.DEFAULT_BASE_URL}: this one is none."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{where} without user, password, query or fragment; the key goes in FLEXPRICE_API_KEY."
        )
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK and not allow_plain_http:
        raise ConfigurationError(
            f"{where} to an https address: over plain http everybody on the way could read the key. "
            "If that is what you want, add --allow-plain-http."
        )
    return base_url.strip().rstrip("/")


def _connection_message(error: Exception) -> str:
    """The kind of a connection's failure; the exception's own text may hold the URL with its query."""
    text = str(error)
    for sign, message in (
        ("refused", "The API refused the connection"),
        ("resolve", "The name of the API's host could not be resolved"),
        ("reset", "The API reset the connection"),
        ("ProxyError", "The proxy could not be reached"),
    ):
        if sign in text:
            return message
    return "The connection to the API failed"
