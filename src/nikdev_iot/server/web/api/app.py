"""The management and read API as one FastAPI app; the push path stands in front of it."""

from __future__ import annotations

import threading
from typing import Any

from fastapi import FastAPI

from nikdev_iot._version import __version__
from nikdev_iot.server.query.reader import Reader
from nikdev_iot.server.web.pages import PAGES, nowhere
from nikdev_iot.server.web.pages.shared import ShareGate

from . import commits, deletions, device, device_fields, devices, keys, root, sessions
from .document import document
from .errors import install_error_answers
from .history import HistoryTurns
from .services import Services

__all__ = ["build_api"]

_MAX_BODY_BYTES = 64 * 1024
"""What people and programs send here is small; pushes have their own path and limits."""


def build_api(services: Services) -> FastAPI:
    """Return the app that serves everything but pushes: API, OpenAPI document, pages."""
    app = FastAPI(
        title="NikDev IoT",
        version=__version__,
        docs_url=None,  # its pages load scripts from a CDN
        redoc_url=None,
        openapi_url=None,  # `root.openapi` serves it, with its access
        redirect_slashes=False,
        max_body_size=_MAX_BODY_BYTES,
    )
    app.state.services = services
    app.state.reader = Reader(services.storage, slow=services.measures.slow, previews=services.previews)
    app.state.history_turns = HistoryTurns()
    app.state.share_gate = ShareGate()
    app.state.nowhere = nowhere.nowhere_page
    install_error_answers(app)
    for resource in (root, device, sessions, devices, device_fields, keys, commits, deletions, *PAGES, nowhere):
        app.router.routes.extend(resource.routes.routes)  # as they are: include_router would make each anew
    made: dict[str, Any] = {}
    making = threading.Lock()

    def openapi() -> dict[str, Any]:
        with making:  # it takes as long as everything else of a start: whoever asks first waits for it
            if not made:
                made.update(document(app))
        return made

    app.openapi = openapi  # type: ignore[method-assign]
    return app
