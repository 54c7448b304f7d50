"""What all pages share: templates, headers, addresses of static files, words for ages and times."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from functools import cache
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from nikdev_iot._version import __version__
from nikdev_iot.model.errors import NikDevError
from nikdev_iot.model.times import iso
from nikdev_iot.server.accounts.states import state_of

from .assets import asset

__all__ = ["CSP", "age_text", "error_page", "grouped", "length_text", "page", "redirect"]

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": CSP,
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


_SHORT_CHARS = 1_400
"""What fits into one packet is sent as it is."""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("nikdev_iot.server.web.pages"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = asset
    environment.globals["state_of"] = state_of
    environment.globals["version"] = __version__
    environment.filters["age"] = age_text
    environment.filters["iso"] = iso
    environment.filters["for_long"] = length_text
    environment.filters["grouped"] = grouped
    return environment


def page(
    request: Request, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> HTMLResponse:
    """Return a page, or a part of one, made from `templates/`.

    Every template knows `request`, `visit` (None for anyone), `csrf` (of forms), `now_us`, `asset(name)` and `version`.
    """
    visit = getattr(request.state, "visit", None)
    csrf = visit.csrf if visit else ""
    now_us = request.app.state.services.now_us()
    text = (
        _environment().get_template(template).render(request=request, visit=visit, csrf=csrf, now_us=now_us, **values)
    )
    made = {**_HEADERS, "vary": "accept-encoding", **(headers or {})}
    if _may_squeeze(request, text, csrf) and "gzip" in request.headers.get("accept-encoding", ""):
        return HTMLResponse(gzip.compress(text.encode(), 5, mtime=0), status, {**made, "content-encoding": "gzip"})
    return HTMLResponse(text, status, made)


def _may_squeeze(request: Request, text: str, csrf: str) -> bool:
    """Return whether a page may be compressed: not where a secret stands beside what another site may have chosen.

    Else that site could guess the secret letter by letter, from how long the answers to its addresses are (BREACH).
    """
    if request.method != "GET" or len(text) < _SHORT_CHARS:
        return False
    return not request.url.query or not csrf or csrf not in text


def error_page(
    request: Request, error: NikDevError, *, status: int, headers: Mapping[str, str] | None = None
) -> Response:
    """Return what a person sees of an error; for a script of htmx only the message."""
    template = "error_part.html" if request.headers.get("hx-request") else "error.html"
    return page(
        request,
        template,
        status=status,
        headers=headers,
        message=error.message,
        hint=error.hint,
        is_nowhere=status == 404,
    )


def redirect(target: str) -> Response:
    """Return "look there now", after a form was taken."""
    return Response(status_code=303, headers={"location": target, "cache-control": "no-store"})


def age_text(age_us: int) -> str:
    """Return an age in words: `3 s ago`; of a time to come, `in 3 s`. `js/page.js` says it the same way."""
    return f"in {length_text(-age_us)}" if age_us < 0 else f"{length_text(age_us)} ago"


def length_text(length_us: int) -> str:
    """Return how long something took or takes, in words: `3 s`, `5 min`, `2 days`, `6 years`."""
    seconds = max(0, length_us) // 1_000_000
    for unit, length in (("years", 31_557_600), ("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def grouped(count: int) -> str:
    """Return a count with its digits in groups from five on, as the charts have theirs: `4997`, `12 345`."""
    return f"{count:,}".replace(",", "\u202f") if abs(count) >= 10_000 else str(count)
