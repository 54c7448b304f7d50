"""Looking up a host's name, for no longer than there is time: the system's own way takes as long as it likes."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from typing import Final

__all__ = ["LookupFailed", "look_up"]

_THREAD_NAME: Final = "nikdev-lookup"


class LookupFailed(Exception):
    """The addresses of `host` are not known: there is no such name, or (`is_late`) nobody has said so in time."""

    def __init__(self, host: str, *, is_late: bool) -> None:
        super().__init__(host)
        self.host = host
        self.is_late = is_late


class _Lookup:
    """One question to the system, in a thread of its own; it cannot be called off, but others may wait for it too."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._done = threading.Event()
        self._found: list[str] = []
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            self._found = _ask(self._host, self._port)
        except (OSError, UnicodeError) as error:
            self._error = error
        finally:
            with _asking.lock:
                if _asking.under_way.get((self._host, self._port)) is self:
                    del _asking.under_way[self._host, self._port]
            self._done.set()

    def result(self, within_s: float) -> list[str]:
        is_late = not self._done.wait(within_s)
        if is_late or not self._found:
            raise LookupFailed(self._host, is_late=is_late) from self._error
        return list(self._found)


class _Asking:
    """What is being looked up: at most one thread for each name that hangs, however often it is asked for."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew in a forked child, in which those threads are not."""
        self.lock = threading.Lock()
        self.under_way: dict[tuple[str, int], _Lookup] = {}


_asking = _Asking()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_asking.forget)


def look_up(host: str, port: int, *, within_s: float) -> list[str]:
    """Return the addresses of a host, in the order in which to try them; an address is its own.

    Raises:
        LookupFailed: they are not known.
    """
    if ":" in host or host.replace(".", "").isdecimal():
        return [host]
    with _asking.lock:
        lookup = _asking.under_way.get((host, port))
        if lookup is None:
            lookup = _Lookup(host, port)
            thread = threading.Thread(target=lookup.run, name=_THREAD_NAME, daemon=True)
            with suppress(RuntimeError):  # no room for a thread, or the program is ending
                thread.start()
                _asking.under_way[host, port] = lookup
            is_waited_for = thread.ident is not None
        else:
            is_waited_for = True
    if not is_waited_for:
        lookup.run()  # it takes what it takes
    return lookup.result(within_s)


def _ask(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(_shown(address) for *_, address in found))


def _shown(address: tuple[object, ...]) -> str:
    """Return an address as text, with the interface where it is good on one alone."""
    return f"{address[0]}%{address[3]}" if len(address) > 3 and address[3] else str(address[0])
