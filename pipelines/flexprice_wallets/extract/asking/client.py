"""One HTTP attempt by `requests`: a call goes out, the bytes of an answer come back. Redirects are not followed."""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import urlsplit

import requests
import urllib3
from requests.exceptions import ProxyError, SSLError

from flexprice_wallets.extract import endpoints
from flexprice_wallets.extract.api_options import LOOPBACK, Timeouts, checked_base_url
from flexprice_wallets.extract.asking.outcomes import Answer, Failed
from flexprice_wallets.extract.asking.transport import Transport
from flexprice_wallets.extract.calls import Call, Failure
from flexprice_wallets.extract.secret import Secret
from flexprice_wallets.version import __version__


class AttemptFailed(Exception):
    """No usable answer came: the connection failed, timed out, or the answer was cut or too large."""

    def __init__(self, error_code: str, message: str, *, may_pass: bool = True) -> None:
        super().__init__(message)
        self.outcome = Failed(Failure(error_code, message), may_pass, error_code == "timeout")


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
        timeouts = timeouts or Timeouts()
        self._timeout = timeouts.connect, timeouts.read
        # A proxy is another machine, which plain http would show the key to.
        with_proxies = urlsplit(self.base_url).hostname not in LOOPBACK
        self._transport = Transport(
            self.base_url, timeouts.answer, connections, with_proxies=with_proxies
        )
        # As a JSON text holds it.
        self._key = json.dumps(api_key.reveal())[1:-1].encode()
        self._headers = {
            "Host": urlsplit(self.base_url).netloc,
            "User-Agent": f"flexprice-wallets/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            endpoints.KEY_HEADER: api_key.reveal(),
        }
        if environment_id:
            self._headers[endpoints.ENVIRONMENT_HEADER] = environment_id

    def ask(self, call: Call) -> Answer:
        """Send one request and read the whole answer.

        Raises:
            AttemptFailed: no whole answer came in time.
        """
        try:
            response = self._transport.send(self._request(call), timeout=self._timeout)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _no_answer(error) from error
        body = _whole_body(response, endpoints.LARGEST_ANSWERS[call.resource])
        if self._key in body:
            # Some gateways quote the request; what they say goes into messages and tables.
            body = body.replace(self._key, b"***")
        seconds = response.elapsed.total_seconds()
        return Answer(response.status_code, response.headers, body, seconds)

    def _request(self, call: Call) -> requests.PreparedRequest:
        request = requests.PreparedRequest()
        request.method, request.body = "GET", call.body
        request.url = self._transport.prefix + call.target
        # A plain dict: the one that ignores case takes 60 µs to be read.
        request.headers = self._headers  # type: ignore[assignment]
        if call.body is not None:
            request.method = "POST"
            length = {"Content-Type": "application/json", "Content-Length": str(len(call.body))}
            request.headers = {**self._headers, **length}  # type: ignore[assignment]
        return request

    def close(self) -> None:
        """Close all connections: requests under way fail, and no other is sent."""
        self._transport.close()


def _whole_body(response: requests.Response, most: int) -> bytes:
    """The body, decompressed no further than to one byte more than it may have."""
    try:
        body: bytes = response.raw.read(most + 1, decode_content=True)
    except urllib3.exceptions.ReadTimeoutError as error:
        raise AttemptFailed("timeout", "The answer did not end in time") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise AttemptFailed("cut_answer", "The answer was cut before its end") from error
    finally:
        # The connection of an answer that was read to its end is in the pool by now; any other ends here.
        response.raw.close()
    if len(body) > most:
        message = f"The answer was larger than {most // endpoints.MEBIBYTE} MiB"
        raise AttemptFailed("endless_answer", message, may_pass=False)
    return body


#: What kept an answer from coming: the first whose exception it is, with this in its text.
_REASONS: Final = (
    (requests.ConnectTimeout, "", "timeout", "Connecting to the API took too long"),
    (requests.Timeout, "", "timeout", "The API did not answer in time"),
    (ProxyError, "Tunnel connection failed", "proxy", "The proxy refused the connection"),
    (ProxyError, "", "proxy", "The proxy could not be reached"),
    (SSLError, "CERTIFICATE_VERIFY_FAILED", "tls", "The API's certificate could not be verified"),
    (SSLError, "", "tls", "No TLS connection to the API"),
    (Exception, "refused", "connection", "The API refused the connection"),
    (Exception, "resolve", "connection", "The name of the API's host could not be resolved"),
    (Exception, "reset", "connection", "The API reset the connection"),
    (Exception, "", "connection", "The connection to the API failed"),
)


def _no_answer(error: Exception) -> AttemptFailed:
    """The exception's own text may hold the URL with its query, so nothing of it is told."""
    text = str(error)
    return next(
        AttemptFailed(error_code, message)
        for kind, sign, error_code, message in _REASONS
        if isinstance(error, kind) and sign in text
    )
