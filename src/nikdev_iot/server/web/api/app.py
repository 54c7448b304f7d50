"""The management and read API as one FastAPI app; the push path stands in front of it."""

from __future__ import annotations

from fastapi import FastAPI

from nikdev_iot.server.web.api.services import Services

__all__ = ["build_api"]


def build_api(services: Services) -> FastAPI:
    """Return the app that serves everything but pushes: API, OpenAPI document, the operator's page."""
    app = FastAPI(title="NikDev IoT", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.services = services
    return app
