"""HTTP for the client: the one module that knows urllib3, and the last that its errors reach.

Redirects are not followed: a key must not travel to an address that nobody configured.
"""

from __future__ import annotations

import contextlib
import io
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias
from urllib.parse import quote, urlencode, urlsplit

from nikdev_iot._version import __version__
from nikdev_iot.model.errors import NikDevError
from nikdev_iot.model.showing import one_line
from nikdev_iot.wire.headers import API_KEY, DEVICE_ID

from .answers import Answer
from .config import Config
from .connecting import IdleConnections, under_deadlines
from .deadline import Deadline
from .lookup import LookupFailed

if TYPE_CHECKING:
    import ssl

    import urllib3

__all__ = [
    "Transport",
    "TransportError",
    "Trouble",
    "credential_headers",
    "open_transport",
    "path_segment",
    "proxy_of",
    "tls_context",
]

Trouble: TypeAlias = Literal["name", "refused", "unreachable", "timeout", "tls", "cut", "proxy", "too-large", "other"]
"""Where it broke: looking up the host's name, connecting, waiting, TLS, a connection that ended early, …"""

SMALL_ANSWER_BYTES: Final = 4 * 1024 * 1024
_CHUNK_BYTES: Final = 65_536
SLOWEST_BYTES_PER_S: Final = 2048
"""A body is given so much more time; on a slower line, packs are halved until they get through."""
_IDLE_LIMIT_S: Final = 30.0
"""A connection unused for longer is not used again: routers forget connections without telling either end."""


class TransportError(NikDevError):
    """No whole answer came. Whether the request arrived is not known, except where `trouble` says it cannot have."""

    def __init__(self, message: str, *, trouble: Trouble, hint: str = "") -> None:
        super().__init__(one_line(message), hint=hint)
        self.trouble: Trouble = trouble


def credential_headers(config: Config) -> dict[str, str]:
    """Return the headers that say who asks; raises `ConfigError` where that is not known."""
    device_id, api_key = config.credentials()
    return {DEVICE_ID: device_id, API_KEY: api_key}


def open_transport(config: Config) -> Transport:
    """Return a transport for a device; raises `ConfigError` where its credentials are missing or cannot be right."""
    return Transport(base_url=config.base_url, timeout_s=config.request_timeout_s, headers=credential_headers(config))


def path_segment(text: str) -> str:
    """Return `text` quoted for one segment of a path."""
    return quote(text, safe="")


def proxy_of(base_url: str) -> str | None:
    """Return the proxy that the environment names for this server, as 0.5.5 (by `requests`) heeded it."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(base_url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or parts.hostname in {"localhost", "127.0.0.1", "::1"} or proxy_bypass(parts.netloc):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def tls_context() -> ssl.SSLContext:
    """Return how servers are told to prove who they are: by the system's certificates, or those of SSL_CERT_FILE."""
    import urllib3

    context = urllib3.util.create_urllib3_context()
    context.load_default_certs()
    return context


class Transport:
    """Pooled connections to one server. Usable from several threads; opens nothing before the first request."""

    def __init__(
        self,
        *,
        base_url: str,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.base_url = base_url
        self.timeout_s = timeout_s
        self._headers = {"user-agent": f"nikdev-iot/{__version__}", "accept": "application/json", **(headers or {})}
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._pools: urllib3.PoolManager | None = None
        self._used_at = 0.0

    @property
    def place(self) -> str:
        """The server as messages name it: host and port."""
        return urlsplit(self.base_url).netloc

    def close(self) -> None:
        """Close the connections. Idempotent; a later request opens new ones."""
        with self._lock:
            pools, self._pools = self._pools, None
        if pools is not None:
            pools.clear()

    def prepare(self) -> None:
        """Load what the first request needs, so that it takes no longer than those after it."""
        self._open()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = SMALL_ANSWER_BYTES,
        whole_within_s: float | None = None,
    ) -> Answer:
        """Send one request, once, and return the whole answer, whatever its status.

        Whatever the server does, it takes at most `timeout_s` from connecting to the end of the answer, and a second
        more for each `SLOWEST_BYTES_PER_S` of `body`. With `whole_within_s`, the answer's body has that long for
        itself. A standstill ends after `timeout_s` in any case, and so does looking for the host's name.

        Raises:
            TransportError: no whole answer; nothing else, ever.
        """
        url = self.base_url + path + (f"?{urlencode(query)}" if query else "")
        shown = self.base_url + path
        sent = {**self._headers, **(headers or {})}
        if body is not None:
            sent["content-length"] = str(len(body))
        deadline = Deadline(self.timeout_s + len(body or b"") / SLOWEST_BYTES_PER_S)
        try:
            pools = self._open()  # the first time this loads libraries, which is not the server's fault
            with deadline:
                response = pools.request(
                    method,
                    url,
                    body=None if body is None else io.BytesIO(body),  # in blocks: each may take `timeout_s` to send
                    headers=sent,
                    retries=False,
                    redirect=False,
                    preload_content=False,
                )
                if whole_within_s is not None:
                    deadline.begin_again(whole_within_s)
                answer = Answer(shown, response.status, _lowered(response), self._read(response, shown, max_bytes))
        except TransportError:
            raise
        except LookupFailed as error:
            raise self._explain(error, shown) from error
        except Exception as error:  # whatever a library below makes of a bad network, it ends here
            raise (self._late(deadline, shown) if deadline.passed else self._explain(error, shown)) from error
        if deadline.passed:  # cut among its headers, an answer looks like a short one
            raise self._late(deadline, shown)
        return answer

    def _read(self, response: urllib3.BaseHTTPResponse, shown: str, max_bytes: int) -> bytes:
        try:
            parts = []
            size = 0
            while part := response.read1(_CHUNK_BYTES):
                size += len(part)
                if size > max_bytes:
                    raise TransportError(
                        f"The answer of {shown} is longer than {max_bytes} bytes",
                        trouble="too-large",
                        hint="Check 'baseUrl': a NikDev server does not send that much at once.",
                    )
                parts.append(part)
        except BaseException:
            response.close()  # an unread rest must not be taken for the next answer
            raise
        response.release_conn()
        self._used_at = self._monotonic()
        return b"".join(parts)

    def _open(self) -> urllib3.PoolManager:
        with self._lock:
            pools = self._pools
            if pools is None:
                pools = self._pools = self._new_pools()
            elif self._monotonic() - self._used_at > _IDLE_LIMIT_S:
                pools.clear()
        return pools

    def _new_pools(self) -> urllib3.PoolManager:
        import urllib3

        options: dict[str, Any] = {
            "num_pools": 2,
            "maxsize": 4,
            "timeout": urllib3.Timeout(connect=self.timeout_s, read=self.timeout_s),
        }
        if self.base_url.startswith("https:"):
            # Once, and before there is a connection: a small device takes its time over all the certificates.
            options["ssl_context"] = tls_context()
        proxy = proxy_of(self.base_url)
        pools = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
        kinds: dict[str, Any] = pools.pool_classes_by_scheme
        pools.pool_classes_by_scheme = {
            scheme: type(
                kind.__name__,
                (kind,),
                {"ConnectionCls": under_deadlines(kind.ConnectionCls), "QueueCls": IdleConnections},
            )
            for scheme, kind in kinds.items()
        }
        return pools

    # -- what a failure means ---------------------------------------------------------------------

    def _late(self, deadline: Deadline, shown: str) -> TransportError:
        return TransportError(
            f"{self.place} did not answer within {round(deadline.within_s, 2):g} s (for {shown})",
            trouble="timeout",
            hint="The server or the network is slow; 'requestTimeout' says how long to wait.",
        )

    def _explain(self, error: Exception, shown: str) -> TransportError:
        import urllib3.exceptions as raised

        if isinstance(error, raised.MaxRetryError) and error.reason is not None:
            error = error.reason
        found = _by_type(error, self.place, self.timeout_s)
        if found is not None:
            message, trouble, hint = found
            return TransportError(f"{message} (for {shown})", trouble=trouble, hint=hint)
        return TransportError(
            f"The request to {shown} failed: {_inner(error)}",
            trouble="other",
            hint="Run the connection test (`nikdev doctor` or `Api.test_connection()`) for more.",
        )


def _lowered(response: urllib3.BaseHTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _by_type(error: Exception, place: str, timeout_s: float) -> tuple[str, Trouble, str] | None:
    import http.client
    import ssl

    import urllib3.exceptions as raised

    if isinstance(error, LookupFailed):
        return _nameless(error, place, timeout_s)
    if isinstance(error, raised.ProxyError):
        return (
            f"The proxy on the way to {place} did not work: {_inner(error)}",
            "proxy",
            "Check HTTP_PROXY, HTTPS_PROXY.",
        )
    if isinstance(error, raised.NewConnectionError):
        cause = error.__cause__ or error.__context__
        if isinstance(cause, ConnectionRefusedError):
            return (
                f"Nothing accepts connections at {place}",
                "refused",
                "Check host and port in 'baseUrl', and that the server is running.",
            )
        return (
            f"{place} cannot be reached: {_inner(cause or error)}",
            "unreachable",
            "Check that this device is online.",
        )
    if isinstance(error, raised.ConnectTimeoutError):
        return (
            f"{place} did not accept a connection within {timeout_s:g} s",
            "timeout",
            "The network is slow or a firewall swallows what is sent; 'requestTimeout' says how long to wait.",
        )
    if isinstance(error, raised.TimeoutError | TimeoutError) or isinstance(_innermost(error), TimeoutError):
        return (
            f"{place} did not answer within {timeout_s:g} s",
            "timeout",
            "The server or the network is slow; 'requestTimeout' says how long to wait.",
        )
    if isinstance(error, raised.SSLError | ssl.SSLError | ssl.CertificateError):
        return _tls(error, place)
    if isinstance(error, raised.ProtocolError | http.client.HTTPException | ConnectionError):
        return _cut(error, place)
    if isinstance(error, raised.DecodeError | raised.ResponseError):
        return (f"The answer of {place} is damaged: {_inner(error)}", "cut", "Try again.")
    return None


def _nameless(error: LookupFailed, place: str, timeout_s: float) -> tuple[str, Trouble, str]:
    if error.host != urlsplit(f"//{place}").hostname:
        return (
            f"The proxy {error.host} on the way to {place} cannot be found",
            "proxy",
            "Check HTTP_PROXY, HTTPS_PROXY.",
        )
    if error.is_late:
        return (
            f"The host name of {place} was not found out within {timeout_s:g} s: no name server answers",
            "name",
            "Check that this device is online, and its name server.",
        )
    return (
        f"The host name of {place} cannot be found",
        "name",
        "Check its spelling in 'baseUrl', and that this device is online.",
    )


def _tls(error: Exception, place: str) -> tuple[str, Trouble, str]:
    text = str(error)
    if "WRONG_VERSION_NUMBER" in text or "HTTP_REQUEST" in text or "RECORD_LAYER_FAILURE" in text:
        return (f"{place} does not speak TLS", "tls", "If the server has no certificate, write http:// in 'baseUrl'.")
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text:
        reason = text.partition("certificate verify failed: ")[2].partition(" (_ssl")[0] or "it was not accepted"
        return (
            f"The certificate of {place} cannot be trusted: {reason}",
            "tls",
            "Check host name and this device's clock; for a certificate of your own, name its file in SSL_CERT_FILE.",
        )
    return (f"No secure connection to {place} could be made: {_inner(error)}", "tls", "Check 'baseUrl' and the clock.")


def _cut(error: Exception, place: str) -> tuple[str, Trouble, str]:
    import http.client

    inner = _innermost(error)
    if isinstance(inner, http.client.BadStatusLine) and not isinstance(inner, http.client.RemoteDisconnected):
        return (f"What answers at {place} does not speak HTTP", "other", "Check host and port in 'baseUrl'.")
    if isinstance(inner, http.client.HTTPException) and not isinstance(
        inner, http.client.RemoteDisconnected | http.client.IncompleteRead
    ):
        return (f"What answers at {place} does not speak proper HTTP", "other", "Check host and port in 'baseUrl'.")
    return (f"The connection to {place} ended before the answer was complete", "cut", "Try again.")


def _innermost(error: object) -> object:
    while isinstance(error, Exception) and error.args and isinstance(error.args[-1], Exception):
        error = error.args[-1]
    return error


def _inner(error: object) -> str:
    """Return the innermost reason in words, without addresses of objects in it."""
    error = _innermost(error)
    for found in (error, getattr(error, "__cause__", None)):
        if isinstance(found, OSError) and found.strerror:
            return found.strerror
    text = str(error)
    with contextlib.suppress(ValueError):
        if "object at 0x" in text:
            text = text[text.index(": ") + 2 :]
    return text or type(error).__name__
