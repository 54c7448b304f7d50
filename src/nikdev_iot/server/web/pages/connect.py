"""`/admin/devices/{device_id}/connect`: the lines that connect a device, and its first value."""

from __future__ import annotations

from fastapi import Request, Response

from nikdev_iot.server.query.reader import Reader
from nikdev_iot.server.web.api.routing import ReaderOf, ServicesOf

from .client_wheel import wheel_name
from .routing import VisitOf, Who, page_router, who
from .shell import page
from .snippets import api_url, install_line, snippets
from .visit import Visit

__all__ = ["routes"]

routes = page_router()
_KEY_NAME = "Connect"


@routes.get("/admin/devices/{device_id}/connect", openapi_extra=who(Who.VIEWER))
def connect(request: Request, visit: VisitOf, reader: ReaderOf) -> Response:
    """The lines, with a place for the key."""
    return _page(request, visit, reader)


@routes.post("/admin/devices/{device_id}/connect", openapi_extra=who(Who.EDITOR))
def make_key(request: Request, visit: VisitOf, services: ServicesOf, reader: ReaderOf) -> Response:
    """Make a write key, and show it once, in its place."""
    made = services.keys.add(visit.the_device.id, name=_KEY_NAME, can_write=True)
    return _page(request, visit, reader, secret=made.secret)


def _page(request: Request, visit: Visit, reader: Reader, *, secret: str | None = None) -> Response:
    device = visit.the_device
    url = api_url(request.url.scheme, request.headers.get("host", ""))
    times = [value.time_us for value in reader.newest(device.id).values()]
    return page(
        request,
        "device/connect.html",
        url=url,
        snippets=snippets(url, device.id, device.name, secret),
        install=install_line(url, wheel_name()),
        secret=secret,
        newest_us=max(times, default=None),
    )
