"""A real Chromium, and pages of it that remember everything that went wrong in them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, sync_playwright

__all__ = ["CHROMIUM", "Watch", "new_page", "run_chromium"]

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_TIMEOUT_MS = 15_000
_ARGUMENTS = [
    "--no-sandbox",  # root has none; only our own pages are opened
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A report of the Content-Security-Policy is no event of Playwright's: the page tells it to the console, with its place.
_TELL_REPORTS = """
addEventListener("securitypolicyviolation", (event) => console.error(
  `CSP report: ${event.effectiveDirective} refused ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`));
"""


@dataclass
class Watch:
    """What went wrong in one browser context: errors on the console, in scripts, of requests, and CSP reports."""

    troubles: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    """The addresses asked for, with their methods."""

    def allow(self, text: str) -> None:
        """Expect troubles whose text contains `text`, e.g. `"404 GET /admin/devices/"`."""
        self.expected.append(text)

    def check(self) -> None:
        """Fail where anything went wrong that was not expected."""
        found = [trouble for trouble in self.troubles if not any(text in trouble for text in self.expected)]
        assert not found, "went wrong in the browser:\n" + "\n".join(found)

    def attach(self, context: BrowserContext) -> None:
        """Watch all pages of a context."""
        context.add_init_script(_TELL_REPORTS)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.troubles.append(f"error in a script: {error.error}"))
        context.on("request", lambda request: self.requests.append(_named(request)))
        context.on("requestfailed", self._failed)
        context.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        # Answers with an error status are judged in `_response`, where method and status are known.
        if message.type in {"error", "warning"} and not message.text.startswith("Failed to load resource: the server"):
            self.troubles.append(f"{message.type} on the console: {message.text} ({message.location.get('url', '')})")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page's own doing: it was left, or closed its stream
            self.troubles.append(f"no answer: {_named(request)}: {request.failure}")

    def _response(self, response: Response) -> None:
        refused_form = response.request.method == "POST" and 400 <= response.status < 500
        if response.status >= 400 and not refused_form:  # what is wrong with a form is said on the page
            self.troubles.append(f"{response.status} {_named(response.request)}")


def _named(request: Request) -> str:
    address = urlsplit(request.url)
    return f"{request.method} {address.path}" + (f"?{address.query}" if address.query else "")


@contextmanager
def run_chromium() -> Iterator[Browser]:
    """Run one. An event loop of Playwright's runs in this thread meanwhile: end it before other tests need theirs."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def new_page(browser: Browser, url: str, *, token: str = "", **options: Any) -> tuple[Page, Watch]:
    """Open a blank page in a context of its own, signed in where there is a token; paths are of the server at `url`."""
    settings = {
        "viewport": {"width": 1280, "height": 800},
        "locale": "en-GB",
        "timezone_id": "Europe/Berlin",
        **options,
    }
    context = browser.new_context(base_url=url, **settings)
    context.set_default_timeout(_TIMEOUT_MS)
    if token:
        context.add_cookies(
            [{"name": "nikdev_session", "value": token, "url": url, "httpOnly": True, "sameSite": "Lax"}]
        )
    watch = Watch()
    watch.attach(context)
    return context.new_page(), watch
