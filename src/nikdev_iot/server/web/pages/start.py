"""`/`: where a browser comes first."""

from __future__ import annotations

from fastapi import Request, Response

from .routing import Who, page_router, who
from .shell import redirect

__all__ = ["routes"]

routes = page_router()


@routes.get("/", openapi_extra=who(Who.ANYONE))
@routes.get("/admin", openapi_extra=who(Who.ANYONE))
@routes.get("/admin/", openapi_extra=who(Who.ANYONE))
def start(request: Request) -> Response:  # noqa: ARG001 - FastAPI's signature
    """To the devices, by way of the login where that is needed."""
    return redirect("/admin/devices")
