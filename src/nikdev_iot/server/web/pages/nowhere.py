"""Addresses without a page: a page that says so. The route, of those under `/admin/`, must come after all others."""

from __future__ import annotations

from fastapi import Request, Response

from nikdev_iot.server.errors import NotFound

from .routing import Who, page_router, who
from .shell import error_page

__all__ = ["nowhere_page", "routes"]

routes = page_router()


def nowhere_page(request: Request) -> Response:
    """Return the page of an address that has none, for a browser that went there."""
    request.state.visit = None
    return error_page(request, _nowhere(), status=404)


def _nowhere() -> NotFound:
    return NotFound("There is no page at this address.", hint="It may have been mistyped, or the page is gone.")


@routes.get("/admin/{path:path}", openapi_extra=who(Who.ANYONE))
def nowhere(request: Request, path: str) -> Response:  # noqa: ARG001 - FastAPI's signature
    """No page."""
    raise _nowhere()
