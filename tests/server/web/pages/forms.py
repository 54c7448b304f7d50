"""A browser without script: pages of one server, and their forms."""

from __future__ import annotations

import html
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from tests.server.web.pages.people import Somebody, new_person
from tests.server.web.whole_app import Answer, Site

from nikdev_iot.server.storage.people import Role

__all__ = ["Browser", "new_browser"]

HTMX = {"hx-request": "true"}


@dataclass(frozen=True)
class Browser:
    """Somebody at a browser."""

    site: Site
    who: Somebody

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for a page."""
        return self.site.get(path, {**self.who.headers, **(headers or {})})

    def post(
        self,
        path: str,
        fields: Mapping[str, str] | Sequence[tuple[str, str]],
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a form of that page, with its token."""
        sent = {**self.who.headers, "content-type": "application/x-www-form-urlencoded", **(headers or {})}
        pairs = list(fields.items()) if isinstance(fields, Mapping) else list(fields)
        return self.site.call("POST", path, sent, urlencode([("csrf", self.who.csrf), *pairs]).encode())

    def follow(self, answer: Answer) -> str:
        """Return the page that an answer leads to, as text."""
        assert answer.status == 303, answer.body
        return text_of(self.get(answer.headers["location"].partition("#")[0]))


def new_browser(site: Site, role: Role = Role.OWNER, account_id: uuid.UUID | None = None) -> Browser:
    """Let somebody with this role in an account, by default a new one, open a browser."""
    return Browser(site, new_person(site, account_id or site.new_account(), role))


def text_of(answer: Answer) -> str:
    """Return what a page says, without its tags; an error where it is none."""
    assert answer.status == 200, answer.body
    return words_of(answer)


def words_of(answer: Answer) -> str:
    """Return what an answer says, without its tags."""
    text = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", answer.body.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(text))
