"""`/admin/login` and `/admin/logout`."""

from __future__ import annotations

import asyncio
from functools import partial
from urllib.parse import urlsplit

from fastapi import Request, Response

from nikdev_iot.server.accounts.sessions import SESSION_LIFETIME_US
from nikdev_iot.server.errors import TooMany, Unauthorized
from nikdev_iot.server.web.api.routing import ServicesOf

from .routing import FormOf, VisitOf, Who, page_router, who
from .shell import page, redirect
from .visit import COOKIE, forget_session, keep_session

__all__ = ["own_path", "routes"]

routes = page_router()
_HOME = "/admin/devices"


def own_path(target: str) -> str:
    """Return where to go after signing in: `target` where it is a page of ours, else the devices."""
    parts = urlsplit(target) if target.isascii() and target.isprintable() and "\\" not in target else None
    if parts is None or parts.scheme or parts.netloc or not parts.path.startswith("/admin/"):
        return _HOME
    if parts.path in {"/admin/login", "/admin/logout"} or ".." in parts.path:
        return _HOME
    return target


@routes.get("/admin/login", openapi_extra=who(Who.ANYONE))
def login(request: Request, services: ServicesOf) -> Response:
    """The form; who is signed in goes on at once."""
    target = request.query_params.get("next", "")
    if token := request.cookies.get(COOKIE):
        try:
            services.sessions.session(token)
        except Unauthorized:
            pass
        else:
            return redirect(own_path(target))
    return page(request, "login/login.html", next=target, email="", wrong={})


@routes.post("/admin/login", openapi_extra=who(Who.ANYONE))
async def sign_in(request: Request, form: FormOf, services: ServicesOf) -> Response:
    """Begin a session, under a token of its own."""
    peer = request.client.host if request.client else ""
    email, target = form.text("email"), form.text("next")
    begin = partial(services.sessions.sign_in, email=email, password=form.get("password", ""), peer=peer)
    loop = asyncio.get_running_loop()
    try:
        signed_in = await loop.run_in_executor(services.password_executor, begin)
    except (Unauthorized, TooMany) as error:
        return page(
            request, "login/login.html", status=error.status, next=target, email=email, wrong={"password": str(error)}
        )
    if before := request.cookies.get(COOKIE):
        await asyncio.to_thread(services.sessions.sign_out, before)
    answer = redirect(own_path(target))
    keep_session(answer, request, signed_in.token, lifetime_s=SESSION_LIFETIME_US // 1_000_000)
    return answer


@routes.post("/admin/logout", openapi_extra=who(Who.VIEWER))
def sign_out(visit: VisitOf, services: ServicesOf) -> Response:
    """End the session."""
    services.sessions.sign_out(visit.token)
    answer = redirect("/admin/login")
    forget_session(answer)
    return answer
