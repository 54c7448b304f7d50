"""Reading an endless answer of the whole app, event by event."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import unquote

from tests.server.web.whole_app import Site

__all__ = ["Stream"]


class Stream:
    """One stream of server-sent events; `close` it."""

    def __init__(self, site: Site, path: str, headers: dict[str, str] | None = None) -> None:
        self._site = site
        self._queue: asyncio.Queue[Any] = asyncio.Queue()
        self._gone = asyncio.Event()
        self._text = ""
        self._is_over = False
        name, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "path": unquote(name),
            "raw_path": name.encode(),
            "query_string": query.encode(),
            "headers": [(k.encode(), v.encode()) for k, v in (headers or {}).items()],
            "client": ("127.0.0.1", 50_000),
            "server": ("127.0.0.1", 8321),
            "scheme": "http",
            "root_path": "",
        }
        self._task = site.loop.create_task(site.app(scope, self._receive, self._queue.put))  # type: ignore[arg-type]
        start = self._next(10)
        self.status: int = start["status"]
        self.headers = {k.decode().lower(): v.decode() for k, v in start["headers"]}

    async def _receive(self) -> Any:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    def _next(self, timeout_s: float) -> Any:
        return self._site.loop.run_until_complete(asyncio.wait_for(self._queue.get(), timeout_s))

    def event(self, timeout_s: float = 10) -> tuple[str, Any] | None:
        """Return the next event's name and data; None where the stream has ended."""
        while True:
            block, found, rest = self._text.partition("\n\n")
            if found:
                self._text = rest
                lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
                if "event" in lines:
                    return lines["event"], json.loads(lines["data"])
                continue
            if self._is_over:
                return None
            message = self._next(timeout_s)
            self._text += message.get("body", b"").decode()
            self._is_over = not message.get("more_body")

    def close(self) -> None:
        """Go away, as a browser does."""
        self._gone.set()
        self._site.loop.run_until_complete(asyncio.wait_for(self._task, 10))
