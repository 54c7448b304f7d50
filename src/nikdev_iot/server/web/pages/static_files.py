"""`/assets/…`: the static files, for everyone."""

from __future__ import annotations

from fastapi import Request, Response

from .assets import serve_asset
from .routing import Who, page_router, who

__all__ = ["routes"]

routes = page_router()


@routes.get("/assets/{digest}/{name:path}", openapi_extra=who(Who.ANYONE))
def static(request: Request, digest: str, name: str) -> Response:
    """One static file."""
    return serve_asset(request, digest, name)
