"""`/admin/login`, with the second factor where it is on, and `/admin/logout`."""

from __future__ import annotations

import asyncio

from fastapi import Request, Response

from nikdev_iot.server.accounts.settings import Registration
from nikdev_iot.server.errors import NotFound, Refused, TooMany, Unauthorized
from nikdev_iot.server.web.api.routing import ServicesOf
from nikdev_iot.server.web.api.services import Services

from .routing import FormOf, VisitOf, Who, page_router, who
from .shell import page, redirect
from .signing import browser_of, enter, hashing, own_path, peer_of
from .visit import cookie_name, forget_session, session_token

__all__ = ["HALF_COOKIE", "routes"]

routes = page_router()
HALF_COOKIE = "nikdev_half_session"
"""Holds what the second step goes on with, for ten minutes, and opens nothing."""
_HALF_PATH = "/admin/login"
_HALF_S = 600


@routes.get("/admin/login", openapi_extra=who(Who.ANYONE))
def login(request: Request, services: ServicesOf) -> Response:
    """The form; who is signed in goes on at once."""
    target = request.query_params.get("next", "")
    if token := session_token(request):
        try:
            services.sessions.session(token)
        except Unauthorized:
            pass
        else:
            return redirect(own_path(target))
    return _form(request, services, target=target)


@routes.post("/admin/login", openapi_extra=who(Who.ANYONE))
async def sign_in(request: Request, form: FormOf, services: ServicesOf) -> Response:
    """Begin a session, under a token of its own; where the second factor is on, ask for its code first."""
    email, target = form.text("email"), form.text("next")
    try:
        signed_in = await hashing(
            services,
            services.sessions.sign_in,
            email=email,
            password=form.get("password", ""),
            peer=peer_of(request),
            browser=browser_of(request),
            waits=True,
        )
    except (Unauthorized, TooMany) as error:
        return await asyncio.to_thread(_form, request, services, target=target, email=email, error=error)
    if not signed_in.session.awaits_code:
        return await enter(request, services, signed_in, target)
    answer = page(request, "login/code.html", next=target, wrong={})
    answer.set_cookie(
        _half_cookie(request),
        signed_in.token,
        max_age=_HALF_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path=_HALF_PATH,
    )
    return answer


@routes.get("/admin/login/code", openapi_extra=who(Who.ANYONE))
def code() -> Response:
    """Where a reload of the second step comes: the code is asked for behind the password only."""
    return redirect("/admin/login")


@routes.post("/admin/login/code", openapi_extra=who(Who.ANYONE))
async def confirm(request: Request, form: FormOf, services: ServicesOf) -> Response:
    """Take the code of the second factor, and begin the session."""
    target = form.text("next")
    try:
        signed_in = await asyncio.to_thread(
            services.sessions.confirm,
            request.cookies.get(_half_cookie(request), ""),
            form.text("code"),
            peer=peer_of(request),
        )
    except (Unauthorized, TooMany) as error:
        return page(request, "login/code.html", status=error.status, next=target, wrong={"code": str(error)})
    except NotFound as error:
        return await asyncio.to_thread(_form, request, services, target=target, error=error)
    answer = await enter(request, services, signed_in, target)
    is_secure = request.url.scheme == "https"
    answer.delete_cookie(_half_cookie(request), path=_HALF_PATH, httponly=True, samesite="strict", secure=is_secure)
    return answer


@routes.post("/admin/logout", openapi_extra=who(Who.VIEWER))
def sign_out(request: Request, visit: VisitOf, services: ServicesOf) -> Response:
    """End the session."""
    services.sessions.sign_out(visit.token)
    answer = redirect("/admin/login")
    forget_session(answer, request)
    return answer


def _half_cookie(request: Request) -> str:
    return cookie_name(request, HALF_COOKIE, prefix="__Secure-")  # it is not sent to all pages, as `__Host-` would be


def _form(
    request: Request, services: Services, *, target: str, email: str = "", error: Refused | None = None
) -> Response:
    return page(
        request,
        "login/login.html",
        status=error.status if error else 200,
        next=target,
        email=email,
        wrong={"password": str(error)} if error else {},
        needs_set_up=services.set_up.is_needed(),
        is_open=services.settings.registration is Registration.OPEN,
    )
