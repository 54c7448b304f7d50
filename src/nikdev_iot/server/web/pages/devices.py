"""`/admin/devices`: the account's devices, and adding one."""

from __future__ import annotations

from fastapi import Request, Response

from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.web.api.routing import ServicesOf

from .routing import FormOf, VisitOf, Who, page_router, who
from .shell import page, redirect

__all__ = ["routes"]

routes = page_router()


@routes.get("/admin/devices", openapi_extra=who(Who.VIEWER))
def devices(request: Request, visit: VisitOf, services: ServicesOf) -> Response:
    """The list."""
    return page(request, "devices/list.html", devices=services.devices.all(visit.account.id), name="", wrong="")


@routes.post("/admin/devices", openapi_extra=who(Who.EDITOR))
def add(request: Request, visit: VisitOf, form: FormOf, services: ServicesOf) -> Response:
    """Make a device, and show how it is connected."""
    try:
        device = services.devices.add(visit.account.id, form.get("name", ""))
    except Invalid as error:
        return page(
            request,
            "devices/list.html",
            status=422,
            devices=services.devices.all(visit.account.id),
            name=form.get("name", ""),
            wrong=error.message,
        )
    return redirect(f"/admin/devices/{device.id}/connect")
