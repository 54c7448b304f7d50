"""uvicorn's HTTP protocol, sending head and body of an answer in one write, and bounding what a client may send.

uvicorn writes them one after the other, and each write is a system call, a packet and a wake-up of the client: for
short answers, a sixth of all the time that a request takes.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from nikdev_iot.server.config import ConnectionLimits
from nikdev_iot.server.web.answers import SECURITY_HEADERS

__all__ = ["OneWriteProtocol", "OneWriteTransport"]

_DEFAULTS = ConnectionLimits()
_BETWEEN, _HEAD, _BODY = range(3)
"""Which part of a request comes next, or whether none has begun."""
_MAX_HEADERS = 200
_MAX_UNWANTED_BYTES = 16 * 1024 * 1024
"""Of a body that was answered before it was read: discarded, so that a client that only reads then sees the answer."""
_MAX_REFUSED_BYTES = 1024 * 1024
_LINGER_S = 1.0
_CLOCK_S = 0.005
"""How exact the loop's clock is."""


class OneWriteTransport:
    """A transport that holds the first write back until the second, or until the event loop's next round."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._write = transport.write
        self._close = transport.close
        self._call_soon = loop.call_soon
        self._held = b""
        self._transport = transport
        # What is asked for with each request, without a detour.
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send `data`, together with what is held back, or hold it back for a moment."""
        if self._held:
            data, self._held = self._held + data, b""
            self._write(data)
        else:
            self._held = data
            self._call_soon(self.flush)

    def flush(self) -> None:
        """Send what is held back."""
        if self._held:
            data, self._held = self._held, b""
            self._write(data)

    def close(self) -> None:
        """Send what is held back, then close."""
        self.flush()
        self._close()


class OneWriteProtocol(HttpToolsProtocol):
    """One connection, with bounds on what a client may send, and on how long it may take.

    uvicorn has none for the head of a request (its line and headers), nor for the trailers behind a body: it would
    keep whatever comes. Counting is done by what was read at a time, so a request that comes in one packet costs a few
    comparisons and no timer.
    """

    def __init__(self, *args: Any, limits: ConnectionLimits = _DEFAULTS, **options: Any) -> None:
        super().__init__(*args, **options)
        self._limits = limits
        self._part = _BETWEEN
        self._began = 0
        """Heads that began in what is being read."""
        self._had_body = False
        """Whether there was a part of a body in what is being read."""
        self._quiet_bytes = 0
        """Of the head so far; within a body, those since there was a part of it."""
        self._body_bytes = 0
        self._body_since_s = 0.0
        self._due_s: float | None = None
        """When the client has to be done with what it is at."""
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = 0.0
        self._unread_timer: asyncio.TimerHandle | None = None
        self._is_refused = False

    # -- the connection -----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, with its writes joined; make room for it where there are too many."""
        super().connection_made(OneWriteTransport(transport, self.loop))  # type: ignore[arg-type]
        self._be_done_in(self._limits.head_timeout_s)
        if len(self.connections) > self._limits.connections and not self._close_an_idle_one():
            self._refuse(503, "busy", "The server has as many connections as it takes. Try again in a moment.")

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the timers."""
        self._is_refused = True
        for timer in (self._timer, self._unread_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for a client that does not read its answer, but not for ever."""
        super().pause_writing()
        if self._unread_timer is None:
            self._unread_timer = self.loop.call_later(self._limits.unread_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None
        super().resume_writing()

    def is_idle(self) -> bool:
        """Return whether it is open, and nothing is asked or answered at the moment."""
        return self._part == _BETWEEN and not self._is_answering() and not self.transport.is_closing()

    def _is_answering(self) -> bool:
        cycle: Any = self.cycle  # None before the first request, though declared otherwise
        return bool(cycle is not None and not cycle.response_complete)

    def _close_an_idle_one(self) -> bool:
        others: set[Any] = self.connections  # in no order: any of them
        idle = next((other for other in others if other.is_idle() and other is not self), None)
        if idle is not None:
            idle.transport.close()
        return idle is not None

    # -- what comes in ------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take what came, in pieces that never exceed what a head may still have."""
        while not self._is_refused:
            room = len(data) if self._part == _BODY else self._limits.head_bytes - self._quiet_bytes
            self._take(data[:room])
            if len(data) <= room:
                return
            data = data[room:]
        self._body_bytes += len(data)
        if self._body_bytes > _MAX_REFUSED_BYTES:
            self.transport.close()

    def _take(self, data: bytes) -> None:
        before, self._began, self._had_body = self._part, 0, False
        super().data_received(data)
        part = self._part
        if self._is_refused or (part == _BETWEEN and self._is_answering()):
            return
        if part == before:
            goes_on = not (self._had_body or self._began)
        else:
            goes_on = (before, part, self._began) == (_BETWEEN, _HEAD, 1)
        self._quiet_bytes = self._quiet_bytes + len(data) if goes_on else 0
        if self._quiet_bytes >= self._limits.head_bytes:
            limit = self._limits.head_bytes
            self._refuse(431, "headers-too-large", f"The request's line and headers exceed {limit} bytes.")
        elif part == _BODY:
            self._allow_body(is_new=before != _BODY)
        elif self._due_s is None:
            self._be_done_in(self._limits.head_timeout_s)

    def on_message_begin(self) -> None:
        """A head begins."""
        self._part = _HEAD
        self._began += 1
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer, which stands behind a body and which nobody asked for, is dropped."""
        if self._part == _HEAD:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """A head is complete."""
        self._part = _BODY
        self._quiet_bytes = self._body_bytes = 0
        self._due_s = None
        if len(self.headers) > _MAX_HEADERS:
            self._refuse(431, "headers-too-large", f"The request has more than {_MAX_HEADERS} headers.")
        if not self._is_refused:  # by an earlier request of the same packet, perhaps
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        if not self._is_refused:
            self._had_body = True
            self._body_bytes += len(body)
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is complete."""
        self._part = _BETWEEN
        self._due_s = None
        if not self._is_refused:
            super().on_message_complete()

    # -- how long it may take -----------------------------------------------------------------------

    def _allow_body(self, *, is_new: bool) -> None:
        """Give the client time for the next part of the body, and for what came so far at the slowest rate."""
        now_s, limits = self.loop.time(), self._limits
        if is_new:
            self._body_since_s = now_s
        if self.cycle.response_complete and self._body_bytes > _MAX_UNWANTED_BYTES:
            self.transport.close()
        by_s = self._body_since_s + limits.body_timeout_s + self._body_bytes / limits.body_bytes_per_s
        self._be_done_in(min(by_s - now_s, limits.body_timeout_s))

    def _be_done_in(self, timeout_s: float) -> None:
        due_s = self._due_s = self.loop.time() + timeout_s
        if self._timer is not None:
            if self._timer_s <= due_s:
                return  # it will look at the clock, and wait on
            self._timer.cancel()
        self._timer_s = due_s
        self._timer = self.loop.call_later(max(timeout_s, 0), self._look_at_clock)

    def _look_at_clock(self) -> None:
        self._timer = None
        if self._due_s is None or self._is_refused or self.transport.is_closing():
            return
        left_s = self._due_s - self.loop.time()
        if left_s > _CLOCK_S:
            self._be_done_in(left_s)
        elif self.flow.read_paused or (self._part != _BODY and self._is_answering()):
            self._be_done_in(self._limits.head_timeout_s)  # we are the ones who take their time
        else:
            what = "body" if self._part == _BODY else "line and headers"
            self._refuse(408, "timeout", f"The request's {what} did not come in time. Nothing was stored.")

    # -- refusing -----------------------------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._refuse(400, "bad-request", msg)

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Say so, unless answers to earlier requests are on their way, and close the connection."""
        if self._is_refused:
            return
        self._is_refused = True
        self._body_bytes = 0
        if self._is_answering():
            cycle = self.cycle
            if self.pipeline or self._part != _BODY or cycle.response_started:
                self.transport.close()
                return
            cycle.disconnected = True  # nobody waits for the application's answer
            cycle.message_event.set()
        body = json.dumps({"message": message, "code": code}).encode()
        headers = [
            *self.server_state.default_headers,
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            *SECURITY_HEADERS,
        ]
        head = b"".join(b"%s: %s\r\n" % header for header in headers)
        self.transport.write(STATUS_LINE[status] + head + b"\r\n" + body)
        if status == 503:  # each that stays a moment longer would be one too many
            self.transport.close()
            return
        # A connection that is closed with something unread is reset, and the client would not see the answer.
        self.transport.flush()  # type: ignore[attr-defined]
        self.transport.write_eof()
        self.loop.call_later(_LINGER_S, self.transport.close)
