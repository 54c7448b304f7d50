"""`/shared/{token}`: one dashboard for anyone who has its link: its fields, live, and nothing else of the account."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool

from nikdev_iot.server.errors import NotFound, TooMany
from nikdev_iot.server.ingest.limits import TokenBuckets
from nikdev_iot.server.live.events import LiveEvent, narrowed
from nikdev_iot.server.live.streams import LiveStream
from nikdev_iot.server.peers import network_of
from nikdev_iot.server.web.api.routing import ReaderOf, ServicesOf
from nikdev_iot.server.web.api.services import Services

from .dashboard_data import Board, answer_board_series, board_of
from .dashboards import QUICK, shown_of
from .live import EventStream
from .routing import Who, page_router, who
from .shell import page

__all__ = ["ShareGate", "routes"]

routes = page_router()

_HEADERS = {"referrer-policy": "no-referrer", "x-robots-tag": "noindex, nofollow"}
"""The address is the secret: neither links that lead away nor search engines shall learn it."""
_PER_S, _BURST = 20.0, 200.0


class ShareGate:
    """How often one client may ask for what is shared. Belongs to the event loop's thread."""

    def __init__(self, *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._buckets = TokenBuckets(per_s=_PER_S, burst=_BURST, monotonic_s=monotonic_s)

    def admit(self, network: str) -> None:
        """Count a request; raises `TooMany`."""
        wait_s = self._buckets.take(network)
        if wait_s:
            raise TooMany("Too many requests from this address.", retry_after_s=wait_s, hint="Wait a moment.")


def _network(request: Request) -> str:
    return network_of(request.client.host) if request.client else ""


async def _board(request: Request, services: Services, token: str) -> Board:
    """Return what the link shows, after it was looked up; raises `TooMany` and `NotFound`."""
    gate: ShareGate = request.app.state.share_gate
    gate.admit(_network(request))

    def find() -> Board:
        return board_of(services, services.dashboards.shared(token))

    return await run_in_threadpool(find)


@routes.get("/shared/{token}", openapi_extra=who(Who.ANYONE))
async def shared(request: Request, token: str, services: ServicesOf, reader: ReaderOf) -> Response:
    """Show it."""
    board = await _board(request, services, token)

    def show() -> Response:
        shown, span = shown_of(services, reader, board, request.query_params)
        return page(
            request,
            "shared/board.html",
            headers=_HEADERS,
            dashboard=board.dashboard,
            shown=shown,
            span=span,
            ranges=QUICK,
            src=f"/shared/{token}/series",
            live=f"/shared/{token}/live?version={board.dashboard.version}",
        )

    return await run_in_threadpool(show)


@routes.get("/shared/{token}/series", openapi_extra=who(Who.ANYONE))
async def series(request: Request, token: str, services: ServicesOf) -> Response:
    """Return what its charts draw: of the fields on it alone."""
    answer = await answer_board_series(request, await _board(request, services, token))
    answer.headers.update(_HEADERS)
    return answer


@routes.get("/shared/{token}/live", openapi_extra=who(Who.ANYONE))
async def live(request: Request, token: str, services: ServicesOf) -> Response:
    """Stream what comes of the fields on it; it ends when the dashboard or its link is changed.

    Whoever comes again with the version that their page is of is told to load it anew.
    """
    board = await _board(request, services, token)
    if request.query_params.get("version", str(board.dashboard.version)) != str(board.dashboard.version):
        headers = {**_HEADERS, "cache-control": "no-store"}
        return Response(b"event: changed\ndata: {}\n\n", headers=headers, media_type="text/event-stream")
    fields = board.scope.fields

    def still() -> uuid.UUID | bool:
        try:
            now = board_of(services, services.dashboards.shared(token))
        except NotFound:
            return False
        return now.dashboard.version == board.dashboard.version and now.scope.fields.keys() == fields.keys()

    def narrow(event: LiveEvent) -> LiveEvent | None:
        return narrowed(event, fields.get(event.device_id, {}))

    lent = _lend(services, board, person=f"shared {_network(request)}", still=still, narrow=narrow)
    stream = lent.__enter__()
    try:
        # Looked up once more: it may have been withdrawn before anybody watched.
        if await run_in_threadpool(still) is not True:
            raise NotFound("There is no dashboard behind this link.", hint="It may have been withdrawn.")
        found = await run_in_threadpool(services.live.snapshot, tuple(fields))
        snapshot = {device_id: event for device_id, whole in found.items() if (event := narrow(whole)) is not None}
        answer = EventStream(lent, stream, stream.parts(snapshot))
        answer.headers.update(_HEADERS)
    except BaseException:
        lent.__exit__(None, None, None)
        raise
    return answer


@contextmanager
def _lend(
    services: Services,
    board: Board,
    *,
    person: str,
    still: Callable[[], uuid.UUID | bool],
    narrow: Callable[[LiveEvent], LiveEvent | None],
) -> Iterator[LiveStream]:
    loop = asyncio.get_running_loop()
    with services.live.open(
        person=person,
        account_id=board.dashboard.account_id,
        device_ids=tuple(board.scope.devices),
        is_allowed=lambda: run_in_threadpool(still),
        narrow=narrow,
        is_guest=True,
    ) as stream:

        def changed() -> None:
            loop.call_soon_threadsafe(stream.close)

        with services.dashboards.watched(board.dashboard.id, changed):
            yield stream
