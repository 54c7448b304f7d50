"""Every other address under `/admin/`: a page that says so. Its route must come after all others."""

from __future__ import annotations

from fastapi import Request, Response

from nikdev_iot.server.errors import NotFound

from .routing import Who, page_router, who

__all__ = ["routes"]

routes = page_router()


@routes.get("/admin/{path:path}", openapi_extra=who(Who.ANYONE))
def nowhere(request: Request, path: str) -> Response:  # noqa: ARG001 - FastAPI's signature
    """No page."""
    raise NotFound("There is no page at this address.", hint="It may have been mistyped, or the page is gone.")
