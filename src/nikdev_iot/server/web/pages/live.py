"""`/admin/live`: values as they come, as server-sent events."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractContextManager, aclosing, suppress

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from nikdev_iot.model.errors import NikDevError
from nikdev_iot.server.accounts.keys import parse_uuid
from nikdev_iot.server.errors import Invalid, NotFound, StorageError
from nikdev_iot.server.live.streams import LiveStream
from nikdev_iot.server.web.api.routing import ServicesOf
from nikdev_iot.server.web.api.services import Services

from .routing import VisitOf, Who, page_router, who
from .visit import Visit, find_visit

__all__ = ["MAX_DEVICES", "EventStream", "routes"]

routes = page_router()

MAX_DEVICES = 200
"""Named in one address; `*` has no limit."""
_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",  # nginx would wait until it has a few kB
}


class EventStream(Response):
    """Sends parts as they come, until there are no more or nobody is there any more."""

    def __init__(
        self, lent: AbstractContextManager[LiveStream], stream: LiveStream, parts: AsyncIterator[bytes]
    ) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._lent = lent
        self._stream = stream
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI has it
        """Send the stream."""
        try:
            watching = asyncio.create_task(self._watch(receive))
            try:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                async with aclosing(self._parts) as parts:  # type: ignore[type-var]
                    async for part in parts:
                        await send({"type": "http.response.body", "body": part, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching
        finally:
            self._lent.__exit__(None, None, None)

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._stream.close()


@routes.get("/admin/live", openapi_extra=who(Who.VIEWER))
async def live(request: Request, visit: VisitOf, services: ServicesOf) -> Response:
    """Stream what comes of some devices, or of all of the account."""
    device_ids = _device_ids(request.query_params.get("devices", ""))
    account_id = visit.account.id
    gone = await run_in_threadpool(_first_gone, services, account_id, device_ids or ())
    if gone is not None:
        raise NotFound(f"There is no device {gone}.")

    def check() -> uuid.UUID | bool:
        return _still(request, services, account_id, device_ids)

    lent = services.live.open(
        person=visit.email,
        account_id=account_id,
        device_ids=device_ids,
        is_allowed=lambda: run_in_threadpool(check),
    )
    stream = lent.__enter__()
    try:
        snapshot = await run_in_threadpool(services.live.snapshot, device_ids or ())
        return EventStream(lent, stream, stream.parts(snapshot))
    except BaseException:
        lent.__exit__(None, None, None)
        raise


def _device_ids(text: str) -> Collection[uuid.UUID] | None:
    if text == "*":
        return None
    found: dict[uuid.UUID, None] = {}
    for name in text.split(","):
        device_id = parse_uuid(name)
        if device_id is None:
            raise Invalid(f"devices: {name[:60]!r} is no Device ID.", hint="Join Device IDs by commas, or write *.")
        found[device_id] = None
    if len(found) > MAX_DEVICES:
        raise Invalid(f"devices: names more than {MAX_DEVICES}.", hint="Write * for all.")
    return tuple(found)


def _first_gone(services: Services, account_id: uuid.UUID, device_ids: Collection[uuid.UUID]) -> uuid.UUID | None:
    """Return a device that is not, or no longer, the account's."""
    for device_id in device_ids:
        try:
            services.devices.get(device_id, account_id=account_id)
        except NotFound:
            return device_id
    return None


def _still(
    request: Request, services: Services, account_id: uuid.UUID, device_ids: Collection[uuid.UUID] | None
) -> uuid.UUID | bool:
    """Return whether the visit goes on, or the device that has gone."""
    try:
        visit: Visit = find_visit(request, services)
        if visit.account.id != account_id:
            return False
        return _first_gone(services, account_id, device_ids or ()) or True
    except StorageError:
        return True  # that says nothing about the person
    except NikDevError:
        return False
