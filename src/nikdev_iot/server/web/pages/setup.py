"""`/admin/setup/{token}`: the one-time link of the first start, which makes the first account."""

from __future__ import annotations

import asyncio
from functools import partial

from fastapi import Request, Response

from nikdev_iot.server.accounts.sessions import SESSION_LIFETIME_US, SignedIn
from nikdev_iot.server.accounts.texts import check_email
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.web.api.routing import ServicesOf
from nikdev_iot.server.web.api.services import Services

from .routing import FormOf, Who, page_router, who
from .shell import page, redirect
from .visit import keep_session

__all__ = ["routes"]

routes = page_router()


@routes.get("/admin/setup/{token}", openapi_extra=who(Who.ANYONE))
def setup(request: Request, token: str, services: ServicesOf) -> Response:
    """The form."""
    services.set_up.check(token)
    return page(request, "setup/setup.html", email="", wrong={})


@routes.post("/admin/setup/{token}", openapi_extra=who(Who.ANYONE))
async def make(request: Request, token: str, form: FormOf, services: ServicesOf) -> Response:
    """Make the account, and sign its owner in."""
    email, password = form.text("email"), form.get("password", "")
    await asyncio.to_thread(services.set_up.check, token)
    if wrong := _wrong(services, email, password):
        return page(request, "setup/setup.html", status=422, email=email, wrong=wrong)
    peer = request.client.host if request.client else ""
    made = partial(_make, services, token, email, password, peer)
    signed_in = await asyncio.get_running_loop().run_in_executor(services.password_executor, made)
    answer = redirect("/admin/devices")
    keep_session(answer, request, signed_in.token, lifetime_s=SESSION_LIFETIME_US // 1_000_000)
    return answer


def _make(services: Services, token: str, email: str, password: str, peer: str) -> SignedIn:
    services.set_up.make_account(token, email=email, password=password)
    return services.sessions.sign_in(email=email, password=password, peer=peer)


def _wrong(services: Services, email: str, password: str) -> dict[str, str]:
    """Return what is wrong with what was typed, by the field's name."""
    wrong = {}
    for name, check in (
        ("email", partial(check_email, email)),
        ("password", partial(services.accounts.check_password, password)),
    ):
        try:
            check()
        except Invalid as error:
            wrong[name] = str(error)
    return wrong
