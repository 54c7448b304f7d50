"""A browser without a window: it keeps cookies, follows forms, and sends what browsers send."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urlencode

from tests.server.web.whole_app import PASSWORD, Answer, Site

__all__ = ["Browser", "text_of"]

_HEADERS = {"sec-fetch-site": "same-origin", "accept": "text/html", "host": "iot.example.org"}


@dataclass
class Browser:
    """One person at a browser."""

    site: Site
    cookies: dict[str, str] = field(default_factory=dict)
    peer: tuple[str, int] = ("192.0.2.7", 50_000)

    def get(self, path: str) -> Answer:
        """Go to a page."""
        return self._call("GET", path, b"")

    def post(self, path: str, /, *, csrf: bool = True, **fields: str) -> Answer:
        """Send a form, with the token of this session."""
        if csrf and (token := self.csrf):
            fields["csrf"] = token
        return self._call("POST", path, urlencode(fields).encode())

    @property
    def csrf(self) -> str:
        """The token of this session's forms, as a page has it; '' where nobody is signed in."""
        found = re.search(r'data-csrf="(\w+)"', self.get("/admin/profile").body.decode())
        return found[1] if found else ""

    def sign_in(self, email: str, password: str = PASSWORD) -> Answer:
        """Fill in the login."""
        return self.post("/admin/login", csrf=False, email=email, password=password)

    @property
    def is_signed_in(self) -> bool:
        """Whether pages open."""
        return self.get("/admin/profile").status == 200

    def _call(self, method: str, path: str, body: bytes) -> Answer:
        headers = {**_HEADERS, "cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if method == "POST":
            headers["content-type"] = "application/x-www-form-urlencoded"
        answer = self.site.call(method, path, headers, body, peer=self.peer)
        for kept in answer.headers.get("set-cookie", "").splitlines():
            name, value = kept.partition(";")[0].split("=", 1)
            self.cookies[name] = value.strip('"')
        return answer


def text_of(answer: Answer) -> str:
    """Return what a person reads."""
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.body.decode())))
