"""`GET /healthz` and `GET /api/v1/`: is it there, and which server is it."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import JSONResponse

from nikdev_iot._version import __version__

from .access import Needs, needs
from .routing import PREFIX, ServicesOf, router
from .schemas import Root

__all__ = ["routes"]

routes = router("server")


@routes.get(
    "/healthz",
    openapi_extra=needs(Needs.PUBLIC),
    summary="Is it there?",
    description="200 while the server can read and write its store; 503 while it cannot.",
)
def healthz(services: ServicesOf) -> dict[str, str]:
    """Answer while the store works."""
    services.storage.check()
    return {"status": "ok"}


@routes.get(f"{PREFIX}/", openapi_extra=needs(Needs.PUBLIC), summary="Which server is this?")
def root(services: ServicesOf) -> Root:
    """Name, version, clock and epoch."""
    return Root(
        name="nikdev-iot",
        version=__version__,
        api=1,
        server_time_us=services.now_us(),
        epoch=services.storage.epoch.hex(),
    )


@routes.get(f"{PREFIX}/openapi.json", openapi_extra=needs(Needs.PUBLIC), summary="This document")
def openapi(request: Request) -> JSONResponse:
    """The whole API as OpenAPI."""
    return JSONResponse(request.app.openapi())
