"""Who uses the pages in these tests: people with accounts of their own, and devices that push."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page
from tests.browser.chromium import Watch, new_page
from tests.servers import PASSWORD, Credentials, RunningServer

from nikdev_iot import Api
from nikdev_iot.model.values import Value

__all__ = ["Pushing", "Visitor", "sign_in"]


def sign_in(server: RunningServer, email: str, password: str = PASSWORD) -> str:
    """Begin a session; return its token, which is what the cookie holds."""
    body = json.dumps({"email": email, "password": password}).encode()
    request = urllib.request.Request(f"{server.api_url}sessions", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        token: str = json.load(answer)["token"]
    return token


@dataclass
class Pushing:
    """A device and a key of it, with a journal: `push` values as a device does."""

    credentials: Credentials
    server: RunningServer
    journal: Path

    @property
    def id(self) -> str:
        """The Device ID."""
        return self.credentials.device_id

    @property
    def path(self) -> str:
        """Where its pages begin."""
        return f"/admin/devices/{self.id}"

    def push(self, values: Mapping[str, Value], message: str | None = None, *, time: float | None = None) -> None:
        """Commit and push values at once; `time` in seconds since 1970, now by default."""
        self.push_many([(time, values, message)])

    def push_many(self, rows: Iterable[tuple[float | None, Mapping[str, Value], str | None]]) -> None:
        """Commit each (time in s, values, message), then push them all."""
        with self.open() as api:
            for time, values, message in rows:
                for name, value in values.items():
                    api.add_value(name, value)
                api.commit(message, time)
            api.push()

    @contextmanager
    def open(self) -> Iterator[Api]:
        """Open the device's `Api`, for anything more."""
        with Api.from_credentials(
            self.id, self.credentials.api_key, baseUrl=self.server.api_url, storagePath=str(self.journal)
        ) as api:
            yield api


@dataclass
class Visitor:
    """A person at a browser of their own."""

    page: Page
    watch: Watch
    server: RunningServer
    folder: Path
    """For the journals of devices."""
    email: str = ""
    password: str = PASSWORD
    account_id: str = ""
    """Empty: signed in nowhere."""

    def open(self, path: str) -> Page:
        """Go to a page of the server."""
        self.page.goto(path)
        return self.page

    def new_device(self, name: str = "Balcony", *, read: bool = True, write: bool = True) -> Pushing:
        """Make a device of this account, with a key, beside the pages."""
        credentials = self.server.add_key(self.server.add_device(self.account_id, name), read=read, write=write)
        return Pushing(credentials, self.server, self.folder / credentials.device_id)

    @staticmethod
    def arrive(
        browser: Browser,
        server: RunningServer,
        folder: Path,
        *,
        email: str = "",
        anonymous: bool = False,
        **options: object,
    ) -> Visitor:
        """Open a browser for someone: with a new account (of `email`), or signed in nowhere; options of a context."""
        if anonymous:
            page, watch = new_page(browser, server.url, **options)
            return Visitor(page, watch, server, folder)
        email = email or f"{uuid.uuid4().hex[:12]}@example.org"
        account_id = server.add_account(email)
        page, watch = new_page(browser, server.url, token=sign_in(server, email), **options)
        return Visitor(page, watch, server, folder, email, PASSWORD, account_id)
