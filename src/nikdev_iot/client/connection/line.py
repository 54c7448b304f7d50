"""The way to a server, layer by layer: its name, a connection, TLS."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from nikdev_iot.client.lookup import LookupFailed, look_up

__all__ = ["Break", "Certificate", "Connected", "Line", "LineBroken", "is_address"]

Break: TypeAlias = Literal[
    "no-name", "no-name-server", "timeout", "refused", "unreachable", "proxy",
    "untrusted", "expired", "early", "no-tls", "tls",
]  # fmt: skip
"""Where a line broke: names, connecting, the proxy, and TLS: not trusted, after its time, before it, or none at all."""

_LONGEST_HEAD_BYTES = 16_384
_NO_NAME = frozenset(getattr(socket, name, None) for name in ("EAI_NONAME", "EAI_NODATA"))
_EXPIRED, _EARLY = 10, 9
"""What OpenSSL calls a certificate after and before its time (X509_V_ERR_…)."""
_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")


class LineBroken(Exception):
    """The line breaks here; the text is the system's reason."""

    def __init__(self, where: Break, reason: str) -> None:
        super().__init__(reason)
        self.where: Break = where
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection was accepted."""

    address: str
    silent: tuple[str, ...]
    """The addresses before it, each with why it was none."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """How a server proved who it is."""

    version: str
    """Of TLS."""
    issuer: str
    begins_s: float
    expires_s: float


def is_address(host: str) -> bool:
    """Return whether `host` is an IP address, for which there is no name to look up."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError, ValueError):
            socket.inet_pton(family, host.partition("%")[0])
            return True
    return False


class Line:
    """One connection to a host, made step by step. Each step takes at most as long as it is given."""

    def __init__(self, host: str, port: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.host = host
        self.port = port
        self._monotonic = monotonic
        self._addresses: tuple[str, ...] = ()
        self._socket: socket.socket | None = None

    def close(self) -> None:
        """Close the connection. Idempotent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def look_up(self, *, within_s: float) -> tuple[str, ...]:
        """Return the host's addresses; raises `LineBroken`."""
        try:
            self._addresses = tuple(look_up(self.host, self.port, within_s=within_s))
        except LookupFailed as error:
            if error.is_late:
                raise LineBroken("timeout", f"no answer within {within_s:.1f} s") from None
            cause = error.__cause__
            is_unknown = not isinstance(cause, OSError) or cause.errno in _NO_NAME
            reason = "it is no name" if isinstance(cause, UnicodeError) or cause is None else _reason(cause)
            raise LineBroken("no-name" if is_unknown else "no-name-server", reason) from None
        return self._addresses

    def connect(self, *, within_s: float) -> Connected:
        """Connect to the first address that accepts it; each has its share of the time. Raises `LineBroken`."""
        ends = self._monotonic() + within_s
        silent: list[str] = []
        where: Break = "unreachable"
        for at, address in enumerate(self._addresses):
            share_s = max(ends - self._monotonic(), 0.01) / (len(self._addresses) - at)
            try:
                self._socket = socket.create_connection((address, self.port), timeout=share_s)
            except OSError as error:
                late = isinstance(error, TimeoutError)
                where = "refused" if isinstance(error, ConnectionRefusedError) else "timeout" if late else where
                silent.append(f"{address}: {'no answer' if late else _reason(error)}")
                continue
            return Connected(address, tuple(silent))
        raise LineBroken(where, "; ".join(silent) or "there is no address")

    def pass_proxy(self, host: str, port: int, *, within_s: float) -> None:
        """Ask the proxy at the other end for a connection to `host`; raises `LineBroken`."""
        line = self._open()
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        ends = self._monotonic() + within_s
        head = b""
        try:
            line.settimeout(within_s)
            line.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode("ascii"))
            while b"\r\n\r\n" not in head:
                line.settimeout(max(ends - self._monotonic(), 0.01))
                part = line.recv(4096)
                head += part
                if not part or len(head) > _LONGEST_HEAD_BYTES:
                    break
        except TimeoutError:
            raise LineBroken("timeout", f"the proxy did not answer within {within_s:.1f} s") from None
        except (OSError, UnicodeError) as error:
            raise LineBroken("proxy", _reason(error)) from None
        said = head.split(b"\r\n")[0].decode("latin-1")
        words = said.split()
        if len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].startswith("2"):
            raise LineBroken("proxy", f"it said {said[:200]!r}" if said else "it closed the connection")

    def secure(self, host: str, context: ssl.SSLContext, *, within_s: float) -> Certificate:
        """Have `host` prove who it is, by TLS; raises `LineBroken`."""
        secure = self._handshake(host, context, within_s)
        shown: Any = secure.getpeercert() or {}
        return Certificate(
            version=secure.version() or "TLS",
            issuer=_issuer(shown),
            begins_s=ssl.cert_time_to_seconds(shown["notBefore"]) if "notBefore" in shown else 0.0,
            expires_s=ssl.cert_time_to_seconds(shown["notAfter"]) if "notAfter" in shown else float("inf"),
        )

    def speaks_tls(self, *, within_s: float) -> bool:
        """Return whether there is TLS at the other end, whoever it is."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # nothing is sent or believed: this asks for the language alone
        try:
            self._handshake(self.host, context, within_s)
        except LineBroken:
            return False
        return True

    def _open(self) -> socket.socket:
        if self._socket is None:
            raise LineBroken("unreachable", "there is no connection")
        return self._socket

    def _handshake(self, host: str, context: ssl.SSLContext, within_s: float) -> ssl.SSLSocket:
        line = self._open()
        line.settimeout(within_s)  # of the handshake as a whole, however many parts it comes in
        try:
            self._socket = secure = context.wrap_socket(line, server_hostname=host)
        except TimeoutError:
            raise LineBroken("timeout", f"no answer to the handshake within {within_s:.1f} s") from None
        except ssl.SSLCertVerificationError as error:
            where: Break = {_EXPIRED: "expired", _EARLY: "early"}.get(error.verify_code, "untrusted")  # type: ignore[assignment]
            raise LineBroken(where, error.verify_message) from None
        except ssl.SSLError as error:
            where = "no-tls" if any(name in str(error) for name in _NOT_TLS) else "tls"
            raise LineBroken(where, (error.reason or str(error)).replace("_", " ").lower()) from None
        except (OSError, ValueError) as error:
            raise LineBroken("tls", _reason(error)) from None
        return secure


def _reason(error: BaseException) -> str:
    text = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return text[:300]


def _issuer(shown: dict[str, Any]) -> str:
    names = {name: value for part in shown.get("issuer", ()) for name, value in part}
    organization, common = names.get("organizationName", ""), names.get("commonName", "")
    return " ".join(dict.fromkeys(name for name in (organization, common) if name)) or "nobody named"
