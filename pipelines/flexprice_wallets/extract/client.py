"""One HTTP attempt at a time, through the connections of `requests`.

`requests` says once how the API is reached: proxies, certificates, the pool of connections. The pool is then asked
directly, because a Session looks all that up again for every call, which costs several times the request. Redirects
are not followed, so the key never reaches another host.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import requests
import urllib3

from flexprice_wallets.extract import endpoints
from flexprice_wallets.extract.api_options import LOOPBACK, Timeouts, checked_base_url
from flexprice_wallets.extract.bounded import BoundedAdapter
from flexprice_wallets.extract.calls import Call, Failure
from flexprice_wallets.extract.outcomes import Answer, Failed
from flexprice_wallets.extract.secret import Secret
from flexprice_wallets.version import __version__

_CHUNK = 256 * 1024
_NO_RETRIES = urllib3.Retry(total=False)


class AttemptFailed(Exception):
    """No usable answer came: the connection failed, timed out, or the answer was cut or endless."""

    def __init__(self, error_code: str, message: str, *, may_pass: bool = True) -> None:
        super().__init__(message)
        self.outcome = Failed(Failure(error_code, message), may_pass=may_pass)


class ApiClient:
    """Sends requests to one base URL with one key. Safe to share between threads."""

    def __init__(
        self,
        base_url: str,
        api_key: Secret,
        *,
        environment_id: str | None = None,
        connections: int = 8,
        timeouts: Timeouts | None = None,
        allow_plain_http: bool = False,
    ) -> None:
        self.base_url = checked_base_url(base_url, allow_plain_http=allow_plain_http)
        # As a JSON text holds it.
        self._key = json.dumps(api_key.reveal())[1:-1].encode()
        timeouts = timeouts or Timeouts()
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
        self._get_headers = headers
        self._post_headers = {**headers, "Content-Type": "application/json"}
        self._timeout = urllib3.Timeout(connect=timeouts.connect, read=timeouts.read)
        self._pool, self._prefix = self._reach()

    def _reach(self) -> tuple[urllib3.HTTPConnectionPool, str]:
        """The pool of connections to the API, and what stands before a call's target."""
        with requests.Session() as session:
            transport = session.merge_environment_settings(self.base_url, {}, None, None, None)
        # A proxy is another machine, which plain http would show the key to.
        is_loopback = urlsplit(self.base_url).hostname in LOOPBACK
        proxies = {} if is_loopback else transport["proxies"]
        request = requests.Request("GET", self.base_url).prepare()
        verify, certificate = transport["verify"], transport["cert"]
        pool = self._adapter.get_connection_with_tls_context(request, verify, proxies, certificate)
        self._adapter.cert_verify(pool, self.base_url, verify, certificate)  # type: ignore[no-untyped-call]
        assert isinstance(pool, urllib3.HTTPConnectionPool), "a pool for http or https"
        return pool, self._adapter.request_url(request, proxies).rstrip("/")

    def ask(self, call: Call) -> Answer:
        """Send one request and read the whole answer.

        Raises:
            AttemptFailed: where no whole answer came in time.
        """
        try:
            response = self._pool.urlopen(
                "GET" if call.body is None else "POST",
                self._prefix + call.target,
                body=call.body,
                headers=self._get_headers if call.body is None else self._post_headers,
                timeout=self._timeout,
                retries=_NO_RETRIES,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
            )
        # A ConnectTimeoutError by inheritance.
        except urllib3.exceptions.NewConnectionError as error:
            raise AttemptFailed("connection", _connection_message(error)) from error
        except urllib3.exceptions.ConnectTimeoutError as error:
            raise AttemptFailed("timeout", "Connecting to the API took too long") from error
        except urllib3.exceptions.TimeoutError as error:
            raise AttemptFailed("timeout", "The API did not answer in time") from error
        except urllib3.exceptions.ProxyError as error:
            raise AttemptFailed("proxy", "The proxy could not be reached") from error
        except urllib3.exceptions.SSLError as error:
            raise AttemptFailed("tls", "The API's certificate could not be verified") from error
        except urllib3.exceptions.HTTPError as error:
            raise AttemptFailed("connection", _connection_message(error)) from error
        body = self._read(response, endpoints.LARGEST_ANSWERS[call.resource])
        if self._key in body:
            # Some gateways quote the request; what they say goes into messages and tables.
            body = body.replace(self._key, b"***")
        return Answer(response.status, response.headers, body)

    def close(self) -> None:
        """Close the idle connections."""
        self._adapter.close()

    def _read(self, response: urllib3.BaseHTTPResponse, most: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        is_whole = False
        try:
            while piece := response.read1(_CHUNK):
                pieces.append(piece)
                size += len(piece)
                if size > most:
                    raise AttemptFailed(
                        "endless_answer",
                        f"The answer was larger than {most // endpoints.MEBIBYTE} MiB",
                        may_pass=False,
                    )
            is_whole = True
        except urllib3.exceptions.ReadTimeoutError as error:
            raise AttemptFailed("timeout", "The answer did not end in time") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise AttemptFailed("cut_answer", "The answer was cut before its end") from error
        finally:
            if is_whole:
                response.release_conn()
            else:
                response.close()
        return b"".join(pieces)


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
