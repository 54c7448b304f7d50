"""Connecting within a request's deadline: the name, each of its addresses, and whatever comes behind them."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING, Any

from .deadline import Deadline
from .lookup import look_up

if TYPE_CHECKING:
    import socket

__all__ = ["IdleConnections", "under_deadlines"]

_LEAST_S = 0.001


def under_deadlines(base: Any) -> Any:
    """Return a class of connections as `base` (one of urllib3's), which the `Deadline` of a request can cut."""

    class UnderDeadlines(base):  # type: ignore[misc]
        _dns_host: str
        timeout: float

        def _new_conn(self) -> socket.socket:
            deadline = Deadline.current()
            if deadline is None:
                return super()._new_conn()  # type: ignore[no-any-return]
            given = self._dns_host, self.timeout
            try:
                found = self._connect(deadline)
            finally:
                self._dns_host, self.timeout = given
            _put_under(deadline, found)
            return found

        def _connect(self, deadline: Deadline) -> socket.socket:
            """Connect to the first of the host's addresses that answers, each taking its share of what time is left."""
            timeout_s = self.timeout
            addresses = look_up(self._dns_host, self.port, within_s=deadline.left_s)
            while True:
                self._dns_host = addresses.pop(0)
                self.timeout = max(min(timeout_s, deadline.left_s / (len(addresses) + 1)), _LEAST_S)
                try:
                    return super()._new_conn()  # type: ignore[no-any-return]
                except Exception:
                    if not addresses or not deadline.left_s:
                        raise

        def request(self, *args: Any, **options: Any) -> None:
            deadline = Deadline.current()
            if self.sock is not None and deadline is not None:
                _put_under(deadline, self.sock)
            super().request(*args, **options)

    return UnderDeadlines


class IdleConnections:
    """What a pool keeps its connections in; a `queue.LifoQueue` may stay locked where a signal handler raises.

    It is not waited for: where there is none, or no room for one more, the pool makes and closes connections.
    """

    def __init__(self, maxsize: int) -> None:
        self._most = maxsize
        self._items: list[Any] = []
        self._lock = threading.Lock()

    def get(self, block: bool = False, timeout: float | None = None) -> Any:  # noqa: ARG002, FBT001, FBT002 - a queue's
        """Take the one that was put last."""
        with self._lock:
            if self._items:
                return self._items.pop()
        raise queue.Empty

    def put(self, item: Any, block: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - a queue's
        """Keep one."""
        with self._lock:
            if len(self._items) < self._most:
                self._items.append(item)
                return
        raise queue.Full

    def qsize(self) -> int:
        """Return how many there are."""
        return len(self._items)


def _put_under(deadline: Deadline, connection: socket.socket) -> None:
    import socket

    # A second handle on it: TLS and HTTP move and close the first as they like, and numbers of files are used again.
    line = socket.socket(fileno=socket.dup(connection.fileno()))

    def cut() -> None:
        with contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)

    deadline.watch(cut=cut, let_go=line.close)
