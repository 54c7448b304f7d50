"""`/admin/devices/{device_id}`: the overview of one device."""

from __future__ import annotations

from fastapi import Request, Response

from .routing import VisitOf, Who, page_router, who
from .shell import page

__all__ = ["routes"]

routes = page_router()


@routes.get("/admin/devices/{device_id}", openapi_extra=who(Who.VIEWER))
def overview(request: Request, visit: VisitOf) -> Response:  # noqa: ARG001 - the route looks the device up
    """Name, state, Device ID, the newest values and the charts."""
    return page(request, "device/overview.html")
