"""The composition root: the only place that names concrete classes."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from nikdev_iot.server.accounts.accounts import Accounts
from nikdev_iot.server.accounts.devices import Devices
from nikdev_iot.server.accounts.fields import Fields
from nikdev_iot.server.accounts.invitations import Invitations
from nikdev_iot.server.accounts.keys import Keys
from nikdev_iot.server.accounts.leaving import Leaving
from nikdev_iot.server.accounts.passwords import Passwords
from nikdev_iot.server.accounts.people import People
from nikdev_iot.server.accounts.registering import Registering
from nikdev_iot.server.accounts.sessions import Sessions
from nikdev_iot.server.accounts.set_up import SetUp
from nikdev_iot.server.accounts.settings import Settings
from nikdev_iot.server.accounts.throttle import Throttle
from nikdev_iot.server.accounts.twofactor import TwoFactor
from nikdev_iot.server.config import ServerConfig
from nikdev_iot.server.dashboards.dashboards import Dashboards
from nikdev_iot.server.errors import ServerError, StorageError
from nikdev_iot.server.ingest.admission import Admission
from nikdev_iot.server.ingest.group import Outcome, Push
from nikdev_iot.server.ingest.preview import forget_stored
from nikdev_iot.server.ingest.waiting import Waiting
from nikdev_iot.server.ingest.writer import Writer
from nikdev_iot.server.live.hub import LiveHub
from nikdev_iot.server.measures.measures import Measures
from nikdev_iot.server.query.previews import Previews
from nikdev_iot.server.repacking.policy import Policy
from nikdev_iot.server.repacking.repacker import Repacker
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.sqlite import SqliteStorage
from nikdev_iot.server.web.answers import (
    SECURITY_HEADERS,
    Message,
    Receive,
    Scope,
    Send,
    WrongMethod,
    send_error,
    send_json,
)
from nikdev_iot.server.web.api.app import build_api
from nikdev_iot.server.web.api.services import Services
from nikdev_iot.server.web.push import PushRoutes

__all__ = ["App", "open_storage"]

_log = logging.getLogger(__name__)

_DECODING_THREADS = 3
"""For large pushes alone, so that long reads of history never keep one waiting."""
_LOOKUP_THREADS = 2
"""For what is always quick: keys, marks, whether the store is well."""
_DIGEST_THREADS = 1
_PASSWORD_THREADS = 2


def _now_us() -> int:
    return time.time_ns() // 1000


def _stand_back() -> None:
    """Let every other thread go first: a flood of passwords shall not slow pushes down."""
    if sys.platform == "linux":  # where a priority can be one thread's
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


class _Stopping(ServerError):
    status = 503
    code = "stopping"
    retry_after_s = 5.0


def open_storage(data: Path) -> SqliteStorage:
    """Open the embedded store in the folder `data`, making it where it is missing.

    Raises:
        StorageError: it cannot be opened; the message says why, and what to do.
    """
    return SqliteStorage.open(data)


class App:
    """The server as one ASGI application over an open store; `close` it after the last request."""

    def __init__(
        self,
        config: ServerConfig,
        storage: Storage,
        *,
        now_us: Callable[[], int] = _now_us,
        monotonic_s: Callable[[], float] = time.monotonic,
        passwords: Passwords | None = None,
        repacking: Policy | None = None,
    ) -> None:
        rates, ingest = config.rates, config.ingest
        self._storage = storage
        decoding = ThreadPoolExecutor(_DECODING_THREADS, thread_name_prefix="nikdev-push")
        self._lookups = ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="nikdev-lookup")
        digests = ThreadPoolExecutor(_DIGEST_THREADS, thread_name_prefix="nikdev-digests")
        passwords_executor = ThreadPoolExecutor(
            _PASSWORD_THREADS, thread_name_prefix="nikdev-password", initializer=_stand_back
        )
        self._executors = (decoding, self._lookups, digests, passwords_executor)
        most = config.accounts
        keys = Keys(
            storage, now_us=now_us, monotonic_s=monotonic_s, cache_s=rates.access_cache_s, most=most.keys_per_device
        )
        measures = self._measures = Measures(storage, config.data, now_us=now_us, monotonic_s=monotonic_s)

        def newest(device_id: uuid.UUID) -> Any:
            return self._api.state.reader.newest(device_id)  # made below

        self.live = LiveHub(newest=newest, now_us=now_us)
        """Who looks at values as they come."""

        previews = Previews(monotonic_s=monotonic_s)

        def on_stored(pushes: Sequence[Push], outcomes: Sequence[Outcome]) -> None:
            measures.stored(pushes, outcomes)
            forget_stored(previews, pushes, outcomes)
            self.live.stored(pushes, outcomes)

        self.writer = Writer(
            storage,
            ingest,
            now_us=now_us,
            monotonic_s=monotonic_s,
            key_uses=keys.take_used,
            on_stored=on_stored,
        )
        admission = Admission(keys, rates, executor=self._lookups, monotonic_s=monotonic_s)
        waiting = Waiting()
        self._push = PushRoutes(
            storage=storage,
            writer=self.writer,
            admission=admission,
            executor=decoding,
            lookups=self._lookups,
            digests=digests,
            now_us=now_us,
            limits=config.wire,
            bodies_bytes=ingest.bodies_bytes,
            waiting=waiting,
            previews=previews,
            live=self.live,
        )
        # It reads the headers of every request it is given: so it is given those only that have the one it looks for.
        trusted = config.trusted_proxies.strip()
        self._behind_proxy = ProxyHeadersMiddleware(self._route, trusted) if trusted else None  # type: ignore[arg-type]
        leaving = self._leaving = Leaving(storage, now_us=now_us, monotonic_s=monotonic_s)

        self._repacker = Repacker(storage, now_us=now_us, policy=repacking)

        def device_deleted() -> None:
            keys.forget_checks()
            leaving.wake()

        passwords = passwords or Passwords()
        accounts = Accounts(storage, passwords=passwords, now_us=now_us)
        settings, throttle = Settings(storage), Throttle()
        people = People(storage, passwords=passwords, now_us=now_us, throttle=throttle)
        invitations = Invitations(storage, passwords=passwords, settings=settings, now_us=now_us, most=most.invitations)
        two_factor = TwoFactor(storage, people=people, now_us=now_us)
        self.set_up = SetUp(storage, accounts=accounts)
        self._api = build_api(
            Services(
                storage=storage,
                gate=admission,
                accounts=accounts,
                devices=Devices(storage, now_us=now_us, on_delete=device_deleted, most=most.devices),
                fields=Fields(storage, now_us=now_us, most=config.ingest.fields_per_device),
                keys=keys,
                sessions=Sessions(
                    storage,
                    passwords=passwords,
                    two_factor=two_factor,
                    now_us=now_us,
                    throttle=throttle,
                    most=most.sessions_per_person,
                ),
                people=people,
                two_factor=two_factor,
                invitations=invitations,
                registering=Registering(accounts=accounts, people=people, invitations=invitations, settings=settings),
                settings=settings,
                set_up=self.set_up,
                password_executor=passwords_executor,
                dashboards=Dashboards(storage, now_us=now_us, most=most.dashboards),
                measures=measures,
                last_pushes=self.writer.last_pushes,
                waiting=waiting,
                live=self.live,
                previews=previews,
                now_us=now_us,
                limits=config.wire,
                limits_shown={
                    "requests_per_s": rates.requests_per_s,
                    "burst": rates.burst,
                    "fields_per_device": ingest.fields_per_device,
                    "remember_entries_days": ingest.remember_entries_days,
                },
            )
        )

    def close(self) -> None:
        """Store what waits, and let go of the threads; the store stays open. Idempotent."""
        self._measures.close()
        self._leaving.close()
        self._repacker.close()
        self.writer.close()
        for executor in self._executors:
            executor.shutdown(wait=True, cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the server's life."""
        if scope["type"] == "http":
            try:
                await self._serve(scope, receive, send)
            except asyncio.CancelledError:
                # A stop that has waited long enough. Where an answer has begun, it cannot be another one now.
                with suppress(RuntimeError):
                    await send_error(send, _Stopping("The server is stopping.", hint="Send it again in a moment."))
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._api(scope, receive, send)  # a WebSocket is refused there

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._behind_proxy is not None:
            for name, _ in scope["headers"]:
                if name == b"x-forwarded-for":
                    await self._behind_proxy(scope, receive, send)  # type: ignore[arg-type]
                    return
        await self._route(scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if self._push.serves(path):
            await self._push(scope, receive, send)
        elif path == "/healthz":
            await self._health(scope, send)
        else:
            await self._rest(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        async with AsyncExitStack() as stack:
            await receive()
            await stack.enter_async_context(self._api.router.lifespan_context(self._api))
            self.writer.start()
            self._leaving.start()
            self._repacker.start()
            self._measures.start()
            await send({"type": "lifespan.startup.complete"})
            try:
                await receive()
            except asyncio.CancelledError:
                return  # the server does not wait for us; whoever started it calls `close`
            self.live.close()
            await asyncio.to_thread(self.writer.close)
        await send({"type": "lifespan.shutdown.complete"})

    async def _health(self, scope: Scope, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            await send_error(send, WrongMethod("This address takes GET.", allow="GET"))
            return
        try:
            await asyncio.get_running_loop().run_in_executor(self._lookups, self._storage.check)
        except StorageError as error:
            await send_error(send, error)
            return
        await send_json(send, 200, {"status": "ok"})

    async def _rest(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on to the API; every answer gets the security headers, and no failure goes unanswered."""
        started = False

        async def send_secured(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = list(message.get("headers", ()))
                have = {name.lower() for name, _ in headers}
                message["headers"] = headers + [pair for pair in SECURITY_HEADERS if pair[0] not in have]
            await send(message)

        try:
            await self._api(scope, receive, send_secured)
        except Exception as error:  # noqa: BLE001 - the boundary: whatever it is, the client gets JSON
            _log.exception("a request failed", extra={"path": scope["path"]})
            if not started:
                await send_error(send, error)
