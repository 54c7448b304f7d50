"""How a resource's routes are made."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from nikdev_iot.server.query.reader import Reader

from .access import GuardedRoute
from .schemas import ErrorOut
from .services import Services

__all__ = ["ERRORS", "PREFIX", "ReaderOf", "ServicesOf", "router"]

PREFIX = "/api/v1"
ERRORS: dict[int | str, dict[str, Any]] = {"default": {"model": ErrorOut, "description": "What went wrong."}}


def router(tag: str) -> APIRouter:
    """Return a router whose routes are guarded (`access.GuardedRoute`) and answer errors in one shape."""
    return APIRouter(route_class=GuardedRoute, redirect_slashes=False, responses=ERRORS, tags=[tag])


def _services(request: Request) -> Any:
    return request.app.state.services


def _reader(request: Request) -> Any:
    return request.app.state.reader


ServicesOf = Annotated[Services, Depends(_services)]
"""The composition root's services."""
ReaderOf = Annotated[Reader, Depends(_reader)]
"""The app's reader."""
