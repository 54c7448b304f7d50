"""What signing in, setting up and registering share: who asks, words for what was typed, and the cookie."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from fastapi import Request, Response

from nikdev_iot.server.accounts.sessions import SESSION_LIFETIME_US, SignedIn
from nikdev_iot.server.accounts.texts import check_email
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.web.api.services import Services

from .shell import redirect
from .visit import keep_session, session_token

__all__ = ["browser_of", "enter", "hashing", "own_path", "peer_of", "wrong_entries"]

_T = TypeVar("_T")
_HOME = "/admin/devices"
_SIGNING_IN = frozenset({"/admin/login", "/admin/login/code", "/admin/logout", "/admin/register"})


def peer_of(request: Request) -> str:
    """Return the client's address."""
    return request.client.host if request.client else ""


def browser_of(request: Request) -> str:
    """Return what the client says that it is."""
    return request.headers.get("user-agent", "")


def own_path(target: str) -> str:
    """Return where to go after signing in: `target` where it is a page of ours, else the devices."""
    # By the target itself, not by its parts: to browsers `///admin/x` names a host, to `urlsplit` it has none.
    if not target.startswith("/admin/") or not target.isascii() or not target.isprintable() or "\\" in target:
        return _HOME
    path = urlsplit(target).path
    return _HOME if path in _SIGNING_IN or ".." in path else target


async def hashing(services: Services, call: Callable[..., _T], /, *arguments: Any, **options: Any) -> _T:
    """Call what hashes a password, in the threads that are for that."""

    def run() -> _T:
        return call(*arguments, **options)

    return await asyncio.get_running_loop().run_in_executor(services.password_executor, run)


def wrong_entries(services: Services, *, email: str, password: str) -> dict[str, str]:
    """Return what is wrong with what a new person has typed, by the field's name."""
    wrong = {}
    for name, check, typed in (("email", check_email, email), ("password", services.people.check_password, password)):
        try:
            check(typed)
        except Invalid as error:
            wrong[name] = str(error)
    return wrong


async def enter(request: Request, services: Services, signed_in: SignedIn, target: str = _HOME) -> Response:
    """Give the browser its new session in place of the one it had, and send it on."""
    if before := session_token(request):
        await asyncio.to_thread(services.sessions.sign_out, before)
    answer = redirect(own_path(target))
    keep_session(answer, request, signed_in.token, lifetime_s=SESSION_LIFETIME_US // 1_000_000)
    return answer
