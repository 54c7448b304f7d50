"""Answers of the plain ASGI routes: JSON, security headers, and the one way in which an error becomes a response."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

import msgspec

from nikdev_iot.model.errors import Damaged, Malformed, NikDevError, TooLarge, Unsupported, WireError
from nikdev_iot.server.errors import Invalid, Refused, ServerError, StorageError, StorageUnavailable

__all__ = ["SECURITY_HEADERS", "Message", "Receive", "Scope", "Send", "WrongMethod", "send_error", "send_json"]

Message: TypeAlias = MutableMapping[str, Any]
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_log = logging.getLogger(__name__)

SECURITY_HEADERS: list[tuple[bytes, bytes]] = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
]
"""On every answer, unless it brings its own."""


class WrongMethod(Refused):
    """The address does not take this method; `allow` names those that it takes."""

    status = 405
    code = "method-not-allowed"

    def __init__(self, message: str, *, allow: str) -> None:
        super().__init__(message)
        self.allow = allow


_JSON_HEADERS = [(b"content-type", b"application/json"), *SECURITY_HEADERS]
_WIRE_ERRORS: dict[type[WireError], tuple[int, str]] = {
    Damaged: (400, "damaged"),
    Malformed: (400, "malformed"),
    TooLarge: (413, "too-large"),
    Unsupported: (400, "unsupported"),
}
_encode = msgspec.json.Encoder().encode
_STORAGE_RETRY_S = 2.0
_NO_STORE = "The server's store cannot be reached or written to at the moment; its log says why. Nothing was stored."
_UNREADABLE = "The server could not read its store; its log says more."


async def send_json(send: Send, status: int, body: object, *, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    """Send one JSON answer."""
    raw = _encode(body)
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [*_JSON_HEADERS, (b"content-length", b"%d" % len(raw)), *headers],
        }
    )
    await send({"type": "http.response.body", "body": raw})


async def send_error(send: Send, error: Exception) -> None:
    """Send the answer to a request that `error` ended; one that nobody foresaw is logged, and tells nothing."""
    headers: list[tuple[bytes, bytes]] = []
    body: dict[str, Any] = {"message": str(error), "code": "server-error"}
    status = 500
    if isinstance(error, WireError):
        status, body["code"] = _WIRE_ERRORS.get(type(error), (400, "malformed"))
        if isinstance(error, TooLarge):
            body["limit"] = error.limit
    elif isinstance(error, ServerError):
        status, body["code"] = error.status, error.code
        if isinstance(error, StorageError):
            # Its own words name paths of the server's, which are the operator's business.
            _log.error("the store: %s", error)
            body["message"] = _NO_STORE if isinstance(error, StorageUnavailable) else _UNREADABLE
        if getattr(error, "reason", ""):
            body["reason"] = error.reason  # type: ignore[attr-defined]
        retry_after_s = _STORAGE_RETRY_S if isinstance(error, StorageUnavailable) else None
        retry_after_s = getattr(error, "retry_after_s", retry_after_s)
        if retry_after_s is not None:
            headers.append((b"retry-after", b"%d" % max(1, math.ceil(retry_after_s))))
        if isinstance(error, WrongMethod):
            headers.append((b"allow", error.allow.encode()))
        if isinstance(error, Invalid) and error.rejected:
            body["rejected"] = [{"number": number, "reason": reason} for number, reason in error.rejected]
    elif not isinstance(error, NikDevError):
        _log.error("a request failed", exc_info=error)
        body["message"] = "The server made a mistake with this request; its log says more."
    await send_json(send, status, body, headers=tuple(headers))
