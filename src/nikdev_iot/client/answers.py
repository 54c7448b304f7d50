"""What came back from the server, and whether it can have been a NikDev server that said it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from nikdev_iot.model.errors import NikDevError
from nikdev_iot.model.showing import one_line

__all__ = ["Answer", "NotOurs"]

_API = "/api/v1/"
_TITLE = re.compile(r"<title[^>]*>\s*(.{1,200}?)\s*</title>", re.IGNORECASE | re.DOTALL)
_LONGEST_QUOTE = 300
_LONGEST_MESSAGE = 2_000
_LONGEST_WAIT_S = 86_400.0
_LONGEST_WAIT_FOR_OTHERS_S = 3_600.0


class NotOurs(NikDevError):
    """Something answered that does not speak as a NikDev server does; the message says what it sent, and from where."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; `headers` have lower-case names."""

    url: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether the status is 200 to 299."""
        return 200 <= self.status <= 299

    @property
    def content_type(self) -> str:
        """The type without parameters, lower case; empty where there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """Return the parsed body.

        Raises:
            NotOurs: it is no JSON.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise NotOurs(self.not_ours()) from None

    def said(self) -> dict[str, Any] | None:
        """Return the JSON object of an error as a NikDev server writes it, with a `message`; None for anything else."""
        try:
            data = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        if isinstance(data, dict) and isinstance(data.get("message"), str) and data["message"]:
            return data
        return None

    def explain(self) -> str:
        """Return in a sentence what an answer that is no success said, and who said it."""
        if 300 <= self.status <= 399:
            place = self.headers.get("location")
            where = f" to {_quoted(place)}" if place else ""
            return (
                f"{self.url} redirects{where} (HTTP {self.status}), and redirects are not followed, so that keys go "
                "nowhere else: set 'baseUrl' to the server's own address."
            )
        said = self.said()
        if said is not None:
            message = one_line(said["message"][:_LONGEST_MESSAGE])[:_LONGEST_MESSAGE]
            return f"The server at {_base_url(self.url)} says: {message} (HTTP {self.status})"
        return self.not_ours()

    def not_ours(self) -> str:
        """Return in a sentence what was sent where a NikDev server's JSON belongs."""
        text = self.body[:20_000].decode("utf-8", "replace").strip()
        if not text:
            what = "nothing"
        elif "html" in self.content_type or text[:1] == "<":
            title = _TITLE.search(text)
            what = f"a web page (HTML{f', {_quoted(title[1])}' if title else ''})"
        elif "json" in self.content_type or text[:1] in "{[":
            what = "JSON that is damaged or not a NikDev server's"
        else:
            what = f"{_quoted(text)} ({one_line(self.content_type)[:100] or 'of no type'})"
        return (
            f"{self.url} answered with HTTP {self.status} and {what}, not as a NikDev server does. Another program, a "
            "proxy or a network's sign-in page may stand there: check 'baseUrl' and the network."
        )

    @property
    def retry_after_s(self) -> float | None:
        """How long the server asks to wait, where it says so in seconds: at most a day.

        What does not speak as a NikDev server does (a proxy, a network's sign-in page) is heeded for an hour at most.
        """
        try:
            seconds = float(self.headers.get("retry-after", ""))
        except ValueError:
            return None
        if not 0 <= seconds <= _LONGEST_WAIT_S:
            return None
        if seconds <= _LONGEST_WAIT_FOR_OTHERS_S:
            return seconds
        said = self.said()
        return seconds if said is not None and isinstance(said.get("code"), str) else _LONGEST_WAIT_FOR_OTHERS_S


def _base_url(url: str) -> str:
    """Return what 'baseUrl' is set to, of an address beneath it: the rest tells nobody where to look."""
    scheme, host, path, _, _ = urlsplit(url)
    before, api, _ = path.partition(_API)
    return f"{scheme}://{host}{before if api else ''}{api or '/'}"


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= _LONGEST_QUOTE else line[:_LONGEST_QUOTE] + "…")
