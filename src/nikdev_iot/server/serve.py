"""Run the server: listen, say so, serve, stop cleanly."""

from __future__ import annotations

import errno
import gc
import logging
import shlex
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from types import FrameType

import anyio._backends._asyncio  # noqa: F401 - it would be loaded with the first request: too late, where no file can be opened
import uvicorn

from nikdev_iot._version import __version__
from nikdev_iot.server.config import ServerConfig
from nikdev_iot.server.errors import ServerError
from nikdev_iot.server.storage.port import Storage

from .app import App, open_storage
from .desktop import has_desktop
from .files import fitting_connections
from .protocol import OneWriteProtocol
from .watchdog import Watchdog

__all__ = ["CannotListen", "run"]

_log = logging.getLogger(__name__)
_GRACE_S = 1.0
"""How long what was cancelled may take to end."""
_COLLECT_AFTER = (20_000, 20, 50)
"""A request leaves nothing behind that only the collector could free: it need not look after every 700 objects."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class CannotListen(ServerError):
    """The address is taken, or not this machine's."""

    code = "cannot-listen"


def run(config: ServerConfig) -> None:
    """Serve until SIGTERM or SIGINT; then finish what was begun, and return.

    Raises:
        CannotListen: the address cannot be had.
        StorageError: the store cannot be opened.
    """
    listening = _listen(config.host, config.port)
    try:
        storage = open_storage(config.data)
    except BaseException:
        listening.close()
        raise
    try:
        app = App(config, storage)
        try:
            _serve(config, app, storage, listening)
        finally:
            app.close()
    finally:
        storage.close()
    counts = app.writer.counts
    _log.info("stopped", extra={"pushes": counts.pushes, "transactions": counts.transactions})


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListen(f"{host} is not an address to listen on: {error.strerror or error}.") from None
    try:
        if sys.platform != "win32":  # there it would let two servers share the port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        # Here and not later: between bind and listen another process could still take the address.
        listening.listen(2048)
    except OSError as error:
        listening.close()
        hint = "Name another with --host."
        if error.errno == errno.EADDRINUSE:
            hint = "Another program listens there, another `nikdev serve` perhaps. Stop it, or name another --port."
        elif error.errno == errno.EACCES:
            hint = "Ports below 1024 are the system administrator's. Name another with --port."
        raise CannotListen(f"Cannot listen on {_url(host, port)}: {error.strerror}.", hint=hint) from None
    return listening


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _reachable(host: str, port: int) -> str:
    """Return an address that a browser on this machine can open, where the server listens on all of them."""
    return _url({"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host), port)  # noqa: S104


def _serve(config: ServerConfig, app: App, storage: Storage, listening: socket.socket) -> None:
    limits = replace(config.connections, connections=fitting_connections(config.connections.connections))
    server = _Server(
        uvicorn.Config(
            app,
            loop="auto" if sys.platform == "win32" else "uvloop",
            http=partial(OneWriteProtocol, limits=limits),  # type: ignore[arg-type]
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=config.access_log,
            server_header=False,
            proxy_headers=False,  # the app does that, where there are any
            timeout_keep_alive=config.keep_alive_s,
            timeout_graceful_shutdown=config.stop_timeout_s,
        )
    )
    server.url = _url(config.host, listening.getsockname()[1])
    if token := app.set_up.new_token():
        server.set_up_url = f"{_reachable(config.host, listening.getsockname()[1])}/admin/setup/{token}"
    server.opens_browser = config.opens_browser
    server.data = str(config.data)
    server.end_streams = app.live.close
    server.watchdog = Watchdog(after_s=config.stop_timeout_s + _GRACE_S, close=storage.close)
    server.watchdog.start()
    server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """uvicorn's server, which says when it is ready, and for which a signal to stop is no failure."""

    url = ""
    data = ""
    set_up_url = ""
    """Where the first account is made; empty where there is one."""
    opens_browser: bool | None = None
    watchdog: Watchdog | None = None
    end_streams: Callable[[], None] | None = None
    """Live streams would be requests in flight for ever."""
    asked_by: int | None = None
    """The signal that asked for the stop."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            # What is there by now stays: the collector need not look at it with every few hundred requests.
            gc.collect()
            gc.freeze()
            gc.set_threshold(*_COLLECT_AFTER)
            with suppress(OSError):  # nobody reads it: that is no reason not to serve
                print(f"NikDev IoT {__version__} is ready at {self.url}", flush=True)  # noqa: T201 - the promised line
            _log.info("serving", extra={"url": self.url, "data": self.data})
            if self.set_up_url:
                self._say_set_up()

    def _say_set_up(self) -> None:
        with suppress(OSError):
            print(f"There is no account yet. Make the first one at {self.set_up_url}", flush=True)  # noqa: T201
        _log.info(
            "There is no account yet. Make the first one in a browser, or with: "
            f"nikdev admin account add you@example.org --password-stdin --data {shlex.quote(self.data)}",
            extra={"set_up_url": self.set_up_url},
        )
        if has_desktop() if self.opens_browser is None else self.opens_browser:
            # A browser that must be started first may take its time.
            threading.Thread(target=webbrowser.open, args=(self.set_up_url,), daemon=True).start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.end_streams is not None:
            self.end_streams()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn raises the signal once more when it is done, which would make a clean stop an exit by signal.
        before = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's signature
        if sig == self.asked_by:
            self.force_exit = True  # asked for twice: do not wait for requests in flight
        if not self.should_exit:
            # Another signal is no second wish: Ctrl-C reaches us and whoever started us, who then sends SIGTERM.
            self.asked_by = sig
            if self.watchdog is not None:
                self.watchdog.stop_was_asked_for()
        self.should_exit = True
